//! A deployment: a workflow under an address of its own, with the terms on which it may be called.

use access_domain::{DeploymentId, Fault, OrganizationId, check_text};
use keys_core::Timestamp;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{WorkflowId, WorkflowType, workflow::check_type};

const DEFAULT_TIMEOUT_SECONDS: u32 = 300;
const MAX_TIMEOUT_SECONDS: u32 = 3600;
const DEFAULT_MAX_CONCURRENT: u32 = 20;
const MAX_MAX_CONCURRENT: u32 = 100_000;
const MAX_PARAMETERS_BYTES: usize = 64 * 1024;

/// A workflow that can be called.
#[derive(Debug, Clone, PartialEq)]
pub struct Deployment {
    /// Its id.
    pub id: DeploymentId,
    /// The tenant.
    pub organization: OrganizationId,
    /// The workflow; a run takes the version that is current when it is accepted.
    pub workflow: WorkflowId,
    /// The workflow's type.
    pub deployment_type: WorkflowType,
    /// Its name in addresses, unique in the organization.
    pub api_name: String,
    /// Its name for people; may be empty.
    pub display_name: String,
    /// What it is for; may be empty.
    pub description: String,
    /// Whether its keys open it.
    pub is_active: bool,
    /// Parameters of every run, under those that a call brings.
    pub default_parameters: Map<String, Value>,
    /// How long a run may take, in seconds, from when a worker takes it.
    pub timeout_seconds: u32,
    /// How many runs may be unfinished at once; no bound without it.
    pub max_concurrent: Option<u32>,
    /// Whether each of its keys sees the runs of all of them.
    pub shared_results: bool,
    /// The user or key that made it.
    pub created_by: Uuid,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub modified_at: Timestamp,
}

/// A deployment as its maker sends it: what is not given has its default.
#[derive(Debug, Clone)]
pub struct DeploymentDraft {
    /// The workflow.
    pub workflow: WorkflowId,
    /// The name in addresses.
    pub api_name: String,
    /// Everything else.
    pub terms: DeploymentEdit,
}

/// What is to change of a deployment; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct DeploymentEdit {
    /// The workflow.
    pub workflow: Option<WorkflowId>,
    /// The name in addresses.
    pub api_name: Option<String>,
    /// The name for people.
    pub display_name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// The type, as it was sent; must be the workflow's.
    pub deployment_type: Option<String>,
    /// Whether its keys open it.
    pub is_active: Option<bool>,
    /// Parameters of every run.
    pub default_parameters: Option<Map<String, Value>>,
    /// How long a run may take, in seconds.
    pub timeout_seconds: Option<u32>,
    /// How many runs may be unfinished at once; `Some(None)` lifts the bound.
    pub max_concurrent: Option<Option<u32>>,
    /// Whether each of its keys sees the runs of all of them.
    pub shared_results: Option<bool>,
}

impl DeploymentDraft {
    /// The edit that replaces everything: what the draft leaves open goes back to its default.
    pub(crate) fn into_edit(self) -> DeploymentEdit {
        let terms = self.terms;
        DeploymentEdit {
            workflow: Some(self.workflow),
            api_name: Some(self.api_name),
            display_name: Some(terms.display_name.unwrap_or_default()),
            description: Some(terms.description.unwrap_or_default()),
            deployment_type: terms.deployment_type,
            is_active: Some(terms.is_active.unwrap_or(true)),
            default_parameters: Some(terms.default_parameters.unwrap_or_default()),
            timeout_seconds: Some(terms.timeout_seconds.unwrap_or(DEFAULT_TIMEOUT_SECONDS)),
            max_concurrent: Some(terms.max_concurrent.unwrap_or(Some(DEFAULT_MAX_CONCURRENT))),
            shared_results: Some(terms.shared_results.unwrap_or(false)),
        }
    }
}

impl DeploymentEdit {
    /// # Errors
    /// Everything that is wrong, each with its pointer.
    pub(crate) fn check(&self) -> Result<(), Vec<Fault>> {
        let mut faults = Vec::new();
        if let Some(api_name) = &self.api_name {
            check_api_name(&mut faults, api_name);
        }
        if let Some(display_name) = &self.display_name {
            check_text(&mut faults, "/display_name", display_name, 0, 100);
        }
        if let Some(description) = &self.description {
            check_text(&mut faults, "/description", description, 0, 2000);
        }
        if let Some(deployment_type) = &self.deployment_type {
            check_type(&mut faults, "/deployment_type", deployment_type);
        }
        let parameters = self
            .default_parameters
            .as_ref()
            .map(|parameters| Value::Object(parameters.clone()).to_string());
        if parameters.is_some_and(|text| text.len() > MAX_PARAMETERS_BYTES) {
            let detail = format!("must have at most {MAX_PARAMETERS_BYTES} bytes as JSON");
            faults.push(Fault::invalid("/default_parameters", detail));
        }
        check_range(&mut faults, "/timeout_seconds", self.timeout_seconds, MAX_TIMEOUT_SECONDS);
        check_range(
            &mut faults,
            "/max_concurrent",
            self.max_concurrent.flatten(),
            MAX_MAX_CONCURRENT,
        );
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }

    /// `deployment` with this edit, which was checked.
    pub(crate) fn apply(self, deployment: &Deployment, now: Timestamp) -> Deployment {
        let old = deployment.clone();
        Deployment {
            workflow: self.workflow.unwrap_or(old.workflow),
            api_name: self.api_name.unwrap_or(old.api_name),
            display_name: self.display_name.unwrap_or(old.display_name),
            description: self.description.unwrap_or(old.description),
            is_active: self.is_active.unwrap_or(old.is_active),
            default_parameters: self.default_parameters.unwrap_or(old.default_parameters),
            timeout_seconds: self.timeout_seconds.unwrap_or(old.timeout_seconds),
            max_concurrent: self.max_concurrent.unwrap_or(old.max_concurrent),
            shared_results: self.shared_results.unwrap_or(old.shared_results),
            modified_at: now,
            ..old
        }
    }
}

fn check_api_name(faults: &mut Vec<Fault>, api_name: &str) {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    if !(1..=30).contains(&api_name.len()) || !api_name.bytes().all(allowed) {
        faults.push(Fault::invalid(
            "/api_name",
            "an API name has 1 to 30 letters, digits, '_' or '-'",
        ));
    } else if api_name.starts_with("keywright_") {
        faults.push(Fault::invalid(
            "/api_name",
            "names that start with 'keywright_' are the server's own",
        ));
    }
}

fn check_range(faults: &mut Vec<Fault>, pointer: &str, value: Option<u32>, most: u32) {
    if value.is_some_and(|value| value == 0 || value > most) {
        faults.push(Fault::invalid(pointer, format!("must be from 1 to {most}")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(edit: DeploymentEdit, expected: &[&str]) {
        let faults = edit.check().err().unwrap_or_default();
        let pointers: Vec<_> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(pointers, expected);
    }

    #[test]
    fn api_names_are_short_plain_and_not_the_servers_own() {
        for good in ["a", "Invoice-2_x", &"x".repeat(30)] {
            check(DeploymentEdit { api_name: Some(good.into()), ..Default::default() }, &[]);
        }
        for bad in ["", "a b", "ä", "keywright_x", &"x".repeat(31)] {
            check(
                DeploymentEdit { api_name: Some(bad.into()), ..Default::default() },
                &["/api_name"],
            );
        }
    }

    #[test]
    fn all_faults_are_told_at_once() {
        let edit = DeploymentEdit {
            deployment_type: Some("ETL".into()),
            timeout_seconds: Some(0),
            max_concurrent: Some(Some(MAX_MAX_CONCURRENT + 1)),
            ..Default::default()
        };
        check(edit, &["/deployment_type", "/timeout_seconds", "/max_concurrent"]);
    }

    #[test]
    fn the_bound_on_unfinished_runs_can_be_lifted() {
        check(DeploymentEdit { max_concurrent: Some(None), ..Default::default() }, &[]);
    }
}
