//! However the pieces fall, the records are the same.

use super::*;

fn decode(format: Format, text: &[u8], size: usize) -> Result<Vec<Result<Value, String>>, String> {
    let mut decoder = Decoder::new(format, "a.txt");
    let mut records = Records::new();
    for piece in text.chunks(size) {
        decoder.feed(piece, &mut records)?;
    }
    decoder.finish(&mut records)?;
    Ok(records.into())
}

#[track_caller]
fn check(format: Format, text: &str, expected: &[Value]) {
    for size in [1, 2, 3, 7, 1000] {
        let found = decode(format, text.as_bytes(), size).unwrap();
        let found: Result<Vec<_>, _> = found.into_iter().collect();
        assert_eq!(found.as_deref(), Ok(expected), "in pieces of {size}");
    }
}

#[test]
fn an_array_is_taken_apart() {
    check(Format::Json, "[]", &[]);
    check(Format::Json, " \n", &[]);
    check(
        Format::Json,
        "[1, \"a]\\\",[\" ,{\"a\":[1,{\"b\":\"}\"}]} , null]\n",
        &[json!(1), json!("a]\",["), json!({"a": [1, {"b": "}"}]}), json!(null)],
    );
    check(Format::Json, "\u{feff}[1]", &[json!(1)]);
    check(Format::Json, "{\"a\": [1, 2]}", &[json!({"a": [1, 2]})]);
    check(Format::Json, " 7 ", &[json!(7)]);
}

#[test]
fn an_array_that_breaks_off_is_not_taken_for_a_short_one() {
    for text in ["[", "[1", "[1,", "[{\"a\": 1}", "[1] 2"] {
        assert!(decode(Format::Json, text.as_bytes(), 3).is_err(), "{text}");
    }
}

#[test]
fn an_element_that_is_no_json_fails_alone() {
    let found = decode(Format::Json, b"[1, nonsense, {\"a\" 1}, 4]", 5).unwrap();
    let good: Vec<bool> = found.iter().map(Result::is_ok).collect();
    assert_eq!(good, [true, false, false, true]);
}

#[test]
fn lines_are_records_and_blank_ones_are_none() {
    check(
        Format::Ndjson,
        "{\"a\":1}\n\n  \r\n{\"a\":2}\r\n3",
        &[json!({"a": 1}), json!({"a": 2}), json!(3)],
    );
    let found = decode(Format::Ndjson, b"1\nx\n3\n", 2).unwrap();
    assert!(found[1].as_ref().unwrap_err().starts_with("is no JSON"), "{found:?}");
    assert_eq!(found.len(), 3);
}

#[test]
fn rows_are_named_by_the_first() {
    check(
        Format::Csv,
        "\u{feff}id,name\n1,Ada\r\n\n2,\"Lovelace, \"\"A\"\"\"\n3,",
        &[
            json!({"id": "1", "name": "Ada"}),
            json!({"id": "2", "name": "Lovelace, \"A\""}),
            json!({"id": "3", "name": ""}),
        ],
    );
    check(Format::Csv, "", &[]);
    check(Format::Csv, "id,name", &[]);
    let found = decode(Format::Csv, b"id,name\n1\n2,b,c\n3,c\n", 4).unwrap();
    let good: Vec<bool> = found.iter().map(Result::is_ok).collect();
    assert_eq!(good, [false, false, true]);
    assert!(decode(Format::Csv, b"id,id\n1,2\n", 4).is_err());
}

#[test]
fn a_row_with_many_columns_is_read() {
    let names: Vec<String> = (0..500).map(|number| format!("c{number}")).collect();
    let text = format!("{}\n{}\n", names.join(","), vec!["x"; 500].join(","));
    let found = decode(Format::Csv, text.as_bytes(), 17).unwrap();
    assert_eq!(found[0].as_ref().unwrap().as_object().unwrap().len(), 500);
}

#[test]
fn a_record_that_is_too_large_fails_alone() {
    let large = "x".repeat(MAX_RECORD_BYTES + 1);
    let expected = [true, false, true];
    for (format, text) in [
        (Format::Json, format!("[1, \"{large}\", 3]")),
        (Format::Ndjson, format!("1\n\"{large}\"\n3\n")),
        (Format::Csv, format!("a\n1\n{large}\n3\n")),
    ] {
        let found = decode(format, text.as_bytes(), 64 << 10).unwrap();
        let good: Vec<bool> = found.iter().map(Result::is_ok).collect();
        assert_eq!(good, expected, "{format:?}");
    }
    assert!(decode(Format::Text, large.as_bytes(), 64 << 10).unwrap()[0].is_err());
}

#[test]
fn a_whole_content_is_one_record() {
    check(Format::Text, "a\nb", &[json!({"name": "a.txt", "text": "a\nb"})]);
    check(Format::Binary, "ab", &[json!({"name": "a.txt", "size": 2, "base64": "YWI="})]);
    assert!(decode(Format::Text, &[0xff, 0xfe], 1).unwrap()[0].is_err());
}
