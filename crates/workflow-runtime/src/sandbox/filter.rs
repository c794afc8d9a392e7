//! Compiles and runs jq filters. Only ever inside a child: a filter may take the process down.

use std::collections::VecDeque;

use jaq_core::{
    Compiler, Ctx, Vars,
    compile::{self, Undefined},
    data::JustLut,
    load::{self, Arena, File, Loader, import, parse::Def},
    native::Fun,
};
use jaq_json::Val;

use super::{
    protocol::TOO_DEEP,
    reply::{Output, bounded},
};

type Data = JustLut<Val>;
type Filter = jaq_core::Filter<Data>;

/// The same few filters come again and again; compiling one takes far longer than running it.
const KEPT: usize = 16;

/// Far more than people write, far less than overflows the loader's stack.
const MAX_NESTING: usize = 256;

const NO_MODULES: &str = "a filter cannot import modules or files";

/// What ends the process, tells of the machine, or writes where nobody reads. What reads further
/// inputs or files is not among the functions to begin with.
const WITHHELD: [&str; 7] =
    ["debug", "debug_empty", "env", "halt", "halt_error", "stderr", "stderr_empty"];

/// The compiler, with what it compiled last.
#[derive(Default)]
pub(super) struct Filters {
    /// Most recently compiled first.
    kept: VecDeque<(String, Filter)>,
}

impl Filters {
    /// Compiles a filter, or says what is wrong with it, and where.
    pub(super) fn compile(&mut self, code: &str) -> Result<&Filter, String> {
        if let Some(index) = self.kept.iter().position(|(kept, _)| kept == code) {
            self.kept.swap(0, index);
        } else {
            let filter = compile(code)?;
            self.kept.truncate(KEPT - 1);
            self.kept.push_front((code.into(), filter));
        }
        self.kept.front().map(|(_, filter)| filter).ok_or_else(String::new)
    }

    /// Runs a filter over `data`. The reply holds nothing (`null`) when it puts out no value, the
    /// value when it puts out one, and an array of them when it puts out several.
    pub(super) fn run(&mut self, code: &str, data: Val, limit: usize) -> Result<Vec<u8>, String> {
        let filter = self.compile(code)?;
        let context = Ctx::<Data>::new(&filter.lut, Vars::new([]));
        let mut output = Output::new(limit);
        for value in filter.id.run((context, data)) {
            // Not `unwrap_valr`, which exits the process at a `halt`.
            let value = value.map_err(|exception| match exception.get_err() {
                Ok(error) => bounded(&error),
                Err(_) => "the filter broke off".into(),
            })?;
            output.push(&value).map_err(|unwritable| bounded(&unwritable))?;
        }
        Ok(output.finish())
    }
}

fn compile(code: &str) -> Result<Filter, String> {
    if nesting(code) > MAX_NESTING {
        return Err(TOO_DEEP.into());
    }
    let arena = Arena::default();
    let modules = Loader::new(definitions())
        .load(&arena, File { code, path: () })
        .map_err(|errors| first(errors, |error| load_error(code, &error)))?;
    import(&modules, |_| Err(NO_MODULES.into())).map_err(|_| NO_MODULES)?;
    Compiler::default()
        .with_funs(functions())
        .compile(modules)
        .map_err(|errors| first(errors, |undefined| undefined_name(code, undefined)))
}

fn definitions() -> impl Iterator<Item = Def<&'static str>> {
    let all = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
    all.filter(|definition| !WITHHELD.contains(&definition.name))
}

fn functions() -> impl Iterator<Item = Fun<Data>> {
    let all = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
    all.filter(|(name, _, _)| !WITHHELD.contains(name))
}

/// How deep brackets are nested, those in strings included: nobody writes hundreds of them there.
fn nesting(code: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for byte in code.bytes() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

fn first<E>(errors: load::Errors<&str, (), E>, say: impl Fn(E) -> String) -> String {
    let first = errors.into_iter().next();
    first.map_or_else(|| "the filter does not compile".into(), |(_, error)| say(error))
}

fn load_error(code: &str, error: &load::Error<&str>) -> String {
    let found = match error {
        load::Error::Io(_) => return NO_MODULES.into(),
        load::Error::Lex(errors) => errors.first().map(|(expected, at)| (expected.as_str(), *at)),
        load::Error::Parse(errors) => errors.first().map(|(expected, at)| (expected.as_str(), *at)),
    };
    found.map_or_else(
        || "the filter does not compile".into(),
        |(expected, at)| {
            let found: String = at.lines().next().unwrap_or_default().chars().take(20).collect();
            let found = if found.is_empty() { "the end".into() } else { format!("'{found}'") };
            format!("{}: expected {expected}, found {found}", place(code, at))
        },
    )
}

fn undefined_name(code: &str, errors: Vec<compile::Error<&str>>) -> String {
    errors.into_iter().next().map_or_else(String::new, |(name, kind)| {
        let arity =
            if let Undefined::Filter(arity) = kind { format!("/{arity}") } else { String::new() };
        bounded(&format_args!(
            "{}: there is no {} '{name}{arity}'",
            place(code, name),
            kind.as_str()
        ))
    })
}

/// Where `part`, a slice of `code`, stands in it.
fn place(code: &str, part: &str) -> String {
    let before = code.get(..load::span(code, part).start).unwrap_or(code);
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|character| *character != '\n').count() + 1;
    format!("line {line}, column {column}")
}

#[cfg(test)]
mod tests {
    use jaq_json::read;

    use super::*;

    #[track_caller]
    fn check(filter: &str, data: &str, expected: &str) {
        let data = read::parse_single(data.as_bytes()).unwrap();
        let reply =
            Filters::default().run(filter, data, 1_000).map(|r| String::from_utf8(r).unwrap());
        assert_eq!(reply, Ok(format!("{{\"ok\":{expected}}}")), "{filter}");
    }

    #[track_caller]
    fn refused(filter: &str, expected: &str) {
        let reply = Filters::default().run(filter, Val::Null, 1_000);
        assert_eq!(reply.map(|r| String::from_utf8(r).unwrap()), Err(expected.into()), "{filter}");
    }

    #[test]
    fn a_filter_puts_out_one_value_or_their_array_or_null() {
        check(".input.a", r#"{"input":{"a":[1,"é\n"]}}"#, r#"[1,"é\n"]"#);
        check(".[]", "[1,2]", "[1,2]");
        check("empty", "1", "null");
    }

    #[test]
    fn numbers_keep_their_digits() {
        for number in ["9007199254740993", "1e308", "0.1", "-0.0", "18446744073709551615", "1.10"] {
            check(".", number, number);
        }
        check(". + 1", "9007199254740993", "9007199254740994");
        check("\"+1.5\" | tonumber", "null", "1.5");
    }

    #[test]
    fn what_json_cannot_hold_is_refused() {
        refused("nan", "the output has the number NaN, which JSON cannot hold");
        refused("1 / 0 | -.", "the output has the number -Infinity, which JSON cannot hold");
        refused("\"a\" | tobytes", "the output has a byte string, which JSON cannot hold");
        refused("{(1|tostring): 1, ([1]): 2}", "the output has an object key that is no string");
        refused("\"1e999\" | fromjson", "the output has the number 1e999, which JSON cannot hold");
    }

    #[test]
    fn an_output_has_bounds() {
        refused("repeat(1)", "the output is larger than 1000 bytes");
        refused("\"a\" * 1001", "the output is larger than 1000 bytes");
        refused("reduce range(200) as $i (0; [.])", "the output is nested deeper than 120 levels");
    }

    #[test]
    fn messages_are_bounded() {
        let message = Filters::default().run("\"é\" * 1000 | error", Val::Null, 1_000).unwrap_err();
        assert!(message.len() <= 510 && message.ends_with('…'), "{message}");
    }

    #[test]
    fn what_reaches_out_of_the_filter_is_not_there() {
        for name in ["env", "halt", "input", "inputs", "debug", "stderr", "input_filename"] {
            refused(name, &format!("line 1, column 1: there is no filter '{name}/0'"));
        }
        refused("halt_error(1)", "line 1, column 1: there is no filter 'halt_error/1'");
        refused("$ENV", "line 1, column 1: there is no variable '$ENV'");
        refused("import \"a\" as a; 1", NO_MODULES);
        refused("include \"a\"; 1", NO_MODULES);
        refused("import \"/etc/passwd\" as $a; $a", NO_MODULES);
    }

    #[test]
    fn faults_name_their_place() {
        refused(".a |\n  (1 +", "line 2, column 7: expected closing parenthesis, found the end");
        refused("1 +", "line 1, column 4: expected term, found the end");
        refused("1 | nope(2)", "line 1, column 5: there is no filter 'nope/1'");
    }

    #[test]
    fn deep_nesting_is_refused_before_it_is_parsed() {
        let filter = format!("{}1{}", "(".repeat(5_000), ")".repeat(5_000));
        refused(&filter, TOO_DEEP);
    }

    #[test]
    fn no_more_than_a_few_filters_are_kept() {
        let mut filters = Filters::default();
        for n in 0..3 * KEPT {
            assert!(filters.compile(&n.to_string()).is_ok());
        }
        assert_eq!(filters.kept.len(), KEPT);
    }
}
