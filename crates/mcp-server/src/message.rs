//! One message of an agent, before the protocol's own machinery sees it: what it calls, if it calls a tool. Arguments are taken
//! out, so that nothing between here and the use case can hold, check or log them.

use bytes::Bytes;
use rmcp::model::{ClientJsonRpcMessage, ClientRequest, JsonRpcMessage};
use serde_json::{Map, Value, json};

/// JSON-RPC 2.0, 5.1
const PARSE_ERROR: i32 = -32700;
const INVALID_REQUEST: i32 = -32600;
const INVALID_PARAMS: i32 = -32602;

/// What a message may have beside the arguments of a tool, in bytes: only those are bounded by what a deployment takes, and spend
/// a limit.
const MAX_ENVELOPE_BYTES: usize = 64 * 1024;

/// A message of the protocol.
#[derive(Debug)]
pub(crate) struct Message {
    /// The message, without the arguments of a tool.
    pub(crate) envelope: Bytes,
    /// The call of a tool, where it is one.
    pub(crate) call: Option<Asked>,
}

/// A tool that is to be called.
#[derive(Debug, PartialEq)]
pub(crate) struct Asked {
    pub(crate) tool: String,
    pub(crate) arguments: Map<String, Value>,
}

impl Message {
    /// Reads one message.
    ///
    /// # Errors
    /// The answer of the protocol to what is none.
    pub(crate) fn read(body: &[u8]) -> Result<Self, Value> {
        let mut value: Value = serde_json::from_slice(body).map_err(|error| {
            let place = format!("line {}, column {}", error.line(), error.column());
            fault(&Value::Null, PARSE_ERROR, &format!("the body is not JSON ({place})"))
        })?;
        if value.is_array() {
            let detail = "send one message at a time: batches are not taken";
            return Err(fault(&Value::Null, INVALID_REQUEST, detail));
        }
        let id = value.get("id").filter(|id| id.is_string() || id.is_number()).cloned();
        let has_id = id.is_some();
        let id = id.unwrap_or_default();
        let call = match value.get("method").and_then(Value::as_str) {
            Some("tools/call") if !has_id => {
                let detail = "a call of a tool is a request: it has an 'id'";
                return Err(fault(&id, INVALID_REQUEST, detail));
            }
            Some("tools/call") => {
                let call = take_call(&mut value);
                Some(call.map_err(|detail| fault(&id, INVALID_PARAMS, detail))?)
            }
            Some(_) | None => None,
        };
        let envelope = Bytes::from(value.to_string());
        if envelope.len() > MAX_ENVELOPE_BYTES {
            let detail = format!(
                "beside the arguments of a tool, a message has at most {MAX_ENVELOPE_BYTES} bytes"
            );
            return Err(fault(&id, INVALID_REQUEST, &detail));
        }
        match serde_json::from_slice(&envelope) {
            Ok(message) if call.is_none() || is_call(&message) => Ok(Self { envelope, call }),
            Ok(_) | Err(_) => {
                Err(fault(&id, INVALID_REQUEST, "this is no message of the protocol"))
            }
        }
    }
}

/// Whether the protocol takes for the call of a tool what was taken for one here.
fn is_call(message: &ClientJsonRpcMessage) -> bool {
    matches!(message, JsonRpcMessage::Request(request) if matches!(request.request, ClientRequest::CallToolRequest(_)))
}

fn take_call(message: &mut Value) -> Result<Asked, &'static str> {
    let params = message.get_mut("params").and_then(Value::as_object_mut);
    let params = params.ok_or("'params' must be an object")?;
    let tool = params.get("name").and_then(Value::as_str).ok_or("'params.name' must be a text")?;
    let tool = tool.to_owned();
    let arguments = match params.remove("arguments") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(arguments)) => arguments,
        Some(Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
            return Err("'params.arguments' must be an object");
        }
    };
    Ok(Asked { tool, arguments })
}

fn fault(id: &Value, code: i32, message: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(body: &str, code: i32, id: Value) {
        let fault = Message::read(body.as_bytes()).unwrap_err();
        assert_eq!((&fault["error"]["code"], &fault["id"]), (&json!(code), &id), "{body}");
    }

    #[test]
    fn the_arguments_of_a_call_leave_its_message() {
        let body = r#"{"jsonrpc": "2.0", "id": 7, "method": "tools/call",
            "params": {"name": "echo", "arguments": {"n": 1.50}, "_meta": {"progressToken": 3}}}"#;
        let read = Message::read(body.as_bytes()).unwrap();
        let call = read.call.unwrap();
        assert_eq!(
            (call.tool.as_str(), Value::from(call.arguments).to_string()),
            ("echo", r#"{"n":1.50}"#.into())
        );
        let envelope: Value = serde_json::from_slice(&read.envelope).unwrap();
        assert_eq!(envelope["params"], json!({"name": "echo", "_meta": {"progressToken": 3}}));
    }

    #[test]
    fn what_is_no_message_is_answered_as_the_protocol_says() {
        refused("{", PARSE_ERROR, Value::Null);
        refused(&"[".repeat(10_000), PARSE_ERROR, Value::Null);
        refused("[]", INVALID_REQUEST, Value::Null);
        refused(r#"[{"jsonrpc": "2.0", "id": 1, "method": "ping"}]"#, INVALID_REQUEST, Value::Null);
        refused("7", INVALID_REQUEST, Value::Null);
        refused(r#"{"id": "a", "method": "ping"}"#, INVALID_REQUEST, json!("a"));
        let call = |params: &str| {
            format!(r#"{{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {params}}}"#)
        };
        for params in ["[]", "{}", r#"{"name": 1}"#, r#"{"name": "a", "arguments": [1]}"#] {
            refused(&call(params), INVALID_PARAMS, json!(1));
        }
        // What spends a limit must be what the protocol carries out.
        refused(&call(r#"{"name": "a", "requestState": 5}"#), INVALID_REQUEST, json!(1));
        let untold = r#"{"jsonrpc": "2.0", "method": "tools/call", "params": {"name": "a"}}"#;
        refused(untold, INVALID_REQUEST, Value::Null);
        let long = "x".repeat(MAX_ENVELOPE_BYTES);
        let listed = format!(
            r#"{{"jsonrpc": "2.0", "id": 2, "method": "tools/list", "params": {{"cursor": "{long}"}}}}"#
        );
        refused(&listed, INVALID_REQUEST, json!(2));
        let called = call(&format!(r#"{{"name": "a", "arguments": {{"text": "{long}"}}}}"#));
        assert!(Message::read(called.as_bytes()).is_ok(), "arguments are bounded elsewhere");
    }

    #[test]
    fn every_other_message_is_passed_on() {
        for body in [
            r#"{"jsonrpc": "2.0", "id": 1, "method": "ping"}"#,
            r#"{"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}"#,
            r#"{"jsonrpc": "2.0", "method": "notifications/initialized"}"#,
        ] {
            assert_eq!(Message::read(body.as_bytes()).unwrap().call, None, "{body}");
        }
    }
}
