//! The use cases of workflows.

use std::sync::Arc;

use access_domain::{
    Action, ChangeError, Clock, Fault, Granted, ListFilter, ManageWorkflows, OwnerRequired, Page,
    PageRequest, StoreError,
};
use keys_core::{Entropy, Id};
use serde_json::Value;

use crate::{
    CodeCheck, CodeCheckFailed, Definition, Workflow, WorkflowDraft, WorkflowEdit, WorkflowId,
    WorkflowStore, WorkflowType,
    workflow::{check_change, check_ends},
};

/// Why a workflow was not saved, changed or deleted.
#[derive(Debug, thiserror::Error)]
pub enum WorkflowRefusal {
    /// There is no such workflow for this caller.
    #[error("there is no such workflow")]
    NotFound,
    /// The caller sees it and did not make it.
    #[error(transparent)]
    NotOwner(#[from] OwnerRequired),
    /// Something that was sent is wrong.
    #[error("the workflow has {} faults", faults.len())]
    Faults {
        /// All of it.
        faults: Vec<Fault>,
    },
    /// It cannot be deleted while deployments stand on it.
    #[error("the workflow has deployments: delete them first")]
    InUse,
    /// Filters, templates or schemas could not be checked.
    #[error("the definition could not be checked")]
    CodeCheck(#[source] CodeCheckFailed),
}

type Changed<T> = Result<T, ChangeError<WorkflowRefusal>>;

/// The use cases of workflows.
pub struct Workflows {
    /// Where workflows are kept.
    pub store: Arc<dyn WorkflowStore>,
    /// What compiles filters, templates and schemas.
    pub compiler: Arc<dyn CodeCheck>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness for ids.
    pub entropy: Arc<dyn Entropy>,
}

impl Workflows {
    /// Saves a new workflow at version 1.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn create(
        &self,
        granted: &Granted<ManageWorkflows>,
        draft: WorkflowDraft,
    ) -> Changed<Workflow> {
        let edit = WorkflowEdit::from(draft);
        let parsed = self.check(&edit)?;
        let now = self.clock.now();
        let blank = Workflow {
            id: Id::generate(now, &*self.entropy),
            organization: granted.organization(),
            name: String::new(),
            description: String::new(),
            workflow_type: WorkflowType::Task,
            version: Id::generate(now, &*self.entropy),
            version_number: 0,
            definition: Value::Null,
            created_by: granted.who().actor(),
            created_at: now,
            modified_at: now,
        };
        let workflow = edit.apply(&blank, blank.version, now);
        if let Some(definition) = &parsed {
            check_ends(workflow.workflow_type, definition).map_err(faults)?;
        }
        let act = granted.act(Action::WorkflowCreated, now, &*self.entropy);
        self.store.create_workflow(&workflow, &act).map_err(ChangeError::Store)?;
        Ok(workflow)
    }

    /// The workflow, if the caller may see it.
    ///
    /// # Errors
    /// When it is not there for the caller.
    pub fn get(&self, granted: &Granted<ManageWorkflows>, id: WorkflowId) -> Changed<Workflow> {
        let found = self.store.find_workflow(granted.organization(), granted.visibility(), id);
        found.map_err(ChangeError::Store)?.ok_or(ChangeError::Refused(WorkflowRefusal::NotFound))
    }

    /// The workflows that the caller may see and the filter wants, newest first.
    ///
    /// # Errors
    /// When storage fails.
    pub fn list(
        &self,
        granted: &Granted<ManageWorkflows>,
        filter: &ListFilter,
        page: PageRequest,
    ) -> Result<Page<Workflow>, StoreError> {
        self.store.list_workflows(granted.organization(), granted.visibility(), filter, page)
    }

    /// What workflows that the caller may see are called: of those `among` which one looks, or of the newest, `limit` at most.
    ///
    /// # Errors
    /// When storage fails.
    pub fn names(
        &self,
        granted: &Granted<ManageWorkflows>,
        among: Option<&[WorkflowId]>,
        limit: u32,
    ) -> Result<Vec<(WorkflowId, String)>, StoreError> {
        self.store.workflow_names(granted.organization(), granted.visibility(), among, limit)
    }

    /// Changes what `edit` names. A different definition becomes a new version; runs that were
    /// accepted keep the one they were accepted with.
    ///
    /// # Errors
    /// Everything that is wrong, or that the workflow is not there.
    pub fn change(
        &self,
        granted: &Granted<ManageWorkflows>,
        id: WorkflowId,
        edit: WorkflowEdit,
    ) -> Changed<Workflow> {
        let parsed = self.check(&edit)?;
        let now = self.clock.now();
        let version = Id::generate(now, &*self.entropy);
        let rule = |workflow: &Workflow| {
            let edited = edit.clone().apply(workflow, version, now);
            check_change(workflow, &edited, parsed.as_ref())
                .map_err(|faults| WorkflowRefusal::Faults { faults })?;
            Ok(edited)
        };
        let act = granted.act(Action::WorkflowChanged, now, &*self.entropy);
        self.store.change_workflow(granted.organization(), granted.visibility(), id, &rule, &act)
    }

    /// Deletes a workflow that no deployment stands on. Its versions stay with the runs that used them.
    ///
    /// # Errors
    /// When it is not there, or in use.
    pub fn delete(&self, granted: &Granted<ManageWorkflows>, id: WorkflowId) -> Changed<()> {
        let rule =
            |deployments| if deployments == 0 { Ok(()) } else { Err(WorkflowRefusal::InUse) };
        let act = granted.act(Action::WorkflowDeleted, self.clock.now(), &*self.entropy);
        self.store.delete_workflow(granted.organization(), granted.visibility(), id, &rule, &act)
    }

    /// What is wrong with a definition; nothing is saved.
    ///
    /// # Errors
    /// When the workflow is not there, or its definition cannot be checked now.
    pub fn validate(
        &self,
        granted: &Granted<ManageWorkflows>,
        id: WorkflowId,
        definition: Option<Value>,
    ) -> Changed<Vec<Fault>> {
        let workflow = self.get(granted, id)?;
        let definition = Some(definition.unwrap_or(workflow.definition));
        let checked = self.check(&WorkflowEdit { definition, ..WorkflowEdit::default() });
        let fits = checked.and_then(|parsed| {
            let parsed = parsed.as_ref();
            parsed.map_or(Ok(()), |it| check_ends(workflow.workflow_type, it).map_err(faults))
        });
        match fits {
            Ok(()) => Ok(Vec::new()),
            Err(ChangeError::Refused(WorkflowRefusal::Faults { faults })) => Ok(faults),
            Err(other) => Err(other),
        }
    }

    /// All the faults of an edit: its shape first, and when that is sound, what only compilers know.
    fn check(&self, edit: &WorkflowEdit) -> Changed<Option<Definition>> {
        let Some(definition) = edit.check().map_err(faults)? else { return Ok(None) };
        let code = definition.code("/definition");
        if code.is_empty() {
            return Ok(Some(definition));
        }
        let pieces: Vec<_> = code.iter().map(|at| at.code).collect();
        let verdicts = self.compiler.check_code(&pieces);
        let verdicts =
            verdicts.map_err(|failed| ChangeError::Refused(WorkflowRefusal::CodeCheck(failed)))?;
        let found = definition.code_faults(&code, &verdicts);
        drop(code);
        if found.is_empty() { Ok(Some(definition)) } else { Err(faults(found)) }
    }
}

fn faults(faults: Vec<Fault>) -> ChangeError<WorkflowRefusal> {
    ChangeError::Refused(WorkflowRefusal::Faults { faults })
}
