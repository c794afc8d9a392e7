//! How a credential travels: three spellings of a key, or a session cookie. Knows nothing of what
//! it is worth.

use actix_web::{
    HttpRequest,
    http::header::{self, HeaderName, HeaderValue},
};
use api_types::Refusal;

use crate::{ApiError, SessionCookie};

const API_KEY: HeaderName = HeaderName::from_static("api-key");

/// What a request carries. A key in a header wins over a cookie, which is then ignored.
pub(crate) enum Presented {
    Key(String),
    Session(String),
    /// A header that can be no key of ours.
    Unreadable,
    Nothing,
}

/// Reads the credential: `Authorization: Bearer <key>`, `Authorization: Api-Key <key>` (schemes in
/// any case, RFC 9110, 11.1) or `Api-Key: <key>`.
pub(crate) fn presented(
    request: &HttpRequest,
    cookie: &SessionCookie,
) -> Result<Presented, ApiError> {
    let headers = request.headers();
    let values = |name| headers.get_all(name).map(HeaderValue::as_bytes);
    match keys_core::Presented::read(values(header::AUTHORIZATION), values(API_KEY)) {
        keys_core::Presented::Nothing => {
            Ok(cookie.read(request).map_or(Presented::Nothing, Presented::Session))
        }
        keys_core::Presented::Key(key) => Ok(Presented::Key(key.into())),
        keys_core::Presented::Unreadable => Ok(Presented::Unreadable),
        keys_core::Presented::Ambiguous => Err(Refusal::ambiguous_credentials().into()),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[track_caller]
    fn check(headers: &[(&str, &str)], expected: &str) {
        let request = headers.iter().fold(TestRequest::default(), |request, (name, value)| {
            request.append_header((*name, *value))
        });
        let found = match presented(&request.to_http_request(), &SessionCookie::new(false)) {
            Ok(Presented::Key(key)) => format!("key {key}"),
            Ok(Presented::Session(token)) => format!("session {token}"),
            Ok(Presented::Unreadable) => "unreadable".into(),
            Ok(Presented::Nothing) => "nothing".into(),
            Err(error) => error.code().as_str().into(),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn headers_are_read_as_every_door_reads_them() {
        check(&[("Authorization", "bEARER  k ")], "key k");
        check(&[("Authorization", "Bearer k"), ("Api-Key", "k")], "key k");
        check(&[("Authorization", "Bearer k"), ("Api-Key", "j")], "ambiguous_credentials");
        check(&[("Authorization", "Basic dTpw")], "unreadable");
    }

    #[test]
    fn a_key_wins_over_a_cookie() {
        check(&[("Cookie", "kw_session=t")], "session t");
        check(&[("Cookie", "kw_session=t"), ("Api-Key", "k")], "key k");
        check(&[], "nothing");
    }
}
