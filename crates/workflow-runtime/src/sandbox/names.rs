//! Which steps a filter names for sure. Only ever inside a child: parsing may overflow the stack.

use jaq_core::{
    load::{
        self,
        lex::StrPart,
        parse::{BinaryOp, Term},
    },
    path::{Part, Path},
};

/// The ids after `.steps.` wherever `.` is what the filter was given. What reaches a step in other
/// ways is not found; nothing is found that is not one.
pub(super) fn steps(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(term) = load::parse(code, |parser| parser.term()) {
        visit(&term, &mut found);
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// Looks at a term whose `.` is what the filter was given.
fn visit(term: &Term<&str>, found: &mut Vec<String>) {
    match term {
        Term::Path(from, path) => {
            if matches!(**from, Term::Id) {
                found.extend(step(path));
            }
            visit(from, found);
        }
        // What comes after a pipe is given what came before it, unless that was only named.
        Term::BinOp(left, BinaryOp::Pipe(None), right) => {
            visit(left, found);
            if matches!(**left, Term::Id) {
                visit(right, found);
            }
        }
        Term::BinOp(left, _, right) => {
            visit(left, found);
            visit(right, found);
        }
        Term::Neg(inner) | Term::Arr(Some(inner)) | Term::Label(_, inner) | Term::Def(_, inner) => {
            visit(inner, found);
        }
        Term::Obj(members) => {
            for (name, value) in members {
                visit(name, found);
                value.iter().for_each(|value| visit(value, found));
            }
        }
        Term::Str(_, parts) => parts.iter().for_each(|part| {
            if let StrPart::Term(inner) = part {
                visit(inner, found);
            }
        }),
        Term::IfThenElse(branches, otherwise) => {
            for (condition, then) in branches {
                visit(condition, found);
                visit(then, found);
            }
            otherwise.iter().for_each(|otherwise| visit(otherwise, found));
        }
        Term::TryCatch(attempt, _) => visit(attempt, found),
        Term::Fold(_, over, _, _) => visit(over, found),
        Term::Call("select", arguments) => arguments.iter().for_each(|inner| visit(inner, found)),
        Term::Call(..)
        | Term::Id
        | Term::Recurse
        | Term::Num(_)
        | Term::Arr(None)
        | Term::Break(_)
        | Term::Var(_) => {}
    }
}

/// The id in `.steps.<id>`.
fn step(path: &Path<Term<&str>>) -> Option<String> {
    let Path(parts) = path;
    let [(first, _), (second, _), ..] = parts.as_slice() else { return None };
    (text(first)? == "steps").then(|| text(second)).flatten()
}

fn text(part: &Part<Term<&str>>) -> Option<String> {
    let Part::Index(Term::Str(None, parts)) = part else { return None };
    match parts.as_slice() {
        [StrPart::Str(text)] => Some((*text).to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(code: &str, expected: &[&str]) {
        assert_eq!(steps(code), expected, "{code}");
    }

    #[test]
    fn steps_are_found_where_they_are_named() {
        check(".steps.a.output", &["a"]);
        check(".steps[\"a\"].output | .b", &["a"]);
        check("{total: .steps.a.output, b: [.steps.b.output]} | .steps.c", &["a", "b"]);
        check("if .steps.a.output > 1 then .steps.b.output else empty end", &["a", "b"]);
        check(". as $all | .steps.a.output", &["a"]);
        check("\"\\(.steps.a.output)\"", &["a"]);
        check("select(.steps.a.output)", &["a"]);
        check("def f: 1; .steps.a.output + f", &["a"]);
        check("reduce .steps.a.output[] as $x (0; . + $x)", &["a"]);
        check(". | .steps.a", &["a"]);
    }

    #[test]
    fn nothing_is_found_that_is_no_step() {
        check(".input.steps.a", &[]);
        check(".input | .steps.a", &[]);
        check("map(.steps.a)", &[]);
        check("\".steps.a\"", &[]);
        check(".steps[.input.name]", &[]);
        check("no filter (", &[]);
    }
}
