//! What the clients of Unstract read: shapes that are theirs, not this server's.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// The answer to a call, be it accepted, done or failed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UnstractAnswer {
    /// Everything else: their client looks for it under this name first, whatever the status.
    pub message: UnstractMessage,
}

/// What became of a call.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UnstractMessage {
    /// The execution's id.
    pub execution_id: Uuid,
    /// `PENDING`, `EXECUTING`, `COMPLETED`, `ERROR` or `STOPPED`.
    pub execution_status: String,
    /// Where its status and result are told, from the root of the host on.
    pub status_api: String,
    /// Why it failed, if it did.
    pub error: Option<String>,
    /// One item for each file, once it has ended.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Vec<Value>>))]
    pub result: Option<Vec<Value>>,
}

/// Where an execution stands, and its result once it has ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UnstractStatus {
    /// `PENDING`, `EXECUTING`, `COMPLETED`, `ERROR` or `STOPPED`.
    pub status: String,
    /// One item for each file, once it has ended.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Vec<Value>>))]
    pub message: Option<Vec<Value>>,
    /// Why it failed, if it did.
    pub error: Option<String>,
}

/// Whose key it is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UnstractWhoami {
    /// The organization's slug, which stands in addresses.
    pub organization_id: String,
    /// The organization's name.
    pub organization_name: String,
    /// `full_access`.
    pub permission: String,
    /// The key's name.
    pub key_name: String,
}

/// A page of deployments, numbered.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UnstractPage {
    /// How many there are on all pages.
    pub count: usize,
    /// The address of the next page.
    pub next: Option<String>,
    /// The address of the page before.
    pub previous: Option<String>,
    /// Those of this page.
    pub results: Vec<UnstractDeployment>,
}

/// A deployment as their platform client reads it: it requires each of these to be there.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UnstractDeployment {
    /// Its id.
    pub id: Uuid,
    /// The workflow's id.
    pub workflow: Uuid,
    /// The workflow's name.
    pub workflow_name: String,
    /// The path that it is called at.
    pub api_endpoint: String,
    /// Its name in addresses.
    pub api_name: String,
    /// Its name for people.
    pub display_name: String,
    /// What it is for.
    pub description: String,
    /// Whether its keys open it.
    pub is_active: bool,
    /// The user or key that made it.
    pub created_by: Uuid,
    /// Not told.
    pub created_by_email: Option<String>,
    /// Not told.
    pub owner_emails: Vec<String>,
    /// Whether the caller made it.
    pub is_owner: bool,
    /// Always none.
    pub co_owners_count: u32,
    /// How often it was run.
    pub run_count: i64,
    /// When it was last run.
    pub last_run_time: Option<crate::Time>,
    /// Its last five runs, oldest first.
    pub last_5_run_statuses: Vec<UnstractRun>,
}

/// One of the last runs of a deployment.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UnstractRun {
    /// Its id.
    pub execution_id: Uuid,
    /// Where it stands.
    pub status: String,
    /// When it was accepted.
    pub timestamp: crate::Time,
}
