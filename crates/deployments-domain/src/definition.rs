//! What a workflow does: a list of steps, read from JSON and checked as a whole.

mod code;
pub(crate) mod etl;
mod members;
mod tool;

use std::collections::HashSet;

use access_domain::{Fault, FaultCode};
use serde_json::Value;

pub use self::{
    code::{Code, CodeAt, CodeVerdict},
    tool::{HttpRequest, Llm, TextFormat, Tool},
};
use self::{
    etl::{Destination, Source},
    members::Members,
};

const MAX_STEPS: usize = 100;
const MAX_STEP_SECONDS: u32 = 86_400;
const MAX_ATTEMPTS: u32 = 10;
const MAX_RETRY_SECONDS: f64 = 300.0;

/// The steps of a workflow, checked but for what is in languages of their own, which only a
/// compiler can check.
#[derive(Debug, Clone, PartialEq)]
pub struct Definition {
    /// In the order in which they run; at least one.
    pub steps: Vec<Step>,
    /// A filter that shapes the result; the last step's output without one.
    pub output: Option<String>,
    /// Whether the steps run once for each file that comes with a run, instead of once over all.
    pub for_each_file: bool,
    /// Where records come from, of an ETL workflow.
    pub source: Option<Source>,
    /// Where their outcomes go, of an ETL workflow.
    pub destination: Option<Destination>,
}

/// One step.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Names its output for later steps: `steps.<id>.output`.
    pub id: String,
    /// What it does.
    pub tool: Tool,
    /// A filter; unless it puts out `true`, the step is skipped.
    pub when: Option<String>,
    /// What becomes of the run when it fails.
    pub on_error: OnError,
    /// How long each try may take, in seconds; as long as the run without it.
    pub timeout_seconds: Option<u32>,
    /// Whether it is tried again when it fails in a way that may pass.
    pub retry: Retry,
    /// Whether its maker says that doing it twice does no harm.
    pub idempotent: bool,
}

impl Step {
    /// Whether it may be done again when nobody knows whether it was done.
    pub fn is_repeatable(&self) -> bool {
        self.idempotent || self.tool.is_repeatable()
    }
}

/// What becomes of a run when a step fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnError {
    /// It ends.
    Fail,
    /// It goes on; the step has no output.
    Continue,
}

/// How often a step is tried, and how long apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Retry {
    /// How often in all, at least once.
    pub attempts: u32,
    /// The longest pause before the second try, in seconds. It doubles with each further one, and
    /// the real pause is anything from half of it up.
    pub delay_seconds: f64,
}

impl Default for Retry {
    fn default() -> Self {
        Self { attempts: 1, delay_seconds: 1.0 }
    }
}

impl Definition {
    /// Reads a definition; `at` is the JSON pointer of `value` in what the caller sent.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its pointer.
    pub fn parse(value: &Value, at: &str) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        let parsed = parse(&mut faults, value, at);
        parsed.filter(|_| faults.is_empty()).ok_or(faults)
    }
}

fn parse(faults: &mut Vec<Fault>, value: &Value, at: &str) -> Option<Definition> {
    let mut members = Members::of(faults, value, at, "a definition")?;
    let steps = parse_steps(&mut members);
    let output = members.code("output");
    let for_each_file = members.get("for_each").is_some();
    if for_each_file {
        members.one_of("for_each", &[("files", ())]);
    }
    let (source, destination) = etl::parse_ends(&mut members);
    if for_each_file && source.is_some() {
        members.refuse("for_each", "an ETL workflow runs for each record of its source");
    }
    members.end();
    Some(Definition { steps, output, for_each_file, source, destination })
}

fn parse_steps(definition: &mut Members<'_>) -> Vec<Step> {
    let Some(steps) = definition.get("steps") else {
        definition.miss("steps", "a definition has \"steps\"");
        return Vec::new();
    };
    let steps = steps.as_array().map(Vec::as_slice).unwrap_or_default();
    if steps.is_empty() || steps.len() > MAX_STEPS {
        definition.refuse("steps", format!("\"steps\" is an array of 1 to {MAX_STEPS} steps"));
        return Vec::new();
    }
    let (at, faults) = (definition.at("steps"), definition.faults());
    let mut seen = HashSet::new();
    let parsed = steps.iter().enumerate().filter_map(|(index, step)| {
        let at = format!("{at}/{index}");
        let step = parse_step(faults, step, &at)?;
        if !seen.insert(step.id.clone()) {
            let detail = format!("the step id '{}' is used before", step.id);
            faults.push(Fault::new(format!("{at}/id"), FaultCode::DuplicateStep, detail));
        }
        Some(step)
    });
    parsed.collect()
}

fn parse_step(faults: &mut Vec<Fault>, step: &Value, at: &str) -> Option<Step> {
    let mut members = Members::of(faults, step, at, "a step")?;
    let id = parse_id(&mut members);
    let tool = Tool::parse(&mut members);
    let when = members.code("when");
    let on_error =
        members.one_of("on_error", &[("fail", OnError::Fail), ("continue", OnError::Continue)]);
    let timeout_seconds = members.whole("timeout_seconds", 1, MAX_STEP_SECONDS);
    let retry = parse_retry(&mut members);
    let idempotent = members.flag("idempotent");
    // Of a tool that is not known nobody can say what it may be told.
    if tool.is_some() {
        members.end();
    }
    let (id, tool, on_error) = (id?, tool?, on_error?);
    Some(Step { id, tool, when, on_error, timeout_seconds, retry, idempotent })
}

fn parse_retry(step: &mut Members<'_>) -> Retry {
    let Some(retry) = step.get("retry") else { return Retry::default() };
    let at = step.at("retry");
    let Some(mut members) = Members::of(step.faults(), retry, &at, "\"retry\"") else {
        return Retry::default();
    };
    let attempts = members.whole("attempts", 1, MAX_ATTEMPTS);
    let delay_seconds = members.number("delay_seconds", 0.0, MAX_RETRY_SECONDS);
    members.end();
    let default = Retry::default();
    Retry {
        attempts: attempts.unwrap_or(default.attempts),
        delay_seconds: delay_seconds.unwrap_or(default.delay_seconds),
    }
}

fn parse_id(step: &mut Members<'_>) -> Option<String> {
    let Some(id) = step.get("id") else {
        step.miss("id", "a step has an \"id\"");
        return None;
    };
    let is_name = |id: &&str| {
        (1..=64).contains(&id.len())
            && id.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    let id = id.as_str().filter(is_name);
    if id.is_none() {
        // So that filters can say `.steps.<id>.output` without quotes.
        step.refuse("id", "a step id has 1 to 64 letters, digits or '_', and no digit first");
    }
    id.map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(definition: &Value, expected: &[(&str, FaultCode)]) {
        let faults = Definition::parse(definition, "").err().unwrap_or_default();
        let found: Vec<_> =
            faults.iter().map(|fault| (fault.pointer.as_str(), fault.code)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_definition_is_read_with_its_filters() {
        let definition = json!({
            "steps": [{"id": "a", "tool": "passthrough"}, {"id": "b", "tool": "transform", "filter": ".input"}],
            "output": ".steps.b.output"
        });
        let definition = Definition::parse(&definition, "/definition").unwrap();
        assert_eq!(definition.steps[1].tool, Tool::Transform { filter: ".input".into() });
        let code = definition.code("/definition");
        let told: Vec<_> =
            code.iter().map(|c| (c.pointer.as_str(), c.code, c.steps_before)).collect();
        let expected = [
            ("/definition/steps/1/filter", Code::Filter(".input"), 1),
            ("/definition/output", Code::Filter(".steps.b.output"), 2),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_definition_needs_steps() {
        check(&json!([]), &[("", FaultCode::InvalidValue)]);
        check(&json!({}), &[("/steps", FaultCode::MissingField)]);
        check(&json!({"steps": []}), &[("/steps", FaultCode::InvalidValue)]);
        check(&json!({"steps": "a"}), &[("/steps", FaultCode::InvalidValue)]);
        let many = vec![json!({"id": "a", "tool": "passthrough"}); MAX_STEPS + 1];
        check(&json!({"steps": many}), &[("/steps", FaultCode::InvalidValue)]);
    }

    #[test]
    fn every_fault_of_every_step_is_told_with_its_place() {
        let definition = json!({
            "steps": [
                {"id": "a", "tool": "magic"},
                {"id": "1", "tool": "passthrough", "filter": "."},
                {"id": "b", "tool": "transform"},
                {"tool": "transform", "filter": 7},
                5
            ],
            "outptu": "."
        });
        let expected = [
            ("/steps/0/tool", FaultCode::UnknownTool),
            ("/steps/1/id", FaultCode::InvalidValue),
            ("/steps/1/filter", FaultCode::UnknownField),
            ("/steps/2/filter", FaultCode::MissingField),
            ("/steps/3/id", FaultCode::MissingField),
            ("/steps/3/filter", FaultCode::InvalidValue),
            ("/steps/4", FaultCode::InvalidValue),
            ("/outptu", FaultCode::UnknownField),
        ];
        check(&definition, &expected);
    }

    #[test]
    fn a_step_id_names_one_step() {
        let step = json!({"id": "a", "tool": "passthrough"});
        check(&json!({"steps": [step, step]}), &[("/steps/1/id", FaultCode::DuplicateStep)]);
    }

    #[test]
    fn pointers_escape_what_json_pointers_must() {
        let definition = json!({"steps": [{"id": "a", "tool": "passthrough", "x/y~": 1}]});
        check(&definition, &[("/steps/0/x~1y~0", FaultCode::UnknownField)]);
    }
}
