//! Requests that another site's page has a browser send. Where no session stands behind a request yet, no CSRF token can tell
//! them: a log-in of somebody else's choosing would go unnoticed by whoever sits there ("log-in CSRF").

use actix_web::{
    HttpRequest,
    http::header::{HOST, HeaderName, ORIGIN},
};
use api_types::ErrorCode;

use crate::ApiError;

/// Sent by browsers alone (W3C Fetch Metadata); pages cannot choose it.
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Refuses what a browser says another site's page has sent. Where nothing is said of it, no browser of today sent it.
/// `own`: how browsers reach this server, empty where that was not set.
///
/// # Errors
/// When it comes from elsewhere.
pub fn refuse_cross_site(request: &HttpRequest, own: &str) -> Result<(), ApiError> {
    if !is_cross_site(request, own) {
        return Ok(());
    }
    let detail = "a page of another site sent this; log in on a page of this server";
    Err(ApiError::new(ErrorCode::CrossSiteRequest, detail))
}

/// Whether a browser says that another site's page has sent a request.
pub fn is_cross_site(request: &HttpRequest, own: &str) -> bool {
    let header = |name: HeaderName| {
        request.headers().get(name).map(|value| value.to_str().unwrap_or_default())
    };
    !is_own(header(FETCH_SITE), header(ORIGIN), header(HOST), own)
}

/// A page of a sibling host is another's, too: hosts of one domain need not trust each other.
fn is_own(fetch_site: Option<&str>, origin: Option<&str>, host: Option<&str>, own: &str) -> bool {
    if let Some(site) = fetch_site {
        return matches!(site, "same-origin" | "none");
    }
    let Some(origin) = origin else { return true };
    let after_scheme = |url: &str| url.split_once("://").map(|(_, rest)| rest.to_ascii_lowercase());
    let of_own = after_scheme(own).and_then(|rest| rest.split('/').next().map(str::to_owned));
    let named = after_scheme(origin);
    named.is_some() && (named == of_own || named == host.map(str::to_ascii_lowercase))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "https://keys.example/base";
    const HOST: Option<&str> = Some("10.0.0.1:8080");

    #[test]
    fn what_the_browser_says_of_the_page_counts() {
        for (site, good) in [
            ("same-origin", true),
            ("none", true),
            ("same-site", false),
            ("cross-site", false),
            ("", false),
        ] {
            assert_eq!(is_own(Some(site), Some("https://keys.example"), HOST, OWN), good, "{site}");
        }
    }

    #[test]
    fn an_older_browser_tells_its_pages_origin() {
        for (origin, good) in [
            ("https://keys.example", true),
            ("https://KEYS.example", true),
            ("http://10.0.0.1:8080", true),
            ("https://keys.example.evil", false),
            ("https://evil.example", false),
            ("https://keys.example:444", false),
            ("null", false),
            ("", false),
        ] {
            assert_eq!(is_own(None, Some(origin), HOST, OWN), good, "{origin}");
        }
        assert!(!is_own(None, Some("http://evil.example"), HOST, ""));
    }

    #[test]
    fn what_no_browser_sent_says_nothing() {
        assert!(is_own(None, None, HOST, OWN));
        assert!(is_own(None, None, None, ""));
    }
}
