//! One process of Keywright: its adapters, built from the configuration.

mod database;
mod edge;

use std::{sync::Arc, time::Duration};

use access_domain::{
    Accounts, AuditLog, Clock, EncryptionKeys, Idempotency, KeyNotices, Models, NodeId,
    Organizations, PasswordCost, PlatformKeysUseCases, ReachedLimits, Refusals, SecretDesk, Topic,
};
use deployments_domain::{FileStore, Usage, WorkflowRunner as _};
use http_actix::Follower;
use keys_core::{Entropy, OsEntropy, PepperName, Peppers};
use limits_redis::Redis;
use outbound::{HttpClient, Mailer};
use storage_diesel::Storage;
use workflow_runtime::{
    DirectoryFiles, EtlPorts, Sandbox, SandboxCommand, SandboxConfig, Worker, WorkerConfig,
    WorkerPorts,
};

pub(crate) use self::database::{Migrations, lacking_peppers, open_storage};
use self::database::{make_pepper, older_peppers, settle_schema};
use crate::{
    clock::SystemClock,
    configuration::Configuration,
    counts::Counts,
    encryption_key,
    failure::Failure,
    nodes::{Following, Listening, Told, Wake, Way},
    pepper, redis,
    traces::Traces,
    upkeep::Audit,
};

/// How often the database is asked what others have changed: one that is far away, and a file.
const FOLLOWS_EVERY: Duration = Duration::from_millis(500);
const FOLLOWS_FILE_EVERY: Duration = Duration::from_millis(200);

/// The adapters of this process.
pub(crate) struct Node {
    pub(crate) configuration: Configuration,
    pub(crate) storage: Arc<dyn Storage>,
    /// What several processes share beside the database, if they do.
    pub(crate) redis: Option<Arc<Redis>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    peppers: Arc<Peppers>,
    pub(crate) encryption_keys: Option<Arc<EncryptionKeys>>,
    /// What sends mail, if something does.
    pub(crate) mailer: Option<Arc<Mailer>>,
    /// Those that secrets were under when this process began, and that it does not mint with.
    older_peppers: Vec<PepperName>,
    /// What hears of keys that storage changes.
    told: Arc<Told>,
    pub(crate) audit: Audit,
    pub(crate) counts: Counts,
    limits: Arc<ReachedLimits>,
    pub(crate) traces: Option<Arc<Traces>>,
    models: Arc<Models>,
    files: Arc<dyn FileStore>,
}

impl Node {
    /// Opens everything that every command needs, with the schema up to date.
    pub(crate) fn open(
        configuration: &Configuration,
        migrations: Migrations,
    ) -> Result<Self, Failure> {
        let entropy = OsEntropy::open().map_err(|error| Failure::failed(&error))?;
        let found = pepper::find(configuration)?;
        let redis = redis::open(configuration)?;
        let told = Arc::<Told>::default();
        let storage = open_storage(configuration, told.clone())?;
        settle_schema(&*storage, configuration, migrations)?;
        let peppers = match found {
            Some(peppers) => peppers,
            None => make_pepper(configuration, &*storage, &entropy)?,
        };
        let older_peppers = older_peppers(&*storage, &peppers)?;
        let encryption_keys = encryption_key::find_or_make(configuration, &*storage, &entropy)?;
        let (clock, entropy): (_, Arc<dyn Entropy>) = (Arc::new(SystemClock), Arc::new(entropy));
        let models = Arc::new(configuration.models.open(&entropy)?);
        let peppers = Arc::new(peppers);
        let mailer = configuration.mailer(&peppers)?;
        let audit = Audit {
            log: Arc::new(AuditLog {
                store: storage.clone(),
                clock: clock.clone(),
                peppers: Arc::clone(&peppers),
                retention: configuration.audit.retention(),
            }),
            refusals: Arc::new(Refusals::new(storage.clone(), clock.clone(), entropy.clone())),
        };
        let counts = Counts {
            usage: Arc::new(Usage::new(storage.clone(), clock.clone(), &*entropy)),
            uses: Arc::default(),
            store: storage.clone(),
            retention: configuration.usage.retention(),
        };
        let traces = Traces::start(configuration)?;
        Ok(Self {
            configuration: configuration.clone(),
            storage,
            redis,
            clock,
            entropy,
            peppers,
            encryption_keys: encryption_keys.map(Arc::new),
            mailer,
            older_peppers,
            told,
            audit,
            counts,
            limits: Arc::default(),
            traces,
            models,
            files: files(configuration),
        })
    }

    /// The same for commands that change what is there already: they make no database, since one that is
    /// not there is one that was not meant.
    pub(crate) fn open_existing(configuration: &Configuration) -> Result<Self, Failure> {
        if let Some(path) = configuration.embedded_database().filter(|path| !path.exists()) {
            return Err(Failure::Database(format!(
                "there is no database at {}; database.url says where it is",
                path.display()
            )));
        }
        Self::open(configuration, Migrations::ApplyIfEmbedded)
    }

    /// The use cases of an operator.
    pub(crate) fn organizations(&self) -> Organizations {
        Organizations {
            store: self.storage.clone(),
            clock: Arc::clone(&self.clock),
            entropy: Arc::clone(&self.entropy),
            peppers: Arc::clone(&self.peppers),
            password_cost: PasswordCost::STANDARD,
        }
    }

    /// The use cases of an operator that are about people.
    pub(crate) fn accounts(&self) -> Accounts {
        Accounts {
            store: self.storage.clone(),
            organizations: self.storage.clone(),
            clock: Arc::clone(&self.clock),
            entropy: Arc::clone(&self.entropy),
            password_cost: PasswordCost::STANDARD,
        }
    }

    /// Platform keys, for an operator.
    pub(crate) fn platform_keys(&self) -> PlatformKeysUseCases {
        PlatformKeysUseCases {
            store: self.storage.clone(),
            clock: Arc::clone(&self.clock),
            entropy: Arc::clone(&self.entropy),
            peppers: Arc::clone(&self.peppers),
        }
    }

    /// What is remembered of requests that may be sent again.
    pub(crate) fn idempotency(&self) -> Idempotency {
        Idempotency {
            store: self.storage.clone(),
            clock: Arc::clone(&self.clock),
            peppers: Arc::clone(&self.peppers),
        }
    }

    /// Secrets of organizations, for those who set them and those who use them.
    fn secrets(&self) -> SecretDesk {
        SecretDesk {
            store: self.storage.clone(),
            keys: self.encryption_keys.clone(),
            clock: Arc::clone(&self.clock),
            entropy: Arc::clone(&self.entropy),
        }
    }

    /// Starts carrying out executions.
    pub(crate) fn start_worker(&self, sandbox: Arc<Sandbox>) -> Result<Arc<Worker>, Failure> {
        let settings = &self.configuration.worker;
        let config = WorkerConfig {
            seats: settings.seats,
            lease: self.lease(),
            shutdown_grace: Duration::from_secs(settings.shutdown_seconds),
            result_retention: Duration::from_secs(settings.result_hours * 3600),
            record_retention: Duration::from_secs(settings.record_days * 24 * 3600),
            max_result_bytes: settings.max_result_bytes,
            tracer: self.tracer(),
            etl: Some(self.etl()),
            ..WorkerConfig::default()
        };
        let ports = WorkerPorts {
            store: self.storage.clone(),
            log: self.counts.usage.clone(),
            clock: Arc::clone(&self.clock),
            sandbox,
            http: HttpClient::new(self.configuration.outbound.policy()),
            models: Arc::clone(&self.models),
            secrets: Arc::new(self.secrets()),
            files: Arc::clone(&self.files),
        };
        Worker::start(config, ports)
            .map(Arc::new)
            .map_err(|error| Failure::Failed(format!("the worker does not start: {error}")))
    }

    /// Hears of what other servers change, and rings for them, as long as what is returned lives.
    pub(crate) fn join_others(
        &self,
        worker: Option<Arc<Worker>>,
    ) -> Result<(Following, Listening), Failure> {
        let every = match self.configuration.embedded_database() {
            Some(_) => FOLLOWS_FILE_EVERY,
            None => FOLLOWS_EVERY,
        };
        let (store, epochs) = (self.storage.clone(), Arc::clone(&self.told.epochs));
        let follower = Follower::begin(store, epochs, Arc::clone(&self.clock), self.name());
        let follower = follower.map_err(|error| Failure::database(&error))?;
        let following = Following::begin(follower, every)?;
        let follow = following.waker();
        let wake: Wake = Arc::new(move |topic| match topic {
            Topic::Keys => follow(),
            Topic::Runs => worker.iter().for_each(|worker| worker.wake()),
        });
        let storage = self.storage.clone();
        let mut ways: Vec<Way> = Vec::new();
        if let Some(redis) = self.redis.clone() {
            ways.push(Box::new(move |topic| {
                redis.publish(topic.as_str());
                Ok(())
            }));
        }
        // Last: it may wait.
        ways.push(Box::new(move |topic| storage.ring(topic)));
        self.told
            .bell
            .start(Arc::clone(&wake), ways)
            .map_err(|error| Failure::Failed(format!("no thread to wake others with: {error}")))?;
        Ok((following, self.listen(wake)?))
    }

    /// Hears whoever rings, by the database and by Redis where there is one.
    fn listen(&self, wake: Wake) -> Result<Listening, Failure> {
        for (redis, topic) in
            self.redis.iter().flat_map(|redis| Topic::ALL.map(|topic| (redis, topic)))
        {
            let wake = Arc::clone(&wake);
            redis.subscribe(topic.as_str(), move || wake(topic));
        }
        Listening::begin(self.storage.clone(), wake)
    }

    /// This process, as operators tell it from others.
    fn name(&self) -> access_domain::Node {
        let machine = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let id = NodeId::generate(self.clock.now(), &*self.entropy);
        access_domain::Node { id, name: format!("{machine}/{}", std::process::id()) }
    }

    /// Has `worker` look for runs as soon as they wait.
    pub(crate) fn listen_for_runs(&self, worker: Arc<Worker>) -> Result<Listening, Failure> {
        let wake = move |topic| match topic {
            Topic::Keys => {}
            Topic::Runs => worker.wake(),
        };
        self.listen(Arc::new(wake))
    }

    /// Tells of ends and limits of keys.
    pub(crate) fn key_notices(&self) -> KeyNotices {
        KeyNotices {
            store: self.storage.clone(),
            clock: Arc::clone(&self.clock),
            limits: Arc::clone(&self.limits),
            mails: self.mailer.is_some(),
        }
    }
    /// What runs over records and schedules need.
    fn etl(&self) -> EtlPorts {
        EtlPorts {
            ends: self.configuration.ends(),
            records: self.storage.clone(),
            schedules: self.storage.clone(),
            entropy: Arc::clone(&self.entropy),
        }
    }
    fn lease(&self) -> Duration {
        Duration::from_secs(self.configuration.worker.lease_seconds)
    }
}

fn files(configuration: &Configuration) -> Arc<dyn FileStore> {
    let directory = configuration.files_directory();
    Arc::new(DirectoryFiles::new(directory, configuration.files.memory_bytes))
}

/// The child processes of this binary that run filters.
pub(crate) fn sandbox(configuration: &Configuration) -> Result<Arc<Sandbox>, Failure> {
    let program = std::env::current_exe().map_err(|error| {
        Failure::Failed(format!("this program's own path is not known: {error}"))
    })?;
    let command = SandboxCommand { program, args: vec!["sandbox".into()] };
    let config = SandboxConfig {
        memory_bytes: configuration.worker.filter_memory_bytes,
        max_document_bytes: configuration.files.max_document_bytes,
        ..SandboxConfig::new(command, configuration.worker.seats)
    };
    let sandbox = Sandbox::start(config);
    sandbox
        .map(Arc::new)
        .map_err(|error| Failure::Failed(format!("the sandbox does not start: {error}")))
}
