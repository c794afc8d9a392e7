//! `/log-in` and `/log-out`.

use access_domain::{Credentials, UserRecord};
use actix_web::{HttpRequest, HttpResponse, get, http::header::RETRY_AFTER, post, web};
use auth_actix::{ApiError, session_of_request};
use keys_core::Secret;
use maud::{Markup, html};
use url::Url;

use super::{refused, see_other, shown};
use crate::{
    Console,
    layout::{Frame, page},
    parts::{Button, Field, Filled, Form, heading},
    typed::{SMALL_BYTES, Typed},
    visitor::PersonSends,
};

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config.service(log_in_page).service(log_in).service(log_out);
}

#[get("/log-in")]
async fn log_in_page(request: HttpRequest) -> HttpResponse {
    let query = Typed::query(&request);
    let next = next(query.text("next"));
    if session_of_request(&request, None).await.is_ok() {
        return see_other(next);
    }
    shown(form(&next, &Filled::blank()))
}

#[post("/log-in")]
async fn log_in(
    console: web::Data<Console>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let typed = Typed::read(&request, &mut payload.into_inner(), SMALL_BYTES).await?;
    let next = next(typed.text("next"));
    let credentials = Credentials {
        username: typed.text("username").to_owned(),
        password: Secret::new(typed.raw("password").to_owned()),
    };
    let arrival = console.passwords.arrival(&request);
    let use_cases = console.use_cases.clone();
    let begin = move |user: UserRecord| {
        use_cases.sessions.begin(user.user.id, user.password_changed_at, &arrival)
    };
    match console.passwords.with_password(&request, credentials, begin).await {
        Ok(begun) => {
            let mut answer = see_other(next);
            for cookie in console.passwords.cookies(begun.token, begun.device) {
                answer
                    .add_cookie(&cookie)
                    .map_err(|error| ApiError::internal(error.to_string()))?;
            }
            Ok(answer)
        }
        Err(error) if error.refusal().status() < 500 => {
            let status = error.refusal().status();
            let again = error.refusal().retry_after;
            let filled = typed.refused(error.into_errors());
            let mut answer = refused(status, form(&next, &filled));
            if let Some(seconds) = again {
                answer.headers_mut().insert(RETRY_AFTER, seconds.into());
            }
            Ok(answer)
        }
        Err(error) => Err(error),
    }
}

#[post("/log-out")]
async fn log_out(
    console: web::Data<Console>,
    sends: PersonSends,
) -> Result<HttpResponse, ApiError> {
    let record = sends.person.record;
    console.run(move |uc| uc.sessions.end(&record, record.session.id)).await?;
    let mut answer = see_other("/log-in");
    let farewell = console.passwords.farewell();
    answer.add_cookie(&farewell).map_err(|error| ApiError::internal(error.to_string()))?;
    Ok(answer)
}

fn form(next: &str, filled: &Filled) -> Markup {
    let form = Form::post("/log-in", "")
        .hidden("next", next)
        .field(Field::text("username", "User name").required().autocomplete("username"))
        .field(Field::password("password", "Password").required().autocomplete("current-password"))
        .button(Button::submit("Log in").primary());
    let body = html! {
        (heading("Log in", html! {}))
        (form.render(filled))
    };
    page(Frame::new("Log in"), body)
}

/// Where a log-in leads: an address of this server, whatever was asked for. It is read as a browser reads it, so that nothing
/// which only looks like one gets through.
fn next(wanted: &str) -> String {
    const HERE: &str = "http://here.invalid";
    let joined = Url::parse(HERE).and_then(|here| here.join(wanted));
    let own = joined
        .ok()
        .filter(|url| wanted.starts_with('/') && url.origin().ascii_serialization() == HERE);
    let path = own.map(|url| match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    });
    // What the path became may begin with two slashes still, which would name a host.
    let is_door = |path: &str| matches!(path.split(['/', '?']).nth(1), Some("log-in" | "log-out"));
    path.filter(|path| !path.starts_with("//") && !is_door(path)).unwrap_or_else(|| "/".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_in_leads_to_this_server_alone() {
        for own in ["/acme/usage?from=1&to=2", "/account", "/log-team/usage", "/"] {
            assert_eq!(next(own), own);
        }
        for other in [
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "https:evil.example",
            "https://evil.example/",
            "///evil.example",
            "/\t/evil.example",
            "javascript:alert(1)",
            "/..//evil.example",
            "",
            "evil",
            "/log-in",
            "/log-out",
            "/a/..//evil.example",
            "/%0d%0aSet-Cookie:x=1//",
            " //evil.example",
        ] {
            let led = next(other);
            assert!(led == "/" || led.starts_with("/%0d%0a"), "{other}: {led}");
        }
    }
}
