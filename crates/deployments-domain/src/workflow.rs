//! A workflow: a name for a line of versions, of which the last is the current one.

use access_domain::{Fault, FaultCode, OrganizationId, check_text};
use keys_core::{Id, Timestamp};
use serde_json::Value;
use uuid::Uuid;

use crate::{Definition, definition::etl::NEEDS_BOTH};

/// The id of a workflow.
pub type WorkflowId = Id<Workflow>;

/// The id of one version of a workflow. A saved version never changes.
pub type VersionId = Id<Definition>;

/// A workflow at its current version.
#[derive(Debug, Clone, PartialEq)]
pub struct Workflow {
    /// Its id.
    pub id: WorkflowId,
    /// The tenant.
    pub organization: OrganizationId,
    /// Its name for people.
    pub name: String,
    /// What it is for; may be empty.
    pub description: String,
    /// What starts it and what it yields.
    pub workflow_type: WorkflowType,
    /// The id of the current version.
    pub version: VersionId,
    /// The number of the current version, from 1.
    pub version_number: i32,
    /// The definition of the current version as it was sent; [`Definition::parse`] accepted it.
    pub definition: Value,
    /// The user or key that made it.
    pub created_by: Uuid,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub modified_at: Timestamp,
}

/// The kinds of workflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkflowType {
    /// Request in, result out.
    Task,
    /// The same steps for each record between a source and a destination; the result is a report.
    Etl,
}

impl WorkflowType {
    /// The name in storage and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Task => "TASK",
            Self::Etl => "ETL",
        }
    }

    /// The type of a name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Task, Self::Etl].into_iter().find(|known| known.as_str() == name)
    }
}

/// A workflow as its maker sends it, whole.
#[derive(Debug, Clone)]
pub struct WorkflowDraft {
    /// The name.
    pub name: String,
    /// The description; may be empty.
    pub description: String,
    /// The type, as it was sent.
    pub workflow_type: String,
    /// The definition.
    pub definition: Value,
}

impl From<WorkflowDraft> for WorkflowEdit {
    /// The edit that replaces everything.
    fn from(draft: WorkflowDraft) -> Self {
        Self {
            name: Some(draft.name),
            description: Some(draft.description),
            workflow_type: Some(draft.workflow_type),
            definition: Some(draft.definition),
        }
    }
}

/// What is to change of a workflow; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct WorkflowEdit {
    /// The name.
    pub name: Option<String>,
    /// The description; empty clears it.
    pub description: Option<String>,
    /// The type, as it was sent.
    pub workflow_type: Option<String>,
    /// The definition; a different one becomes a new version.
    pub definition: Option<Value>,
}

impl WorkflowEdit {
    /// Checks all that needs no compiler; returns the parsed definition, where one is given.
    ///
    /// # Errors
    /// Everything that is wrong, each with its pointer.
    pub(crate) fn check(&self) -> Result<Option<Definition>, Vec<Fault>> {
        let mut faults = Vec::new();
        if let Some(name) = &self.name {
            check_text(&mut faults, "/name", name, 1, 100);
        }
        if let Some(description) = &self.description {
            check_text(&mut faults, "/description", description, 0, 2000);
        }
        if let Some(workflow_type) = &self.workflow_type {
            check_type(&mut faults, "/workflow_type", workflow_type);
        }
        let parsed =
            match self.definition.as_ref().map(|value| Definition::parse(value, "/definition")) {
                None => None,
                Some(Ok(definition)) => Some(definition),
                Some(Err(in_definition)) => {
                    faults.extend(in_definition);
                    None
                }
            };
        if faults.is_empty() { Ok(parsed) } else { Err(faults) }
    }

    /// `workflow` with this edit, which was checked. A definition that differs is a new version.
    pub(crate) fn apply(
        self,
        workflow: &Workflow,
        new_version: VersionId,
        now: Timestamp,
    ) -> Workflow {
        let mut edited = Workflow { modified_at: now, ..workflow.clone() };
        edited.workflow_type = self
            .workflow_type
            .and_then(|name| WorkflowType::parse(&name))
            .unwrap_or(edited.workflow_type);
        edited.name = self.name.unwrap_or(edited.name);
        edited.description = self.description.unwrap_or(edited.description);
        if let Some(definition) =
            self.definition.filter(|definition| *definition != workflow.definition)
        {
            edited.definition = definition;
            edited.version = new_version;
            edited.version_number += 1;
        }
        edited
    }
}

/// Notes a fault unless `name` is a type that this server runs.
pub(crate) fn check_type(faults: &mut Vec<Fault>, pointer: &str, name: &str) {
    if WorkflowType::parse(name).is_none() {
        faults.push(Fault::invalid(pointer, "must be \"TASK\" or \"ETL\""));
    }
}

/// Whether a workflow of this type may have this definition, which was read: an ETL workflow has
/// both ends, and no other has any.
///
/// # Errors
/// What is wrong, with pointers into what is sent of a workflow.
pub(crate) fn check_ends(
    workflow_type: WorkflowType,
    definition: &Definition,
) -> Result<(), Vec<Fault>> {
    let has_ends = definition.source.is_some();
    match workflow_type {
        WorkflowType::Task if has_ends => Err(vec![Fault::invalid(
            "/workflow_type",
            "must be \"ETL\": the definition has a source and a destination",
        )]),
        WorkflowType::Etl if !has_ends => {
            Err(vec![Fault::new("/definition/source", FaultCode::MissingField, NEEDS_BOTH)])
        }
        WorkflowType::Task | WorkflowType::Etl => Ok(()),
    }
}

/// Whether `after` may follow on `before`. The type stays, since deployments have it from their
/// workflow, and runs of one type are told of otherwise than those of another.
///
/// # Errors
/// What is wrong, with pointers into what is sent of a workflow.
pub(crate) fn check_change(
    before: &Workflow,
    after: &Workflow,
    definition: Option<&Definition>,
) -> Result<(), Vec<Fault>> {
    if after.workflow_type != before.workflow_type {
        let detail = "never changes; make another workflow";
        return Err(vec![Fault::invalid("/workflow_type", detail)]);
    }
    definition.map_or(Ok(()), |definition| check_ends(after.workflow_type, definition))
}
