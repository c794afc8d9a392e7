//! The whole server in a test's process, over a database of its own, with a clock that the test
//! holds; and the callers that talk to it.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use access_domain::{
    AuditLog, CreateOrganization, EncryptionKey, EncryptionKeys, Flush, MemoryLimiter, Models,
    Nodes, Operator, Organizations, PasswordCost, PasswordHash, Refusals, SecretDesk,
    WatchedLimiter,
};
use actix_web::dev::ServerHandle;
use deployments_domain::{FileStore, UseCasePorts};
use http_actix::{KeyEpochs, MetricsDoor, Ports, Settings};
use keys_core::{OsEntropy, Pepper, Secret, Timestamp};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use storage_diesel::Storage;
use tempfile::TempDir;
use workflow_runtime::{
    DirectoryFiles, Sandbox, SandboxCommand, SandboxConfig, Worker, WorkerConfig,
};

use self::{counts::Counts, serving::serve, settings::settings};
use crate::{
    answer::Answer, canary::Canary, clock::FixedClock, counted::CountedLookup, databases::Database,
};

mod another_server;
mod counts;
mod forms;
mod notices;
mod pages;
mod people;
mod serving;
mod settings;
mod slow;

pub use self::{forms::form, notices::PUBLIC_URL};

/// When every test begins: 2026-11-21T00:00:00Z.
const START: Timestamp = match Timestamp::from_timestamp(1_795_219_200, 0) {
    Some(start) => start,
    None => Timestamp::UNIX_EPOCH,
};
/// The password of everybody.
pub const PASSWORD: &str = "correct horse battery";
/// Small, so that tests meet files of either kind.
const FILE_MEMORY_BYTES: usize = 16 * 1024;

/// A server, an organization `acme` with an administrator and a platform key, and a clock.
pub struct TestApp {
    /// The clock that the server goes by.
    pub clock: Arc<FixedClock>,
    /// `http://127.0.0.1:port`
    pub base: String,
    server: ServerHandle,
    worker: Arc<Worker>,
    sandbox: Arc<Sandbox>,
    organizations: Organizations,
    refusals: Arc<Refusals>,
    counts: Counts,
    platform_key: String,
    canary: Arc<Canary>,
    /// How much other tests of this process had logged before.
    logged_before: usize,
    database: Database,
    key_reads: Arc<AtomicUsize>,
    files: TempDir,
}

/// Somebody who calls, with a credential or without.
#[derive(Clone)]
pub struct Caller {
    base: String,
    client: Client,
    headers: Vec<(&'static str, String)>,
    canary: Arc<Canary>,
}

/// A deployment that a test was given.
pub struct GivenDeployment {
    /// Its id.
    pub id: String,
    /// Its first key.
    pub key: String,
    /// The id of that key.
    pub key_id: String,
}

impl TestApp {
    /// Starts over `database`; `program` is the `keywright` binary, for the children that run filters.
    pub async fn start(database: Database, program: &str) -> Self {
        Self::start_with(database, program, |_| ()).await
    }

    /// The same, with settings that `set` changes.
    pub async fn start_with(
        database: Database,
        program: &str,
        set: impl FnOnce(&mut Settings),
    ) -> Self {
        let mut settings = settings();
        set(&mut settings);
        let logged_before = Canary::listen();
        let epochs = Arc::new(KeyEpochs::default());
        let storage = database.open_telling(epochs.clone());
        let clock = Arc::new(FixedClock::at(START));
        let organizations = Organizations {
            store: storage.clone(),
            clock: clock.clone(),
            entropy: Arc::new(OsEntropy::open().expect("a random generator")),
            peppers: Arc::new(pepper().into()),
            password_cost: PasswordCost::LEAST,
        };
        let command = SandboxCommand { program: program.into(), args: vec!["sandbox".into()] };
        let sandbox = Arc::new(Sandbox::start(SandboxConfig::new(command, 2)).expect("a sandbox"));
        let counts = Counts::of(&storage, &organizations);
        let models = models();
        let directory = TempDir::new().expect("a directory");
        let files: Arc<dyn FileStore> =
            Arc::new(DirectoryFiles::new(directory.path().into(), FILE_MEMORY_BYTES));
        let worker = counts.start_worker(&organizations, &sandbox, &models, &files);
        let key_reads = Arc::new(AtomicUsize::new(0));
        let keys = CountedLookup { storage: storage.clone(), reads: key_reads.clone() };
        let audit = audit(&storage, &organizations);
        let (refusals, sandboxed, counted) = (audit.1.clone(), sandbox.clone(), counts.clone());
        let ports = ports(&storage, epochs, &organizations, &worker, sandboxed, audit, counted);
        let use_cases = UseCasePorts { models, files, ..ports.use_cases };
        let ports = Ports { use_cases, keys: Arc::new(keys), ..ports };
        let (base, handle) = serve(ports, settings);
        let mut app = Self {
            clock,
            canary: Canary::of(&base),
            base,
            server: handle,
            worker,
            sandbox,
            organizations,
            refusals,
            counts,
            platform_key: String::new(),
            logged_before,
            database,
            key_reads,
            files: directory,
        };
        app.platform_key = app.given_organization("acme");
        app
    }

    /// Creates an organization with an administrator `<slug>-admin`; returns its platform key.
    pub fn given_organization(&self, slug: &str) -> String {
        let wanted = CreateOrganization {
            slug: slug.into(),
            name: slug.into(),
            admin_username: format!("{slug}-admin"),
            admin_email: None,
            admin_password: Some(Secret::new(PASSWORD.into())),
            existing_user: false,
        };
        let created = self
            .organizations
            .create(Operator::at_the_command_line(), wanted)
            .expect("an organization");
        let platform_key = created.platform_key.reveal_once();
        self.canary.keep(&platform_key);
        platform_key
    }

    /// How often keys were looked up in the database so far.
    pub fn key_reads(&self) -> usize {
        self.key_reads.load(Ordering::Relaxed)
    }

    /// Somebody without a credential.
    pub fn stranger(&self) -> Caller {
        Caller::new(&self.base)
    }

    /// Somebody with `key` as a bearer token.
    pub fn with(&self, key: &str) -> Caller {
        self.stranger().bearer(key)
    }

    /// The platform key "Key #1" of `acme`.
    pub fn platform(&self) -> Caller {
        self.with(&self.platform_key)
    }

    /// That key's plaintext.
    pub fn platform_key(&self) -> &str {
        &self.platform_key
    }

    /// The administrator of `acme`, logged in.
    pub async fn admin(&self) -> Caller {
        self.stranger().log_in("acme-admin", PASSWORD).await
    }

    /// A deployed pass-through workflow of `acme`.
    pub async fn given_deployment(&self, api_name: &str) -> GivenDeployment {
        self.given_deployment_of(
            api_name,
            json!({"steps": [{"id": "echo", "tool": "passthrough"}]}),
            json!({}),
        )
        .await
    }

    /// A deployed workflow of `acme`, with further terms of the deployment.
    pub async fn given_deployment_of(
        &self,
        api_name: &str,
        definition: Value,
        terms: Value,
    ) -> GivenDeployment {
        let workflow = json!({"name": api_name, "definition": definition});
        let workflow =
            self.platform().post("/unstract/acme/api/v2/workflow/", workflow).await.created();
        let mut deployment = json!({"workflow": workflow["id"], "api_name": api_name});
        let members = deployment.as_object_mut().expect("an object");
        members.extend(terms.as_object().expect("an object").clone());
        let deployed = self
            .platform()
            .post("/unstract/acme/api/v2/api-deployment/", deployment)
            .await
            .created();
        let text = |name: &str| deployed[name].as_str().expect(name).to_owned();
        GivenDeployment { id: text("id"), key: text("api_key"), key_id: text("key_id") }
    }

    /// Somebody without a credential, who calls from an address where nobody else is.
    pub fn from_another_address(&self) -> Caller {
        let address = std::net::Ipv4Addr::new(127, 0, 0, 2);
        let client = Client::builder().local_address(std::net::IpAddr::V4(address)).build();
        Caller { client: client.expect("a client"), ..self.stranger() }
    }

    /// Everything that the database holds, but for when a key was last used.
    pub fn contents(&self) -> Vec<String> {
        self.database.contents()
    }

    /// Has the refusals of known callers written down, as the end of their minute does.
    pub fn note_refusals(&self) {
        self.refusals.flush(Flush::All).expect("refusals are noted");
    }

    /// Stops the server and its worker in good order.
    pub async fn stop(self) {
        self.server.stop(true).await;
        self.worker.shutdown().await;
    }
}

fn audit(storage: &Arc<dyn Storage>, tools: &Organizations) -> (Arc<AuditLog>, Arc<Refusals>) {
    let log = AuditLog {
        store: storage.clone(),
        clock: tools.clock.clone(),
        peppers: tools.peppers.clone(),
        retention: Duration::from_secs(24 * 3600),
    };
    let refusals = Refusals::new(storage.clone(), tools.clock.clone(), tools.entropy.clone());
    (Arc::new(log), Arc::new(refusals))
}

/// What was secret in the test has been written nowhere.
impl Drop for TestApp {
    fn drop(&mut self) {
        // A test that failed tells of itself.
        if !std::thread::panicking() {
            let log = Canary::logged_since(self.logged_before);
            self.canary.check(&[("the log", &log), ("the database", &self.database.written())]);
        }
    }
}

fn ports(
    storage: &Arc<dyn Storage>,
    key_epochs: Arc<KeyEpochs>,
    tools: &Organizations,
    worker: &Arc<Worker>,
    sandbox: Arc<Sandbox>,
    audit: (Arc<AuditLog>, Arc<Refusals>),
    counts: Counts,
) -> Ports {
    let readiness = storage.clone();
    let limiter = WatchedLimiter {
        limiter: Arc::new(MemoryLimiter::new(tools.clock.clone())),
        reached: Arc::clone(&counts.limits),
        clock: tools.clock.clone(),
    };
    Ports {
        use_cases: use_case_ports(storage, tools, worker, sandbox, audit.0, counts),
        keys: storage.clone(),
        refusals: audit.1,
        limiter: Arc::new(limiter),
        idempotency: storage.clone(),
        older_peppers: Vec::new(),
        key_epochs,
        readiness: Box::new(move || readiness.check()),
        tracer: None,
        metrics: Some(MetricsDoor::new("a-token-of-tests", async || String::new())),
    }
}

fn use_case_ports(
    storage: &Arc<dyn Storage>,
    tools: &Organizations,
    worker: &Arc<Worker>,
    sandbox: Arc<Sandbox>,
    audit: Arc<AuditLog>,
    counts: Counts,
) -> UseCasePorts {
    let nobody =
        PasswordHash::of(&Secret::new(String::new()), PasswordCost::LEAST, &*tools.entropy);
    UseCasePorts {
        sessions: storage.clone(),
        members: storage.clone(),
        invitations: storage.clone(),
        platform_keys: storage.clone(),
        workflows: storage.clone(),
        schedules: storage.clone(),
        deployments: storage.clone(),
        sharing: storage.clone(),
        managed_keys: storage.clone(),
        key_feed: storage.clone(),
        nodes: Nodes { store: storage.clone(), bell: Arc::new(()) },
        organizations: storage.clone(),
        secrets: secrets(storage, tools),
        webhooks: notices::webhooks(storage, tools),
        audit,
        imports: storage.clone(),
        executions: storage.clone(),
        history: storage.clone(),
        usage: counts.usage,
        uses: counts.uses,
        runner: worker.clone(),
        files: Arc::new(DirectoryFiles::new(PathBuf::new(), 0)),
        compiler: sandbox.clone(),
        schemas: sandbox,
        models: models(),
        clock: tools.clock.clone(),
        entropy: tools.entropy.clone(),
        peppers: tools.peppers.clone(),
        mails: false,
        nobody: nobody.expect("a hash"),
        password_cost: PasswordCost::LEAST,
        lease: WorkerConfig::default().lease,
    }
}

/// The built-in model, under another name too.
fn models() -> Arc<Models> {
    let aliases = BTreeMap::from([("gpt-4".into(), "echo".into())]);
    Arc::new(Models::built_in(&aliases).expect("an alias"))
}

/// Secrets of organizations, for whoever sets them and whoever uses them.
fn secrets(storage: &Arc<dyn Storage>, tools: &Organizations) -> SecretDesk {
    SecretDesk {
        store: storage.clone(),
        keys: Some(encryption_keys()),
        clock: tools.clock.clone(),
        entropy: tools.entropy.clone(),
    }
}

fn encryption_keys() -> Arc<EncryptionKeys> {
    let key = EncryptionKey::new(b"an encryption key of tests, so long").expect("a long key");
    Arc::new(EncryptionKeys::new(key, Vec::new()))
}

fn pepper() -> Pepper {
    Pepper::new(b"a pepper of tests, thirty-two bytes").expect("a long pepper")
}

impl Caller {
    /// Somebody without a credential, who calls the server at `base`.
    pub fn new(base: &str) -> Self {
        let canary = Canary::of(base);
        Self { base: base.into(), client: Client::new(), headers: Vec::new(), canary }
    }

    /// The same caller, with `key` as a bearer token.
    pub fn bearer(self, key: &str) -> Self {
        self.header("authorization", format!("Bearer {key}"))
    }

    /// The same caller, who calls from `address`, one of this machine's.
    pub fn at(self, address: IpAddr) -> Self {
        let client = Client::builder().local_address(address).build().expect("a client");
        Self { client, ..self }
    }

    /// `POST` to a server that may be going down.
    ///
    /// # Errors
    /// When there was no answer.
    pub async fn try_post(&self, path: &str, body: Value) -> Result<Answer, reqwest::Error> {
        self.canary.sent(&body);
        let answer = self.request(Method::POST, path).json(&body).send().await?;
        Answer::try_of(answer).await.map(|answer| self.told(answer))
    }

    /// The same caller at another server, which is reached by the same host: cookies know no ports.
    pub fn towards(mut self, base: &str) -> Self {
        self.base = base.into();
        self
    }

    /// The same caller, with one more header.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        let value = value.into();
        self.canary.sent_header(name, &value);
        self.headers.push((name, value));
        self
    }

    /// `GET`
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    /// `POST` with a JSON body.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(body)).await
    }

    /// `POST` without a body.
    pub async fn post_nothing(&self, path: &str) -> Answer {
        self.send(Method::POST, path, None).await
    }

    /// `PUT`
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PUT, path, Some(body)).await
    }

    /// `PATCH`
    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PATCH, path, Some(body)).await
    }

    /// `DELETE`
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None).await
    }

    /// `POST` of bytes that may be no JSON.
    pub async fn post_raw(&self, path: &str, media_type: &str, body: Vec<u8>) -> Answer {
        let request =
            self.request(Method::POST, path).header("content-type", media_type).body(body);
        self.told(Answer::of(request.send().await.expect("an answer")).await)
    }

    /// Any method, with or without a JSON body.
    pub async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        self.canary.sent(body.as_ref().unwrap_or(&Value::Null));
        let request = self.request(method, path);
        let request = if let Some(body) = body { request.json(&body) } else { request };
        self.told(Answer::of(request.send().await.expect("an answer")).await)
    }

    /// The answer, once the canary knows of it.
    fn told(&self, answer: Answer) -> Answer {
        let cookies = answer.headers.get_all("set-cookie").iter();
        self.canary.answered(&answer.text, cookies.filter_map(|cookie| cookie.to_str().ok()));
        answer
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.base));
        self.headers.iter().fold(request, |request, (name, value)| request.header(*name, value))
    }
}
