//! What is wrong with a definition, beside the lines where it is wrong.

use api_types::ProblemError;
use jsonc_parser::{
    CollectOptions, ParseOptions,
    ast::{ObjectPropName, Value},
    common::Ranged as _,
    parse_to_ast,
};
use maud::{Markup, html};

/// Where the definition is in what is sent.
const ROOT: &str = "/definition";
/// Lines that are shown before and after a faulty one.
const AROUND: usize = 1;
/// Faults that are shown beside their lines; the others stand above with all of them.
const MOST: usize = 50;

/// A fault with the line that it is in, from 1.
struct Placed<'a> {
    line: usize,
    fault: &'a ProblemError,
}

/// The part of `text` around its faults, whose pointers begin at `/definition`; nothing where there are none.
pub(super) fn faulty_lines(text: &str, faults: &[ProblemError]) -> Markup {
    let placed = placed(text, faults);
    let lines: Vec<&str> = text.lines().collect();
    let is_near = |line: usize| placed.iter().any(|one| one.line.abs_diff(line) <= AROUND);
    html! {
        @if !placed.is_empty() {
            figure .code.lines {
                figcaption { "Where the definition is wrong" }
                ol tabindex="0" role="region" aria-label="Where the definition is wrong" {
                    @for (index, line) in lines.iter().enumerate().filter(|(index, _)| is_near(index + 1)) {
                        li value=(index + 1) {
                            code { (line) }
                            @for one in placed.iter().filter(|one| one.line == index + 1) {
                                p .fault {
                                    a href="#form-definition" data-line=(one.line) { "Line " (one.line) }
                                    ": " (one.fault.detail)
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn placed<'a>(text: &str, faults: &'a [ProblemError]) -> Vec<Placed<'a>> {
    let options = ParseOptions {
        allow_comments: false,
        allow_loose_object_property_names: false,
        allow_trailing_commas: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        ..ParseOptions::default()
    };
    // Nobody's text is parsed here that the real parser, which is bounded in depth, has not read.
    if let Err(error) = serde_json::from_str::<serde_json::Value>(text) {
        let of_text = faults.iter().filter(|fault| fault.attr.as_deref() == Some(ROOT));
        // A text that ends too early is wrong after its last line.
        let line = error.line().clamp(1, text.lines().count().max(1));
        return of_text.map(|fault| Placed { line, fault }).collect();
    }
    let parsed = parse_to_ast(text, &CollectOptions::default(), &options).ok();
    let Some(root) = parsed.and_then(|parsed| parsed.value) else { return Vec::new() };
    let place = |fault: &'a ProblemError| {
        let pointer = fault.attr.as_deref()?.strip_prefix(ROOT)?;
        let before = text.get(..offset(&root, pointer))?;
        Some(Placed { line: before.matches('\n').count() + 1, fault })
    };
    faults.iter().filter_map(place).take(MOST).collect()
}

/// Where what a JSON pointer (RFC 6901) names begins; what is not there is looked for in what should hold it.
fn offset(root: &Value<'_>, pointer: &str) -> usize {
    let (mut here, mut start) = (root, root.start());
    for segment in pointer.split('/').skip(1) {
        let segment = segment.replace("~1", "/").replace("~0", "~");
        let found = match here {
            Value::Object(object) => object
                .properties
                .iter()
                .find(|property| name(&property.name) == segment)
                .map(|property| (&property.value, property.range.start)),
            Value::Array(array) => segment
                .parse::<usize>()
                .ok()
                .and_then(|index| array.elements.get(index))
                .map(|element| (element, element.start())),
            Value::StringLit(_)
            | Value::NumberLit(_)
            | Value::BooleanLit(_)
            | Value::NullKeyword(_) => None,
        };
        let Some((next, at)) = found else { break };
        (here, start) = (next, at);
    }
    start
}

fn name<'a>(name: &'a ObjectPropName<'_>) -> &'a str {
    match name {
        ObjectPropName::String(text) => &text.value,
        ObjectPropName::Word(word) => word.value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "{\n  \"steps\": [\n    {\n      \"id\": \"a\",\n      \"a/b\": 1,\n      \"tool\": \"nothing\"\n    }\n  ]\n}";

    #[track_caller]
    fn line_of(pointer: &str) -> Option<usize> {
        let fault =
            ProblemError { code: "c".into(), detail: "d".into(), attr: Some(pointer.into()) };
        placed(TEXT, &[fault]).first().map(|one| one.line)
    }

    #[test]
    fn a_fault_stands_at_the_line_that_its_pointer_names() {
        for (pointer, line) in [
            ("/definition", Some(1)),
            ("/definition/steps", Some(2)),
            ("/definition/steps/0", Some(3)),
            ("/definition/steps/0/tool", Some(6)),
            ("/definition/steps/0/a~1b", Some(5)),
            ("/definition/steps/0/missing", Some(3)),
            ("/definition/steps/7/tool", Some(2)),
            ("/name", None),
        ] {
            assert_eq!(line_of(pointer), line, "{pointer}");
        }
    }

    #[test]
    fn what_is_no_json_is_wrong_at_the_line_where_it_ends_to_be() {
        let fault =
            ProblemError { code: "c".into(), detail: "d".into(), attr: Some("/definition".into()) };
        for (text, line) in [("", 1), ("{\n\n", 2), ("// no\n{}", 1), ("[1,\n]", 2)] {
            let placed = placed(text, std::slice::from_ref(&fault));
            assert_eq!(placed.iter().map(|one| one.line).collect::<Vec<_>>(), [line], "{text}");
        }
        assert_eq!(placed(&"[".repeat(100_000), &[fault]).len(), 1);
    }

    #[test]
    fn lines_are_text() {
        let fault = ProblemError {
            code: "c".into(),
            detail: "<d>".into(),
            attr: Some("/definition/a".into()),
        };
        let html = faulty_lines("{\"a\": \"<script>\"}", &[fault]).into_string();
        assert!(html.contains("&lt;script&gt;") && html.contains("&lt;d&gt;"), "{html}");
    }
}
