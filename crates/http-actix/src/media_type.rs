//! What a file is, judged by how it begins. Between kinds of text, which begin alike, its name may
//! decide; what the client says of it decides nothing else.

use serde::de::IgnoredAny;

/// So much of a file is looked at.
pub(crate) const HEAD_BYTES: usize = 8 << 10;

/// Between kinds of text, by the ending of the name.
const ENDINGS: [(&str, &str); 7] = [
    ("csv", "text/csv"),
    ("htm", "text/html"),
    ("html", "text/html"),
    ("json", "application/json"),
    ("md", "text/markdown"),
    ("ndjson", "application/x-ndjson"),
    ("tsv", "text/tab-separated-values"),
];

/// The media type of a file that begins with `head`.
pub(crate) fn judge(head: &[u8], is_whole: bool, name: &str, told: &str) -> &'static str {
    if let Some(known) = infer::get(head) {
        return known.mime_type();
    }
    if !is_text(head, is_whole) {
        return "application/octet-stream";
    }
    let begins_as_json = matches!(head.trim_ascii_start().first(), Some(b'{' | b'['));
    if is_whole && begins_as_json && serde_json::from_slice::<IgnoredAny>(head).is_ok() {
        return "application/json";
    }
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    let by_ending = ENDINGS.iter().find(|(known, _)| Some(*known) == ending.as_deref());
    match by_ending {
        // It says that it is JSON, and is not.
        Some((_, "application/json")) if is_whole || !begins_as_json => "text/plain",
        Some((_, media_type)) => media_type,
        None if told == "text/csv" => "text/csv",
        None => "text/plain",
    }
}

fn is_text(head: &[u8], is_whole: bool) -> bool {
    if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
        return true;
    }
    let is_cut = |error: std::str::Utf8Error| error.error_len().is_none() && !is_whole;
    let is_utf_8 = std::str::from_utf8(head).map_or_else(is_cut, |_| true);
    is_utf_8 && !head.contains(&0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(head: &[u8], name: &str, told: &str, expected: &str) {
        assert_eq!(judge(head, true, name, told), expected, "{name}");
    }

    #[test]
    fn content_decides_and_not_what_is_said_of_it() {
        check(b"%PDF-1.7\n", "a.txt", "text/plain", "application/pdf");
        check(b"\x89PNG\r\n\x1a\n", "a.json", "application/json", "image/png");
        check(b"\0\x01\x02", "a.csv", "text/csv", "application/octet-stream");
        check(b"Gr\xf6\xdfe", "a.txt", "text/plain", "application/octet-stream");
        check(b"hello", "a.pdf", "application/pdf", "text/plain");
        check(b"<!DOCTYPE html><p>a", "a", "application/octet-stream", "text/html");
    }

    #[test]
    fn between_kinds_of_text_the_name_decides_and_json_must_be_json() {
        check(b"a,b\n1,2\n", "A.CSV", "", "text/csv");
        check(b"a,b\n1,2\n", "a", "text/csv", "text/csv");
        check(b"a,b\n1,2\n", "a", "application/pdf", "text/plain");
        check(b"<p>a", "a.html", "", "text/html");
        check(b" [1, 2]", "a.txt", "", "application/json");
        check(b"{no", "a.json", "", "text/plain");
        check(b"12", "a.json", "", "text/plain");
        check(b"\xff\xfea\0", "a.txt", "", "text/plain");
        check(b"", "a", "", "text/plain");
    }

    #[test]
    fn a_large_file_is_judged_by_its_head() {
        assert_eq!(judge(b"[1, 2, ", false, "a.json", ""), "application/json");
        assert_eq!(
            judge("gr\u{f6}".as_bytes().split_last().unwrap().1, false, "a", ""),
            "text/plain"
        );
        assert_eq!(judge(b"Gr\xf6\xdfe", false, "a", ""), "application/octet-stream");
    }
}
