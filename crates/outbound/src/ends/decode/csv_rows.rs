//! Rows of CSV (RFC 4180): the first one names the members of all others, whose values are texts.

use csv_core::{ReadRecordResult, Reader};
use serde_json::{Map, Value};

use super::{super::MAX_RECORD_BYTES, ByteOrderMark, Records, too_large};

const MAX_FIELDS: usize = 10_000;

pub(in crate::ends) struct CsvRows {
    reader: Reader,
    mark: ByteOrderMark,
    names: Option<Vec<String>>,
    fields: Vec<u8>,
    field_bytes: usize,
    ends: Vec<usize>,
    field_count: usize,
    is_over: bool,
}

impl Default for CsvRows {
    fn default() -> Self {
        Self {
            reader: Reader::new(),
            mark: ByteOrderMark::default(),
            names: None,
            fields: vec![0; 4096],
            field_bytes: 0,
            ends: vec![0; 64],
            field_count: 0,
            is_over: false,
        }
    }
}

impl CsvRows {
    pub(super) fn feed(&mut self, piece: &[u8], records: &mut Records) -> Result<(), String> {
        let mut left = self.mark.skip(piece);
        while !left.is_empty() {
            let read = self.read(left, records)?;
            left = left.get(read..).unwrap_or_default();
        }
        Ok(())
    }

    /// The empty piece tells the reader that there are no more.
    pub(super) fn finish(&mut self, records: &mut Records) -> Result<(), String> {
        self.read(&[], records).map(drop)
    }

    /// Reads on until all of `left` is read, or a row ended; returns how much was read.
    fn read(&mut self, left: &[u8], records: &mut Records) -> Result<usize, String> {
        let mut read = 0;
        loop {
            let (result, taken, written, ended) = self.reader.read_record(
                left.get(read..).unwrap_or_default(),
                self.fields.get_mut(self.field_bytes..).unwrap_or_default(),
                self.ends.get_mut(self.field_count..).unwrap_or_default(),
            );
            read += taken;
            self.field_bytes += written;
            self.field_count += ended;
            match result {
                ReadRecordResult::InputEmpty => {
                    if left.is_empty() {
                        continue;
                    }
                    return Ok(read);
                }
                ReadRecordResult::OutputFull => self.make_room(),
                ReadRecordResult::OutputEndsFull if self.ends.len() >= MAX_FIELDS => {
                    return Err(format!("has more than {MAX_FIELDS} columns"));
                }
                ReadRecordResult::OutputEndsFull => {
                    self.ends.resize((self.ends.len() * 2).min(MAX_FIELDS), 0);
                }
                ReadRecordResult::Record => {
                    self.end_row(records)?;
                    return Ok(read);
                }
                ReadRecordResult::End => return Ok(read),
            }
        }
    }

    fn make_room(&mut self) {
        if self.fields.len() < MAX_RECORD_BYTES {
            self.fields.resize((self.fields.len() * 2).min(MAX_RECORD_BYTES), 0);
        } else {
            // The rest of the row is read to find its end, over what is not wanted any more.
            self.is_over = true;
            self.field_bytes = 0;
        }
    }

    fn end_row(&mut self, records: &mut Records) -> Result<(), String> {
        let is_over = std::mem::take(&mut self.is_over);
        let row = if is_over { Err(too_large()) } else { self.row() };
        self.field_bytes = 0;
        self.field_count = 0;
        if let Some(names) = &self.names {
            records.push_back(row.and_then(|row| named(names, row)));
            return Ok(());
        }
        let names = row.map_err(|reason| format!("has a first row that {reason}"))?;
        for (at, name) in names.iter().enumerate() {
            if names.iter().take(at).any(|before| before == name) {
                return Err(format!("has two columns '{name}'"));
            }
        }
        self.names = Some(names);
        Ok(())
    }

    fn row(&self) -> Result<Vec<String>, String> {
        let mut from = 0;
        let mut row = Vec::with_capacity(self.field_count);
        for end in self.ends.iter().take(self.field_count) {
            let field = self.fields.get(from..*end).unwrap_or_default();
            let text = str::from_utf8(field).map_err(|_| "is no UTF-8 text".to_owned())?;
            row.push(text.to_owned());
            from = *end;
        }
        Ok(row)
    }
}

fn named(names: &[String], row: Vec<String>) -> Result<Value, String> {
    if row.len() != names.len() {
        return Err(format!("has {} fields, and the first row {}", row.len(), names.len()));
    }
    let members: Map<String, Value> =
        names.iter().cloned().zip(row.into_iter().map(Value::String)).collect();
    Ok(Value::Object(members))
}
