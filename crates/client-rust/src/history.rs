//! Executions and usage, for those who manage what was called.

use api_types::{
    ExecutionDetailView, ExecutionRecordView, ListView, Time, UsageShareView, UsageView,
};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::{Client, Error, Organization, Pages, request::Request};

/// The executions of an organization, whoever started them.
#[derive(Debug, Clone)]
pub struct History {
    organization: Organization,
}

/// What of the executions is wanted: all of them, unless told.
#[derive(Debug, Clone, Default)]
pub struct ExecutionFilter {
    /// Only of this deployment.
    pub deployment: Option<Uuid>,
    /// Only of this workflow.
    pub workflow: Option<Uuid>,
    /// Only those that this key started.
    pub key_id: Option<Uuid>,
    /// Only those that stand so: `PENDING`, `EXECUTING`, `COMPLETED`, `ERROR` or `STOPPED`.
    pub status: Option<String>,
    /// Only those that were started so: `CALL`, `TEST` or `SCHEDULE`.
    pub trigger: Option<String>,
    /// Only those accepted from this time on.
    pub from: Option<Time>,
    /// Only those accepted before this time.
    pub to: Option<Time>,
}

/// What is told of an execution beside its record and its steps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Include {
    /// Input and parameters.
    pub input: bool,
    /// What each step put out.
    pub outputs: bool,
    /// The result.
    pub result: bool,
}

impl History {
    pub(crate) fn of(organization: Organization) -> Self {
        Self { organization }
    }

    /// All that the key may see, newest first.
    pub fn list(&self) -> Pages<ExecutionRecordView> {
        self.find(&ExecutionFilter::default())
    }

    /// Those that the filter lets pass, newest first.
    pub fn find(&self, filter: &ExecutionFilter) -> Pages<ExecutionRecordView> {
        let request = Request::get(&self.path(&[]))
            .query("deployment", filter.deployment)
            .query("workflow", filter.workflow)
            .query("key_id", filter.key_id)
            .query("status", filter.status.as_ref())
            .query("trigger", filter.trigger.as_ref())
            .query("from", filter.from)
            .query("to", filter.to);
        Pages::new(self.organization.client().clone(), request)
    }

    /// One execution with its steps.
    ///
    /// # Errors
    /// `not_found`
    pub async fn get(&self, id: Uuid, include: Include) -> Result<ExecutionDetailView, Error> {
        let wanted =
            [(include.input, "input"), (include.outputs, "outputs"), (include.result, "result")];
        let wanted: Vec<&str> =
            wanted.iter().filter(|(is_wanted, _)| *is_wanted).map(|(_, name)| *name).collect();
        let wanted = (!wanted.is_empty()).then(|| wanted.join(","));
        self.send(Request::get(&self.path(&[&id.to_string()])).query("include", wanted)).await
    }

    /// Cancels an execution. What its steps have begun may still end.
    ///
    /// # Errors
    /// `execution_finished`; `not_found`.
    pub async fn cancel(&self, id: Uuid) -> Result<ExecutionRecordView, Error> {
        self.send(Request::post(&self.path(&[&id.to_string(), "cancel"]))).await
    }

    async fn send<T: DeserializeOwned>(&self, request: Request) -> Result<T, Error> {
        self.organization.client().get(request).await
    }

    fn path<'a>(&'a self, rest: &[&'a str]) -> Vec<&'a str> {
        self.organization.path(&[&["executions"], rest].concat())
    }
}

/// Of what, and over which time, usage is summed up: of everything and over the server's default, unless told.
#[derive(Debug, Clone, Default)]
pub struct UsageFilter {
    /// Only of this deployment.
    pub deployment: Option<Uuid>,
    /// Only of this key.
    pub key_id: Option<Uuid>,
    /// From this time on.
    pub from: Option<Time>,
    /// Before this time.
    pub to: Option<Time>,
    /// How long each item is.
    pub bucket: Option<Bucket>,
}

/// How long an item of usage is. A list has at most 10,000 of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bucket {
    /// A minute.
    Minute,
    /// An hour.
    Hour,
    /// A day, in UTC.
    Day,
}

impl Bucket {
    fn as_str(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }
}

/// By what usage is told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// By deployment.
    Deployment,
    /// By key.
    Key,
}

impl UsageFilter {
    fn on(&self, request: Request) -> Request {
        request
            .query("deployment", self.deployment)
            .query("key_id", self.key_id)
            .query("from", self.from)
            .query("to", self.to)
            .query("bucket", self.bucket.map(Bucket::as_str))
    }
}

impl Client {
    /// The usage of the caller's organization: `GET /v1/usage`, with a platform key or the scope `analytics:read`.
    ///
    /// # Errors
    /// `insufficient_scope`; `invalid_parameter` for more than 10,000 items.
    pub async fn usage(&self, filter: &UsageFilter) -> Result<Vec<UsageView>, Error> {
        let list: ListView<UsageView> = self.get(filter.on(Request::get(&["v1", "usage"]))).await?;
        Ok(list.items)
    }
}

impl Organization {
    /// Who has how much of the usage, most first: at most `limit`. A `key_id` in the filter is refused.
    ///
    /// # Errors
    /// As of [`Client::usage`].
    pub async fn usage_shares(
        &self,
        by: Share,
        filter: &UsageFilter,
        limit: Option<u32>,
    ) -> Result<Vec<UsageShareView>, Error> {
        let by = match by {
            Share::Deployment => "deployment",
            Share::Key => "key",
        };
        let request = filter.on(Request::get(&self.path(&["usage", "breakdown"])));
        let list: ListView<UsageShareView> =
            self.client().get(request.query("by", Some(by)).query("limit", limit)).await?;
        Ok(list.items)
    }
}
