//! The use cases of deployments.

use std::sync::Arc;

use access_domain::{
    Action, ChangeError, Clock, DeploymentId, Fault, Granted, ListFilter, ManageDeployments,
    ManagedKeyStore, OwnerRequired, Page, PageRequest, StoreError, first_key,
};
use keys_core::{Entropy, Id, KeyId, Peppers, Secret};

use crate::{
    Deployment, DeploymentDraft, DeploymentEdit, DeploymentStore, SchemaCheck, SchemaCheckFailed,
    WorkflowType,
};

/// Why a deployment was not saved or changed.
#[derive(Debug, thiserror::Error)]
pub enum DeploymentRefusal {
    /// There is no such deployment for this caller.
    #[error("there is no such deployment")]
    NotFound,
    /// The caller sees it and did not make it.
    #[error(transparent)]
    NotOwner(#[from] OwnerRequired),
    /// The organization lets administrators alone deploy.
    #[error("this organization lets only its administrators deploy")]
    AdminsDeploy,
    /// Something that was sent is wrong.
    #[error("what was sent has {} faults", faults.len())]
    Faults {
        /// All of it.
        faults: Vec<Fault>,
    },
    /// Whether the schema is one could not be found out.
    #[error("the schema was not checked")]
    SchemaCheck(#[source] SchemaCheckFailed),
    /// Another deployment of the organization has this name.
    #[error("another deployment has this API name")]
    ApiNameTaken,
    /// The workflow does not exist for this caller.
    #[error("there is no such workflow")]
    UnknownWorkflow,
}

/// A new deployment with its first key.
pub struct CreatedDeployment {
    /// The deployment.
    pub deployment: Deployment,
    /// The id of its first key.
    pub key: KeyId,
    /// That key, to be shown once.
    pub secret: Secret,
}

type Changed<T> = Result<T, ChangeError<DeploymentRefusal>>;

/// The use cases of deployments.
pub struct Deployments {
    /// Where deployments are kept.
    pub store: Arc<dyn DeploymentStore>,
    /// Where their keys are kept.
    pub keys: Arc<dyn ManagedKeyStore>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness for ids and secrets.
    pub entropy: Arc<dyn Entropy>,
    /// What keys are digested under.
    pub peppers: Arc<Peppers>,
    /// Whether a schema is one.
    pub schemas: Arc<dyn SchemaCheck>,
}

impl Deployments {
    /// Deploys a workflow and makes its first key, both or neither.
    ///
    /// # Errors
    /// When the workflow is not there for the caller, the organization does not let them deploy, the
    /// name is taken, or what was sent is wrong.
    pub fn create(
        &self,
        granted: &Granted<ManageDeployments>,
        draft: DeploymentDraft,
    ) -> Changed<CreatedDeployment> {
        let now = self.clock.now();
        let blank = Deployment::blank(granted.organization(), granted.who().actor(), now);
        let edit = draft.into_edit();
        self.check(&edit)?;
        let deployment_type = self.type_of(granted, &edit, &blank)?;
        let id = Id::generate(now, &*self.entropy);
        let deployment = Deployment { id, deployment_type, ..edit.apply(&blank, now) };
        let description = format!("First key of {}", deployment.api_name);
        let style = self.keys.key_style(granted.organization()).map_err(ChangeError::Store)?;
        let maker = granted.who();
        let (key, secret) =
            first_key(&style, &self.peppers, &*self.entropy, maker, now, description);
        let act = granted.act(Action::DeploymentCreated, now, &*self.entropy);
        self.store.create_deployment(granted.visibility(), &deployment, &key, &act)?;
        Ok(CreatedDeployment { deployment, key: key.key.id, secret })
    }

    /// The deployment, if the caller may see it.
    ///
    /// # Errors
    /// When it is not there for the caller.
    pub fn get(
        &self,
        granted: &Granted<ManageDeployments>,
        id: DeploymentId,
    ) -> Changed<Deployment> {
        let found = self.store.find_deployment(granted.organization(), granted.visibility(), id);
        found.map_err(ChangeError::Store)?.ok_or(ChangeError::Refused(DeploymentRefusal::NotFound))
    }

    /// The deployments that the caller may see and the filter wants, newest first.
    ///
    /// # Errors
    /// When storage fails.
    pub fn list(
        &self,
        granted: &Granted<ManageDeployments>,
        filter: &ListFilter,
        page: PageRequest,
    ) -> Result<Page<Deployment>, StoreError> {
        self.store.list_deployments(granted.organization(), granted.visibility(), filter, page)
    }

    /// The `api_name`s of the newest deployments that the caller may see, `limit` at most.
    ///
    /// # Errors
    /// When storage fails.
    pub fn names(
        &self,
        granted: &Granted<ManageDeployments>,
        limit: u32,
    ) -> Result<Vec<(DeploymentId, String)>, StoreError> {
        self.store.deployment_names(granted.organization(), granted.visibility(), limit)
    }

    /// Replaces a deployment's terms by the draft's; what the draft leaves open goes back to its default.
    ///
    /// # Errors
    /// As [`Deployments::change`].
    pub fn replace(
        &self,
        granted: &Granted<ManageDeployments>,
        id: DeploymentId,
        draft: DeploymentDraft,
    ) -> Changed<Deployment> {
        self.change(granted, id, draft.into_edit())
    }

    /// Changes what `edit` names.
    ///
    /// # Errors
    /// When the deployment or its new workflow is not there for the caller, the name is taken, or
    /// what was sent is wrong.
    pub fn change(
        &self,
        granted: &Granted<ManageDeployments>,
        id: DeploymentId,
        edit: DeploymentEdit,
    ) -> Changed<Deployment> {
        self.check(&edit)?;
        let now = self.clock.now();
        let deployment_type = match (&edit.workflow, &edit.deployment_type) {
            (None, None) => None,
            _ => Some(self.type_of(granted, &edit, &self.get(granted, id)?)?),
        };
        let rule = |deployment: &Deployment| {
            let mut changed = edit.clone().apply(deployment, now);
            changed.deployment_type = deployment_type.unwrap_or(changed.deployment_type);
            Ok(changed)
        };
        let act = granted.act(Action::DeploymentChanged, now, &*self.entropy);
        self.store.change_deployment(granted.organization(), granted.visibility(), id, &rule, &act)
    }

    /// Deletes a deployment: its address and its keys open nothing from now on. Runs that were
    /// accepted go on; their records stay.
    ///
    /// # Errors
    /// When it is not there for the caller.
    pub fn delete(&self, granted: &Granted<ManageDeployments>, id: DeploymentId) -> Changed<()> {
        let act = granted.act(Action::DeploymentDeleted, self.clock.now(), &*self.entropy);
        self.store.delete_deployment(granted.organization(), granted.visibility(), id, &act)
    }

    /// The type that a deployment has with `edit`: its workflow's. Whoever says another is refused.
    fn type_of(
        &self,
        granted: &Granted<ManageDeployments>,
        edit: &DeploymentEdit,
        before: &Deployment,
    ) -> Changed<WorkflowType> {
        let workflow = edit.workflow.unwrap_or(before.workflow);
        let (organization, visibility) = (granted.organization(), granted.visibility());
        let found = match self.store.find_workflow_type(organization, visibility, workflow) {
            Ok(Some(found)) => found,
            // Somebody else's, who shares the deployment: it stays what it is.
            Ok(None) if edit.workflow.is_none() => before.deployment_type,
            Ok(None) => return Err(ChangeError::Refused(DeploymentRefusal::UnknownWorkflow)),
            Err(error) => return Err(ChangeError::Store(error)),
        };
        match &edit.deployment_type {
            Some(name) if *name != found.as_str() => {
                let detail = format!("must be the workflow's: \"{}\"", found.as_str());
                Err(refused(vec![Fault::invalid("/deployment_type", detail)]))
            }
            Some(_) | None => Ok(found),
        }
    }

    /// All the faults of an edit. Asked before anything is locked: a schema takes a moment.
    fn check(&self, edit: &DeploymentEdit) -> Changed<()> {
        let mut faults = edit.faults();
        let is_small = !faults.iter().any(|fault| fault.pointer == "/input_schema");
        if let (Some(Some(schema)), true) = (&edit.input_schema, is_small) {
            let in_schema = self
                .schemas
                .check(schema)
                .map_err(|failed| ChangeError::Refused(DeploymentRefusal::SchemaCheck(failed)))?;
            faults.extend(in_schema.into_iter().map(|fault| fault.below("/input_schema")));
        }
        if faults.is_empty() { Ok(()) } else { Err(refused(faults)) }
    }
}

fn refused(faults: Vec<Fault>) -> ChangeError<DeploymentRefusal> {
    ChangeError::Refused(DeploymentRefusal::Faults { faults })
}
