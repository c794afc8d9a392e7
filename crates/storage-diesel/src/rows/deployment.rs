//! Deployments.

use deployments_domain::{Deployment, WorkflowType};
use diesel::{QueryResult, prelude::*};

use crate::{codec, schema::deployments};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = deployments, treat_none_as_default_value = false)]
pub(crate) struct DeploymentRow {
    id: String,
    organization_id: String,
    workflow_id: String,
    deployment_type: String,
    api_name: String,
    display_name: String,
    description: String,
    is_active: bool,
    default_parameters: String,
    timeout_seconds: i32,
    max_concurrent: Option<i32>,
    shared_results: bool,
    rate_limit_per_minute: Option<i32>,
    ip_allowlist: String,
    max_body_bytes: i32,
    max_file_bytes: i32,
    input_schema: Option<String>,
    created_by: String,
    created_at: i64,
    modified_at: i64,
}

/// What of a deployment can change. The columns that other tables refer to are left out: naming them in an update makes
/// SQLite look for referring rows.
#[derive(AsChangeset)]
#[diesel(table_name = deployments, treat_none_as_null = true)]
pub(crate) struct DeploymentTerms {
    workflow_id: String,
    deployment_type: String,
    api_name: String,
    display_name: String,
    description: String,
    is_active: bool,
    default_parameters: String,
    timeout_seconds: i32,
    max_concurrent: Option<i32>,
    shared_results: bool,
    rate_limit_per_minute: Option<i32>,
    ip_allowlist: String,
    max_body_bytes: i32,
    max_file_bytes: i32,
    input_schema: Option<String>,
    modified_at: i64,
}

impl DeploymentRow {
    pub(crate) fn of(deployment: &Deployment) -> QueryResult<Self> {
        Ok(Self {
            id: codec::id(deployment.id),
            organization_id: codec::id(deployment.organization),
            workflow_id: codec::id(deployment.workflow),
            deployment_type: deployment.deployment_type.as_str().into(),
            api_name: deployment.api_name.clone(),
            display_name: deployment.display_name.clone(),
            description: deployment.description.clone(),
            is_active: deployment.is_active,
            default_parameters: codec::json_object(&deployment.default_parameters)?,
            timeout_seconds: codec::integer(deployment.timeout_seconds),
            max_concurrent: deployment.max_concurrent.map(codec::integer),
            shared_results: deployment.shared_results,
            rate_limit_per_minute: deployment.rate_limit.map(|limit| codec::integer(limit.calls())),
            ip_allowlist: codec::texts(deployment.allowlist.iter())?,
            max_body_bytes: codec::integer(deployment.max_body_bytes),
            max_file_bytes: codec::integer(deployment.max_file_bytes),
            input_schema: deployment.input_schema.as_ref().map(ToString::to_string),
            created_by: deployment.created_by.to_string(),
            created_at: codec::micros(deployment.created_at),
            modified_at: codec::micros(deployment.modified_at),
        })
    }

    pub(crate) fn into_terms(self) -> DeploymentTerms {
        DeploymentTerms {
            workflow_id: self.workflow_id,
            deployment_type: self.deployment_type,
            api_name: self.api_name,
            display_name: self.display_name,
            description: self.description,
            is_active: self.is_active,
            default_parameters: self.default_parameters,
            timeout_seconds: self.timeout_seconds,
            max_concurrent: self.max_concurrent,
            shared_results: self.shared_results,
            rate_limit_per_minute: self.rate_limit_per_minute,
            ip_allowlist: self.ip_allowlist,
            max_body_bytes: self.max_body_bytes,
            max_file_bytes: self.max_file_bytes,
            input_schema: self.input_schema,
            modified_at: self.modified_at,
        }
    }

    pub(crate) fn read(self) -> QueryResult<Deployment> {
        let deployment_type =
            codec::read_name(&self.deployment_type, "deployment type", WorkflowType::parse)?;
        Ok(Deployment {
            id: codec::read_id(&self.id)?,
            organization: codec::read_id(&self.organization_id)?,
            workflow: codec::read_id(&self.workflow_id)?,
            deployment_type,
            api_name: self.api_name,
            display_name: self.display_name,
            description: self.description,
            is_active: self.is_active,
            default_parameters: codec::read_json_object(&self.default_parameters)?,
            timeout_seconds: codec::read_unsigned(self.timeout_seconds)?,
            max_concurrent: self.max_concurrent.map(codec::read_unsigned).transpose()?,
            shared_results: self.shared_results,
            rate_limit: codec::read_rate_limit(self.rate_limit_per_minute)?,
            allowlist: codec::read_allowlist(&self.ip_allowlist)?,
            max_body_bytes: codec::read_unsigned(self.max_body_bytes)?,
            max_file_bytes: codec::read_unsigned(self.max_file_bytes)?,
            input_schema: self.input_schema.as_deref().map(codec::read_json).transpose()?,
            created_by: codec::read_uuid(&self.created_by)?,
            created_at: codec::read_micros(self.created_at)?,
            modified_at: codec::read_micros(self.modified_at)?,
        })
    }
}
