//! Deployments as the tools of agents: which there are for a caller, how each is called, and what became of the calls. Must
//! not know by which protocol agents speak.

use std::{net::IpAddr, sync::Arc, time::Duration};

use access_domain::{
    ApiName, CallTools, Clock, DeploymentId, Fault, FaultCode, Granted, ListFilter, Page,
    PageRequest, Principal, Quota, Quotas, RateSubject, StoreError, Visibility, pointer_segment,
};
use keys_core::{Denial, Key, KeyId, KeyRequest, Timestamp, decide};
use serde_json::{Map, Value, json};

use crate::{
    Deployment, DeploymentStore, Execution, ExecutionError, ExecutionId, Executions, History,
    Inclusion, RunResult, StartRun, Status,
};

/// No call waits longer for its result, however long the deployment's runs may take.
pub const MAX_TOOL_WAIT: Duration = Duration::from_secs(300);

/// What an input is called that is no object, or of which nothing is known: arguments of tools are objects.
const INPUT: &str = "input";
/// What names another part of a schema by its place.
const REFERENCES: [&str; 2] = ["$ref", "$dynamicRef"];
/// What holds values, and no part of a schema.
const VALUES: [&str; 4] = ["const", "default", "enum", "examples"];

/// The use cases of tools. All of an organization's active deployments are tools of a platform key; a deployment's key has
/// its own.
pub struct Tools {
    /// Where deployments are kept.
    pub deployments: Arc<dyn DeploymentStore>,
    /// What starts and reads runs for their callers.
    pub executions: Arc<Executions>,
    /// What reads runs for those who manage them.
    pub history: Arc<History>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// Whose tools are asked for.
enum Agent {
    /// That of a whole organization.
    Platform,
    /// That of one deployment.
    OfDeployment(DeploymentId, KeyId),
}

type Who<'a> = &'a Granted<CallTools>;

impl Tools {
    /// The deployments that the caller may call, newest first. A page may have fewer than were asked for although others
    /// follow: what is switched off is left out.
    ///
    /// # Errors
    /// When storage fails.
    pub fn list(
        &self,
        granted: Who<'_>,
        page: PageRequest,
    ) -> Result<Page<Deployment>, StoreError> {
        let organization = granted.organization();
        let found = match agent(granted) {
            Agent::OfDeployment(id, _) => {
                let own = self.deployments.find_deployment(organization, ALL, id)?;
                Page { items: own.into_iter().collect(), next: None }
            }
            Agent::Platform => self.deployments.list_deployments(
                organization,
                ALL,
                &ListFilter::default(),
                page,
            )?,
        };
        Ok(Page { items: found.items.into_iter().filter(|one| one.is_active).collect(), ..found })
    }

    /// The deployment of this name, active or not, if the caller may call it.
    ///
    /// # Errors
    /// When storage fails.
    pub fn find(&self, granted: Who<'_>, api_name: &str) -> Result<Option<Deployment>, StoreError> {
        // What can be no name is not asked for: databases refuse some texts.
        if ApiName::parse(api_name).is_none() {
            return Ok(None);
        }
        let organization = granted.organization();
        let found = self.deployments.find_deployment_named(organization, ALL, api_name)?;
        Ok(found.filter(|deployment| match agent(granted) {
            Agent::OfDeployment(own, _) => deployment.id == own,
            Agent::Platform => true,
        }))
    }

    /// Whether a deployment may be called now, from where the caller is: what is asked of its own keys when they are
    /// authenticated holds for platform keys, too.
    ///
    /// # Errors
    /// The first reason why not.
    pub fn admits(&self, granted: Who<'_>, deployment: &Deployment) -> Result<(), Denial> {
        admits(deployment, granted.origin().address, self.clock.now())
    }

    /// What a call spends: of its key, and of the deployment, both or neither. `of_key`: what any call with the key spends,
    /// which of a deployment's key tells both.
    pub fn quotas(&self, granted: Who<'_>, of_key: Quotas, deployment: &Deployment) -> Quotas {
        match agent(granted) {
            Agent::OfDeployment(..) => of_key,
            Agent::Platform => {
                let (organization, subject) =
                    (deployment.organization, RateSubject::Deployment(deployment.id));
                let limited = |limit| Quota { organization, subject, limit };
                let of_deployment = deployment.rate_limit.map(limited);
                Quotas::new(of_key.iter().next(), of_deployment)
            }
        }
    }

    /// Accepts a run, as [`Executions::start`] does.
    ///
    /// # Errors
    /// The same.
    pub fn call(
        &self,
        granted: Who<'_>,
        deployment: &Deployment,
        run: StartRun,
    ) -> Result<Execution, ExecutionError> {
        let key = match agent(granted) {
            Agent::OfDeployment(own, _) if own != deployment.id => {
                return Err(ExecutionError::NotFound);
            }
            Agent::OfDeployment(_, key) => key,
            Agent::Platform => granted.who().actor().into(),
        };
        self.executions.start_for((granted.organization(), deployment.id, key), granted, run)
    }

    /// As [`Executions::watch`].
    pub fn watch(
        &self,
        granted: Who<'_>,
        id: ExecutionId,
        notify: Box<dyn FnOnce() + Send>,
    ) -> Box<dyn Send> {
        self.executions.watch(granted, id, notify)
    }

    /// Where a run stands: any of the organization for a platform key, what a deployment's key may see for that one.
    ///
    /// # Errors
    /// When it is not there for the caller.
    pub fn status(&self, granted: Who<'_>, id: ExecutionId) -> Result<Execution, ExecutionError> {
        let organization = granted.organization();
        match agent(granted) {
            Agent::OfDeployment(deployment, key) => {
                self.executions.status_for((organization, deployment, key), id)
            }
            Agent::Platform => self.history.record(organization, ALL, id),
        }
    }

    /// The result of a run, as often as it is asked for. A platform key is told that of others' runs as whoever looks into
    /// them is: redacted.
    ///
    /// # Errors
    /// When it is not there for the caller.
    pub fn result(&self, granted: Who<'_>, id: ExecutionId) -> Result<RunResult, ExecutionError> {
        let organization = granted.organization();
        let execution = self.status(granted, id)?;
        let is_own = execution.trigger.key().map(|key| key.uuid()) == Some(granted.who().actor());
        let is_whole = is_own || matches!(agent(granted), Agent::OfDeployment(..));
        if is_whole || execution.state.status != Status::Completed {
            return self.executions.result_of(organization, execution);
        }
        let wanted = Inclusion { result: true, ..Inclusion::default() };
        let detail = self.history.detail(organization, ALL, id, wanted)?;
        Ok(detail
            .result
            .map_or(RunResult::Expired, |result| RunResult::Completed(execution, result)))
    }

    /// Cancels a run.
    ///
    /// # Errors
    /// When it is not there for the caller, or has ended.
    pub fn cancel(&self, granted: Who<'_>, id: ExecutionId) -> Result<Execution, ExecutionError> {
        self.executions.cancel_found(granted.organization(), || self.status(granted, id))
    }
}

/// A platform key does an administrator's work.
const ALL: Visibility = Visibility::Organization;

fn agent(granted: Who<'_>) -> Agent {
    match granted.who() {
        Principal::DeploymentKey { id, deployment, .. } => Agent::OfDeployment(*deployment, *id),
        // Of the others, `CallTools` lets in platform keys alone.
        Principal::PlatformKey { .. }
        | Principal::User { .. }
        | Principal::OrganizationKey { .. } => Agent::Platform,
    }
}

/// Whether a deployment may be called from this address now, whatever the key.
///
/// # Errors
/// The first reason why not.
pub fn admits(
    deployment: &Deployment,
    address: Option<IpAddr>,
    now: Timestamp,
) -> Result<(), Denial> {
    let terms = Key {
        owner_is_active: deployment.is_active,
        owner_allowlist: deployment.allowlist.clone(),
        ..Key::new(deployment.id)
    };
    decide(&terms, &KeyRequest { scopes: &[], address }, now)
}

/// The schema of the arguments that a deployment takes as a tool. Where its own is not of an object, or there is none, the
/// input is the one argument `input`.
pub fn input_schema(deployment: &Deployment) -> Map<String, Value> {
    match &deployment.input_schema {
        Some(Value::Object(schema)) if is_of_object(schema) => schema.clone(),
        Some(schema) => wrapped(schema.clone(), true),
        None => {
            let any = "What the workflow is given: any JSON value.";
            wrapped(json!({ "description": any }), false)
        }
    }
}

/// The run that a tool's arguments ask for.
///
/// # Errors
/// What is wrong with them, where the input is to be one argument.
pub fn input_of(
    deployment: &Deployment,
    mut arguments: Map<String, Value>,
) -> Result<StartRun, Vec<Fault>> {
    let run = |input, input_pointer| StartRun {
        input,
        input_pointer,
        parameters: Map::new(),
        files: Vec::new(),
        per_file: false,
    };
    if matches!(&deployment.input_schema, Some(Value::Object(schema)) if is_of_object(schema)) {
        return Ok(run(Value::Object(arguments), ""));
    }
    let input = arguments.remove(INPUT);
    let unknown = |name: &String| {
        let pointer = format!("/{}", pointer_segment(name));
        let detail = "this tool has the one argument 'input': put everything into it";
        Fault::new(pointer, FaultCode::UnknownField, detail)
    };
    let mut faults: Vec<Fault> = arguments.keys().map(unknown).collect();
    if input.is_none() && deployment.input_schema.is_some() {
        faults.push(Fault::new("/input", FaultCode::MissingField, "'input' must be given"));
    }
    if faults.is_empty() { Ok(run(input.unwrap_or_default(), "/input")) } else { Err(faults) }
}

/// Arguments are an object, and their schema must say so in as many words.
fn is_of_object(schema: &Map<String, Value>) -> bool {
    schema.get("type").is_some_and(|of| of == "object")
}

fn wrapped(mut schema: Value, is_required: bool) -> Map<String, Value> {
    let mut whole = Map::new();
    if let Some(dialect) = schema.as_object_mut().and_then(|schema| schema.remove("$schema")) {
        whole.insert("$schema".into(), dialect);
    }
    move_references(&mut schema);
    whole.insert("type".into(), json!("object"));
    whole.insert("properties".into(), json!({ INPUT: schema }));
    if is_required {
        whole.insert("required".into(), json!([INPUT]));
    }
    whole.insert("additionalProperties".into(), json!(false));
    whole
}

/// References such as "#/$defs/x" begin at the root of a schema, which lies deeper now. Below an `$id` they begin there, as before.
fn move_references(schema: &mut Value) {
    match schema {
        Value::Object(members) if !members.contains_key("$id") => {
            for (name, member) in members {
                if VALUES.contains(&name.as_str()) {
                    continue;
                }
                if let Value::String(text) = &mut *member
                    && REFERENCES.contains(&name.as_str())
                {
                    moved(text);
                } else {
                    move_references(member);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(move_references),
        Value::Object(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn moved(reference: &mut String) {
    if let Some(place) = reference.strip_prefix('#')
        && (place.is_empty() || place.starts_with('/'))
    {
        *reference = format!("#/properties/{INPUT}{place}");
    }
}

#[cfg(test)]
mod tests;
