//! What a deployment tells of itself to those who are about to call it.

use access_domain::{
    ChangeError, DeploymentId, Granted, ManageDeployments, Principal, ReadDocumentation, Visibility,
};
use serde_json::Value;

use crate::{Deployment, DeploymentRefusal, Deployments, example::examples};

/// So many guesses at an example are held against the schema; each is a question to another process.
const MAX_GUESSES: usize = 8;

/// A deployment, and an input to try it with.
#[derive(Debug, Clone, PartialEq)]
pub struct Documented {
    /// The deployment.
    pub deployment: Deployment,
    /// An input that obeys its schema; none where none was found.
    pub example: Option<Value>,
}

type Found<T> = Result<T, ChangeError<DeploymentRefusal>>;

impl Deployments {
    /// The deployment that the caller may call, or manages.
    ///
    /// # Errors
    /// When it is not there for the caller.
    pub fn documentation(&self, granted: &Granted<ReadDocumentation>) -> Found<Documented> {
        // A key sees what it opens, whoever made it.
        let visibility = match granted.who() {
            Principal::DeploymentKey { .. } => Visibility::Organization,
            Principal::User { .. }
            | Principal::PlatformKey { .. }
            | Principal::OrganizationKey { .. } => granted.visibility(),
        };
        let id = granted.permission().deployment;
        let found = self.store.find_deployment(granted.organization(), visibility, id);
        let found = found.map_err(ChangeError::Store)?;
        self.with_example(found.ok_or(ChangeError::Refused(DeploymentRefusal::NotFound))?)
    }

    /// The same for whoever manages it, by its id.
    ///
    /// # Errors
    /// When it is not there for the caller.
    pub fn documented(
        &self,
        granted: &Granted<ManageDeployments>,
        id: DeploymentId,
    ) -> Found<Documented> {
        self.with_example(self.get(granted, id)?)
    }

    fn with_example(&self, deployment: Deployment) -> Found<Documented> {
        let Some(schema) = &deployment.input_schema else {
            return Ok(Documented { deployment, example: Some(Value::Object(Default::default())) });
        };
        for guess in examples(schema).into_iter().take(MAX_GUESSES) {
            let faults = self
                .schemas
                .validate(schema, &guess)
                .map_err(|failed| ChangeError::Refused(DeploymentRefusal::SchemaCheck(failed)))?;
            if faults.is_empty() {
                return Ok(Documented { deployment, example: Some(guess) });
            }
        }
        Ok(Documented { deployment, example: None })
    }
}
