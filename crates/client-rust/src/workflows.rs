//! Workflows: made, changed, checked, tried out.

use std::time::Duration;

use api_types::{
    CreateWorkflow, PatchWorkflow, PutSchedule, ScheduleView, StartedView, ValidateWorkflow,
    ValidationView, WorkflowView,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{Error, Organization, Pages, request::Request};

/// The workflows of an organization.
#[derive(Debug, Clone)]
pub struct Workflows {
    organization: Organization,
}

/// What of a list of workflows or deployments is wanted: all of it, unless told.
#[derive(Debug, Clone, Default)]
pub struct ListFilter {
    /// Only what has this in its name, whichever case it is written in: at most 100 characters.
    pub search: Option<String>,
    /// Only what this user or key made.
    pub created_by: Option<Uuid>,
}

impl ListFilter {
    pub(crate) fn on(&self, request: Request) -> Request {
        request.query("search", self.search.as_ref()).query("created_by", self.created_by)
    }
}

impl Workflows {
    pub(crate) fn of(organization: Organization) -> Self {
        Self { organization }
    }

    /// All that the key may see.
    pub fn list(&self) -> Pages<WorkflowView> {
        self.find(&ListFilter::default())
    }

    /// Those that the filter lets pass.
    pub fn find(&self, filter: &ListFilter) -> Pages<WorkflowView> {
        let request = filter.on(Request::get(&self.path(&[])));
        Pages::new(self.organization.client().clone(), request)
    }

    /// Makes a workflow. Repeated by the client where the answer is lost, and yet made once.
    ///
    /// # Errors
    /// `unknown_tool`, `invalid_filter`, `invalid_template`, `duplicate_step`, `invalid_value` and others of the definition, each
    /// with its place in [`Problem::faults`](crate::Problem::faults).
    pub async fn create(&self, workflow: &CreateWorkflow) -> Result<WorkflowView, Error> {
        self.send(Request::make(&self.path(&[])).json(workflow)?).await
    }

    /// One workflow.
    ///
    /// # Errors
    /// `not_found`
    pub async fn get(&self, id: Uuid) -> Result<WorkflowView, Error> {
        self.send(Request::get(&self.path(&[&id.to_string()]))).await
    }

    /// Changes what is told and leaves the rest. Another definition becomes a new version; runs keep the one that they began with.
    ///
    /// # Errors
    /// `not_found`; and those of [`create`](Self::create).
    pub async fn change(&self, id: Uuid, change: &PatchWorkflow) -> Result<WorkflowView, Error> {
        self.send(Request::patch(&self.path(&[&id.to_string()]), change)?).await
    }

    /// Sets everything anew; what is left out goes back to its default.
    ///
    /// # Errors
    /// As of [`change`](Self::change).
    pub async fn replace(&self, id: Uuid, by: &CreateWorkflow) -> Result<WorkflowView, Error> {
        self.send(Request::put(&self.path(&[&id.to_string()]), by)?).await
    }

    /// Deletes a workflow.
    ///
    /// # Errors
    /// `workflow_in_use` while it has deployments; `not_found`, which is not told where an earlier attempt of this call was lost, and
    /// may have deleted it.
    pub async fn delete(&self, id: Uuid) -> Result<(), Error> {
        let request = Request::delete(&self.path(&[&id.to_string()]));
        self.organization.client().done(request).await
    }

    /// What is wrong with `definition`, or with the saved one. Nothing is saved.
    ///
    /// # Errors
    /// `not_found`. A definition that is wrong is no error: the answer tells.
    pub async fn validate(
        &self,
        id: Uuid,
        definition: Option<Value>,
    ) -> Result<ValidationView, Error> {
        let body = ValidateWorkflow { definition };
        self.send(Request::ask(&self.path(&[&id.to_string(), "validate"])).json(&body)?).await
    }

    /// Tries the workflow out, deployed or not. Where the run completes within `wait` (whole seconds, at most 300), its result is in
    /// the answer; else [`Organization::executions`] tells of it.
    ///
    /// # Errors
    /// `not_found`; `too_many_executions`; `execution_failed` where it fails within `wait`.
    pub async fn run(&self, id: Uuid, input: &Value, wait: Duration) -> Result<StartedView, Error> {
        let request = Request::make(&self.path(&[&id.to_string(), "run"])).wait(wait);
        self.send(request.json(&json!({ "input_data": input }))?).await
    }

    /// When the workflow starts by itself.
    ///
    /// # Errors
    /// `not_found`, also where it has no schedule.
    pub async fn schedule(&self, id: Uuid) -> Result<ScheduleView, Error> {
        self.send(Request::get(&self.path(&[&id.to_string(), "schedule"]))).await
    }

    /// Has the workflow start by itself.
    ///
    /// # Errors
    /// `not_found`; `invalid_value` for what is no cron expression.
    pub async fn set_schedule(&self, id: Uuid, to: &PutSchedule) -> Result<ScheduleView, Error> {
        self.send(Request::put(&self.path(&[&id.to_string(), "schedule"]), to)?).await
    }

    /// Has the workflow start by itself no more.
    ///
    /// # Errors
    /// `not_found`, also where it has no schedule; not told where an earlier attempt of this call was lost, and may have removed it.
    pub async fn remove_schedule(&self, id: Uuid) -> Result<(), Error> {
        let request = Request::delete(&self.path(&[&id.to_string(), "schedule"]));
        self.organization.client().done(request).await
    }

    async fn send<T: serde::de::DeserializeOwned>(&self, request: Request) -> Result<T, Error> {
        self.organization.client().get(request).await
    }

    fn path<'a>(&'a self, rest: &[&'a str]) -> Vec<&'a str> {
        self.organization.path(&[&["workflow"], rest].concat())
    }
}
