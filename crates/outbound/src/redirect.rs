//! What a redirect makes of a call. Pure: whether the new address may be called is asked when it is.

use http::{HeaderMap, HeaderName, Method, StatusCode, header};
use url::Url;

use crate::OutboundError;

/// What goes along to another origin. All else may be a secret that was meant for the first one:
/// there are too many names for such headers to list them.
const HARMLESS: [HeaderName; 5] = [
    header::ACCEPT,
    header::ACCEPT_ENCODING,
    header::ACCEPT_LANGUAGE,
    header::CONTENT_TYPE,
    header::USER_AGENT,
];

/// Where an answer leads, if it is a redirect.
///
/// # Errors
/// When it leads nowhere that can be called, or from https to http.
pub(crate) fn target(
    from: &Url,
    status: StatusCode,
    headers: &HeaderMap,
) -> Result<Option<Url>, OutboundError> {
    let is_redirect = matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308);
    let Some(location) = headers.get(header::LOCATION).filter(|_| is_redirect) else {
        return Ok(None);
    };
    let invalid =
        || OutboundError::InvalidRedirect { host: from.host_str().unwrap_or_default().to_owned() };
    let location = location.to_str().map_err(|_| invalid())?;
    let to = from.join(location).map_err(|_| invalid())?;
    if from.scheme() == "https" && to.scheme() != "https" {
        return Err(invalid());
    }
    Ok(Some(to))
}

/// The method after a redirect, and whether the body is sent again (RFC 9110, 15.4).
pub(crate) fn method(status: StatusCode, before: &Method) -> (Method, bool) {
    let is_post = *before == Method::POST;
    match status.as_u16() {
        303 if *before != Method::HEAD => (Method::GET, false),
        301 | 302 if is_post => (Method::GET, false),
        _ => (before.clone(), true),
    }
}

/// Takes out of `headers` what another origin must not see.
pub(crate) fn strip(headers: &mut HeaderMap, from: &Url, to: &Url) {
    if from.origin() == to.origin() {
        return;
    }
    let names: Vec<_> = headers.keys().filter(|name| !HARMLESS.contains(name)).cloned().collect();
    for name in names {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    fn led(from: &str, status: u16, location: &str) -> Result<Option<String>, ()> {
        let headers = HeaderMap::from_iter([(header::LOCATION, location.parse().unwrap())]);
        let to = target(&url(from), StatusCode::from_u16(status).unwrap(), &headers);
        to.map(|to| to.map(|to| to.to_string())).map_err(drop)
    }

    #[test]
    fn a_redirect_is_a_status_with_a_place() {
        let to = |text: &str| Ok(Some(text.to_owned()));
        assert_eq!(led("http://a.test/x/y", 302, "z?q=1"), to("http://a.test/x/z?q=1"));
        assert_eq!(led("http://a.test/", 307, "//b.test/"), to("http://b.test/"));
        assert_eq!(led("http://a.test/", 301, "https://a.test/"), to("https://a.test/"));
        assert_eq!(led("http://a.test/", 304, "/z"), Ok(None));
        assert_eq!(led("http://a.test/", 200, "/z"), Ok(None));
        assert_eq!(led("https://a.test/", 302, "http://a.test/"), Err(()));
        assert_eq!(led("http://a.test/", 302, "http://["), Err(()));
    }

    #[test]
    fn what_was_sent_is_sent_again_only_where_the_status_says_so() {
        let after = |status, before| method(StatusCode::from_u16(status).unwrap(), &before);
        assert_eq!(after(301, Method::POST), (Method::GET, false));
        assert_eq!(after(302, Method::POST), (Method::GET, false));
        assert_eq!(after(302, Method::PUT), (Method::PUT, true));
        assert_eq!(after(303, Method::PUT), (Method::GET, false));
        assert_eq!(after(303, Method::HEAD), (Method::HEAD, true));
        assert_eq!(after(307, Method::POST), (Method::POST, true));
        assert_eq!(after(308, Method::DELETE), (Method::DELETE, true));
    }

    #[test]
    fn secrets_stay_with_the_origin_that_they_were_meant_for() {
        let left = |from: &str, to: &str| {
            let mut headers = HeaderMap::new();
            for name in ["authorization", "cookie", "x-api-key", "accept", "content-type"] {
                headers.insert(name, "x".parse().unwrap());
            }
            strip(&mut headers, &url(from), &url(to));
            headers.len()
        };
        assert_eq!(left("https://a.test/x", "https://a.test:443/y"), 5);
        for elsewhere in ["https://b.test/", "https://a.test:444/", "http://a.test/"] {
            assert_eq!(left("https://a.test/x", elsewhere), 2, "{elsewhere}");
        }
    }
}
