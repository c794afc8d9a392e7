//! Forms with files, as clients write them.

use std::path::Path;

use super::{Caller, TestApp};
use crate::answer::Answer;

impl TestApp {
    /// Where files that came with runs are kept.
    pub fn files(&self) -> &Path {
        self.files.path()
    }
}

impl Caller {
    /// `POST` of a form: its fields, then its files by name and content.
    pub async fn post_form(
        &self,
        path: &str,
        fields: &[(&str, &str)],
        files: &[(&str, &[u8])],
    ) -> Answer {
        let (media_type, body) = form(fields, files);
        self.post_raw(path, &media_type, body).await
    }
}

/// A form as clients write it (RFC 7578): its media type and its body.
pub fn form(fields: &[(&str, &str)], files: &[(&str, &[u8])]) -> (String, Vec<u8>) {
    const BOUNDARY: &str = "a-boundary-of-tests";
    let mut body = Vec::new();
    let mut part = |head: String, content: &[u8]| {
        body.extend_from_slice(
            format!("--{BOUNDARY}\r\nContent-Disposition: form-data; ").as_bytes(),
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(b"\r\n\r\n");
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    };
    for (name, value) in fields {
        part(format!("name=\"{name}\""), value.as_bytes());
    }
    for (name, content) in files {
        let head = format!(
            "name=\"files\"; filename=\"{name}\"\r\nContent-Type: application/octet-stream"
        );
        part(head, content);
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={BOUNDARY}"), body)
}
