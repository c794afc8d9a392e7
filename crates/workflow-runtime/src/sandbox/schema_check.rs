//! The parent's side of schemas: asks a child, and waits for it.

use std::{io, time::Duration};

use access_domain::Fault;
use deployments_domain::{SchemaCheck, SchemaCheckFailed};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;

use super::{
    Sandbox, SandboxError,
    pool::{Answer, Call, Places},
    protocol::{self, Request},
};

/// How long a call may wait for a child, and for its answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a child may take; one that takes longer is killed.
const TIMEOUT: Duration = Duration::from_secs(2);

/// A fault as a child tells it.
#[derive(Deserialize)]
struct Told {
    pointer: String,
    detail: String,
}

impl SchemaCheck for Sandbox {
    /// Blocks; must not be called on a thread that drives a runtime.
    fn check(&self, schema: &Value) -> Result<Vec<Fault>, SchemaCheckFailed> {
        self.ask_about_schema(&Request::<()>::CheckSchema(schema), "the schema")
    }

    /// Blocks; must not be called on a thread that drives a runtime.
    fn validate(&self, schema: &Value, value: &Value) -> Result<Vec<Fault>, SchemaCheckFailed> {
        self.ask_about_schema(&Request::Validate { schema, value }, "the input")
    }
}

impl Sandbox {
    /// Where `value` breaks `schema`, which need not be a good one. Dropping the future gives it up.
    pub(crate) async fn validate_until(
        &self,
        schema: &Value,
        value: &Value,
        deadline: Instant,
    ) -> Result<Vec<Fault>, SandboxError> {
        let request: Request<'_, ()> = Request::Validate { schema, value };
        let Some(call) = self.call(&request, deadline.min(Instant::now() + PATIENCE)) else {
            return Ok(vec![too_large("the value")]);
        };
        let answered = self.ask::<Vec<Told>>(call).await;
        faults(answered.unwrap_or_else(|_| Err(super::shut_down())), "the value")
    }

    fn ask_about_schema(
        &self,
        request: &Request<'_, ()>,
        what: &str,
    ) -> Result<Vec<Fault>, SchemaCheckFailed> {
        let Some(call) = self.call(request, Instant::now() + PATIENCE) else {
            return Ok(vec![too_large(what)]);
        };
        let answered = self.ask::<Vec<Told>>(call).blocking_recv();
        faults(answered.unwrap_or_else(|_| Err(super::shut_down())), what).map_err(failed)
    }

    /// The call of a request; `None` where it is too large.
    fn call(&self, request: &Request<'_, ()>, deadline: Instant) -> Option<Call> {
        let request = protocol::line(request, self.pool.config.max_request_bytes)?;
        Some(Call { request, deadline, patience: Some(TIMEOUT), places: Places::Schemas })
    }
}

fn faults(answer: Answer<Vec<Told>>, what: &str) -> Result<Vec<Fault>, SandboxError> {
    match answer {
        Ok((told, _)) => {
            let fault = |Told { pointer, detail }| Fault::invalid(pointer, detail);
            Ok(told.into_iter().map(fault).collect())
        }
        Err(SandboxError::TimedOut | SandboxError::Died) => {
            let detail =
                format!("checking {what} took more time or memory than the schema may take");
            Ok(vec![Fault::invalid("", detail)])
        }
        Err(SandboxError::Refused(message)) => {
            Err(SandboxError::Unavailable(io::Error::other(message)))
        }
        Err(error @ (SandboxError::Busy | SandboxError::Unavailable(_))) => Err(error),
    }
}

fn too_large(what: &str) -> Fault {
    Fault::invalid("", format!("{what} is too large to be checked"))
}

fn failed(error: SandboxError) -> SchemaCheckFailed {
    SchemaCheckFailed { source: Box::new(error) }
}
