//! Templates (Jinja): checked when a workflow is saved, rendered when a step is taken. They run in
//! this process, since their engine counts what they do and stops them: no loop outlasts its fuel,
//! nothing is read but what they are given, nothing grows past its bound.

use std::{collections::BTreeMap, io};

use deployments_domain::CodeVerdict;
use minijinja::{Environment, ErrorKind, UndefinedBehavior};
use serde_json::{Map, Value};

/// What a template may do, in instructions of its engine: thousands of turns of a loop.
const FUEL: u64 = 1_000_000;

/// How deep macros may call each other.
const MAX_RECURSION: usize = 50;

/// What a template may render, in bytes.
pub(crate) const MAX_BYTES: usize = 16 << 20;

/// What a template is rendered over: names and their values.
pub(crate) struct Scope(minijinja::Value);

impl Scope {
    pub(crate) fn new(members: impl IntoIterator<Item = (&'static str, minijinja::Value)>) -> Self {
        Self(minijinja::Value::from(members.into_iter().collect::<BTreeMap<_, _>>()))
    }
}

/// What is wrong with a template, and which steps it names.
pub(crate) fn check(template: &str) -> CodeVerdict {
    let environment = environment();
    match environment.template_from_str(template) {
        Ok(template) => {
            let names = template.undeclared_variables(true);
            let mut steps: Vec<String> =
                names.iter().filter_map(|name| below(name, "steps")).collect();
            steps.sort_unstable();
            steps.dedup();
            CodeVerdict { faults: Vec::new(), steps }
        }
        Err(error) => {
            CodeVerdict { faults: vec![(String::new(), told(&error))], steps: Vec::new() }
        }
    }
}

/// Whether a template is the text that it renders.
pub(crate) fn is_plain(template: &str) -> bool {
    !template.contains('{')
}

/// The secrets that a template names.
pub(crate) fn secrets(template: &str) -> Vec<String> {
    if !template.contains("secrets") {
        return Vec::new();
    }
    let environment = environment();
    let Ok(template) = environment.template_from_str(template) else { return Vec::new() };
    template.undeclared_variables(true).iter().filter_map(|name| below(name, "secrets")).collect()
}

/// What a template renders, or why it renders nothing.
pub(crate) fn render(template: &str, scope: &Scope) -> Result<String, String> {
    let environment = environment();
    let template = environment.template_from_str(template).map_err(|error| told(&error))?;
    let mut rendered = Bounded(Vec::new());
    match template.render_captured_to(scope.0.clone(), &mut rendered) {
        Ok(_) => String::from_utf8(rendered.0).map_err(|_| "the template renders no text".into()),
        Err(error) if error.kind() == ErrorKind::WriteFailure => {
            Err(format!("the template renders more than {MAX_BYTES} bytes"))
        }
        Err(error) => Err(told(&error)),
    }
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(MAX_RECURSION);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment
}

/// The name after `root.` in a path.
fn below(path: &str, root: &str) -> Option<String> {
    let rest = path.strip_prefix(root)?.strip_prefix('.')?;
    rest.split('.').next().map(str::to_owned)
}

fn told(error: &minijinja::Error) -> String {
    let place = error.line().map(|line| format!("line {line}: ")).unwrap_or_default();
    let what = match (error.kind(), error.detail()) {
        (ErrorKind::OutOfFuel, _) => "the template does more than it may".to_owned(),
        (ErrorKind::UndefinedError, None) => "a name in it has no value".to_owned(),
        (_, Some(detail)) => detail.to_owned(),
        (kind, None) => kind.to_string(),
    };
    let told: String = format!("{place}{what}").chars().take(500).collect();
    told
}

/// A value as templates see it. Numbers that neither 128-bit integers nor doubles hold are rounded.
pub(crate) fn value(value: &Value) -> minijinja::Value {
    match value {
        Value::Null => minijinja::Value::from(()),
        Value::Bool(flag) => minijinja::Value::from(*flag),
        Value::Number(number) => match (number.as_i128(), number.as_f64()) {
            (Some(whole), _) => i64::try_from(whole)
                .map_or_else(|_| minijinja::Value::from(whole), minijinja::Value::from),
            (None, Some(number)) => minijinja::Value::from(number),
            (None, None) => minijinja::Value::from(number.to_string()),
        },
        Value::String(text) => minijinja::Value::from(text.as_str()),
        Value::Array(items) => items.iter().map(self::value).collect(),
        Value::Object(members) => object(members),
    }
}

/// The same of an object.
pub(crate) fn object(members: &Map<String, Value>) -> minijinja::Value {
    let members = members.iter().map(|(name, item)| (name.clone(), value(item)));
    minijinja::Value::from(members.collect::<BTreeMap<_, _>>())
}

/// A buffer that refuses to grow past its bound.
struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        if part.len() > MAX_BYTES.saturating_sub(self.0.len()) {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(part);
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn scope(input: &Value) -> Scope {
        Scope::new([("input", value(input))])
    }

    #[track_caller]
    fn renders(template: &str, input: &Value, expected: &str) {
        assert_eq!(render(template, &scope(input)).as_deref(), Ok(expected), "{template}");
    }

    #[track_caller]
    fn fails(template: &str, expected: &str) {
        let told = render(template, &scope(&json!({}))).unwrap_err();
        assert!(told.contains(expected), "{told}");
    }

    #[test]
    fn a_template_renders_what_it_is_given() {
        renders("no braces", &json!(null), "no braces");
        renders(
            "{{ input.name }}: {{ input.total * 2 }}",
            &json!({"name": "é", "total": 4}),
            "é: 8",
        );
        renders(
            "{{ input | tojson }}",
            &json!({"a": [1, 1.5, "x", null]}),
            r#"{"a": [1, 1.5, "x", null]}"#,
        );
        renders("{{ input.q | urlencode }}", &json!({"q": "a b&c/d"}), "a%20b%26c/d");
        renders("<{{ input }}>", &json!("<b>"), "<<b>>");
        renders("{{ input }}", &json!(9_007_199_254_740_993_u64), "9007199254740993");
    }

    #[test]
    fn what_is_not_there_is_told() {
        fails("{{ input.name }}", "line 1: a name in it has no value");
        fails("{{ nothing }}", "a name in it has no value");
        fails("{% include 'a' %}", "line 1");
    }

    #[test]
    fn no_template_takes_for_ever_or_all_there_is() {
        fails(
            "{% for a in range(100000) %}{% for b in range(100000) %}{{ a }}{% endfor %}{% endfor %}",
            "",
        );
        fails("{{ 'a' * 1000000000 }}", "");
        fails("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "");
        fails("{% for a in range(90000) %}{{ 'aaaaaaaaaa' * 1000 }}{% endfor %}", "the template");
    }

    #[test]
    fn the_steps_and_secrets_that_a_template_names_are_known() {
        let template = "{{ steps.ask.output.total }} {% for s in steps.b.output %}{{ s.steps }}{% endfor %} {{ secrets.CRM }}";
        assert_eq!(
            check(template),
            CodeVerdict { faults: vec![], steps: vec!["ask".into(), "b".into()] }
        );
        assert_eq!(secrets(template), ["CRM"]);
        let broken = check("{{ input");
        assert!(broken.faults[0].1.starts_with("line 1: "), "{broken:?}");
    }
}
