//! Reading JSON bodies: bounded, and with the place of what is wrong.

use std::{
    future::{Ready, ready},
    sync::Arc,
    time::Duration,
};

use access_domain::pointer_segment;
use actix_web::{
    FromRequest, HttpRequest, dev,
    http::header::{CONTENT_TYPE, HeaderValue},
    web,
};
use api_types::ErrorCode;
use auth_actix::{ApiError, read_bounded, run_blocking};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    App,
    form::{self, Form, FormBounds},
};

/// Larger bodies are parsed off the event loop.
const PARSED_IN_PLACE_BYTES: usize = 64 * 1024;

/// A body that is not read yet. Handlers read it after the caller is known to be allowed: reading
/// in an extractor would answer strangers before authentication does.
pub(crate) struct Body {
    payload: web::Payload,
    is_json: bool,
    /// The media type of a form.
    form: Option<HeaderValue>,
    is_empty: bool,
    limit: usize,
    deadline: Duration,
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
        let is_form = essence == "multipart/form-data";
        let form = request.headers().get(CONTENT_TYPE).filter(|_| is_form).cloned();
        let settings = request.app_data::<web::Data<App>>().map(|app| &app.settings);
        let limit = settings.map_or(0, |settings| settings.max_body_bytes);
        let deadline = settings.map_or(Duration::ZERO, |settings| settings.body_timeout);
        let is_empty = is_empty(request);
        let payload = web::Payload::from_request(request, payload).into_inner();
        ready(payload.map(|payload| Self { payload, is_json, form, is_empty, limit, deadline }))
    }
}

impl Body {
    /// The same body, if it is small and comes at once: for those who are not known yet.
    pub(crate) fn within(self, limit: usize, deadline: Duration) -> Self {
        Self { deadline, ..self.at_most(limit) }
    }

    /// The same body, with another bound beside the server's.
    pub(crate) fn at_most(self, limit: usize) -> Self {
        Self { limit: self.limit.min(limit), ..self }
    }

    /// The same body, with a bound of its own in place of the server's.
    pub(crate) fn up_to(self, limit: usize) -> Self {
        Self { limit, ..self }
    }

    /// The body as a `T`, which is an object. Its first fault of shape comes alone, with its pointer.
    pub(crate) async fn json<T: DeserializeOwned>(self) -> Result<T, ApiError> {
        object(self.any_json().await?)
    }

    /// A body that has nothing to say: none, or an empty object.
    pub(crate) async fn nothing(self) -> Result<(), ApiError> {
        #[derive(Default, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Nothing {}
        self.optional_json().await.map(|Nothing {}| ())
    }

    /// The body, whatever it is.
    pub(crate) async fn any_json(self) -> Result<Value, ApiError> {
        self.read().await?.any_json().await
    }

    /// As [`Body::json`], where the body may be left out altogether.
    pub(crate) async fn optional_json<T: DeserializeOwned + Default>(self) -> Result<T, ApiError> {
        self.read_optional().await?.optional_json().await
    }

    /// The body as it comes, for whoever must know what was sent before looking into it.
    pub(crate) async fn read(self) -> Result<ReadBody, ApiError> {
        Ok(ReadBody { bytes: self.bytes().await?, is_left_out: false })
    }

    /// The body as it comes, be it JSON or a form with files.
    pub(crate) async fn read_call(
        self,
        app: &App,
        max_file_bytes: u64,
    ) -> Result<CallBody, ApiError> {
        let Some(media_type) = self.form else { return self.read().await.map(CallBody::Json) };
        let bounds = FormBounds {
            max_file_bytes,
            max_files_bytes: app.settings.uploads.max_bytes,
            max_fields_bytes: self.limit,
            silence: self.deadline,
            within: app.settings.uploads.within,
        };
        let store = Arc::clone(&app.files);
        form::read(&media_type, self.payload, bounds, store).await.map(CallBody::Form)
    }

    /// As [`Body::read`], where the body may be left out altogether.
    pub(crate) async fn read_optional(self) -> Result<ReadBody, ApiError> {
        if self.is_empty {
            return Ok(ReadBody { bytes: web::Bytes::new(), is_left_out: true });
        }
        self.read().await
    }

    async fn bytes(self) -> Result<web::Bytes, ApiError> {
        if !self.is_json {
            return Err(ApiError::new(
                ErrorCode::UnsupportedMediaType,
                "send the body as application/json; files come as multipart/form-data, where they are taken",
            ));
        }
        read_bounded(self.payload, self.limit, self.deadline).await
    }
}

/// The body of a call that has come, and is not looked into yet.
pub(crate) enum CallBody {
    Json(ReadBody),
    Form(Form),
}

impl CallBody {
    /// What a request that is sent again must have in common with the first.
    pub(crate) fn identity(&self) -> &web::Bytes {
        match self {
            Self::Json(body) => body.bytes(),
            Self::Form(form) => &form.identity,
        }
    }
}

/// A body that has come, and is not looked into yet.
pub(crate) struct ReadBody {
    bytes: web::Bytes,
    is_left_out: bool,
}

impl ReadBody {
    /// What was sent, byte by byte.
    pub(crate) fn bytes(&self) -> &web::Bytes {
        &self.bytes
    }

    /// As [`Body::any_json`].
    pub(crate) async fn any_json(self) -> Result<Value, ApiError> {
        let bytes = self.bytes;
        let bytes_len = bytes.len();
        let parse = move || serde_json::from_slice(&bytes).map_err(|error| malformed(&error));
        if bytes_len <= PARSED_IN_PLACE_BYTES { parse() } else { run_blocking(parse).await }
    }

    /// As [`Body::json`].
    pub(crate) async fn json<T: DeserializeOwned>(self) -> Result<T, ApiError> {
        object(self.any_json().await?)
    }

    /// As [`Body::optional_json`].
    pub(crate) async fn optional_json<T: DeserializeOwned + Default>(self) -> Result<T, ApiError> {
        if self.is_left_out { Ok(T::default()) } else { self.json().await }
    }
}

/// Whether the request says that it has no body.
fn is_empty(request: &HttpRequest) -> bool {
    let headers = request.headers();
    let length = headers.get("content-length").and_then(|value| value.to_str().ok());
    length.is_none_or(|length| length == "0") && !headers.contains_key("transfer-encoding")
}

fn malformed(error: &serde_json::Error) -> ApiError {
    let detail = format!("the body is not JSON (line {}, column {})", error.line(), error.column());
    ApiError::new(ErrorCode::MalformedJson, detail)
}

/// An object as a `T`. Its first fault of shape comes alone, with its pointer.
pub(crate) fn object<T: DeserializeOwned>(value: Value) -> Result<T, ApiError> {
    // Serde would read an array as the members of a struct in their order.
    if !value.is_object() {
        return Err(ApiError::at(ErrorCode::InvalidType, "", "the body must be a JSON object"));
    }
    serde_path_to_error::deserialize(value).map_err(|error| {
        let pointer = pointer(error.path());
        shape_fault(&error.into_inner().to_string(), pointer)
    })
}

/// Serde tells shape faults in words alone. The path of an unknown member ends at it, that of a
/// missing one at the object around it.
fn shape_fault(text: &str, pointer: String) -> ApiError {
    if text.starts_with("unknown field") {
        let detail = format!("'{pointer}' has no meaning here");
        return ApiError::at(ErrorCode::UnknownField, pointer, detail);
    }
    match text.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`')) {
        Some(name) => ApiError::at(
            ErrorCode::MissingField,
            format!("{pointer}/{name}"),
            format!("'{name}' must be given"),
        ),
        None => ApiError::at(ErrorCode::InvalidType, pointer, text.to_owned()),
    }
}

/// The path as a JSON pointer (RFC 6901).
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut pointer = String::new();
    for segment in path {
        let part = match segment {
            Segment::Seq { index } => index.to_string(),
            Segment::Map { key } => pointer_segment(key),
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
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check<T: DeserializeOwned>(body: Value, code: &str, attr: &str) {
        let error = object::<T>(body).err().expect("a fault");
        let rendered = format!("{error:?}");
        assert_eq!(error.code().as_str(), code, "{rendered}");
        assert!(rendered.contains(&format!("attr: Some({attr:?})")), "{rendered}");
    }

    #[test]
    fn an_unknown_field_is_named() {
        check::<PatchDeployment>(json!({"is_activ": true}), "unknown_field", "/is_activ");
        check::<PatchDeployment>(json!({"a/b`~": true}), "unknown_field", "/a~1b`~0");
    }

    #[test]
    fn a_missing_field_is_named() {
        check::<CreateWorkflow>(json!({"name": "w"}), "missing_field", "/definition");
    }

    #[test]
    fn a_value_of_the_wrong_type_is_pointed_at() {
        check::<PatchDeployment>(json!({"is_active": "yes"}), "invalid_type", "/is_active");
        check::<PatchDeployment>(json!({"is_active": null}), "invalid_type", "/is_active");
        check::<PatchDeployment>(json!([]), "invalid_type", "");
    }
}
