//! The two ends of an ETL workflow: where its records come from and where their outcomes go. Read
//! and checked here; how they are reached is `outbound`'s business.

mod address;

use access_domain::{Fault, FaultCode, pointer_segment};
use serde_json::{Map, Value};

use self::address::{
    check_path, check_postgres_url, is_header_name, is_http_url, is_ours, is_table, split_s3,
};
use super::members::Members;

/// What is told where an end is missing.
pub(crate) const NEEDS_BOTH: &str = "an ETL workflow has a \"source\" and a \"destination\"";

const MAX_LOCATION_BYTES: usize = 2048;
const MAX_QUERY_BYTES: usize = 16 * 1024;
const MAX_HEADERS: usize = 20;
const MAX_CONCURRENCY: u32 = 16;
const DEFAULT_CONCURRENCY: u32 = 4;
const MAX_BATCH: u32 = 1000;

/// Where the records of a run come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// What is read.
    pub place: Place,
    /// How records stand in it. Of PostgreSQL: rows, whatever this says.
    pub format: Format,
    /// The organization's secret that opens it.
    pub secret: Option<String>,
    /// Whether its records always come in the same order, so that a run which is taken up again can
    /// leave out those that are done.
    pub is_ordered: bool,
    /// How many records are carried through the steps at once: 1 to 16.
    pub concurrency: u32,
    /// More failed records than this end the run; any number may fail without it.
    pub max_failures: Option<u32>,
}

/// Where the outcomes of a run go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// What is written.
    pub place: Place,
    /// How outcomes are written. To PostgreSQL: as rows, whatever this says.
    pub format: Format,
    /// The organization's secret that opens it.
    pub secret: Option<String>,
    /// The member of each outcome by which it is written: another one of the same key replaces it.
    pub key: Option<String>,
    /// How many outcomes are written at once, at most: 1 to 1,000.
    pub batch: u32,
}

/// What an end is, and what is needed to reach it beside a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Files below the organization's directory.
    Files {
        /// A path without `..`, relative to that directory. The last part of a source may have `*`.
        path: String,
    },
    /// Objects in a storage service that speaks S3.
    S3 {
        /// The bucket.
        bucket: String,
        /// What the names of the objects begin with; may be empty.
        prefix: String,
        /// Where the service is, if not at AWS.
        endpoint: Option<String>,
        /// The region.
        region: String,
    },
    /// An HTTP service.
    Http {
        /// Its address.
        url: String,
        /// The method.
        method: String,
        /// Headers, beside those that come with the format and the secret.
        headers: Vec<(String, String)>,
        /// The header that the secret is sent in; `Authorization: Bearer` without it.
        secret_header: Option<String>,
    },
    /// A PostgreSQL.
    Postgres {
        /// Its address, without a password.
        url: String,
        /// A source's query, or a destination's table.
        wanted: String,
    },
}

/// How records stand in a file, an object or a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// An array of records; any other value is one record.
    Json,
    /// A record a line.
    Ndjson,
    /// A record a row, its members named by the first row.
    Csv,
    /// The whole text is one record: `{"name", "text"}`.
    Text,
    /// The whole content is one record: `{"name", "size", "base64"}`.
    Binary,
}

impl Format {
    const ALL: [Self; 5] = [Self::Json, Self::Ndjson, Self::Csv, Self::Text, Self::Binary];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
            Self::Text => "text",
            Self::Binary => "binary",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == name)
    }
}

/// Which end is read: they have different members.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Source,
    Destination,
}

/// The members `source` and `destination` of a definition; a workflow has both or neither.
pub(super) fn parse_ends(definition: &mut Members<'_>) -> (Option<Source>, Option<Destination>) {
    let (from, to) = (definition.get("source"), definition.get("destination"));
    let lone = match (from, to) {
        (Some(_), None) => Some("destination"),
        (None, Some(_)) => Some("source"),
        (Some(_), Some(_)) | (None, None) => None,
    };
    if let Some(missing) = lone {
        definition.miss(missing, NEEDS_BOTH);
    }
    let (source_at, destination_at) = (definition.at("source"), definition.at("destination"));
    let faults = definition.faults();
    let source = from.and_then(|value| parse_source(faults, value, &source_at));
    let destination = to.and_then(|value| parse_destination(faults, value, &destination_at));
    (source, destination)
}

fn parse_source(faults: &mut Vec<Fault>, value: &Value, at: &str) -> Option<Source> {
    let mut reader = Reader::new(faults, value, at)?;
    let place = reader.place(End::Source);
    let is_kept_in_order = matches!(place, Some(Place::Files { .. } | Place::S3 { .. }));
    let format = reader.format();
    let secret = reader.secret();
    let is_ordered = reader.flag("ordered").unwrap_or(is_kept_in_order);
    let concurrency = reader.number("concurrency", 1, MAX_CONCURRENCY);
    let max_failures = reader.number("max_failures", 0, u32::MAX);
    reader.refuse_the_rest();
    Some(Source {
        place: place?,
        format: format?,
        secret,
        is_ordered,
        concurrency: concurrency.unwrap_or(DEFAULT_CONCURRENCY),
        max_failures,
    })
}

fn parse_destination(faults: &mut Vec<Fault>, value: &Value, at: &str) -> Option<Destination> {
    let mut reader = Reader::new(faults, value, at)?;
    let place = reader.place(End::Destination);
    let format = reader.format();
    let secret = reader.secret();
    let key = reader.key();
    let batch = reader.number("batch", 1, MAX_BATCH);
    reader.refuse_the_rest();
    let (place, format) = (place?, format?);
    let most = match (&place, format) {
        (Place::Http { .. }, _) => 1,
        (Place::Files { .. } | Place::S3 { .. }, Format::Text | Format::Binary)
            if key.is_none() =>
        {
            let detail = "texts and binary contents are written one by one: name them by a \"key\"";
            faults.push(Fault::new(format!("{at}/key"), FaultCode::MissingField, detail));
            return None;
        }
        (Place::Files { .. } | Place::S3 { .. } | Place::Postgres { .. }, _) => MAX_BATCH,
    };
    let batch = batch.unwrap_or(most);
    if matches!(place, Place::Http { .. })
        && matches!(format, Format::Text | Format::Binary)
        && batch > 1
    {
        let detail = "texts and binary contents are sent one by one";
        faults.push(Fault::invalid(format!("{at}/batch"), detail));
        return None;
    }
    Some(Destination { place, format, secret, key, batch })
}

/// Reads one end; what it has not been asked for by the end is unknown.
struct Reader<'a> {
    faults: &'a mut Vec<Fault>,
    members: &'a Map<String, Value>,
    at: &'a str,
    known: Vec<&'static str>,
}

impl<'a> Reader<'a> {
    fn new(faults: &'a mut Vec<Fault>, value: &'a Value, at: &'a str) -> Option<Self> {
        let Some(members) = value.as_object() else {
            let detail = "must be an object with \"kind\", \"location\" and \"format\"";
            faults.push(Fault::invalid(at, detail));
            return None;
        };
        Some(Self { faults, members, at, known: Vec::new() })
    }

    fn get(&mut self, name: &'static str) -> Option<&'a Value> {
        self.known.push(name);
        self.members.get(name)
    }

    fn invalid(&mut self, name: &str, detail: impl Into<String>) {
        self.faults.push(Fault::invalid(format!("{}/{name}", self.at), detail));
    }

    fn missing(&mut self, name: &str, detail: &str) {
        let at = format!("{}/{name}", self.at);
        self.faults.push(Fault::new(at, FaultCode::MissingField, detail));
    }

    /// A text of 1 to `most` bytes without control characters.
    fn text(&mut self, name: &'static str, most: usize) -> Option<&'a str> {
        let value = self.get(name)?;
        let text = value.as_str().filter(|text| (1..=most).contains(&text.len()));
        let text = text.filter(|text| {
            !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
        });
        if text.is_none() {
            self.invalid(name, format!("must be a text of 1 to {most} bytes"));
        }
        text
    }

    fn needed_text(&mut self, name: &'static str, most: usize, what: &str) -> Option<&'a str> {
        if !self.members.contains_key(name) {
            self.known.push(name);
            self.missing(name, what);
            return None;
        }
        self.text(name, most)
    }

    fn number(&mut self, name: &'static str, least: u32, most: u32) -> Option<u32> {
        let value = self.get(name)?;
        let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
        let number = number.filter(|number| (least..=most).contains(number));
        if number.is_none() {
            self.invalid(name, format!("must be a whole number from {least} to {most}"));
        }
        number
    }

    fn flag(&mut self, name: &'static str) -> Option<bool> {
        let value = self.get(name)?;
        if value.as_bool().is_none() {
            self.invalid(name, "must be true or false");
        }
        value.as_bool()
    }

    fn secret(&mut self) -> Option<String> {
        let name = self.text("secret", 64)?;
        let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !is_name {
            let detail = "must be the name of one of the organization's secrets, never its value";
            self.invalid("secret", detail);
        }
        is_name.then(|| name.to_owned())
    }

    fn key(&mut self) -> Option<String> {
        self.text("key", 128).map(str::to_owned)
    }

    fn format(&mut self) -> Option<Format> {
        // The format of rows is their table's.
        if self.members.get("kind").is_some_and(|kind| kind == "postgres") {
            return Some(Format::Json);
        }
        let name = self.needed_text(
            "format",
            16,
            "must be \"json\", \"ndjson\", \"csv\", \"text\" or \"binary\"",
        )?;
        let format = Format::parse(name);
        if format.is_none() {
            self.invalid("format", "must be \"json\", \"ndjson\", \"csv\", \"text\" or \"binary\"");
        }
        format
    }

    fn place(&mut self, end: End) -> Option<Place> {
        let kinds = "must be \"files\", \"s3\", \"http\" or \"postgres\"";
        let kind = self.needed_text("kind", 16, kinds);
        match kind {
            Some("files") => self.files(end),
            Some("s3") => self.s3(end),
            Some("http") => self.http(end),
            Some("postgres") => self.postgres(end),
            Some(_) => {
                self.invalid("kind", kinds);
                self.know_everything();
                None
            }
            None => {
                self.know_everything();
                None
            }
        }
    }

    /// Without a kind it cannot be said which members have a meaning.
    fn know_everything(&mut self) {
        self.known.extend([
            "location",
            "format",
            "endpoint",
            "region",
            "method",
            "headers",
            "secret_header",
            "query",
            "table",
        ]);
    }

    fn files(&mut self, end: End) -> Option<Place> {
        let what = "a path below the organization's directory";
        let path = self.needed_text("location", MAX_LOCATION_BYTES, what)?;
        if let Err(detail) = check_path(path, end == End::Source) {
            self.invalid("location", detail);
            return None;
        }
        Some(Place::Files { path: path.to_owned() })
    }

    fn s3(&mut self, end: End) -> Option<Place> {
        let what = "\"s3://bucket/prefix\"";
        let location = self.needed_text("location", MAX_LOCATION_BYTES, what);
        let endpoint = self.text("endpoint", MAX_LOCATION_BYTES);
        let region = self.text("region", 64).unwrap_or("us-east-1");
        if let Some(endpoint) = endpoint
            && !is_http_url(endpoint)
        {
            self.invalid("endpoint", "must be an http:// or https:// address without a password");
            return None;
        }
        let location = location?;
        let Some((bucket, prefix)) = split_s3(location) else {
            self.invalid("location", "must be \"s3://bucket/prefix\"");
            return None;
        };
        if !prefix.is_empty()
            && let Err(detail) = check_path(prefix, end == End::Source)
        {
            self.invalid("location", detail);
            return None;
        }
        Some(Place::S3 {
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
            endpoint: endpoint.map(str::to_owned),
            region: region.to_owned(),
        })
    }

    fn http(&mut self, end: End) -> Option<Place> {
        let url =
            self.needed_text("location", MAX_LOCATION_BYTES, "an http:// or https:// address");
        let (default, methods): (_, &[&str]) = match end {
            End::Source => ("GET", &["GET", "POST"]),
            End::Destination => ("POST", &["POST", "PUT", "PATCH"]),
        };
        let method = self.text("method", 16).unwrap_or(default);
        let headers = self.headers();
        let secret_header = self.text("secret_header", 64);
        if !methods.contains(&method) {
            self.invalid("method", format!("must be one of {}", methods.join(", ")));
        }
        if secret_header.is_some_and(|name| !is_header_name(name)) {
            self.invalid("secret_header", "must be the name of a header");
        }
        let url = url?;
        if !is_http_url(url) {
            self.invalid("location", "must be an http:// or https:// address without a password");
            return None;
        }
        Some(Place::Http {
            url: url.to_owned(),
            method: method.to_owned(),
            headers: headers?,
            secret_header: secret_header.map(str::to_owned),
        })
    }

    fn headers(&mut self) -> Option<Vec<(String, String)>> {
        let Some(value) = self.get("headers") else { return Some(Vec::new()) };
        let headers = value.as_object().filter(|headers| headers.len() <= MAX_HEADERS);
        let Some(headers) = headers else {
            self.invalid("headers", format!("must be an object of at most {MAX_HEADERS} headers"));
            return None;
        };
        let mut read = Vec::new();
        for (name, value) in headers {
            let value = value.as_str().filter(|value| {
                value.len() <= 1024 && value.bytes().all(|b| (b' '..=b'~').contains(&b))
            });
            match value {
                Some(value) if is_header_name(name) && !is_ours(name) => {
                    read.push((name.clone(), value.to_owned()));
                }
                Some(_) | None => {
                    let at = format!("headers/{}", pointer_segment(name));
                    self.invalid(&at, "must be a header of its own name and a printable value");
                }
            }
        }
        Some(read)
    }

    fn postgres(&mut self, end: End) -> Option<Place> {
        let what = "\"postgres://user@host/database\", the password being the \"secret\"";
        let url = self.needed_text("location", MAX_LOCATION_BYTES, what);
        let (name, what) = match end {
            End::Source => ("query", "the SELECT whose rows are the records"),
            End::Destination => ("table", "the table that outcomes are written to"),
        };
        let wanted = self.needed_text(name, MAX_QUERY_BYTES, what);
        if let Some(url) = url
            && let Err(detail) = check_postgres_url(url)
        {
            self.invalid("location", detail);
            return None;
        }
        if end == End::Destination && wanted.is_some_and(|table| !is_table(table)) {
            self.invalid("table", "must be the name of a table, or schema.table");
            return None;
        }
        Some(Place::Postgres { url: url?.to_owned(), wanted: wanted?.to_owned() })
    }

    fn refuse_the_rest(self) {
        for name in self.members.keys().filter(|name| !self.known.contains(&name.as_str())) {
            let at = format!("{}/{}", self.at, pointer_segment(name));
            let detail =
                format!("'{name}' has no meaning here; there are: {}", self.known.join(", "));
            self.faults.push(Fault::new(at, FaultCode::UnknownField, detail));
        }
    }
}

#[cfg(test)]
mod tests;
