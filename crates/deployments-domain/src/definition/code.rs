//! The pieces of a definition that are in languages of their own: filters, templates and schemas.
//! What is wrong with one, and what it names, only its compiler can tell.

use access_domain::{Fault, FaultCode};
use serde_json::Value;

use super::Definition;

/// A piece in a language of its own.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Code<'a> {
    /// A jq filter.
    Filter(&'a str),
    /// A template.
    Template(&'a str),
    /// A JSON Schema (draft 2020-12).
    Schema(&'a Value),
}

/// A piece, and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct CodeAt<'a> {
    /// The JSON pointer.
    pub pointer: String,
    /// The piece.
    pub code: Code<'a>,
    /// How many steps come before it: it may name their outputs, and no others.
    pub steps_before: usize,
}

impl<'a> CodeAt<'a> {
    pub(super) fn new(pointer: String, code: Code<'a>) -> Self {
        Self { pointer, code, steps_before: 0 }
    }
}

/// What a compiler says of a piece.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CodeVerdict {
    /// What is wrong with it, each with a pointer below the piece; empty for a filter or a template.
    pub faults: Vec<(String, String)>,
    /// The ids of the steps whose outputs it is sure to name.
    pub steps: Vec<String>,
}

impl Definition {
    /// Every piece with its pointer below `at`.
    pub fn code(&self, at: &str) -> Vec<CodeAt<'_>> {
        let mut all = Vec::new();
        for (index, step) in self.steps.iter().enumerate() {
            let at = format!("{at}/steps/{index}");
            let when = step.when.as_deref().map(Code::Filter);
            let when = when.map(|filter| CodeAt::new(format!("{at}/when"), filter));
            let code = step.tool.code(&at).into_iter().chain(when);
            all.extend(code.map(|code| CodeAt { steps_before: index, ..code }));
        }
        if let Some(output) = &self.output {
            let code = CodeAt::new(format!("{at}/output"), Code::Filter(output));
            all.push(CodeAt { steps_before: self.steps.len(), ..code });
        }
        all
    }

    /// What is wrong with the pieces, by the verdicts on them.
    pub fn code_faults(&self, code: &[CodeAt<'_>], verdicts: &[CodeVerdict]) -> Vec<Fault> {
        let each = code.iter().zip(verdicts);
        each.flat_map(|(code, verdict)| self.faults_of(code, verdict)).collect()
    }

    fn faults_of(&self, code: &CodeAt<'_>, verdict: &CodeVerdict) -> Vec<Fault> {
        let kind = match code.code {
            Code::Filter(_) => FaultCode::InvalidFilter,
            Code::Template(_) => FaultCode::InvalidTemplate,
            Code::Schema(_) => FaultCode::InvalidValue,
        };
        let told = verdict.faults.iter().map(|(below, detail)| {
            Fault::new(format!("{}{below}", code.pointer), kind, detail.clone())
        });
        let names = verdict.steps.iter().filter_map(|name| {
            let place = self.steps.iter().position(|step| step.id == *name);
            let detail = match place {
                Some(place) if place < code.steps_before => return None,
                Some(place) if place == code.steps_before => {
                    format!("the step '{name}' has no output before it has ended")
                }
                Some(_) => format!("the step '{name}' comes later"),
                None => format!("there is no step '{name}'"),
            };
            Some(Fault::new(code.pointer.clone(), FaultCode::UnknownReference, detail))
        });
        told.chain(names).collect()
    }
}
