//! What comes back from a server: one message, a stream of them, or a refusal before the protocol.

use serde_json::Value;

/// How an answer is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// One message, or none.
    Message,
    /// Server-sent events.
    Events,
    /// No message of the protocol.
    Refusal,
}

/// The kind of an answer with this status and these headers.
pub(super) fn kind(status: u16, headers: &[(String, String)]) -> Kind {
    let media_type = headers.iter().find(|(name, _)| name == "content-type");
    let media_type = media_type.map(|(_, value)| value.as_str()).unwrap_or_default();
    match media_type.split(';').next().unwrap_or_default().trim() {
        "text/event-stream" if status == 200 => Kind::Events,
        // With any status: the protocol has its own errors.
        "application/json" => Kind::Message,
        _ if (200..300).contains(&status) => Kind::Message,
        _ => Kind::Refusal,
    }
}

/// What a refusal says, in a sentence and as it was told.
pub(super) fn refusal(status: u16, body: &[u8]) -> (String, Value) {
    let problem: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |name: &str| problem.get(name).and_then(Value::as_str);
    let what = match (text("code"), text("detail")) {
        (Some(code), Some(detail)) => format!("the server answered {status} {code}: {detail}"),
        _ => format!("the server answered {status}; is --url the address of a Keywright server?"),
    };
    (what, problem)
}

/// Puts messages together from pieces of an answer.
pub(super) struct Messages {
    kind: Kind,
    pending: Vec<u8>,
    data: Vec<u8>,
}

impl Messages {
    pub(super) fn new(kind: Kind) -> Self {
        Self { kind, pending: Vec::new(), data: Vec::new() }
    }

    /// The messages that are whole with this piece; `None`: it was the last.
    pub(super) fn take(&mut self, piece: Option<&[u8]>) -> Vec<Value> {
        self.pending.extend_from_slice(piece.unwrap_or_default());
        match (self.kind, piece) {
            (Kind::Events, _) => self.events(),
            (Kind::Message | Kind::Refusal, Some(_)) => Vec::new(),
            (Kind::Message | Kind::Refusal, None) => {
                serde_json::from_slice(&self.pending).into_iter().filter(is_message).collect()
            }
        }
    }

    /// Of an event only its data counts, which an empty line ends (HTML standard, 9.2).
    fn events(&mut self) -> Vec<Value> {
        let mut whole = Vec::new();
        while let Some(end) = self.pending.iter().position(|byte| *byte == b'\n') {
            let mut line: Vec<u8> = self.pending.drain(..=end).collect();
            line.truncate(line.trim_ascii_end().len());
            if line.is_empty() {
                let read = serde_json::from_slice::<Value>(&std::mem::take(&mut self.data));
                whole.extend(read.into_iter().filter(is_message));
            } else if let Some(data) = line.strip_prefix(b"data:") {
                self.data.extend_from_slice(data.trim_ascii_start());
            }
        }
        whole
    }
}

/// Whatever else stands on the way to a server answers in JSON, too.
fn is_message(value: &Value) -> bool {
    value.get("jsonrpc").is_some_and(|version| version == "2.0")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_is_read_by_what_it_says_of_itself() {
        let of = |status, media_type: &str| {
            kind(status, &[("content-type".to_owned(), media_type.to_owned())])
        };
        assert_eq!(of(200, "text/event-stream"), Kind::Events);
        assert_eq!(of(200, "application/json"), Kind::Message);
        assert_eq!(of(400, "application/json; charset=utf-8"), Kind::Message);
        assert_eq!(of(401, "application/problem+json"), Kind::Refusal);
        assert_eq!(of(502, "text/html"), Kind::Refusal);
        assert_eq!(kind(202, &[]), Kind::Message);
    }

    #[test]
    fn events_are_put_together_from_any_pieces() {
        let stream = b": alive\n\nid: 1\ndata: {\"jsonrpc\":\"2.0\",\"a\":\ndata: 1.50}\n\ndata: {\"jsonrpc\":\"2.0\"}\r\n\r\ndata: {}\n\n";
        for size in [1, 7, stream.len()] {
            let mut messages = Messages::new(Kind::Events);
            let told: Vec<Value> =
                stream.chunks(size).flat_map(|piece| messages.take(Some(piece))).collect();
            assert_eq!(
                Value::from(told).to_string(),
                r#"[{"jsonrpc":"2.0","a":1.50},{"jsonrpc":"2.0"}]"#
            );
            assert_eq!(messages.take(None), Vec::<Value>::new());
        }
    }

    #[test]
    fn one_message_is_read_when_all_of_it_is_there() {
        let mut messages = Messages::new(Kind::Message);
        assert!(messages.take(Some(b"{\"jsonrpc\"")).is_empty());
        assert!(messages.take(Some(b": \"2.0\"}")).is_empty());
        assert_eq!(messages.take(None), [json!({"jsonrpc": "2.0"})]);
        let mut proxys = Messages::new(Kind::Message);
        proxys.take(Some(b"{\"error\": \"bad gateway\"}"));
        assert!(proxys.take(None).is_empty());
        assert_eq!(Messages::new(Kind::Message).take(None), Vec::<Value>::new());
    }

    #[test]
    fn a_refusal_is_told_in_the_servers_words() {
        let problem = br#"{"code": "key_revoked", "detail": "this key was revoked"}"#;
        let (what, data) = refusal(401, problem);
        assert_eq!(what, "the server answered 401 key_revoked: this key was revoked");
        assert_eq!(data["code"], "key_revoked");
        assert!(refusal(502, b"<html>").0.contains("--url"));
    }
}
