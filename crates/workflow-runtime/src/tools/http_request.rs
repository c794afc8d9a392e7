//! Calls an HTTP service.

use std::time::Duration;

use deployments_domain::HttpRequest;
use outbound::{HttpAnswer, HttpCall, OutboundError};
use serde_json::{Map, Value, json};

use super::{Again, Scene, Trouble};

const MAX_RESPONSE_BYTES: usize = 10 << 20;
const MAX_REDIRECTS: usize = 5;
const USER_AGENT: &str = concat!("keywright/", env!("CARGO_PKG_VERSION"));

pub(super) async fn call(request: &HttpRequest, scene: &Scene<'_>) -> Result<Value, Trouble> {
    let mut headers = Vec::with_capacity(request.headers.len() + 3);
    for (name, value) in &request.headers {
        headers.push((name.clone(), scene.render(value).await?));
    }
    let body = match &request.body {
        Some(body) => render_body(body, scene).await?,
        None => Vec::new(),
    };
    if !body.is_empty() {
        let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(&body).is_ok();
        let kind = if is_json { "application/json" } else { "text/plain; charset=utf-8" };
        add_unless_given(&mut headers, "Content-Type", kind);
    }
    add_unless_given(&mut headers, "User-Agent", USER_AGENT);
    if let Some(trace) = scene.run.trace {
        add_unless_given(&mut headers, "traceparent", &trace.to_string());
    }
    let call = HttpCall {
        method: request.method.into(),
        url: scene.render(&request.url).await?,
        headers,
        body,
        timeout: scene.longer_than_the_try(),
        max_response_bytes: MAX_RESPONSE_BYTES,
        max_redirects: MAX_REDIRECTS,
    };
    let answer = scene.tools.http.send(call).await.map_err(|error| trouble(&error))?;
    if answer.status >= 400 && !request.any_status {
        let reason = format!("the service answered with status {}", answer.status);
        return Err(Trouble::failed(reason, again(&answer)));
    }
    Ok(output(answer))
}

fn trouble(error: &OutboundError) -> Trouble {
    let was_sent =
        !matches!(error, OutboundError::Unresolved { .. } | OutboundError::Unreachable { .. });
    let again = match (error.is_transient(), was_sent) {
        (true, false) => Again::After(None),
        (true, true) => Again::IfHarmless,
        (false, _) => Again::Never,
    };
    Trouble::failed(error.to_string(), again)
}

/// Whether the service says that it may be asked again, and when.
fn again(answer: &HttpAnswer) -> Again {
    match answer.status {
        408 | 425 | 429 | 500..=599 => {
            let told = answer.headers.iter().find(|(name, _)| name == "retry-after");
            let seconds = told.and_then(|(_, value)| value.parse().ok());
            Again::After(seconds.map(Duration::from_secs))
        }
        _ => Again::Never,
    }
}

fn output(answer: HttpAnswer) -> Value {
    let mut headers = Map::new();
    for (name, value) in answer.headers {
        match headers.get_mut(&name) {
            Some(Value::String(before)) => *before = format!("{before}, {value}"),
            _ => drop(headers.insert(name, Value::String(value))),
        }
    }
    let kind = headers.get("content-type").and_then(Value::as_str).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_json = kind == "application/json" || kind.ends_with("+json");
    let parsed = if is_json { serde_json::from_slice(&answer.body).ok() } else { None };
    let body =
        parsed.unwrap_or_else(|| Value::String(String::from_utf8_lossy(&answer.body).into_owned()));
    json!({ "status": answer.status, "headers": headers, "body": body })
}

/// A string as it renders; anything else as JSON in which each string is rendered.
async fn render_body(body: &Value, scene: &Scene<'_>) -> Result<Vec<u8>, Trouble> {
    match body.as_str() {
        Some(template) => Ok(scene.render(template).await?.into_bytes()),
        None => Ok(rendered(body, scene).await?.to_string().into_bytes()),
    }
}

async fn rendered(value: &Value, scene: &Scene<'_>) -> Result<Value, Trouble> {
    Ok(match value {
        Value::String(template) => Value::String(scene.render(template).await?),
        Value::Array(items) => {
            let mut done = Vec::with_capacity(items.len());
            for item in items {
                done.push(Box::pin(rendered(item, scene)).await?);
            }
            Value::Array(done)
        }
        Value::Object(members) => {
            let mut done = Map::new();
            for (name, item) in members {
                done.insert(name.clone(), Box::pin(rendered(item, scene)).await?);
            }
            Value::Object(done)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    })
}

fn add_unless_given(headers: &mut Vec<(String, String)>, name: &str, value: &str) {
    if !headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name)) {
        headers.push((name.into(), value.into()));
    }
}
