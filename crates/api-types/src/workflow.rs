//! Workflows.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    ProblemError, SharingView, Time,
    body::{clearable, present},
};

fn task() -> String {
    "TASK".into()
}

/// `POST …/workflow/` and `PUT …/workflow/{id}/`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreateWorkflow {
    /// Its name for people: 1 to 100 characters.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// `TASK`: request in, result out; `ETL`: the steps for each record between a source and a destination. Never changes.
    #[serde(default = "task")]
    pub workflow_type: String,
    /// The steps: `{"steps": [{"id", "tool", …}], "output"?: "<filter>"}`; of an ETL workflow `source` and `destination`, too.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub definition: Value,
}

impl CreateWorkflow {
    /// A workflow `TASK` of this name.
    pub fn new(name: impl Into<String>, definition: Value) -> Self {
        let (name, description) = (name.into(), String::new());
        Self { name, description, workflow_type: task(), definition }
    }
}

/// `PATCH …/workflow/{id}/`: what is absent stays.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PatchWorkflow {
    /// Its name for people.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it is for; `null` clears it.
    #[serde(default, deserialize_with = "clearable", skip_serializing_if = "Option::is_none")]
    pub description: Option<Option<String>>,
    /// `TASK` or `ETL`: what it is.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub workflow_type: Option<String>,
    /// The steps; a different definition becomes a new version.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub definition: Option<Value>,
}

/// `POST …/workflow/{id}/validate/`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ValidateWorkflow {
    /// The definition to check; the saved one when absent.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub definition: Option<Value>,
}

/// What is wrong with a definition.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ValidationView {
    /// Whether it could be saved.
    pub valid: bool,
    /// What is wrong with it.
    pub errors: Vec<ProblemError>,
}

/// A workflow at its current version.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WorkflowView {
    /// Its id.
    pub id: Uuid,
    /// Its name for people.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// `TASK` or `ETL`.
    pub workflow_type: String,
    /// The number of the current version, from 1.
    pub version: i32,
    /// The definition of the current version.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub definition: Value,
    /// With whom it is shared, beside its owner and the administrators; told to these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared: Option<SharingView>,
    /// The user or key that made it.
    pub created_by: Uuid,
    /// When it was made.
    pub created_at: Time,
    /// When it was last changed.
    pub modified_at: Time,
}

#[cfg(feature = "from-domain")]
mod from_domain {
    use access_domain::Fault;
    use deployments_domain::{Shown, Workflow, WorkflowDraft, WorkflowEdit};

    use super::{CreateWorkflow, PatchWorkflow, ValidationView, WorkflowView};
    use crate::{ErrorCode, ProblemError, Time};

    impl From<CreateWorkflow> for WorkflowDraft {
        fn from(body: CreateWorkflow) -> Self {
            let CreateWorkflow { name, description, workflow_type, definition } = body;
            Self { name, description, workflow_type, definition }
        }
    }

    impl From<PatchWorkflow> for WorkflowEdit {
        fn from(body: PatchWorkflow) -> Self {
            Self {
                name: body.name,
                description: body.description.map(Option::unwrap_or_default),
                workflow_type: body.workflow_type,
                definition: body.definition,
            }
        }
    }

    impl From<Shown<Workflow>> for WorkflowView {
        fn from(Shown { thing: workflow, sharing }: Shown<Workflow>) -> Self {
            Self {
                id: workflow.id.uuid(),
                name: workflow.name,
                description: workflow.description,
                workflow_type: workflow.workflow_type.as_str().into(),
                version: workflow.version_number,
                definition: workflow.definition,
                shared: sharing.map(Into::into),
                created_by: workflow.created_by,
                created_at: Time(workflow.created_at),
                modified_at: Time(workflow.modified_at),
            }
        }
    }

    impl From<Fault> for ProblemError {
        fn from(fault: Fault) -> Self {
            let code = ErrorCode::from(fault.code).as_str().into();
            Self { code, detail: fault.detail, attr: Some(fault.pointer) }
        }
    }

    impl From<Vec<Fault>> for ValidationView {
        fn from(faults: Vec<Fault>) -> Self {
            Self { valid: faults.is_empty(), errors: faults.into_iter().map(Into::into).collect() }
        }
    }
}
