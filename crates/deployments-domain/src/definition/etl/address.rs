//! What paths, addresses and names of an end may look like.

use std::borrow::Cow;

use url::Url;

/// A path of plain names, so that it leads nowhere but down.
pub(super) fn check_path(path: &str, is_source: bool) -> Result<(), &'static str> {
    let mut parts: Vec<&str> = path.split('/').collect();
    // A directory may be marked by a slash.
    if parts.last() == Some(&"") {
        parts.pop();
    }
    let is_plain = |part: &&str| !matches!(*part, "" | "." | "..") && !part.contains(['\\', '\0']);
    if parts.is_empty() || !parts.iter().all(is_plain) {
        return Err("must be a path of plain names, without a leading '/', '.' or '..'");
    }
    let stars = path.matches('*').count();
    let in_last = parts.last().map_or(0, |last| last.matches('*').count());
    if !is_source && stars > 0 {
        return Err("a destination has no '*'");
    }
    if stars > 1 || stars != in_last {
        return Err("one '*' may stand in the last part of the path");
    }
    Ok(())
}

pub(super) fn split_s3(location: &str) -> Option<(&str, &str)> {
    let rest = location.strip_prefix("s3://")?;
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let is_bucket = (3..=63).contains(&bucket.len())
        && bucket.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
    is_bucket.then_some((bucket, prefix))
}

pub(super) fn is_http_url(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
    })
}

pub(super) fn check_postgres_url(text: &str) -> Result<(), &'static str> {
    let form = "must be \"postgres://user@host:port/database\"";
    let url = Url::parse(text).map_err(|_| form)?;
    if url.password().is_some() {
        return Err("must have no password: name the organization's secret that it is in");
    }
    let has_parts = matches!(url.scheme(), "postgres" | "postgresql")
        && url.host_str().is_some_and(|host| !host.is_empty())
        && !url.username().is_empty()
        && url.path().len() > 1
        && url.fragment().is_none();
    if !has_parts {
        return Err(form);
    }
    let is_known = |(name, value): (Cow<'_, str>, Cow<'_, str>)| {
        name == "sslmode" && matches!(&*value, "disable" | "prefer" | "require")
    };
    if url.query_pairs().all(is_known) {
        Ok(())
    } else {
        Err("may say nothing but sslmode=disable, prefer or require after a '?'")
    }
}

/// Plain identifiers; they are quoted wherever they are used.
pub(super) fn is_table(name: &str) -> bool {
    let is_name = |part: &str| {
        (1..=63).contains(&part.len()) && !part.contains(['"', '\0']) && !part.trim().is_empty()
    };
    name.split('.').count() <= 2 && name.split('.').all(is_name)
}

pub(super) fn is_header_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 64
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

/// Headers that come with the connection, the format or the run.
pub(super) fn is_ours(name: &str) -> bool {
    const OURS: [&str; 7] = [
        "connection",
        "content-length",
        "content-type",
        "host",
        "idempotency-key",
        "transfer-encoding",
        "upgrade",
    ];
    OURS.iter().any(|ours| name.eq_ignore_ascii_case(ours))
}
