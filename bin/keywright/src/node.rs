//! One process of Keywright: its adapters, built from the configuration.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use access_domain::{
    Accounts, AuditLog, Clock, EncryptionKeys, Idempotency, KeyChanges, KeyNotices, MemoryLimiter,
    Models, Organizations, PasswordCost, PasswordHash, PlatformKeysUseCases, ReachedLimits,
    Refusals, SecretDesk, StoreError, Tracer, WatchedLimiter,
};
use deployments_domain::{Elsewhere, FileStore, Usage, UseCasePorts, WorkflowRunner};
use http_actix::{
    App, KeyCacheConfig, KeyEpochs, MetricsDoor, Ports, Readiness, Settings, Uploads,
};
use keys_core::{Entropy, OsEntropy, PepperName, Peppers, Secret};
use outbound::{HttpClient, Mailer};
use storage_diesel::{OpenError, Options, Storage};
use workflow_runtime::{
    DirectoryFiles, EtlPorts, Sandbox, SandboxCommand, SandboxConfig, Worker, WorkerConfig,
    WorkerPorts,
};

use crate::{
    clock::SystemClock,
    configuration::Configuration,
    counts::Counts,
    encryption_key,
    failure::Failure,
    metrics::{Metrics, find_token},
    pepper,
    traces::Traces,
    upkeep::Audit,
};

/// How long a request waits for a connection before the database counts as away.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(3);
const PEPPERS_CHECKED_EVERY: Duration = Duration::from_secs(30);
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(10);

/// The adapters of this process.
pub(crate) struct Node {
    pub(crate) configuration: Configuration,
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    peppers: Arc<Peppers>,
    pub(crate) encryption_keys: Option<Arc<EncryptionKeys>>,
    /// What sends mail, if something does.
    pub(crate) mailer: Option<Arc<Mailer>>,
    /// Those that secrets were under when this process began, and that it does not mint with.
    older_peppers: Vec<PepperName>,
    key_epochs: Arc<KeyEpochs>,
    pub(crate) audit: Audit,
    pub(crate) counts: Counts,
    limits: Arc<ReachedLimits>,
    pub(crate) traces: Option<Arc<Traces>>,
    models: Arc<Models>,
    files: Arc<dyn FileStore>,
}

/// What a start does about pending migrations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Migrations {
    /// Applies them.
    Apply,
    /// Applies them on the embedded database, which nobody else migrates; refuses to start elsewhere.
    ApplyIfEmbedded,
}

impl Node {
    /// Opens everything that every command needs, with the schema up to date.
    pub(crate) fn open(
        configuration: &Configuration,
        migrations: Migrations,
    ) -> Result<Self, Failure> {
        let entropy = OsEntropy::open().map_err(|error| Failure::failed(&error))?;
        let found = pepper::find(configuration)?;
        let key_epochs = Arc::new(KeyEpochs::default());
        let storage = open_storage(configuration, key_epochs.clone())?;
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
        let directory = configuration.files_directory();
        let files = Arc::new(DirectoryFiles::new(directory, configuration.files.memory_bytes));
        Ok(Self {
            configuration: configuration.clone(),
            storage,
            clock,
            entropy,
            peppers,
            encryption_keys: encryption_keys.map(Arc::new),
            mailer,
            older_peppers,
            key_epochs,
            audit,
            counts,
            limits: Arc::default(),
            traces,
            models,
            files,
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

    /// Tells of ends and limits of keys.
    pub(crate) fn key_notices(&self) -> KeyNotices {
        KeyNotices {
            store: self.storage.clone(),
            clock: Arc::clone(&self.clock),
            limits: Arc::clone(&self.limits),
            mails: self.mailer.is_some(),
        }
    }

    fn limiter(&self) -> WatchedLimiter {
        WatchedLimiter {
            limiter: Arc::new(MemoryLimiter::new(Arc::clone(&self.clock))),
            reached: Arc::clone(&self.limits),
            clock: Arc::clone(&self.clock),
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

    fn use_case_ports(
        &self,
        sandbox: Arc<Sandbox>,
        worker: Option<Arc<Worker>>,
    ) -> Result<UseCasePorts, Failure> {
        let runner: Arc<dyn WorkflowRunner> = match worker {
            Some(worker) => worker,
            None => Arc::new(Elsewhere),
        };
        let nobody =
            PasswordHash::of(&Secret::new(String::new()), PasswordCost::STANDARD, &*self.entropy)
                .map_err(|error| Failure::failed(&error))?;
        Ok(UseCasePorts {
            sessions: self.storage.clone(),
            members: self.storage.clone(),
            invitations: self.storage.clone(),
            platform_keys: self.storage.clone(),
            workflows: self.storage.clone(),
            schedules: self.storage.clone(),
            deployments: self.storage.clone(),
            sharing: self.storage.clone(),
            managed_keys: self.storage.clone(),
            key_feed: self.storage.clone(),
            organizations: self.storage.clone(),
            secrets: self.secrets(),
            webhooks: self.webhooks(),
            audit: Arc::clone(&self.audit.log),
            imports: self.storage.clone(),
            executions: self.storage.clone(),
            history: self.storage.clone(),
            usage: Arc::clone(&self.counts.usage),
            uses: Arc::clone(&self.counts.uses),
            runner,
            files: Arc::clone(&self.files),
            compiler: sandbox.clone(),
            schemas: sandbox,
            models: Arc::clone(&self.models),
            clock: Arc::clone(&self.clock),
            entropy: Arc::clone(&self.entropy),
            peppers: Arc::clone(&self.peppers),
            mails: self.mailer.is_some(),
            nobody,
            password_cost: PasswordCost::STANDARD,
            lease: self.lease(),
        })
    }

    /// The HTTP edge over these adapters.
    pub(crate) fn app(
        &self,
        sandbox: Arc<Sandbox>,
        worker: Option<Arc<Worker>>,
        metrics: Option<&Arc<Metrics>>,
    ) -> Result<App, Failure> {
        let use_cases = self.use_case_ports(sandbox, worker)?;
        let ports = Ports {
            use_cases,
            keys: self.storage.clone(),
            refusals: self.audit.refusals.clone(),
            limiter: Arc::new(self.limiter()),
            idempotency: self.storage.clone(),
            older_peppers: self.older_peppers.clone(),
            key_epochs: Arc::clone(&self.key_epochs),
            readiness: self.readiness(),
            tracer: self.tracer(),
            metrics: self.metrics_door(metrics)?,
        };
        Ok(App::new(ports, self.settings()?))
    }

    /// How the edge behaves.
    fn settings(&self) -> Result<Settings, Failure> {
        let base_url = self.configuration.base_url();
        let keys = &self.configuration.keys;
        Ok(Settings {
            keys: KeyCacheConfig {
                max_keys: keys.max_cached,
                max_staleness: Duration::from_millis(keys.max_staleness_ms),
            },
            guesses: self.configuration.guessing.limit()?,
            log_ins: self.configuration.log_in.settings()?,
            secure_cookies: base_url.starts_with("https://"),
            base_url,
            max_body_bytes: self.configuration.server.max_body_bytes,
            body_timeout: Duration::from_secs(self.configuration.server.body_seconds),
            uploads: Uploads {
                max_bytes: self.configuration.files.max_call_bytes,
                within: Duration::from_secs(self.configuration.files.upload_seconds),
            },
            key_in_url: self.configuration.deployment.key_in_url,
            forward_auth_organization: self.configuration.forward_auth.organization(),
            trusted_proxies: self.configuration.server.trusted_networks(),
        })
    }

    fn tracer(&self) -> Option<Arc<dyn Tracer>> {
        self.traces.clone().map(|traces| traces as Arc<dyn Tracer>)
    }

    /// For whoever has the token.
    fn metrics_door(&self, metrics: Option<&Arc<Metrics>>) -> Result<Option<MetricsDoor>, Failure> {
        let token = find_token(&self.configuration)?;
        let door = metrics.zip(token).map(|(metrics, token)| {
            let metrics = Arc::clone(metrics);
            MetricsDoor::new(&token, move || Arc::clone(&metrics).text())
        });
        Ok(door)
    }

    /// Ready: the database answers, and every pepper and encryption key that it needs is here.
    pub(crate) fn readiness(&self) -> Readiness {
        let (storage, peppers) = (Arc::clone(&self.storage), Arc::clone(&self.peppers));
        let keys = self.encryption_keys.clone();
        // Which peppers are needed is read from all keys, and anybody may ask whether a server is
        // ready: so it is read now and then, not each time.
        let good_until: Mutex<Option<Instant>> = Mutex::new(None);
        Box::new(move || {
            storage.check()?;
            let mut good_until = good_until.lock().unwrap_or_else(PoisonError::into_inner);
            if good_until.is_some_and(|until| Instant::now() < until) {
                return Ok(());
            }
            let lacking = lacking_peppers(&*storage, &peppers)?;
            let sealed = encryption_key::lacking(&*storage, keys.as_deref())?;
            if lacking.is_empty() && sealed.is_empty() {
                *good_until = Some(Instant::now() + PEPPERS_CHECKED_EVERY);
                return Ok(());
            }
            let sealed: Vec<_> = sealed.into_iter().map(|(name, _)| name).collect();
            let source = format!(
                "this node lacks what keys or secrets need: the peppers [{}], the encryption keys [{}]",
                lacking.join(", "),
                sealed.join(", ")
            );
            Err(StoreError::Unavailable { doing: "checking readiness", source: source.into() })
        })
    }

    fn lease(&self) -> Duration {
        Duration::from_secs(self.configuration.worker.lease_seconds)
    }
}

/// The first pepper of an embedded database. One that has keys already has lost its pepper: under
/// another, none of them would ever be found again.
fn make_pepper(
    configuration: &Configuration,
    storage: &dyn Storage,
    entropy: &OsEntropy,
) -> Result<Peppers, Failure> {
    let needed = storage.secrets_per_pepper().map_err(|error| Failure::database(&error))?;
    if needed.is_empty() {
        return pepper::make(configuration, entropy);
    }
    let what =
        "secrets.pepper: the database has keys, and the file with their pepper is gone; restore it";
    Err(Failure::Configuration(what.into()))
}

/// The peppers that are to be left: those under which there are secrets already, the current one
/// apart. A pepper that comes into use while this process runs is the next one, which the servers
/// that started after this one mint with.
fn older_peppers(storage: &dyn Storage, peppers: &Peppers) -> Result<Vec<PepperName>, Failure> {
    let counted = storage.secrets_per_pepper().map_err(|error| Failure::database(&error))?;
    let names = counted.into_iter().map(|(name, _)| name);
    Ok(names.filter(|name| name != peppers.current().name()).collect())
}

/// The peppers that stored keys were digested under and that `peppers` has not.
pub(crate) fn lacking_peppers(
    storage: &dyn Storage,
    peppers: &Peppers,
) -> Result<Vec<String>, StoreError> {
    let needed = storage.secrets_per_pepper()?.into_iter().map(|(name, _)| name);
    let lacking = needed.filter(|name| peppers.named(name).is_none());
    Ok(lacking.map(|name| name.as_str().to_owned()).collect())
}

/// Opens the database that the configuration names; its changes of keys are told to `changes`.
pub(crate) fn open_storage(
    configuration: &Configuration,
    changes: Arc<dyn KeyChanges>,
) -> Result<Arc<dyn Storage>, Failure> {
    let options = Options {
        max_connections: configuration.database.pool_size,
        connection_timeout: CONNECTION_TIMEOUT,
        statement_timeout: STATEMENT_TIMEOUT,
    };
    let opened = storage_diesel::open(&configuration.database.url.0, &options, changes);
    opened.map_err(|error| match error {
        OpenError::UnknownUrl | OpenError::TlsMissing { .. } => {
            Failure::Configuration(format!("database.url: {error}"))
        }
        OpenError::File { .. } | OpenError::Unavailable { .. } => Failure::database(&error),
    })
}

fn settle_schema(
    storage: &dyn Storage,
    configuration: &Configuration,
    wanted: Migrations,
) -> Result<(), Failure> {
    let database = |error: StoreError| Failure::database(&error);
    let unknown = storage.unknown_migrations().map_err(database)?;
    if unknown.len() > 1 {
        let what =
            format!("a newer version made this schema ({}); run that version", unknown.join(", "));
        return Err(Failure::Database(what));
    }
    let pending = storage.pending_migrations().map_err(database)?;
    let is_embedded = configuration.embedded_database().is_some();
    if pending.is_empty() {
        return Ok(());
    }
    if wanted == Migrations::Apply || is_embedded {
        let applied = storage.migrate().map_err(database)?;
        tracing::info!(migrations = applied.join(", "), "the schema was brought up to date");
        return Ok(());
    }
    let what = format!(
        "pending migrations: {}; run 'keywright migrate run' or serve with --migrate",
        pending.join(", ")
    );
    Err(Failure::Database(what))
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
