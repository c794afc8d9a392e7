//! What a workflow does: a list of steps, read from JSON and checked as a whole.

use std::collections::HashSet;

use access_domain::{Fault, FaultCode, pointer_segment};
use serde_json::{Map, Value};

const MAX_STEPS: usize = 100;
const MAX_FILTER_BYTES: usize = 16 * 1024;

/// The steps of a workflow, checked but for the filters, which only their compiler can check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// In the order in which they run; at least one.
    pub steps: Vec<Step>,
    /// A filter that shapes the result; the last step's output without one.
    pub output: Option<String>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Names its output for later steps: `steps.<id>.output`.
    pub id: String,
    /// What it does.
    pub tool: Tool,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tool {
    /// Hands on its input: the output of the step before, or the run's input.
    Passthrough,
    /// A jq filter over `{input, parameters, files, steps}`.
    Transform {
        /// The filter.
        filter: String,
    },
}

impl Definition {
    /// Reads a definition; `at` is the JSON pointer of `value` in what the caller sent.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its pointer.
    pub fn parse(value: &Value, at: &str) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        let Some(members) = value.as_object() else {
            return Err(vec![Fault::invalid(at, "a definition is an object with \"steps\"")]);
        };
        refuse_unknown(&mut faults, members, &["steps", "output"], at);
        let steps = parse_steps(&mut faults, members.get("steps"), &format!("{at}/steps"));
        let output = members
            .get("output")
            .and_then(|output| parse_filter(&mut faults, output, &format!("{at}/output")));
        if faults.is_empty() { Ok(Self { steps, output }) } else { Err(faults) }
    }

    /// Every filter with its pointer below `at`, for the compiler.
    pub fn filters(&self, at: &str) -> Vec<(String, &str)> {
        let in_steps = self.steps.iter().enumerate().filter_map(|(index, step)| match &step.tool {
            Tool::Passthrough => None,
            Tool::Transform { filter } => {
                Some((format!("{at}/steps/{index}/filter"), filter.as_str()))
            }
        });
        let output = self.output.as_deref().map(|output| (format!("{at}/output"), output));
        in_steps.chain(output).collect()
    }
}

fn parse_steps(faults: &mut Vec<Fault>, steps: Option<&Value>, at: &str) -> Vec<Step> {
    let Some(steps) = steps else {
        faults.push(Fault::new(at, FaultCode::MissingField, "a definition has \"steps\""));
        return Vec::new();
    };
    let steps = steps.as_array().map(Vec::as_slice).unwrap_or_default();
    if steps.is_empty() || steps.len() > MAX_STEPS {
        faults.push(Fault::invalid(at, format!("\"steps\" is an array of 1 to {MAX_STEPS} steps")));
        return Vec::new();
    }
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
    let Some(members) = step.as_object() else {
        faults.push(Fault::invalid(at, "a step is an object"));
        return None;
    };
    let id = parse_id(faults, members.get("id"), &format!("{at}/id"));
    let tool = match members.get("tool").map(|tool| tool.as_str().unwrap_or_default()) {
        None => {
            faults.push(Fault::new(
                format!("{at}/tool"),
                FaultCode::MissingField,
                "a step has a \"tool\"",
            ));
            None
        }
        Some("passthrough") => {
            refuse_unknown(faults, members, &["id", "tool"], at);
            Some(Tool::Passthrough)
        }
        Some("transform") => {
            refuse_unknown(faults, members, &["id", "tool", "filter"], at);
            parse_transform(faults, members, at)
        }
        Some(other) => {
            let detail = format!("there is no tool '{other}'; there are: passthrough, transform");
            faults.push(Fault::new(format!("{at}/tool"), FaultCode::UnknownTool, detail));
            None
        }
    };
    Some(Step { id: id?, tool: tool? })
}

fn parse_transform(
    faults: &mut Vec<Fault>,
    members: &Map<String, Value>,
    at: &str,
) -> Option<Tool> {
    let at = format!("{at}/filter");
    let Some(filter) = members.get("filter") else {
        faults.push(Fault::new(at, FaultCode::MissingField, "a transform has a \"filter\""));
        return None;
    };
    parse_filter(faults, filter, &at).map(|filter| Tool::Transform { filter })
}

fn parse_filter(faults: &mut Vec<Fault>, filter: &Value, at: &str) -> Option<String> {
    match filter.as_str() {
        Some(filter) if !filter.is_empty() && filter.len() <= MAX_FILTER_BYTES => {
            Some(filter.into())
        }
        _ => {
            faults.push(Fault::invalid(
                at,
                format!("a filter is a string of 1 to {MAX_FILTER_BYTES} bytes"),
            ));
            None
        }
    }
}

fn parse_id(faults: &mut Vec<Fault>, id: Option<&Value>, at: &str) -> Option<String> {
    let Some(id) = id else {
        faults.push(Fault::new(at, FaultCode::MissingField, "a step has an \"id\""));
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
        faults.push(Fault::invalid(
            at,
            "a step id has 1 to 64 letters, digits or '_', and no digit first",
        ));
    }
    id.map(str::to_owned)
}

fn refuse_unknown(faults: &mut Vec<Fault>, members: &Map<String, Value>, known: &[&str], at: &str) {
    for name in members.keys().filter(|name| !known.contains(&name.as_str())) {
        let detail = format!("'{name}' has no meaning here; there are: {}", known.join(", "));
        faults.push(Fault::new(
            format!("{at}/{}", pointer_segment(name)),
            FaultCode::UnknownField,
            detail,
        ));
    }
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
        let filters = definition.filters("/definition");
        assert_eq!(filters[0], ("/definition/steps/1/filter".into(), ".input"));
        assert_eq!(filters[1], ("/definition/output".into(), ".steps.b.output"));
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
            ("/outptu", FaultCode::UnknownField),
            ("/steps/0/tool", FaultCode::UnknownTool),
            ("/steps/1/id", FaultCode::InvalidValue),
            ("/steps/1/filter", FaultCode::UnknownField),
            ("/steps/2/filter", FaultCode::MissingField),
            ("/steps/3/id", FaultCode::MissingField),
            ("/steps/3/filter", FaultCode::InvalidValue),
            ("/steps/4", FaultCode::InvalidValue),
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
