//! The JSON of `/chat/completions`, as far as it is needed. Pure.

use access_domain::{Message, Question};
use serde::{Deserialize, Serialize};

/// Beyond any that was ever counted; what a server says is not added up unseen.
const MAX_TOKENS: u64 = 1 << 40;
/// What is worth a place in a log.
const MAX_CODE: usize = 64;

#[derive(Serialize)]
struct Request<'a> {
    model: &'a str,
    messages: Vec<Turn<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<Format>,
    stream: bool,
}

#[derive(Serialize)]
struct Turn<'a> {
    role: &'a str,
    content: &'a str,
}

#[derive(Serialize)]
struct Format {
    #[serde(rename = "type")]
    kind: &'static str,
}

impl<'a> Turn<'a> {
    fn of(said: &'a Message) -> Self {
        Self { role: said.role.as_str(), content: &said.content }
    }
}

/// The body that asks `question` of `model`.
pub(super) fn request(model: &str, question: &Question) -> Vec<u8> {
    let request = Request {
        model,
        messages: question.messages.iter().map(Turn::of).collect(),
        max_tokens: question.max_tokens,
        temperature: question.temperature,
        response_format: question.json.then_some(Format { kind: "json_object" }),
        stream: false,
    };
    serde_json::to_vec(&request).unwrap_or_default()
}

#[derive(Deserialize)]
struct Answer {
    choices: Vec<Choice>,
    #[serde(default)]
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Choice {
    message: Said,
}

#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    content: Option<Content>,
    #[serde(default)]
    refusal: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Deserialize)]
struct Part {
    #[serde(default)]
    text: String,
}

#[derive(Deserialize)]
struct Usage {
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
}

/// What a model answered.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Read {
    pub(super) output: String,
    /// Read and written, where the server counted.
    pub(super) tokens: Option<(u64, u64)>,
}

/// An answer that is none. Says nothing of what was in it.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("the model's server answered something that is no chat completion")]
    Shape,
    #[error("the model's server answered a chat completion without text")]
    Empty,
}

pub(super) fn read(body: &[u8]) -> Result<Read, Unreadable> {
    let answer: Answer = serde_json::from_slice(body).map_err(|_| Unreadable::Shape)?;
    let tokens = answer.usage.map(|usage| {
        (usage.prompt_tokens.min(MAX_TOKENS), usage.completion_tokens.min(MAX_TOKENS))
    });
    let said = answer.choices.into_iter().next().ok_or(Unreadable::Empty)?.message;
    let output = match said.content {
        Some(Content::Text(text)) => Some(text),
        Some(Content::Parts(parts)) => Some(parts.into_iter().map(|part| part.text).collect()),
        // A model that declines says so in a place of its own, and was paid for it.
        None => said.refusal,
    };
    Ok(Read { output: output.ok_or(Unreadable::Empty)?, tokens })
}

/// The name that a server gives to what went wrong, if it looks like a name. Its message is left
/// out: it may repeat what was asked, or the key.
pub(super) fn error_code(body: &[u8]) -> String {
    let told: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let error = told.as_ref().and_then(|told| told.get("error"));
    let name = |member: &str| error?.get(member)?.as_str();
    let is_name = |text: &&str| {
        text.len() <= MAX_CODE
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
    };
    let found = name("code").filter(is_name).or_else(|| name("type").filter(is_name));
    found.unwrap_or("no code").to_owned()
}

#[cfg(test)]
mod tests {
    use access_domain::MessageRole;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_question_asks_for_what_was_said_and_no_more() {
        let messages = vec![Message { role: MessageRole::User, content: "Hi \"you\"".into() }];
        let plain = Question { messages, ..Question::default() };
        let sent = |question: &Question| -> Value {
            serde_json::from_slice(&request("gpt-4o", question)).unwrap()
        };
        let expected = json!({"model": "gpt-4o", "stream": false,
            "messages": [{"role": "user", "content": "Hi \"you\""}]});
        assert_eq!(sent(&plain), expected);
        let wanting = Question { max_tokens: Some(5), temperature: Some(0.5), json: true, ..plain };
        let sent = sent(&wanting);
        assert_eq!((&sent["max_tokens"], &sent["temperature"]), (&json!(5), &json!(0.5)));
        assert_eq!(sent["response_format"], json!({"type": "json_object"}));
    }

    fn of(body: Value) -> Result<Read, String> {
        read(body.to_string().as_bytes()).map_err(|unreadable| unreadable.to_string())
    }

    #[test]
    fn an_answer_is_its_first_choice() {
        let text = |output: &str, tokens| Ok(Read { output: output.into(), tokens });
        let said = |content: Value| json!({"choices": [{"message": {"content": content}}]});
        assert_eq!(of(said(json!("Hello"))), text("Hello", None));
        let parts = json!([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]);
        assert_eq!(of(said(parts)), text("ab", None));
        let counted = json!({"choices": [{"message": {"content": "x"}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}});
        assert_eq!(of(counted), text("x", Some((3, 1))));
        let vast = json!({"choices": [{"message": {"content": ""}}],
            "usage": {"prompt_tokens": u64::MAX}});
        assert_eq!(of(vast), text("", Some((MAX_TOKENS, 0))));
        let declined = json!({"choices": [{"message": {"content": null, "refusal": "No."}}]});
        assert_eq!(of(declined), text("No.", None));
    }

    #[test]
    fn what_is_no_answer_is_told_without_what_it_says() {
        for body in [json!({"choices": []}), json!({"choices": [{"message": {"content": null}}]})] {
            assert!(of(body).unwrap_err().ends_with("without text"));
        }
        for body in [json!({}), json!("s3cret"), json!({"choices": [{"message": {"content": 7}}]})]
        {
            let told = of(body).unwrap_err();
            assert!(told.ends_with("no chat completion"), "{told}");
        }
    }

    #[test]
    fn only_names_of_errors_are_repeated() {
        let code = |error: Value| error_code(json!({"error": error}).to_string().as_bytes());
        assert_eq!(code(json!({"code": "context_length_exceeded"})), "context_length_exceeded");
        assert_eq!(code(json!({"code": null, "type": "server_error"})), "server_error");
        assert_eq!(code(json!({"code": "wrong key sk-abc", "message": "sk-abc"})), "no code");
        assert_eq!(error_code(b"<html>"), "no code");
    }
}
