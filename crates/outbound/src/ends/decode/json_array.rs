//! An array of JSON, taken apart without reading it whole: only brackets and quotes are understood
//! here, and each element is then read by itself.

use super::{Bounded, ByteOrderMark, Records, read_json};

/// Where reading stands.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum State {
    /// Before anything.
    #[default]
    Start,
    /// In an array, before an element or its end.
    Before,
    /// In an element.
    Within,
    /// In a document that is no array.
    Single,
    /// After the array.
    After,
}

#[derive(Default)]
pub(in crate::ends) struct JsonArray {
    mark: ByteOrderMark,
    state: State,
    element: Bounded,
    depth: usize,
    in_string: bool,
    is_escaped: bool,
}

impl JsonArray {
    pub(super) fn feed(&mut self, piece: &[u8], records: &mut Records) -> Result<(), String> {
        let piece = self.mark.skip(piece);
        let mut from = 0;
        for (at, byte) in piece.iter().enumerate() {
            match self.state {
                State::Start if byte.is_ascii_whitespace() => from = at + 1,
                State::Start if *byte == b'[' => {
                    self.state = State::Before;
                    from = at + 1;
                }
                State::Start => {
                    self.state = State::Single;
                    from = at;
                }
                State::Before if byte.is_ascii_whitespace() => from = at + 1,
                State::Before if *byte == b']' => {
                    self.state = State::After;
                    from = at + 1;
                }
                State::Before => {
                    self.state = State::Within;
                    from = at;
                    self.step(*byte);
                }
                State::Within => {
                    let ends = self.depth == 0 && !self.in_string && matches!(byte, b',' | b']');
                    if !ends {
                        self.step(*byte);
                        continue;
                    }
                    self.element.extend(piece.get(from..at).unwrap_or_default());
                    records.push_back(self.element.take().and_then(|text| read_json(&text)));
                    from = at + 1;
                    self.state = if *byte == b',' { State::Before } else { State::After };
                }
                State::Single => break,
                State::After if byte.is_ascii_whitespace() => from = at + 1,
                State::After => return Err("has something after its array".into()),
            }
        }
        if matches!(self.state, State::Within | State::Single) {
            self.element.extend(piece.get(from..).unwrap_or_default());
        }
        Ok(())
    }

    /// One byte of an element, so far as it tells where the element ends.
    fn step(&mut self, byte: u8) {
        if self.in_string {
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' => self.is_escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            return;
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }

    pub(super) fn finish(&mut self, records: &mut Records) -> Result<(), String> {
        match self.state {
            State::Start | State::After => Ok(()),
            State::Before | State::Within => Err("breaks off within its array".into()),
            State::Single => {
                records.push_back(self.element.take().and_then(|text| read_json(&text)));
                Ok(())
            }
        }
    }
}
