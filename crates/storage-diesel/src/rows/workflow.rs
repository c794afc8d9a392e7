//! Workflows and their versions.

use deployments_domain::{Workflow, WorkflowType};
use diesel::{QueryResult, prelude::*};

use crate::{
    codec,
    schema::{workflow_versions, workflows},
};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = workflows, treat_none_as_default_value = false)]
pub(crate) struct WorkflowRow {
    pub(crate) id: String,
    organization_id: String,
    name: String,
    description: String,
    workflow_type: String,
    pub(crate) version_id: String,
    pub(crate) created_by: String,
    created_at: i64,
    modified_at: i64,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = workflow_versions)]
pub(crate) struct VersionRow {
    id: String,
    workflow_id: String,
    number: i32,
    definition: String,
    created_at: i64,
}

impl WorkflowRow {
    pub(crate) fn of(workflow: &Workflow) -> Self {
        Self {
            id: codec::id(workflow.id),
            organization_id: codec::id(workflow.organization),
            name: workflow.name.clone(),
            description: workflow.description.clone(),
            workflow_type: workflow.workflow_type.as_str().into(),
            version_id: codec::id(workflow.version),
            created_by: workflow.created_by.to_string(),
            created_at: codec::micros(workflow.created_at),
            modified_at: codec::micros(workflow.modified_at),
        }
    }

    pub(crate) fn read(self, version: &VersionRow) -> QueryResult<Workflow> {
        let workflow_type =
            codec::read_name(&self.workflow_type, "workflow type", WorkflowType::parse)?;
        Ok(Workflow {
            id: codec::read_id(&self.id)?,
            organization: codec::read_id(&self.organization_id)?,
            name: self.name,
            description: self.description,
            workflow_type,
            version: codec::read_id(&version.id)?,
            version_number: version.number,
            definition: codec::read_json(&version.definition)?,
            created_by: codec::read_uuid(&self.created_by)?,
            created_at: codec::read_micros(self.created_at)?,
            modified_at: codec::read_micros(self.modified_at)?,
        })
    }
}

impl VersionRow {
    /// The current version, made when the workflow was last changed.
    pub(crate) fn of(workflow: &Workflow) -> Self {
        Self {
            id: codec::id(workflow.version),
            workflow_id: codec::id(workflow.id),
            number: workflow.version_number,
            definition: workflow.definition.to_string(),
            created_at: codec::micros(workflow.modified_at),
        }
    }
}
