//! What a step does: the tools, and what each is told.

use std::collections::BTreeMap;

use access_domain::{Fault, FaultCode, pointer_segment};
use serde_json::Value;

use super::{
    code::{Code, CodeAt},
    members::{MAX_CODE_BYTES, Members},
};

const MAX_HEADERS: usize = 50;
const MAX_BODY_CODES: usize = 1_000;
const MAX_COMPLETION_TOKENS: u32 = 1_000_000;

/// The longest [`Tool::Delay`]; it never outlasts its run.
const MAX_DELAY_SECONDS: f64 = 86_400.0;

/// What a step does.
#[derive(Debug, Clone, PartialEq)]
pub enum Tool {
    /// Hands on its input: the output of the step before, or the run's input.
    Passthrough,
    /// A jq filter over `{input, parameters, files, steps}`.
    Transform {
        /// The filter.
        filter: String,
    },
    /// A template over the same, and over `secrets`.
    Template {
        /// The template.
        template: String,
        /// What it renders.
        format: TextFormat,
    },
    /// A call of an HTTP service.
    HttpRequest(HttpRequest),
    /// A question to a model.
    Llm(Llm),
    /// The text of the run's files.
    ExtractText,
    /// Holds a value against a schema.
    Validate {
        /// The schema (JSON Schema 2020-12).
        schema: Value,
        /// A filter for the value; the step's input without one.
        value: Option<String>,
    },
    /// Waits, and hands on its input.
    Delay {
        /// How long.
        seconds: f64,
    },
}

/// What a text is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextFormat {
    /// Itself.
    Text,
    /// JSON: its value.
    Json,
}

const TEXT_FORMATS: [(&str, TextFormat); 2] =
    [("text", TextFormat::Text), ("json", TextFormat::Json)];

/// A call of an HTTP service. All texts but the method are templates.
#[derive(Debug, Clone, PartialEq)]
pub struct HttpRequest {
    /// The method, in capitals.
    pub method: &'static str,
    /// The address.
    pub url: String,
    /// Header lines by their names.
    pub headers: BTreeMap<String, String>,
    /// A string is sent as it renders; anything else as JSON, with each string in it rendered.
    pub body: Option<Value>,
    /// Whether an answer of 400 and above is an output like any other, and no failure.
    pub any_status: bool,
}

const METHODS: [(&str, &str); 7] = [
    ("GET", "GET"),
    ("POST", "POST"),
    ("PUT", "PUT"),
    ("PATCH", "PATCH"),
    ("DELETE", "DELETE"),
    ("HEAD", "HEAD"),
    ("OPTIONS", "OPTIONS"),
];

/// A question to a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Llm {
    /// The model's name.
    pub model: String,
    /// A template for what the model is told first.
    pub system: Option<String>,
    /// A template for the question.
    pub prompt: String,
    /// What the answer is read as.
    pub response_format: TextFormat,
    /// How long the answer may be.
    pub max_tokens: Option<u32>,
    /// How freely the model may choose its words, from 0 to 2.
    pub temperature: Option<f64>,
}

impl Tool {
    /// Every tool's name.
    pub const NAMES: [&str; 8] = [
        "passthrough",
        "transform",
        "template",
        "http_request",
        "llm",
        "extract_text",
        "validate",
        "delay",
    ];

    /// Reads what belongs to the tool of a step; `None` where something is missing or unknown.
    pub(super) fn parse(step: &mut Members<'_>) -> Option<Self> {
        let Some(name) = step.get("tool") else {
            step.miss("tool", "a step has a \"tool\"");
            return None;
        };
        match name.as_str().unwrap_or_default() {
            "passthrough" => Some(Self::Passthrough),
            "transform" => Some(Self::Transform { filter: step.needed_code("filter")? }),
            "template" => {
                let template = step.needed_code("template");
                let format = step.one_of("format", &TEXT_FORMATS);
                Some(Self::Template { template: template?, format: format? })
            }
            "http_request" => HttpRequest::parse(step).map(Self::HttpRequest),
            "llm" => Llm::parse(step).map(Self::Llm),
            "extract_text" => {
                step.one_of("from", &[("files", ())]);
                Some(Self::ExtractText)
            }
            "validate" => {
                let value = step.code("value");
                let Some(schema) = step.get("schema").cloned() else {
                    step.miss("schema", "a validate step has a \"schema\"");
                    return None;
                };
                Some(Self::Validate { schema, value })
            }
            "delay" => {
                if let Some(seconds) = step.number("seconds", 0.0, MAX_DELAY_SECONDS) {
                    return Some(Self::Delay { seconds });
                }
                let has_it = step.get("seconds").is_some();
                if !has_it {
                    step.miss("seconds", "a delay has \"seconds\"");
                }
                None
            }
            other => {
                let detail =
                    format!("there is no tool '{other}'; there are: {}", Self::NAMES.join(", "));
                let at = step.at("tool");
                step.faults().push(Fault::new(at, FaultCode::UnknownTool, detail));
                None
            }
        }
    }

    /// Whether doing it twice does no more than doing it once, by its nature: what reaches nobody
    /// else, and the methods that are safe (RFC 9110, 9.2.1).
    pub fn is_repeatable(&self) -> bool {
        match self {
            Self::HttpRequest(request) => matches!(request.method, "GET" | "HEAD" | "OPTIONS"),
            Self::Llm(_) => false,
            Self::Passthrough
            | Self::Transform { .. }
            | Self::Template { .. }
            | Self::ExtractText
            | Self::Validate { .. }
            | Self::Delay { .. } => true,
        }
    }

    /// What of it is in a language of its own, with pointers below `at`.
    pub(super) fn code(&self, at: &str) -> Vec<CodeAt<'_>> {
        let one = |name: &str, code| vec![CodeAt::new(format!("{at}/{name}"), code)];
        match self {
            Self::Passthrough | Self::ExtractText | Self::Delay { .. } => Vec::new(),
            Self::Transform { filter } => one("filter", Code::Filter(filter)),
            Self::Template { template, .. } => one("template", Code::Template(template)),
            Self::Validate { schema, value } => {
                let value = value.as_deref().map(|value| one("value", Code::Filter(value)));
                let mut code = one("schema", Code::Schema(schema));
                code.extend(value.into_iter().flatten());
                code
            }
            Self::Llm(llm) => {
                let system = llm.system.as_deref().map(|text| one("system", Code::Template(text)));
                let mut code = one("prompt", Code::Template(&llm.prompt));
                code.extend(system.into_iter().flatten());
                code
            }
            Self::HttpRequest(request) => request.code(at),
        }
    }
}

impl HttpRequest {
    fn parse(step: &mut Members<'_>) -> Option<Self> {
        let method = step.one_of("method", &METHODS);
        let url = step.needed_code("url");
        let headers = step.texts("headers", MAX_HEADERS);
        for name in headers.keys().filter(|name| !is_header_name(name)) {
            let at = format!("{}/{}", step.at("headers"), pointer_segment(name));
            step.faults().push(Fault::invalid(at, "is no name for a header (RFC 9110, 5.1)"));
        }
        let body = step.get("body").cloned().filter(|body| !body.is_null());
        if let Some(body) = &body
            && strings(body, String::new()).iter().any(|(_, text)| text.len() > MAX_CODE_BYTES)
        {
            step.refuse("body", format!("has a string of more than {MAX_CODE_BYTES} bytes"));
        }
        if body.as_ref().is_some_and(|body| strings(body, String::new()).len() > MAX_BODY_CODES) {
            step.refuse("body", format!("has more than {MAX_BODY_CODES} strings"));
        }
        let any_status = step.flag("any_status");
        Some(Self { method: method?, url: url?, headers, body, any_status })
    }

    fn code(&self, at: &str) -> Vec<CodeAt<'_>> {
        let mut code = vec![CodeAt::new(format!("{at}/url"), Code::Template(&self.url))];
        for (name, text) in &self.headers {
            let at = format!("{at}/headers/{}", pointer_segment(name));
            code.push(CodeAt::new(at, Code::Template(text)));
        }
        if let Some(body) = &self.body {
            let templates = strings(body, format!("{at}/body")).into_iter();
            code.extend(templates.map(|(at, text)| CodeAt::new(at, Code::Template(text))));
        }
        code
    }
}

impl Llm {
    fn parse(step: &mut Members<'_>) -> Option<Self> {
        let model = step.needed_text("model", 100);
        let (system, prompt) = (step.code("system"), step.needed_code("prompt"));
        let response_format = step.one_of("response_format", &TEXT_FORMATS);
        let max_tokens = step.whole("max_tokens", 1, MAX_COMPLETION_TOKENS);
        let temperature = step.number("temperature", 0.0, 2.0);
        let (model, prompt) = (model?, prompt?);
        let response_format = response_format?;
        Some(Self { model, system, prompt, response_format, max_tokens, temperature })
    }
}

/// Every string in a value, with its pointer.
fn strings(value: &Value, at: String) -> Vec<(String, &str)> {
    match value {
        Value::String(text) => vec![(at, text)],
        Value::Array(items) => {
            let each = items.iter().enumerate();
            each.flat_map(|(index, item)| strings(item, format!("{at}/{index}"))).collect()
        }
        Value::Object(members) => members
            .iter()
            .flat_map(|(name, item)| strings(item, format!("{at}/{}", pointer_segment(name))))
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

fn is_header_name(name: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    (1..=100).contains(&name.len()) && name.bytes().all(is_token)
}
