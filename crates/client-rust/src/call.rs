//! What a deployment is called with: an input, parameters, files.

use std::fmt;

use api_types::ExecutionRequest;
use bytes::Bytes;
use http::HeaderValue;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{Error, request::Request};

/// What a deployment is called with.
///
/// ```
/// use client_rust::Call;
/// use serde_json::json;
///
/// let call = Call::new(json!({"customer": 7})).parameter("language", "en");
/// let with_a_file = Call::new(json!({})).file("invoice.pdf", b"%PDF-1.7 ...".to_vec());
/// ```
#[derive(Clone, Default)]
#[must_use]
pub struct Call {
    input: Value,
    parameters: Map<String, Value>,
    files: Vec<(String, Bytes)>,
    idempotency_key: Option<String>,
}

impl Call {
    /// A call with this input: any JSON value.
    pub fn new(input: impl Into<Value>) -> Self {
        Self { input: input.into(), ..Self::default() }
    }

    /// One more parameter, over the deployment's own of the same name.
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.parameters.insert(name.into(), value.into());
        self
    }

    /// One more file: at most 32. The server tells its media type by its content.
    pub fn file(mut self, name: impl Into<String>, content: impl Into<Bytes>) -> Self {
        self.files.push((name.into(), content.into()));
        self
    }

    /// Names the call: for 24 hours, the same call under the same name starts one execution, whichever process of yours makes it.
    /// 1 to 255 visible ASCII characters. Without it, the client invents a name for each call.
    ///
    /// Another call under the same name is refused with `idempotency_key_reused`.
    pub fn idempotency_key(mut self, name: impl Into<String>) -> Self {
        self.idempotency_key = Some(name.into());
        self
    }

    /// The request with this call as its body.
    pub(crate) fn put_into(&self, request: Request) -> Result<Request, Error> {
        let request = match &self.idempotency_key {
            Some(name) => request.known_by(Some(sane(name)?)),
            None => request,
        };
        if self.files.is_empty() {
            return request.json(&ExecutionRequest {
                input_data: self.input.clone(),
                parameters: self.parameters.clone(),
                timeout: None,
            });
        }
        // Long and random: it stands in no file.
        let boundary = Uuid::new_v4().simple().to_string();
        let media_type = format!("multipart/form-data; boundary={boundary}");
        let media_type = HeaderValue::from_str(&media_type)
            .map_err(|_| Error::Invalid("the files make no form"))?;
        Ok(request.body(media_type, self.form(&boundary)?))
    }

    fn form(&self, boundary: &str) -> Result<Vec<u8>, Error> {
        let not_json = |_| Error::Invalid("the input cannot be JSON");
        let mut form = Vec::new();
        let mut part = |head: String, content: &[u8]| {
            let begin = format!("--{boundary}\r\nContent-Disposition: form-data; {head}\r\n\r\n");
            form.extend_from_slice(begin.as_bytes());
            form.extend_from_slice(content);
            form.extend_from_slice(b"\r\n");
        };
        let json = "\r\nContent-Type: application/json";
        let input = serde_json::to_vec(&self.input).map_err(not_json)?;
        part(format!("name=\"input_data\"{json}"), &input);
        let parameters = serde_json::to_vec(&self.parameters).map_err(not_json)?;
        part(format!("name=\"parameters\"{json}"), &parameters);
        let bytes = "\r\nContent-Type: application/octet-stream";
        for (name, content) in &self.files {
            part(format!("name=\"files\"; filename=\"{}\"{bytes}", quoted(name)), content);
        }
        form.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        Ok(form)
    }
}

/// Tells how much there is and nothing of what it says: calls are logged by those who make them.
impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("parameters", &self.parameters.len())
            .field("files", &self.files.len())
            .field("idempotency_key", &self.idempotency_key)
            .finish_non_exhaustive()
    }
}

/// A file's name as browsers write it in a form.
fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

fn sane(name: &str) -> Result<HeaderValue, Error> {
    let is_sane =
        (1..=255).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic());
    let value = HeaderValue::from_str(name).ok().filter(|_| is_sane);
    value.ok_or(Error::Invalid("the idempotency key is none"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_ends_neither_its_quotes_nor_its_line() {
        let call = Call::new(1).file("a\"; name=\"x\r\nX: y", b"content".to_vec());
        let form = String::from_utf8(call.form("edge").unwrap()).unwrap();
        assert!(form.contains("filename=\"a%22; name=%22x%0D%0AX: y\"\r\n"), "{form}");
        assert!(form.ends_with("\r\n\r\ncontent\r\n--edge--\r\n"), "{form}");
    }

    #[test]
    fn what_a_call_says_is_not_printed() {
        let call = Call::new("seen").parameter("seen", "seen").file("seen", "seen");
        let printed = format!("{:?}", call.idempotency_key("order-7"));
        assert!(!printed.contains("seen") && printed.contains("order-7"), "{printed}");
    }

    #[test]
    fn a_name_that_cannot_be_sent_is_told_before() {
        for name in ["", "two words", &"x".repeat(256)] {
            let call = Call::new(1).idempotency_key(name);
            assert!(call.put_into(Request::make(&["deployment"])).is_err(), "{name:?}");
        }
    }
}
