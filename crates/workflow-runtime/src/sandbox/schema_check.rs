//! The parent's side of schemas: asks a child, and waits for it.

use std::{io, time::Duration};

use access_domain::Fault;
use deployments_domain::{SchemaCheck, SchemaCheckFailed};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;

use super::{
    Sandbox, SandboxError,
    pool::{Call, Places},
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
    fn ask_about_schema(
        &self,
        request: &Request<'_, ()>,
        what: &str,
    ) -> Result<Vec<Fault>, SchemaCheckFailed> {
        let limit = self.pool.config.max_request_bytes;
        let Some(request) = protocol::line(request, limit) else {
            return Ok(vec![Fault::invalid("", format!("{what} is too large to be checked"))]);
        };
        let call = Call {
            request,
            deadline: Instant::now() + PATIENCE,
            patience: Some(TIMEOUT),
            places: Places::Schemas,
        };
        let answered = self.ask::<Vec<Told>>(call).blocking_recv();
        let told = match answered.unwrap_or_else(|_| Err(super::shut_down())) {
            Ok((told, _)) => told,
            Err(SandboxError::TimedOut | SandboxError::Died) => {
                let detail =
                    format!("checking {what} took more time or memory than the schema may take");
                return Ok(vec![Fault::invalid("", detail)]);
            }
            Err(SandboxError::Refused(message)) => {
                return Err(failed(SandboxError::Unavailable(io::Error::other(message))));
            }
            Err(error @ (SandboxError::Busy | SandboxError::Unavailable(_))) => {
                return Err(failed(error));
            }
        };
        Ok(told
            .into_iter()
            .map(|Told { pointer, detail }| Fault::invalid(pointer, detail))
            .collect())
    }
}

fn failed(error: SandboxError) -> SchemaCheckFailed {
    SchemaCheckFailed { source: Box::new(error) }
}
