//! `/deployment/{api_key}/…`, as older documents write it: the key leaves the path before anything
//! can log it.

use actix_web::{
    Error, HttpMessage,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Uri,
        header::{self, HeaderName, HeaderValue},
        uri::PathAndQuery,
    },
    middleware::Next,
};

/// What stands in the path in the key's place.
pub(crate) const PLACEHOLDER: &str = ":key";
/// When the form was declared deprecated: 2026-11-21, as RFC 9745 writes it.
const DEPRECATED_SINCE: &str = "@1795219200";

/// The key that stood in the path. No `Debug`: it may be a good one.
#[derive(Clone)]
pub(crate) struct KeyInUrl(pub(crate) String);

/// Middleware: takes a key out of the path, and marks the answer as deprecated, not to be stored,
/// and not to be told to others. Must be the outermost.
///
/// # Errors
/// What the services within answer.
pub async fn hide_key_in_url(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let Some((path, key)) = split(request.uri()) else {
        return next.call(request).await;
    };
    let mut parts = request.uri().clone().into_parts();
    parts.path_and_query = path.parse::<PathAndQuery>().ok();
    let uri = Uri::from_parts(parts).unwrap_or_default();
    request.match_info_mut().get_mut().update(&uri);
    request.head_mut().uri = uri;
    request.extensions_mut().insert(KeyInUrl(key));
    let mut response = next.call(request).await?;
    let headers = response.headers_mut();
    headers
        .insert(HeaderName::from_static("deprecation"), HeaderValue::from_static(DEPRECATED_SINCE));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    Ok(response)
}

/// The path without the key, and the key, where there is one. Whatever starts like a key counts,
/// percent-encoded or not: a mistyped key must not be logged either.
fn split(uri: &Uri) -> Option<(String, String)> {
    // Doubled slashes are one, here as everywhere.
    let mut segments = uri.path().split('/').filter(|segment| !segment.is_empty());
    let segment =
        segments.next().filter(|first| *first == "deployment").and_then(|_| segments.next())?;
    let tail = segments.fold(String::new(), |tail, segment| tail + "/" + segment);
    let key = decode(segment);
    if !key.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("unst_")) {
        return None;
    }
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    Some((format!("/deployment/{PLACEHOLDER}{tail}{query}"), key))
}

/// Percent-decoding of what may be a key; what does not decode stays as it is.
fn decode(segment: &str) -> String {
    percent_encoding::percent_decode_str(segment)
        .decode_utf8()
        .map_or_else(|_| segment.into(), Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, expected: Option<(&str, &str)>) {
        let found = split(&path.parse().unwrap());
        assert_eq!(found.as_ref().map(|(path, key)| (path.as_str(), key.as_str())), expected);
    }

    #[test]
    fn a_key_leaves_the_path_and_the_query_stays() {
        check(
            "/deployment/unst_abc/execute?wait=1",
            Some(("/deployment/:key/execute?wait=1", "unst_abc")),
        );
        check("/deployment/unst_abc", Some(("/deployment/:key", "unst_abc")));
    }

    #[test]
    fn an_encoded_or_mistyped_key_leaves_it_too() {
        check("/deployment/%75nst_abc/", Some(("/deployment/:key", "unst_abc")));
        check("/deployment/UNST_abc/", Some(("/deployment/:key", "UNST_abc")));
        check("//deployment//unst_abc//execute", Some(("/deployment/:key/execute", "unst_abc")));
    }

    #[test]
    fn other_paths_stay_as_they_are() {
        for path in [
            "/",
            "/deployment/",
            "/deployment/0190e45f-ceea-767f-ab9c-0d1e2f3a4b5c/",
            "/v1/unst_abc",
        ] {
            check(path, None);
        }
    }
}
