//! What a page says where something was refused: in the organization's frame where the viewer is known there.

use actix_web::{
    HttpMessage as _, HttpRequest, HttpResponse,
    http::{
        Method, StatusCode,
        header::{LOCATION, RETRY_AFTER},
    },
};
use api_types::{ErrorCode, Refusal};
use auth_actix::ApiError;
use maud::html;

use crate::{
    console::secure,
    layout::{Frame, page as framed},
    parts::{Button, code_block, heading, href},
    typed::Typed,
    viewer::Viewer,
};

/// The answer to a request of the console that was refused: whoever has no session is led to the log-in.
pub(crate) fn page(request: &HttpRequest, error: &ApiError, request_id: &str) -> HttpResponse {
    let refusal = error.refusal();
    let is_logged_out =
        matches!(refusal.code, ErrorCode::MissingCredential | ErrorCode::InvalidCredential);
    let mut answer = if is_logged_out && request.method() == Method::GET {
        HttpResponse::SeeOther().insert_header((LOCATION, log_in(request))).finish()
    } else {
        rendered(request, refusal, request_id)
    };
    secure(answer.headers_mut());
    answer
}

/// Where to log in, and to come back from.
fn log_in(request: &HttpRequest) -> String {
    let wanted = request.uri().path_and_query().map_or("/", |wanted| wanted.as_str());
    if wanted == "/" { "/log-in".into() } else { href("/log-in", &[("next", wanted)]) }
}

fn rendered(request: &HttpRequest, refusal: &Refusal, request_id: &str) -> HttpResponse {
    let status =
        StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let extensions = request.extensions();
    let viewer = extensions.get::<Viewer>();
    let (title, advice) = words(refusal);
    let home =
        viewer.and_then(|viewer| viewer.here.as_ref()).map_or("/".into(), |here| here.href(""));
    let is_over = status == StatusCode::UNAUTHORIZED;
    let log_in = href("/log-in", &[("next", request.path())]);
    let body = html! {
        (heading(title, html! {}))
        @if !is_over { p { (sentence(&refusal.detail)) } }
        @if let Some(advice) = advice { p { (advice) } }
        @if refusal.errors.len() > 1 {
            ul { @for error in &refusal.errors { li { (error.detail) } } }
        }
        @if let Some(typed) = extensions.get::<Typed>() {
            @for (name, value) in typed.laborious() { (code_block(&format!("What you typed, kept to be copied: {name}"), value)) }
        }
        p .buttons {
            @if is_over { (Button::link("Log in", log_in).primary()) }
            @else { (Button::link("Go to the start", home).primary()) }
        }
        p .quiet { "Code " code { (refusal.code.as_str()) } " · request " code { (request_id) } }
    };
    let frame = Frame::new(title);
    let frame = match viewer {
        Some(viewer) => frame.viewer(viewer),
        None => frame,
    };
    let mut answer = HttpResponse::build(status);
    if let Some(seconds) = refusal.retry_after {
        answer.insert_header((RETRY_AFTER, seconds.to_string()));
    }
    answer.content_type("text/html; charset=utf-8").body(framed(frame, body).into_string())
}

/// Headings of refusals that have something to say of their own, and what can be done then.
const WORDS: [(ErrorCode, &str, &str); 5] = [
    (
        ErrorCode::NotFound,
        "Not found",
        "The address is wrong, it was deleted, or it is not shared with you.",
    ),
    (ErrorCode::AdminRequired, "For administrators", "Ask an administrator of the organization."),
    (
        ErrorCode::CsrfTokenRequired,
        "The form is out of date",
        "It was opened before your last log-in, and nothing was done. Open the page anew and send it again.",
    ),
    (ErrorCode::MissingCredential, OVER, SEND_AGAIN),
    (ErrorCode::InvalidCredential, OVER, SEND_AGAIN),
];
const OVER: &str = "Your session is over";
const SEND_AGAIN: &str = "What you sent was not done. Log in, and send it again.";

/// A heading, and what can be done beside what the refusal says itself.
fn words(refusal: &Refusal) -> (&'static str, Option<&'static str>) {
    let known = WORDS.iter().find(|(code, ..)| *code == refusal.code);
    let is_ours = refusal.status() >= 500;
    known.map_or(
        (if is_ours { "Something went wrong" } else { "This could not be done" }, None),
        |(_, title, advice)| (*title, Some(*advice)),
    )
}

/// Details are told in the middle of sentences elsewhere.
pub(crate) fn sentence(detail: &str) -> String {
    let mut letters = detail.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    let rest = letters.as_str();
    let stop = if rest.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{rest}{stop}")
}
