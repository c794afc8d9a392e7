//! Tables as CSV (RFC 4180), for spreadsheets: which must not take a cell for a formula.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{ACCEPT, CONTENT_DISPOSITION},
};

/// Whether a request asks for CSV rather than for JSON: whichever it names first, or by `?format=csv`, since a link has no headers.
pub(crate) fn is_wanted(request: &HttpRequest) -> bool {
    if request.query_string().split('&').any(|pair| pair == "format=csv") {
        return true;
    }
    let accepted = request.headers().get_all(ACCEPT).filter_map(|value| value.to_str().ok());
    let types = accepted
        .flat_map(|value| value.split(','))
        .filter_map(|range| range.split(';').next())
        .map(|name| name.trim().to_ascii_lowercase());
    let mut known = types.filter(|name| {
        ["text/csv", "application/json", "application/*", "*/*"].contains(&name.as_str())
    });
    known.next().is_some_and(|name| name == "text/csv")
}

/// A page as a table; a header names the next page, where there is one.
pub(crate) fn page<const N: usize>(
    head: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
    next_cursor: Option<String>,
) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    if let Some(cursor) = next_cursor {
        response.insert_header(("X-Next-Cursor", cursor));
    }
    response.insert_header((CONTENT_DISPOSITION, "attachment; filename=\"keywright.csv\""));
    response.content_type("text/csv; charset=utf-8").body(table(head, rows))
}

/// A table with its head.
fn table<const N: usize>(head: [&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let mut text = String::new();
    line(&mut text, &head);
    for row in rows {
        line(&mut text, &row.each_ref().map(String::as_str));
    }
    text
}

fn line(text: &mut String, cells: &[&str]) {
    for (number, content) in cells.iter().enumerate() {
        if number > 0 {
            text.push(',');
        }
        cell(text, content);
    }
    text.push_str("\r\n");
}

fn cell(text: &mut String, content: &str) {
    // What a spreadsheet would calculate is made a text by an apostrophe before it.
    let guard = if content.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    if content.contains([',', '"', '\r', '\n']) {
        text.push('"');
        text.push_str(guard);
        text.push_str(&content.replace('"', "\"\""));
        text.push('"');
    } else {
        text.push_str(guard);
        text.push_str(content);
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[track_caller]
    fn check(content: &str, expected: &str) {
        let mut text = String::new();
        cell(&mut text, content);
        assert_eq!(text, expected);
    }

    #[test]
    fn what_has_a_meaning_in_csv_is_quoted() {
        check("plain text", "plain text");
        check("", "");
        check("a,b", "\"a,b\"");
        check("say \"a\"", "\"say \"\"a\"\"\"");
        check("two\nlines", "\"two\nlines\"");
    }

    #[test]
    fn no_cell_is_a_formula() {
        for content in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"] {
            check(content, &format!("'{content}"));
        }
        check("=HYPERLINK(\"x\",1)", "\"'=HYPERLINK(\"\"x\"\",1)\"");
        check("a=1", "a=1");
    }

    #[test]
    fn a_table_has_a_head_and_ends_each_line() {
        let rows = [["1".to_owned(), "x".to_owned()]];
        assert_eq!(table(["id", "name"], rows.into_iter()), "id,name\r\n1,x\r\n");
    }

    #[test]
    fn csv_is_for_those_who_ask_for_it() {
        let wanted = |accept: &str| {
            is_wanted(&TestRequest::default().insert_header((ACCEPT, accept)).to_http_request())
        };
        assert!(wanted("text/csv") && wanted("text/html, Text/CSV;q=0.9, */*"));
        assert!(
            !wanted("application/json") && !wanted("*/*") && !wanted("application/json, text/csv")
        );
        assert!(!is_wanted(&TestRequest::default().to_http_request()));
    }
}
