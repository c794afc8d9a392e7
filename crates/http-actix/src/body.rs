//! Reading JSON bodies: bounded, and with the place of what is wrong.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev, http::header::CONTENT_TYPE, web};
use api_types::ErrorCode;
use auth_actix::ApiError;
use serde::de::DeserializeOwned;
use serde_json::{Value, error::Category};

use crate::App;

/// A body that is not read yet. Handlers read it after the caller is known to be allowed: reading
/// in an extractor would answer strangers before authentication does.
pub(crate) struct Body {
    payload: web::Payload,
    is_json: bool,
    is_empty: bool,
    limit: usize,
}

impl FromRequest for Body {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let media_type = request
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let is_json = essence == "application/json"
            || (essence.starts_with("application/") && essence.ends_with("+json"));
        let limit =
            request.app_data::<web::Data<App>>().map_or(0, |app| app.settings.max_body_bytes);
        let is_empty = is_empty(request);
        let payload = web::Payload::from_request(request, payload).into_inner();
        ready(payload.map(|payload| Self { payload, is_json, is_empty, limit }))
    }
}

impl Body {
    /// The body as a `T`. Its first fault of shape comes alone, with its pointer.
    pub(crate) async fn json<T: DeserializeOwned>(self) -> Result<T, ApiError> {
        let bytes = self.bytes().await?;
        parse(&bytes)
    }

    /// As [`Body::json`], where the body may be left out altogether.
    pub(crate) async fn optional_json<T: DeserializeOwned + Default>(self) -> Result<T, ApiError> {
        if self.is_empty { Ok(T::default()) } else { self.json().await }
    }

    async fn bytes(self) -> Result<web::Bytes, ApiError> {
        if !self.is_json {
            return Err(ApiError::new(
                ErrorCode::UnsupportedMediaType,
                "send the body as application/json",
            ));
        }
        match self.payload.to_bytes_limited(self.limit).await {
            Ok(Ok(bytes)) => Ok(bytes),
            Ok(Err(_)) => Err(ApiError::new(
                ErrorCode::MalformedJson,
                "the body ended before it was complete",
            )),
            Err(_) => {
                let detail = format!("the body may have at most {} bytes", self.limit);
                Err(ApiError::new(ErrorCode::BodyTooLarge, detail))
            }
        }
    }
}

/// Whether the request says that it has no body.
fn is_empty(request: &HttpRequest) -> bool {
    let headers = request.headers();
    let length = headers.get("content-length").and_then(|value| value.to_str().ok());
    length.is_none_or(|length| length == "0") && !headers.contains_key("transfer-encoding")
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let parsed = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let pointer = pointer(error.path());
        shape_fault(&error.into_inner(), pointer)
    })?;
    json.end().map_err(|error| shape_fault(&error, String::new()))?;
    Ok(parsed)
}

/// A value that was read already, as a `T`.
pub(crate) fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, ApiError> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let pointer = pointer(error.path());
        shape_fault(&error.into_inner(), pointer)
    })
}

fn shape_fault(error: &serde_json::Error, pointer: String) -> ApiError {
    match error.classify() {
        Category::Syntax | Category::Eof | Category::Io => {
            let detail =
                format!("the body is not JSON (line {}, column {})", error.line(), error.column());
            ApiError::new(ErrorCode::MalformedJson, detail)
        }
        Category::Data => {
            let text = error.to_string();
            let text = text.split(" at line ").next().unwrap_or_default();
            match text
                .split_once('`')
                .and_then(|(what, rest)| Some((what, rest.split_once('`')?.0)))
            {
                Some(("unknown field ", name)) => {
                    // The path ends at the unknown member itself or at the object around it.
                    let at = format!("/{name}");
                    let pointer = if pointer.ends_with(&at) { pointer } else { pointer + &at };
                    ApiError::at(
                        ErrorCode::UnknownField,
                        pointer,
                        format!("'{name}' has no meaning here"),
                    )
                }
                Some(("missing field ", name)) => ApiError::at(
                    ErrorCode::MissingField,
                    format!("{pointer}/{name}"),
                    format!("'{name}' must be given"),
                ),
                _ => ApiError::at(ErrorCode::InvalidType, pointer, text.to_owned()),
            }
        }
    }
}

/// The path as a JSON pointer (RFC 6901).
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut pointer = String::new();
    for segment in path {
        let part = match segment {
            Segment::Seq { index } => index.to_string(),
            Segment::Map { key } => key.replace('~', "~0").replace('/', "~1"),
            Segment::Enum { variant } => variant.clone(),
            Segment::Unknown => continue,
        };
        pointer.push('/');
        pointer.push_str(&part);
    }
    pointer
}

#[cfg(test)]
mod tests {
    use api_types::{CreateWorkflow, PatchDeployment};

    use super::*;

    #[track_caller]
    fn check<T: DeserializeOwned>(body: &str, code: &str, attr: Option<&str>) {
        let error = parse::<T>(body.as_bytes()).err().expect("a fault");
        let rendered = format!("{error:?}");
        assert_eq!(error.code().as_str(), code, "{rendered}");
        let expected = attr.map_or("attr: None".into(), |attr| format!("attr: Some({attr:?})"));
        assert!(rendered.contains(&expected) || attr.is_none(), "{rendered}");
    }

    #[test]
    fn what_is_not_json_is_malformed() {
        for body in ["", "{", "{\"name\": }", "{} {}", "\u{0}"] {
            check::<Value>(body, "malformed_json", None);
        }
    }

    #[test]
    fn an_unknown_field_is_named() {
        check::<PatchDeployment>(r#"{"is_activ": true}"#, "unknown_field", Some("/is_activ"));
    }

    #[test]
    fn a_missing_field_is_named() {
        check::<CreateWorkflow>(r#"{"name": "w"}"#, "missing_field", Some("/definition"));
    }

    #[test]
    fn a_value_of_the_wrong_type_is_pointed_at() {
        check::<PatchDeployment>(r#"{"is_active": "yes"}"#, "invalid_type", Some("/is_active"));
        check::<PatchDeployment>(r#"{"is_active": null}"#, "invalid_type", Some("/is_active"));
        check::<PatchDeployment>("[]", "invalid_type", Some(""));
    }
}
