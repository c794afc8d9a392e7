//! What every simulated world begins with: a database with two organizations, keys, of which some are still to be made, and a deployment. Made once
//! for all seeds.

use std::{fs, sync::OnceLock, time::Duration};

use access_domain::{
    Act, Action, Actor, AdminAccount, KeyRing, KeyTerms, NewKey, NewManagedKey, NewOrganization,
    Organization, OrganizationId, Origin, PasswordHash, Slug, User, Username, Visibility,
};
use client_rust::Uuid;
use deployments_domain::{Deployment, Trigger, VersionId, Workflow, WorkflowId, WorkflowType};
use keys_core::{
    Allowlist, Entropy, Id, KeyId, Pattern, Pepper, Peppers, RateLimit, StoredSecret, Timestamp,
    mint,
};
use serde_json::{Map, json};
use storage_diesel::Storage;
use test_support::{clock::CountingEntropy, databases::Database};

/// When the set-up happened; worlds begin an hour later.
pub(super) const SET_UP_AT: Duration = Duration::from_secs(1_790_000_000);
/// Calls a minute of each key, and of the deployment.
pub(super) const CALLS: u32 = 12;
/// The secrets of a key: as often as it may be rotated, and one more.
const SECRETS: usize = 4;
const SOMEBODY: Uuid = Uuid::from_u128(0xA);

/// The file of the database, and what is in it.
pub(super) struct Given {
    pub(super) file: Vec<u8>,
    pub(super) keys: Vec<GivenKey>,
    pub(super) deployed: Deployed,
}

/// A key that exists, or will.
#[derive(Clone)]
pub(super) struct GivenKey {
    pub(super) id: KeyId,
    pub(super) organization: OrganizationId,
    pub(super) ring: KeyRing,
    pub(super) exists: bool,
    /// What it is shown as, and kept as: at first, and after each rotation.
    pub(super) secrets: Vec<(String, StoredSecret)>,
}

/// What runs are runs of.
#[derive(Clone, Copy)]
pub(super) struct Deployed {
    pub(super) organization: OrganizationId,
    pub(super) workflow: WorkflowId,
    pub(super) version: VersionId,
    pub(super) trigger: Trigger,
}

pub(super) fn peppers() -> Peppers {
    Pepper::new(&[7; 32]).unwrap().into()
}

pub(super) fn given() -> &'static Given {
    static GIVEN: OnceLock<Given> = OnceLock::new();
    GIVEN.get_or_init(|| Maker::default().make())
}

impl GivenKey {
    /// As it is made.
    pub(super) fn draft(&self, at: Timestamp) -> NewManagedKey {
        let (_, secret) = self.secrets.first().unwrap();
        let key = NewKey {
            id: self.id,
            secret: secret.clone(),
            created_by: Some(SOMEBODY),
            created_at: at,
        };
        let name = match self.ring {
            KeyRing::Organization => format!("key {}", self.id),
            KeyRing::Deployment(..) => String::new(),
        };
        let terms = KeyTerms { rate_limit: RateLimit::per_minute(CALLS), ..KeyTerms::default() };
        NewManagedKey { key, name, terms, term: None }
    }
}

/// A deed of nobody in particular.
pub(super) fn deed(action: Action, at: Timestamp, entropy: &dyn Entropy) -> Act {
    Act::new(action, Actor::command_line(), Origin::default(), at, entropy)
}

#[derive(Default)]
struct Maker(CountingEntropy);

impl Maker {
    fn make(&self) -> Given {
        let database = Database::sqlite();
        let stores = database.open();
        let (one, two) = (self.organization(&*stores, "one"), self.organization(&*stores, "two"));
        let (of_deployment, deployed) = self.deploy(&*stores, one);
        let mut keys = vec![of_deployment];
        for (organization, exists) in
            [(one, true), (one, true), (one, false), (two, true), (two, false)]
        {
            let key =
                GivenKey { organization, exists, ..self.key(organization, KeyRing::Organization) };
            if exists {
                let act = deed(Action::KeyCreated, self.at(), &self.0);
                stores.create_key(organization, key.ring, &key.draft(self.at()), &act).unwrap();
            }
            keys.push(key);
        }
        drop(stores);
        // Whole and in one file, whatever connection is still about to be closed.
        let copy = tempfile::tempdir().unwrap();
        let path = copy.path().join("copy.db");
        database.execute(&format!("VACUUM INTO '{}'", path.display()));
        Given { file: fs::read(path).unwrap(), keys, deployed }
    }

    fn at(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH + SET_UP_AT
    }

    fn id<T: ?Sized>(&self) -> Id<T> {
        Id::generate(self.at(), &self.0)
    }

    fn key(&self, organization: OrganizationId, ring: KeyRing) -> GivenKey {
        let mint = |_| {
            let minted = mint(Pattern::Token, peppers().current(), &self.0);
            (minted.secret.reveal_once(), minted.stored)
        };
        let secrets = (0..SECRETS).map(mint).collect();
        GivenKey { id: self.id(), organization, ring, exists: true, secrets }
    }

    fn organization(&self, stores: &dyn Storage, slug: &str) -> OrganizationId {
        let user = User {
            id: self.id(),
            username: Username::parse(&format!("admin@{slug}")).unwrap(),
            email: None,
            created_at: self.at(),
        };
        let organization = Organization {
            id: self.id(),
            slug: Slug::parse(slug).unwrap(),
            name: slug.into(),
            created_at: self.at(),
        };
        let id = organization.id;
        let (_, secret) = self.key(id, KeyRing::Organization).secrets.remove(0);
        let platform_key =
            NewKey { id: self.id(), secret, created_by: Some(SOMEBODY), created_at: self.at() };
        let admin = AdminAccount::New(user, PasswordHash::from_stored("none".into()));
        let new = NewOrganization { organization, admin, platform_key };
        stores.create(&new, &deed(Action::OrganizationCreated, self.at(), &self.0)).unwrap();
        id
    }

    fn deploy(&self, stores: &dyn Storage, organization: OrganizationId) -> (GivenKey, Deployed) {
        let workflow = Workflow {
            id: self.id(),
            organization,
            name: "simulated".into(),
            description: String::new(),
            workflow_type: WorkflowType::Task,
            version: self.id(),
            version_number: 1,
            definition: json!({"steps": [{"id": "a", "tool": "passthrough"}]}),
            created_by: SOMEBODY,
            created_at: self.at(),
            modified_at: self.at(),
        };
        stores
            .create_workflow(&workflow, &deed(Action::WorkflowCreated, self.at(), &self.0))
            .unwrap();
        let deployment = self.deployment(&workflow);
        let ring = KeyRing::Deployment(deployment.id, Visibility::Organization);
        let key = self.key(organization, ring);
        let act = deed(Action::DeploymentCreated, self.at(), &self.0);
        stores
            .create_deployment(Visibility::Organization, &deployment, &key.draft(self.at()), &act)
            .unwrap();
        let trigger = Trigger::Call { deployment: deployment.id, key: key.id };
        (key, Deployed { organization, workflow: workflow.id, version: workflow.version, trigger })
    }

    fn deployment(&self, workflow: &Workflow) -> Deployment {
        Deployment {
            id: self.id(),
            organization: workflow.organization,
            workflow: workflow.id,
            deployment_type: WorkflowType::Task,
            api_name: "simulated".into(),
            display_name: String::new(),
            description: String::new(),
            is_active: true,
            default_parameters: Map::new(),
            timeout_seconds: 300,
            max_concurrent: None,
            shared_results: false,
            rate_limit: RateLimit::per_minute(CALLS),
            allowlist: Allowlist::default(),
            max_body_bytes: 1 << 20,
            max_file_bytes: 1 << 20,
            input_schema: None,
            created_by: SOMEBODY,
            created_at: self.at(),
            modified_at: self.at(),
        }
    }
}
