//! The parent's side of compiling definitions: templates here, all else in a child.

use std::time::Duration;

use deployments_domain::{Code, CodeCheck, CodeCheckFailed, CodeVerdict, SchemaCheck as _};
use serde::Deserialize;
use tokio::time::Instant;

use super::{
    Sandbox, SandboxError,
    pool::{Call, Places},
    protocol::{self, Request, TOO_DEEP},
};
use crate::templates;

/// How long all the checks of one definition may take, waiting for a child included.
const PATIENCE: Duration = Duration::from_secs(15);

/// What a child says of a filter.
#[derive(Deserialize)]
struct Told {
    fault: Option<String>,
    steps: Vec<String>,
}

impl From<Told> for CodeVerdict {
    fn from(told: Told) -> Self {
        let faults = told.fault.into_iter().map(|fault| (String::new(), fault)).collect();
        Self { faults, steps: told.steps }
    }
}

impl CodeCheck for Sandbox {
    /// Blocks; must not be called on a thread that drives a runtime.
    fn check_code(&self, code: &[Code<'_>]) -> Result<Vec<CodeVerdict>, CodeCheckFailed> {
        let filters: Vec<&str> = code.iter().filter_map(filter).collect();
        let verdicts = self.check_filters(&filters);
        let mut verdicts = verdicts.map_err(failed)?.into_iter();
        let verdict = |code: &Code<'_>| match code {
            Code::Filter(_) => Ok(verdicts.next().unwrap_or_default()),
            Code::Template(template) => Ok(templates::check(template)),
            Code::Schema(schema) => {
                let faults = self.check(schema).map_err(failed)?;
                let faults = faults.into_iter().map(|fault| (fault.pointer, fault.detail));
                Ok(CodeVerdict { faults: faults.collect(), steps: Vec::new() })
            }
        };
        code.iter().map(verdict).collect()
    }
}

impl Sandbox {
    fn check_filters(&self, filters: &[&str]) -> Result<Vec<CodeVerdict>, SandboxError> {
        if filters.is_empty() {
            return Ok(Vec::new());
        }
        let deadline = Instant::now() + PATIENCE;
        match self.check_together(filters, deadline) {
            Err(SandboxError::Died | SandboxError::TimedOut | SandboxError::Refused(_)) => {
                self.check_each(filters, deadline)
            }
            verdicts => verdicts,
        }
    }

    /// Checks some filters in one call. Blocks.
    fn check_together(
        &self,
        filters: &[&str],
        deadline: Instant,
    ) -> Result<Vec<CodeVerdict>, SandboxError> {
        let request = protocol::line(&Request::<()>::Check(filters), usize::MAX);
        let call = Call {
            request: request.unwrap_or_default(),
            deadline,
            patience: Some(self.pool.config.check_timeout),
            places: Places::Checks,
        };
        let answer = self.ask::<Vec<Told>>(call).blocking_recv();
        let (verdicts, _) = answer.unwrap_or_else(|_| Err(super::shut_down()))?;
        if verdicts.len() == filters.len() {
            Ok(verdicts.into_iter().map(CodeVerdict::from).collect())
        } else {
            Err(SandboxError::Unavailable(std::io::ErrorKind::InvalidData.into()))
        }
    }

    /// Checks filters one by one, where checking them together took the child down. Stops at one
    /// that takes too long: the definition has its fault then, and the rest may take long too.
    fn check_each(
        &self,
        filters: &[&str],
        deadline: Instant,
    ) -> Result<Vec<CodeVerdict>, SandboxError> {
        let mut verdicts = Vec::with_capacity(filters.len());
        for filter in filters {
            match self.check_together(&[filter], deadline) {
                Ok(verdict) => verdicts.extend(verdict),
                Err(SandboxError::Died) => verdicts.push(refused(TOO_DEEP)),
                Err(SandboxError::Refused(fault)) => verdicts.push(refused(fault)),
                Err(SandboxError::TimedOut) => {
                    verdicts.push(refused("the filter takes too long to compile"));
                    break;
                }
                Err(error @ (SandboxError::Busy | SandboxError::Unavailable(_))) => {
                    return Err(error);
                }
            }
        }
        verdicts.resize(filters.len(), CodeVerdict::default());
        Ok(verdicts)
    }
}

fn filter<'a>(code: &Code<'a>) -> Option<&'a str> {
    match code {
        Code::Filter(filter) => Some(filter),
        Code::Template(_) | Code::Schema(_) => None,
    }
}

fn refused(fault: impl Into<String>) -> CodeVerdict {
    CodeVerdict { faults: vec![(String::new(), fault.into())], steps: Vec::new() }
}

fn failed(source: impl std::error::Error + Send + Sync + 'static) -> CodeCheckFailed {
    CodeCheckFailed { source: Box::new(source) }
}
