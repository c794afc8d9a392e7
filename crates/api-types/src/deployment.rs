//! Deployments.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{
    SharingView, Time,
    body::{clearable, present},
};

/// `POST …/api-deployment/` and `PUT …/api-deployment/{id}/`: what is absent has its default.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreateDeployment {
    /// The id of the workflow.
    pub workflow: Uuid,
    /// Its name for programs, unique in the organization: `^[a-zA-Z0-9_-]{1,30}$`.
    pub api_name: String,
    /// Its name for people.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// What it is for.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The workflow's type, which is also the default.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub deployment_type: Option<String>,
    /// Whether its keys open it; default `true`.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub is_active: Option<bool>,
    /// Parameters of every execution, under those that a call brings.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub default_parameters: Option<Map<String, Value>>,
    /// How long an execution may take, in seconds, from when a worker takes it: 1 to 3600, default 300.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<u32>,
    /// How many executions may be unfinished at once; default 20, `null` for no bound.
    #[serde(default, deserialize_with = "clearable", skip_serializing_if = "Option::is_none")]
    pub max_concurrent: Option<Option<u32>>,
    /// Whether each of its keys sees the executions of all of them; default `false`.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub shared_results: Option<bool>,
    /// How many calls a minute all its keys may make together: 1 to 60000000, default 100, `null` for
    /// no limit.
    #[serde(default, deserialize_with = "clearable", skip_serializing_if = "Option::is_none")]
    pub rate_limit_per_minute: Option<Option<u32>>,
    /// The networks that it may be called from, as `10.0.0.0/8`; empty or `null`: from anywhere.
    #[serde(default, deserialize_with = "clearable", skip_serializing_if = "Option::is_none")]
    pub ip_allowlist: Option<Option<Vec<String>>>,
    /// The largest body of a call, in bytes: 1 to 1073741824, default 10485760. The server's own bound
    /// holds as well.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub max_body_bytes: Option<u32>,
    /// The largest file that a call may bring, in bytes.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub max_file_bytes: Option<u32>,
    /// The JSON Schema (2020-12) that inputs must obey; it names nothing outside itself. `null`: any
    /// input.
    #[serde(default, deserialize_with = "clearable", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub input_schema: Option<Option<Value>>,
}

impl CreateDeployment {
    /// A deployment of `workflow` under this API name; everything else has its default.
    pub fn new(workflow: Uuid, api_name: impl Into<String>) -> Self {
        Self {
            workflow,
            api_name: api_name.into(),
            display_name: None,
            description: None,
            deployment_type: None,
            is_active: None,
            default_parameters: None,
            timeout_seconds: None,
            max_concurrent: None,
            shared_results: None,
            rate_limit_per_minute: None,
            ip_allowlist: None,
            max_body_bytes: None,
            max_file_bytes: None,
            input_schema: None,
        }
    }
}

/// `PATCH …/api-deployment/{id}/`: what is absent stays.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PatchDeployment {
    /// The id of the workflow.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub workflow: Option<Uuid>,
    /// Its name for programs.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub api_name: Option<String>,
    /// Its name for people; `null` clears it.
    #[serde(default, deserialize_with = "clearable", skip_serializing_if = "Option::is_none")]
    pub display_name: Option<Option<String>>,
    /// What it is for; `null` clears it.
    #[serde(default, deserialize_with = "clearable", skip_serializing_if = "Option::is_none")]
    pub description: Option<Option<String>>,
    /// The workflow's type.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub deployment_type: Option<String>,
    /// Whether its keys open it.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub is_active: Option<bool>,
    /// Parameters of every execution; `null` clears them.
    #[serde(default, deserialize_with = "clearable", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub default_parameters: Option<Option<Map<String, Value>>>,
    /// How long an execution may take, in seconds.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<u32>,
    /// How many executions may be unfinished at once; `null` for no bound.
    #[serde(default, deserialize_with = "clearable", skip_serializing_if = "Option::is_none")]
    pub max_concurrent: Option<Option<u32>>,
    /// Whether each of its keys sees the executions of all of them.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub shared_results: Option<bool>,
    /// How many calls a minute all its keys may make together: 1 to 60000000, default 100, `null` for
    /// no limit.
    #[serde(default, deserialize_with = "clearable", skip_serializing_if = "Option::is_none")]
    pub rate_limit_per_minute: Option<Option<u32>>,
    /// The networks that it may be called from, as `10.0.0.0/8`; empty or `null`: from anywhere.
    #[serde(default, deserialize_with = "clearable", skip_serializing_if = "Option::is_none")]
    pub ip_allowlist: Option<Option<Vec<String>>>,
    /// The largest body of a call, in bytes: 1 to 1073741824, default 10485760. The server's own bound
    /// holds as well.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub max_body_bytes: Option<u32>,
    /// The largest file that a call may bring, in bytes.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub max_file_bytes: Option<u32>,
    /// The JSON Schema (2020-12) that inputs must obey; it names nothing outside itself. `null`: any
    /// input.
    #[serde(default, deserialize_with = "clearable", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub input_schema: Option<Option<Value>>,
}

/// Where a deployment is called. `{execution_id}` stands for the id that a call answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EndpointView {
    /// `POST` starts an execution.
    pub execute: String,
    /// `GET` tells where it stands.
    pub status: String,
    /// `GET` reads its result.
    pub result: String,
    /// `POST` cancels it.
    pub cancel: String,
}

/// A deployment.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeploymentView {
    /// Its id, and its handle in addresses.
    pub id: Uuid,
    /// The id of its workflow.
    pub workflow: Uuid,
    /// Its name for programs.
    pub api_name: String,
    /// Its name for people.
    pub display_name: String,
    /// What it is for.
    pub description: String,
    /// The workflow's type.
    pub deployment_type: String,
    /// Whether its keys open it.
    pub is_active: bool,
    /// Parameters of every execution.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub default_parameters: Map<String, Value>,
    /// How long an execution may take, in seconds.
    pub timeout_seconds: u32,
    /// How many executions may be unfinished at once.
    pub max_concurrent: Option<u32>,
    /// Whether each of its keys sees the executions of all of them.
    pub shared_results: bool,
    /// How many calls a minute all its keys may make together.
    pub rate_limit_per_minute: Option<u32>,
    /// The networks that it may be called from; none: from anywhere.
    pub ip_allowlist: Vec<String>,
    /// The largest body of a call, in bytes.
    pub max_body_bytes: u32,
    /// The largest file that a call may bring, in bytes.
    pub max_file_bytes: u32,
    /// The JSON Schema (2020-12) that inputs must obey.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub input_schema: Option<Value>,
    /// Where it is called.
    pub endpoint: EndpointView,
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

/// A new deployment with its first key.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreatedDeploymentView {
    /// The deployment.
    #[serde(flatten)]
    pub deployment: DeploymentView,
    /// The id of its first key.
    pub key_id: Uuid,
    /// That key. It is shown this once: `null` where the request was answered before.
    pub api_key: Option<String>,
}

#[cfg(feature = "from-domain")]
mod from_domain {
    use deployments_domain::{Deployment, DeploymentDraft, DeploymentEdit, Shown};
    use keys_core::RateLimit;

    use super::{CreateDeployment, DeploymentView, EndpointView, PatchDeployment};
    use crate::Time;

    impl From<CreateDeployment> for DeploymentDraft {
        fn from(body: CreateDeployment) -> Self {
            let terms = DeploymentEdit {
                workflow: None,
                api_name: None,
                display_name: body.display_name,
                description: body.description,
                deployment_type: body.deployment_type,
                is_active: body.is_active,
                default_parameters: body.default_parameters,
                timeout_seconds: body.timeout_seconds,
                max_concurrent: body.max_concurrent,
                shared_results: body.shared_results,
                rate_limit_per_minute: body.rate_limit_per_minute,
                ip_allowlist: body.ip_allowlist.map(Option::unwrap_or_default),
                max_body_bytes: body.max_body_bytes,
                max_file_bytes: body.max_file_bytes,
                input_schema: body.input_schema,
            };
            Self { workflow: body.workflow.into(), api_name: body.api_name, terms }
        }
    }

    impl From<PatchDeployment> for DeploymentEdit {
        fn from(body: PatchDeployment) -> Self {
            Self {
                workflow: body.workflow.map(Into::into),
                api_name: body.api_name,
                display_name: body.display_name.map(Option::unwrap_or_default),
                description: body.description.map(Option::unwrap_or_default),
                deployment_type: body.deployment_type,
                is_active: body.is_active,
                default_parameters: body.default_parameters.map(Option::unwrap_or_default),
                timeout_seconds: body.timeout_seconds,
                max_concurrent: body.max_concurrent,
                shared_results: body.shared_results,
                rate_limit_per_minute: body.rate_limit_per_minute,
                ip_allowlist: body.ip_allowlist.map(Option::unwrap_or_default),
                max_body_bytes: body.max_body_bytes,
                max_file_bytes: body.max_file_bytes,
                input_schema: body.input_schema,
            }
        }
    }

    impl EndpointView {
        /// The addresses of a deployment on the server at `base` (empty: relative to the host).
        pub fn at(base: &str, deployment: impl std::fmt::Display) -> Self {
            let root = format!("{base}/deployment/{deployment}/");
            Self {
                status: format!("{root}status/{{execution_id}}/"),
                result: format!("{root}result/{{execution_id}}/"),
                cancel: format!("{root}cancel/{{execution_id}}/"),
                execute: root,
            }
        }
    }

    impl DeploymentView {
        /// The view of a deployment on the server at `base`.
        pub fn new(shown: Shown<Deployment>, base: &str) -> Self {
            let Shown { thing: deployment, sharing } = shown;
            Self {
                id: deployment.id.uuid(),
                workflow: deployment.workflow.uuid(),
                api_name: deployment.api_name,
                display_name: deployment.display_name,
                description: deployment.description,
                deployment_type: deployment.deployment_type.as_str().into(),
                is_active: deployment.is_active,
                default_parameters: deployment.default_parameters,
                timeout_seconds: deployment.timeout_seconds,
                max_concurrent: deployment.max_concurrent,
                shared_results: deployment.shared_results,
                rate_limit_per_minute: deployment.rate_limit.map(RateLimit::calls),
                ip_allowlist: deployment.allowlist.iter().map(ToString::to_string).collect(),
                max_body_bytes: deployment.max_body_bytes,
                max_file_bytes: deployment.max_file_bytes,
                input_schema: deployment.input_schema,
                endpoint: EndpointView::at(base, deployment.id),
                shared: sharing.map(Into::into),
                created_by: deployment.created_by,
                created_at: Time(deployment.created_at),
                modified_at: Time(deployment.modified_at),
            }
        }
    }
}
