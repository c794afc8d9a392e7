//! A deployment: a workflow under an address of its own, with the terms on which it may be called.

use access_domain::{
    DeploymentId, Fault, OrganizationId, check_text, read_allowlist, read_rate_limit,
};
use keys_core::{Allowlist, RateLimit, Timestamp};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{WorkflowId, WorkflowType, workflow::check_type};

const DEFAULT_TIMEOUT_SECONDS: u32 = 300;
const MAX_TIMEOUT_SECONDS: u32 = 3600;
const DEFAULT_MAX_CONCURRENT: u32 = 20;
const MAX_MAX_CONCURRENT: u32 = 100_000;
const MAX_PARAMETERS_BYTES: usize = 64 * 1024;
const MAX_SCHEMA_BYTES: usize = 64 * 1024;
const DEFAULT_RATE_LIMIT_PER_MINUTE: u32 = 100;
const DEFAULT_MAX_BODY_BYTES: u32 = 10 << 20;
const MAX_MAX_BODY_BYTES: u32 = 1 << 30;
const DEFAULT_MAX_FILE_BYTES: u32 = 100 << 20;
const MAX_MAX_FILE_BYTES: u32 = 1 << 30;

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
    /// How often it may be called, by all of its keys together; no limit without it.
    pub rate_limit: Option<RateLimit>,
    /// Where it may be called from, whatever the key.
    pub allowlist: Allowlist,
    /// The largest body of a call, in bytes; what the server takes at most bounds it as well.
    pub max_body_bytes: u32,
    /// The largest file that a call may bring, in bytes.
    pub max_file_bytes: u32,
    /// The JSON Schema (2020-12) that every input must obey.
    pub input_schema: Option<Value>,
    /// The user or key that made it.
    pub created_by: Uuid,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub modified_at: Timestamp,
}

impl Deployment {
    /// One without any terms, for a draft to be applied to.
    pub(crate) fn blank(
        organization: OrganizationId,
        created_by: Uuid,
        created_at: Timestamp,
    ) -> Self {
        Self {
            id: Uuid::nil().into(),
            organization,
            workflow: Uuid::nil().into(),
            deployment_type: WorkflowType::Task,
            api_name: String::new(),
            display_name: String::new(),
            description: String::new(),
            is_active: true,
            default_parameters: Map::new(),
            timeout_seconds: 0,
            max_concurrent: None,
            shared_results: false,
            rate_limit: None,
            allowlist: Allowlist::default(),
            max_body_bytes: 0,
            max_file_bytes: 0,
            input_schema: None,
            created_by,
            created_at,
            modified_at: created_at,
        }
    }
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
    /// How often it may be called, as it was sent; `Some(None)` lifts the limit.
    pub rate_limit_per_minute: Option<Option<u32>>,
    /// Where it may be called from, as it was sent; an empty list: from anywhere.
    pub ip_allowlist: Option<Vec<String>>,
    /// The largest body of a call, in bytes.
    pub max_body_bytes: Option<u32>,
    /// The largest file that a call may bring, in bytes.
    pub max_file_bytes: Option<u32>,
    /// The JSON Schema of its inputs; `Some(None)` takes any input.
    pub input_schema: Option<Option<Value>>,
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
            rate_limit_per_minute: Some(
                terms.rate_limit_per_minute.unwrap_or(Some(DEFAULT_RATE_LIMIT_PER_MINUTE)),
            ),
            ip_allowlist: Some(terms.ip_allowlist.unwrap_or_default()),
            max_body_bytes: Some(terms.max_body_bytes.unwrap_or(DEFAULT_MAX_BODY_BYTES)),
            max_file_bytes: Some(terms.max_file_bytes.unwrap_or(DEFAULT_MAX_FILE_BYTES)),
            input_schema: Some(terms.input_schema.unwrap_or_default()),
        }
    }
}

impl DeploymentEdit {
    /// The terms of a deployment of whose terms nothing is said.
    pub fn defaults() -> Self {
        let (workflow, terms) = (Uuid::nil().into(), Self::default());
        let draft = DeploymentDraft { workflow, api_name: String::new(), terms };
        Self { workflow: None, api_name: None, ..draft.into_edit() }
    }

    /// `old` with this edit, in which no [`DeploymentEdit::faults`] were found.
    pub(crate) fn apply(self, old: &Deployment, now: Timestamp) -> Deployment {
        let rate_limit =
            self.rate_limit_per_minute.map(|calls| calls.and_then(RateLimit::per_minute));
        let allowlist =
            self.ip_allowlist.as_ref().map(|list| read_allowlist(&mut Vec::new(), list));
        let old = old.clone();
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
            rate_limit: rate_limit.unwrap_or(old.rate_limit),
            allowlist: allowlist.unwrap_or(old.allowlist),
            max_body_bytes: self.max_body_bytes.unwrap_or(old.max_body_bytes),
            max_file_bytes: self.max_file_bytes.unwrap_or(old.max_file_bytes),
            input_schema: self.input_schema.unwrap_or(old.input_schema),
            modified_at: now,
            ..old
        }
    }

    /// Everything that is wrong with it, each with its pointer. Whether a schema is one is asked elsewhere.
    pub(crate) fn faults(&self) -> Vec<Fault> {
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
        if let Some(parameters) = &self.default_parameters {
            let parameters = Value::Object(parameters.clone());
            check_size(&mut faults, "/default_parameters", &parameters, MAX_PARAMETERS_BYTES);
        }
        if let Some(Some(schema)) = &self.input_schema {
            check_size(&mut faults, "/input_schema", schema, MAX_SCHEMA_BYTES);
        }
        check_range(&mut faults, "/timeout_seconds", self.timeout_seconds, MAX_TIMEOUT_SECONDS);
        let max_concurrent = self.max_concurrent.flatten();
        check_range(&mut faults, "/max_concurrent", max_concurrent, MAX_MAX_CONCURRENT);
        check_range(&mut faults, "/max_body_bytes", self.max_body_bytes, MAX_MAX_BODY_BYTES);
        check_range(&mut faults, "/max_file_bytes", self.max_file_bytes, MAX_MAX_FILE_BYTES);
        read_rate_limit(&mut faults, self.rate_limit_per_minute.flatten());
        if let Some(networks) = &self.ip_allowlist {
            read_allowlist(&mut faults, networks);
        }
        faults
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

fn check_size(faults: &mut Vec<Fault>, pointer: &str, value: &Value, most: usize) {
    if value.to_string().len() > most {
        let detail = format!("must have at most {most} bytes as JSON");
        faults.push(Fault::invalid(pointer, detail));
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

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn deployment() -> Deployment {
        let (workflow, none) = (Uuid::from_u128(1).into(), DeploymentEdit::default());
        let draft = DeploymentDraft { workflow, api_name: "a".into(), terms: none };
        let blank = Deployment::blank(Uuid::from_u128(2).into(), Uuid::from_u128(3), NOW);
        draft.into_edit().apply(&blank, NOW)
    }

    #[track_caller]
    fn check(edit: DeploymentEdit, expected: &[&str]) {
        let faults = edit.faults();
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
            deployment_type: Some("CRON".into()),
            timeout_seconds: Some(0),
            max_concurrent: Some(Some(MAX_MAX_CONCURRENT + 1)),
            max_body_bytes: Some(0),
            max_file_bytes: Some(0),
            input_schema: Some(Some(Value::String("x".repeat(MAX_SCHEMA_BYTES)))),
            rate_limit_per_minute: Some(Some(0)),
            ip_allowlist: Some(vec!["10.0.0.0/8".into(), "10.0.0.0/33".into()]),
            ..Default::default()
        };
        let pointers = [
            "/deployment_type",
            "/input_schema",
            "/timeout_seconds",
            "/max_concurrent",
            "/max_body_bytes",
            "/max_file_bytes",
            "/rate_limit_per_minute",
            "/ip_allowlist/1",
        ];
        check(edit, &pointers);
    }

    #[test]
    fn what_is_left_open_has_its_default_and_what_is_not_named_stays() {
        let made = deployment();
        assert_eq!(made.rate_limit.map(RateLimit::calls), Some(100));
        assert_eq!((made.max_body_bytes, made.timeout_seconds), (10_485_760, 300));
        assert_eq!(made.max_file_bytes, 104_857_600);
        assert_eq!((made.max_concurrent, &made.input_schema), (Some(20), &None));
        let edit = DeploymentEdit {
            rate_limit_per_minute: Some(None),
            ip_allowlist: Some(vec!["10.0.0.0/8".into()]),
            input_schema: Some(Some(Value::Bool(true))),
            ..Default::default()
        };
        let changed = edit.apply(&made, NOW);
        assert_eq!(changed.rate_limit, None);
        let same = DeploymentEdit::default().apply(&changed, NOW);
        assert_eq!(same, changed);
        assert_eq!(same.allowlist.iter().count(), 1);
    }

    #[test]
    fn the_bound_on_unfinished_runs_can_be_lifted() {
        check(DeploymentEdit { max_concurrent: Some(None), ..Default::default() }, &[]);
    }
}
