//! What behaviours begin with: a store, and things in it that a sentence can name.

use std::{
    sync::{Arc, Barrier},
    thread,
    time::Duration,
};

use access_domain::{
    Act, Action, Actor, AdminAccount, AuditLog, Clock, Email, KeyQuery, KeyRecord, KeyRing,
    KeyTerms, ListFilter, NewKey, NewManagedKey, NewOrganization, Organization, OrganizationId,
    Origin, PageRequest, PasswordHash, Refusals, SearchText, Slug, TokenUsage, User, Username,
    Visibility,
};
use deployments_domain::{
    Deployment, Event, LogLine, NewRun, RunEnd, RunLimits, RunMove, RunState, StepRecord,
    StepState, Trigger, Usage, Workflow, WorkflowType, next,
};
use keys_core::{
    Allowlist, Digest, Id, Pattern, Pepper, PepperName, Peppers, RateLimit, StoredSecret,
    Timestamp, mint,
};
use serde_json::{Map, Value, json};
use storage_diesel::Storage;
use uuid::Uuid;

use crate::clock::{CountingEntropy, FixedClock};

/// Everything of the organization.
pub(super) const ALL: Visibility = Visibility::Organization;
/// A lease that outlives every test.
pub(super) const LONG: Duration = Duration::from_secs(3600);
/// Who made what nobody else is said to have made.
pub(super) const SOMEBODY: Uuid = Uuid::from_u128(0xA);
/// Another one.
pub(super) const OTHER: Uuid = Uuid::from_u128(0xB);

/// A store that is empty at first.
pub struct Given {
    pub stores: Arc<dyn Storage>,
    pub clock: Arc<FixedClock>,
    entropy: Arc<CountingEntropy>,
    pub(super) peppers: Peppers,
}

/// A deployment with a key and what it stands on.
pub(super) struct Deployed {
    pub(super) organization: OrganizationId,
    pub(super) workflow: Workflow,
    pub(super) deployment: Deployment,
    pub(super) key: NewManagedKey,
}

/// What has `text` in its name.
pub(super) fn searching(text: &str) -> ListFilter {
    ListFilter { search: SearchText::parse(text).unwrap(), ..ListFilter::default() }
}

impl Deployed {
    /// The deployment, as whoever sees everything means it.
    pub(super) fn ring(&self) -> KeyRing {
        KeyRing::Deployment(self.deployment.id, ALL)
    }

    /// A call by its key.
    pub(super) fn trigger(&self) -> Trigger {
        Trigger::Call { deployment: self.deployment.id, key: self.key.key.id }
    }
}

/// A step of a run's only item, as it ended.
pub(super) fn step(
    position: i32,
    id: &str,
    started_at: Timestamp,
    finished_at: Timestamp,
    outcome: Result<Value, String>,
) -> StepRecord {
    StepRecord {
        item: 0,
        position,
        id: id.into(),
        started_at,
        finished_at: Some(finished_at),
        state: outcome.map_or_else(StepState::Failed, StepState::Succeeded),
        tokens: TokenUsage { prompt_tokens: 3, completion_tokens: 2, cost_micros: 1 },
        log: vec![LogLine { at: started_at, message: "began".into() }],
    }
}

impl Given {
    pub fn empty(stores: Arc<dyn Storage>) -> Self {
        Self {
            stores,
            clock: Arc::default(),
            entropy: Arc::default(),
            peppers: Pepper::new(&[7; 32]).unwrap().into(),
        }
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn id<T: ?Sized>(&self) -> Id<T> {
        Id::generate(self.now(), &*self.entropy)
    }

    pub(super) fn secret(&self) -> StoredSecret {
        mint(Pattern::Uuid, self.peppers.current(), &*self.entropy).stored
    }

    pub(super) fn pepper_name(&self) -> PepperName {
        self.peppers.current().name().clone()
    }

    /// Something that somebody does now.
    pub(super) fn act(&self, action: Action) -> Act {
        Act::new(action, Actor::command_line(), Origin::default(), self.now(), &*self.entropy)
    }

    /// The audit of the store, which keeps entries for a day.
    pub fn audit(&self) -> AuditLog {
        AuditLog {
            store: self.stores.clone(),
            clock: self.clock.clone(),
            peppers: Arc::new(Pepper::new(&[7; 32]).unwrap().into()),
            retention: Duration::from_secs(24 * 3600),
        }
    }

    /// What a process counts.
    pub(super) fn usage(&self) -> Usage {
        Usage::new(self.stores.clone(), self.clock.clone(), &*self.entropy)
    }

    pub(super) fn refusals(&self) -> Refusals {
        Refusals::new(self.stores.clone(), self.clock.clone(), self.entropy.clone())
    }

    /// For what looks past the ports: an organization whose chain has `entries` entries.
    pub fn sealed_chain(&self, slug: &str, entries: usize) -> OrganizationId {
        let organization = self.organization(slug);
        for _ in 1..entries {
            self.clock.advance(Duration::from_millis(1));
            self.workflow(organization);
        }
        assert!(self.audit().seal().unwrap().broken.is_empty());
        organization
    }

    /// One more entry of its chain.
    pub fn sealed_entry(&self, organization: OrganizationId) {
        self.workflow(organization);
        self.audit().seal().unwrap();
    }

    /// Something that is done now, where it matters not what.
    pub(super) fn deed(&self) -> Act {
        self.act(Action::WorkflowChanged)
    }

    /// The key whose secret has this digest.
    pub(super) fn found_by(&self, digest: &Digest) -> Option<KeyRecord> {
        let query = KeyQuery { digests: vec![*digest], foreign: None };
        let found = self.stores.find_keys(&[query]).unwrap().remove(0);
        found.choose(None).cloned()
    }

    pub(super) fn create(&self, new: &NewOrganization) {
        self.stores.create(new, &self.act(Action::OrganizationCreated)).unwrap();
    }

    pub(super) fn new_key(&self) -> NewKey {
        NewKey {
            id: self.id(),
            secret: self.secret(),
            created_by: Some(SOMEBODY),
            created_at: self.now(),
        }
    }

    pub(super) fn new_organization(&self, slug: &str) -> NewOrganization {
        let user = User {
            id: self.id(),
            username: Username::parse(&format!("admin@{slug}")).unwrap(),
            email: Some(Email::parse(&format!("admin@{slug}.example")).unwrap()),
            created_at: self.now(),
        };
        NewOrganization {
            organization: Organization {
                id: self.id(),
                slug: Slug::parse(slug).unwrap(),
                name: format!("The {slug}"),
                created_at: self.now(),
            },
            admin: AdminAccount::New(user, PasswordHash::from_stored("hash".into())),
            platform_key: self.new_key(),
        }
    }

    pub(super) fn organization(&self, slug: &str) -> OrganizationId {
        let new = self.new_organization(slug);
        self.create(&new);
        new.organization.id
    }

    pub(super) fn new_workflow(&self, organization: OrganizationId) -> Workflow {
        Workflow {
            id: self.id(),
            organization,
            name: "Échange".into(),
            description: String::new(),
            workflow_type: WorkflowType::Task,
            version: self.id(),
            version_number: 1,
            definition: json!({"steps": [{"id": "a", "tool": "passthrough"}]}),
            created_by: SOMEBODY,
            created_at: self.now(),
            modified_at: self.now(),
        }
    }

    pub(super) fn workflow(&self, organization: OrganizationId) -> Workflow {
        let workflow = self.new_workflow(organization);
        self.stores.create_workflow(&workflow, &self.deed()).unwrap();
        workflow
    }

    pub(super) fn new_deployment(&self, workflow: &Workflow, api_name: &str) -> Deployment {
        Deployment {
            id: self.id(),
            organization: workflow.organization,
            workflow: workflow.id,
            deployment_type: WorkflowType::Task,
            api_name: api_name.into(),
            display_name: "Orders".into(),
            description: "Takes orders".into(),
            is_active: true,
            default_parameters: Map::from_iter([("language".into(), json!("de"))]),
            timeout_seconds: 300,
            max_concurrent: Some(20),
            shared_results: false,
            rate_limit: RateLimit::per_minute(100),
            allowlist: Allowlist::new(vec!["10.0.0.0/8".parse().unwrap()]).unwrap(),
            max_body_bytes: 1 << 20,
            max_file_bytes: 1 << 21,
            input_schema: Some(json!({"type": "object"})),
            created_by: SOMEBODY,
            created_at: self.now(),
            modified_at: self.now(),
        }
    }

    /// A key for a deployment.
    pub(super) fn new_deployment_key(&self) -> NewManagedKey {
        let terms = KeyTerms { description: "for the shop".into(), ..KeyTerms::default() };
        NewManagedKey { key: self.new_key(), name: String::new(), terms, term: None }
    }

    /// A key for an organization.
    pub(super) fn new_organization_key(&self, name: &str) -> NewManagedKey {
        NewManagedKey { name: name.into(), ..self.new_deployment_key() }
    }

    /// A new organization with a workflow that is deployed.
    pub(super) fn deployed(&self, slug: &str) -> Deployed {
        let organization = self.organization(slug);
        let workflow = self.workflow(organization);
        let deployment = self.new_deployment(&workflow, "orders");
        let key = self.new_deployment_key();
        self.stores.create_deployment(ALL, &deployment, &key, &self.deed()).unwrap();
        Deployed { organization, workflow, deployment, key }
    }

    /// Another deployment of the same workflow.
    pub(super) fn sibling(&self, of: &Deployed) -> Deployed {
        let deployment = self.new_deployment(&of.workflow, "orders_too");
        let key = self.new_deployment_key();
        self.stores.create_deployment(ALL, &deployment, &key, &self.deed()).unwrap();
        Deployed { organization: of.organization, workflow: of.workflow.clone(), deployment, key }
    }

    pub(super) fn new_run(&self, deployed: &Deployed) -> NewRun {
        NewRun {
            id: self.id(),
            organization: deployed.organization,
            workflow: deployed.workflow.id,
            version: deployed.workflow.version,
            trigger: deployed.trigger(),
            files: Vec::new(),
            per_file: false,
            state: RunState::ACCEPTED,
            lease: Duration::ZERO,
            input: json!({"order": [1, 2.5, null]}),
            parameters: Map::from_iter([("language".into(), json!("fr"))]),
            timeout_seconds: 60,
            steps_total: 3,
            trace: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".parse().ok(),
            created_at: self.now(),
            repeatable: None,
        }
    }

    /// A run that nobody holds.
    pub(super) fn accepted(&self, deployed: &Deployed) -> NewRun {
        let run = self.new_run(deployed);
        self.stores.accept(&run, RunLimits::default()).unwrap();
        run
    }

    /// A run in this worker's hands.
    pub(super) fn executing(&self, deployed: &Deployed) -> NewRun {
        let state = next(RunState::ACCEPTED, Event::Claim).unwrap();
        let run = NewRun { state, lease: LONG, ..self.new_run(deployed) };
        self.stores.accept(&run, RunLimits::default()).unwrap();
        run
    }

    /// For what looks past the ports: `one` and `two`, each with a platform key and a deployment.
    pub fn two_organizations_with_deployments(&self) {
        self.deployed("one");
        self.deployed("two");
    }

    /// For what looks past the ports: a run whose input, parameters, step and result all say "secret".
    pub fn a_finished_run(&self) {
        let deployed = self.deployed("acme");
        let secret = json!("secret");
        let state = next(RunState::ACCEPTED, Event::Claim).unwrap();
        let parameters = Map::from_iter([("parameter".into(), secret.clone())]);
        let run = NewRun {
            state,
            lease: LONG,
            input: secret.clone(),
            parameters,
            ..self.new_run(&deployed)
        };
        self.stores.accept(&run, RunLimits::default()).unwrap();
        let (started_at, finished_at) = (self.now(), self.now());
        let steps = vec![step(0, "a", started_at, finished_at, Ok(secret.clone()))];
        let end = Some(RunEnd::Result(secret));
        let done = RunMove { end, steps, ..self.move_by(&run, state, Event::Succeed) };
        assert!(self.stores.save_move(&done).unwrap());
    }

    /// For what looks past the ports.
    pub fn three_waiting_runs(&self) {
        let deployed = self.deployed("acme");
        for _ in 0..3 {
            self.accepted(&deployed);
        }
    }

    /// For what looks past the ports: a run of each of two organizations, accepted and nobody's.
    pub fn two_waiting_runs(&self) -> [NewRun; 2] {
        ["deep", "quiet"].map(|slug| self.accepted(&self.deployed(slug)))
    }

    /// The same call once more, as a run of its own.
    pub fn another_run(&self, run: &NewRun) -> NewRun {
        NewRun { id: self.id(), created_at: self.now(), ..run.clone() }
    }

    /// The id of nothing.
    pub fn any_id<T: ?Sized>(&self) -> Id<T> {
        self.id()
    }

    pub(super) fn move_by(&self, run: &NewRun, from: RunState, event: Event) -> RunMove {
        let to = next(from, event).unwrap();
        RunMove { id: run.id, from, to, at: self.now(), end: None, steps: Vec::new() }
    }
}

/// The first `limit` items of a list.
pub(super) fn first(limit: u32) -> PageRequest {
    PageRequest { after: None, limit }
}

/// Does `work` in `threads` threads that begin at the same moment.
pub fn at_once<T: Send>(threads: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let barrier = Barrier::new(threads);
    thread::scope(|scope| {
        let begin = |number| {
            let (barrier, work) = (&barrier, &work);
            scope.spawn(move || {
                barrier.wait();
                work(number)
            })
        };
        let running: Vec<_> = (0..threads).map(begin).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}
