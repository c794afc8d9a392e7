//! The frame around each request: its id, its one log line, and problems rendered with that id.

use std::{cell::LazyCell, error::Error as StdError, time::Instant};

use actix_web::{
    Error, HttpMessage, HttpRequest, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        StatusCode,
        header::{ALLOW, HeaderName, HeaderValue},
    },
    middleware::Next,
};
use api_types::{ErrorCode, sane_request_id};
use keys_core::Form;
use percent_encoding::percent_decode_str;
use tracing::Instrument as _;
use uuid::Uuid;

use crate::{
    ApiError, calls, idempotency, known::note_if_refused, rate_limit, request_trace::RequestTrace,
};

const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The id of a request: the caller's own if it is sane, else a fresh one.
#[derive(Clone)]
struct RequestId(String);

/// How refusals of a request are told, where not by a problem document: an extension of requests for pages. Of the response, the status
/// is set; the request id is for whoever asks the operator.
#[derive(Clone, Copy)]
pub struct RenderRefusal(pub fn(&HttpRequest, &ApiError, request_id: &str) -> HttpResponse);

/// The id of the request that is being answered.
pub(crate) fn request_id_of(request: &HttpRequest) -> Option<String> {
    request.extensions().get::<RequestId>().map(|id| id.0.clone())
}

/// Middleware: names the request, logs it once, and renders whatever went wrong as a problem
/// document. Must be outside of everything that can fail.
///
/// # Errors
/// What a middleware within refuses to render; the services of this crate render everything.
pub async fn request_context(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let id = request_id(&request);
    request.extensions_mut().insert(id.clone());
    let trace = RequestTrace::begin(&request, &id.0);
    let trace_id = trace.id();
    // Of the highest level: whatever is logged within names the request, whichever levels are logged.
    let span = tracing::error_span!("request", request_id = id.0, trace_id = trace_id.as_deref());
    let started = Instant::now();
    let answered = next.call(request).instrument(span).await?.map_into_boxed_body();
    calls::note(&answered);
    if let Some(error) = answered.response().error().and_then(Error::as_error::<ApiError>) {
        note_if_refused(answered.request(), answered.status(), error);
    }
    let mut response = render(answered, &id);
    if let Ok(value) = HeaderValue::from_str(&id.0) {
        response.headers_mut().insert(HEADER, value);
    }
    rate_limit::tell(&mut response);
    idempotency::tell(&mut response);
    let request = response.request();
    // Made once, and only where somebody is told of it.
    let path = LazyCell::new(|| without_keys(request.path()));
    log(request, response.status(), &path, &id, trace_id.as_deref(), started);
    trace.end(request, &path, response.status());
    Ok(response)
}

fn request_id(request: &ServiceRequest) -> RequestId {
    let sent = request.headers().get(&HEADER);
    let sane = sent.and_then(|value| sane_request_id(value.as_bytes()));
    RequestId(sane.map_or_else(|| Uuid::new_v4().to_string(), str::to_owned))
}

/// Gives every refusal its document: our own errors, and those that the framework makes by itself.
fn render(response: ServiceResponse, id: &RequestId) -> ServiceResponse {
    let status = response.status();
    if let Some(error) = response.response().error() {
        let rendered = problem_response(response.request(), error, status, id);
        return response.into_response(rendered);
    }
    let is_bare =
        response.response().body().size().is_eof() || status == StatusCode::METHOD_NOT_ALLOWED;
    if status.is_client_error() && is_bare {
        let allow = response.headers().get(ALLOW).cloned();
        let mut rendered = document(response.request(), &framework_error(status), id);
        if let Some(allow) = allow {
            rendered.headers_mut().insert(ALLOW, allow);
        }
        return response.into_response(rendered);
    }
    response
}

fn problem_response(
    request: &HttpRequest,
    error: &Error,
    status: StatusCode,
    id: &RequestId,
) -> HttpResponse {
    match error.as_error::<ApiError>() {
        Some(error) => {
            log_chain(error, &id.0);
            document(request, error, id)
        }
        None if status.is_server_error() => {
            tracing::error!(request_id = id.0, error = %error, "a request failed in the framework");
            document(request, &ApiError::internal(error.to_string()), id)
        }
        None => document(request, &framework_error(status), id),
    }
}

/// Counts a refusal that is told by other means than an error of the request.
pub fn count_problem(code: ErrorCode) {
    metrics::counter!("keywright_problems_total", "code" => code.as_str()).increment(1);
}

fn document(request: &HttpRequest, error: &ApiError, id: &RequestId) -> HttpResponse {
    count_problem(error.code());
    let renders = request.extensions().get::<RenderRefusal>().copied();
    match renders {
        Some(RenderRefusal(render)) => render(request, error, &id.0),
        None => error.document(&id.0),
    }
}

pub(crate) fn framework_error(status: StatusCode) -> ApiError {
    match status {
        StatusCode::NOT_FOUND => ApiError::not_found(),
        StatusCode::METHOD_NOT_ALLOWED => {
            ApiError::new(ErrorCode::MethodNotAllowed, "the `Allow` header tells which it knows")
        }
        StatusCode::PAYLOAD_TOO_LARGE => {
            ApiError::new(ErrorCode::BodyTooLarge, "the body is larger than the server takes")
        }
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            ApiError::new(ErrorCode::UnsupportedMediaType, "send the body as application/json")
        }
        _ => ApiError::new(ErrorCode::InvalidParameter, "the request cannot be read"),
    }
}

/// The whole chain of causes, once, for the operator; callers see none of it.
pub(crate) fn log_chain(error: &ApiError, id: &str) {
    let mut causes = Vec::new();
    let mut cause = StdError::source(error);
    while let Some(error) = cause {
        causes.push(error.to_string());
        cause = error.source();
    }
    if !causes.is_empty() {
        tracing::error!(
            request_id = id,
            code = error.code().as_str(),
            causes = causes.join(": "),
            "a request failed"
        );
    }
}

fn log(
    request: &HttpRequest,
    status: StatusCode,
    path: &LazyCell<String, impl FnOnce() -> String>,
    id: &RequestId,
    trace_id: Option<&str>,
    started: Instant,
) {
    let milliseconds = started.elapsed().as_secs_f64() * 1000.0;
    tracing::info!(
        request_id = id.0,
        trace_id,
        method = %request.method(),
        path = path.as_str(),
        status = status.as_u16(),
        milliseconds,
        "answered"
    );
}

/// A path as it may be logged: whatever looks like a key is blanked, wherever it stands and however
/// it is written. Ids of rows are UUIDs of another version, and stay.
fn without_keys(path: &str) -> String {
    let mut path = path.to_owned();
    // Encoded more than once, a key is still one for whoever reads the log.
    for _ in 0..3 {
        match percent_decode_str(&path).decode_utf8() {
            Ok(decoded) if decoded != path => path = decoded.into_owned(),
            _ => break,
        }
    }
    let is_in_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let tokens = path.split_inclusive(|c: char| !is_in_token(c)).map(|token| {
        let end = token.len()
            - token.chars().last().filter(|c| !is_in_token(*c)).map_or(0, char::len_utf8);
        let (word, rest) = token.split_at_checked(end).unwrap_or((token, ""));
        format!("{}{rest}", if may_be_key(word) { ":key" } else { word })
    });
    // What was decoded may hold line breaks and the like.
    tokens.collect::<String>().escape_debug().to_string()
}

/// Whether a word looks like a key, well or badly typed.
fn may_be_key(word: &str) -> bool {
    let lower = word.to_ascii_lowercase();
    let begins_like_one = ["unst_", "_live_", "_test_"].iter().any(|part| lower.contains(part));
    // A UUID is one in either case, and no other form is.
    begins_like_one || Form::of(word).or_else(|| Form::of(&lower)).is_some()
}

#[cfg(test)]
mod tests {
    use std::{io, sync::Mutex};

    use actix_web::{
        middleware::from_fn,
        test::{TestRequest, call_service, init_service},
        web,
    };

    use super::*;
    use crate::run_blocking;

    #[test]
    fn what_looks_like_a_key_is_not_logged() {
        let key = "unst_kJ5-x_8aZ0kJ5-x_8aZ0kJ5-x_8aZ0kJ5-x_8aZ0k";
        let uuid = "8f14e45f-ceea-467f-ab9c-0d1e2f3a4b5c";
        for path in [
            format!("/deployment/{key}/x"),
            format!("//deployment//{key}"),
            format!("/Deployment;a={key}"),
            format!("/deployment/%75nst_{}", &key[5..]),
            format!("/deployment/%2575nst_{}", &key[5..]),
            format!("/v1/{}", key.to_uppercase()),
            format!("/v1/{uuid}/x"),
        ] {
            let logged = without_keys(&path);
            assert!(logged.contains(":key"), "{logged}");
            assert!(
                !logged.contains(&key[5..]) && !logged.contains(uuid) && !logged.contains("KJ5"),
                "{logged}"
            );
        }
    }

    #[test]
    fn keys_of_organizations_are_not_logged_either() {
        for key in [
            "kw_live_0123456789ABCDEFGHIJKLMNOPQRSTUV000000",
            "kw_live_0123456789ABCDEFGH",
            "n58lzybi.1M2baTIHuRgPGbzdZC3Zch0b8VC2etL0",
        ] {
            for path in [format!("/v1/{key}"), format!("/v1/{key}/x"), format!("/v1/a={key},b")] {
                let logged = without_keys(&path);
                assert!(logged.contains(":key") && !logged.contains("1M2b"), "{logged}");
                assert!(!logged.contains("0123"), "{logged}");
            }
        }
    }

    #[test]
    fn other_paths_are_logged_as_they_are() {
        let path = "/unstract/acme/api/v2/workflow/0190e45f-ceea-767f-ab9c-0d1e2f3a4b5c";
        assert_eq!(without_keys(path), path);
        assert_eq!(without_keys("/a%0Ab"), "/a\\nb");
    }

    /// What is logged while a request is answered, on its event loop and off it.
    static LOGGED: Mutex<Vec<u8>> = Mutex::new(Vec::new());

    struct Logged;

    impl io::Write for Logged {
        fn write(&mut self, written: &[u8]) -> io::Result<usize> {
            LOGGED.lock().unwrap().extend_from_slice(written);
            Ok(written.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    async fn talkative() -> Result<&'static str, ApiError> {
        tracing::info!("on its event loop");
        run_blocking(|| {
            tracing::info!("off it");
            Ok::<_, ApiError>("said")
        })
        .await
    }

    #[actix_web::test]
    async fn whatever_is_logged_within_a_request_names_it() {
        let json = tracing_subscriber::fmt().json().with_writer(|| Logged).finish();
        tracing::subscriber::set_global_default(json).unwrap();
        let app = actix_web::App::new().route("/", web::get().to(talkative));
        let app = init_service(app.wrap(from_fn(request_context))).await;
        let request = TestRequest::get().insert_header(("x-request-id", "the-request"));
        call_service(&app, request.to_request()).await;
        let logged = String::from_utf8(LOGGED.lock().unwrap().clone()).unwrap();
        for said in ["on its event loop", "off it"] {
            let line = logged.lines().find(|line| line.contains(said)).unwrap();
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(line["span"]["request_id"], "the-request", "{line}");
        }
    }
}
