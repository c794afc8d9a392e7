//! How a credential travels: three spellings of a key, or a session cookie. Knows nothing of what
//! it is worth.

use access_domain::MAX_KEY_BYTES;
use actix_web::{HttpRequest, http::header};
use api_types::ErrorCode;

use crate::{ApiError, SessionCookie};

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
    let bare = headers.get_all("api-key").map(|value| value.to_str().ok().map(str::trim));
    let schemed = headers
        .get_all(header::AUTHORIZATION)
        .map(|value| value.to_str().ok().and_then(key_of_scheme));
    let mut keys: Vec<Option<&str>> = bare.chain(schemed).collect();
    keys.dedup();
    match keys.as_slice() {
        [] => Ok(cookie.read(request).map_or(Presented::Nothing, Presented::Session)),
        [Some(key)] if !key.is_empty() && key.len() <= MAX_KEY_BYTES => {
            Ok(Presented::Key((*key).into()))
        }
        [_] => Ok(Presented::Unreadable),
        _ => Err(ApiError::new(ErrorCode::AmbiguousCredentials, "send one key, in one header")),
    }
}

fn key_of_scheme(value: &str) -> Option<&str> {
    let (scheme, key) = value.split_once(' ')?;
    let known = ["bearer", "api-key"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
    known.then(|| key.trim())
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
    fn a_key_travels_in_three_spellings() {
        check(&[("Authorization", "Bearer k")], "key k");
        check(&[("Authorization", "bEARER  k ")], "key k");
        check(&[("Authorization", "Api-Key k")], "key k");
        check(&[("Api-Key", "k")], "key k");
    }

    #[test]
    fn one_key_twice_is_one_key_and_two_are_refused() {
        check(&[("Authorization", "Bearer k"), ("Api-Key", "k")], "key k");
        check(&[("Authorization", "Bearer k"), ("Api-Key", "j")], "ambiguous_credentials");
        check(
            &[("Authorization", "Bearer k"), ("Authorization", "Bearer j")],
            "ambiguous_credentials",
        );
    }

    #[test]
    fn what_can_be_no_key_is_unreadable() {
        check(&[("Authorization", "Basic dTpw")], "unreadable");
        check(&[("Authorization", "Bearer")], "unreadable");
        check(&[("Authorization", "Bearer ")], "unreadable");
        check(&[("Api-Key", &"x".repeat(MAX_KEY_BYTES + 1))], "unreadable");
    }

    #[test]
    fn a_key_wins_over_a_cookie() {
        check(&[("Cookie", "kw_session=t")], "session t");
        check(&[("Cookie", "kw_session=t"), ("Api-Key", "k")], "key k");
        check(&[], "nothing");
    }
}
