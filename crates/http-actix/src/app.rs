//! What the handlers share, and the frame around all of them.

use std::{sync::Arc, time::Duration};

use access_domain::{
    AuditLog, Authentication, Clock, Idempotency, IdempotencyStore, Inferences, InvitationStore,
    Invitations, KeyImportStore, KeyImports, KeyLookup, Limiter, ManagedKeyStore, ManagedKeys,
    MemberStore, Members, Models, OrganizationRef, OrganizationSettingsDesk, OrganizationStore,
    PasswordCost, PasswordHash, PlatformKeyStore, PlatformKeysUseCases, RefusalLog, SecretDesk,
    SessionStore, Sessions, StoreError, Tracer, Uses, WebhookDesk,
};
use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceFactory, ServiceRequest, ServiceResponse},
    middleware::{DefaultHeaders, NormalizePath, from_fn},
    web,
};
use auth_actix::{
    AccessContext, ApiError, DeviceCookie, Guesses, KeyCache, KeyCacheConfig, KeyEpochs, LogIns,
    Outcomes, Repeats, SessionCookie, Turns, hide_key_in_url, request_context, run_blocking,
};
use deployments_domain::{
    CodeCheck, DeploymentStore, Deployments, ExecutionStore, Executions, FileStore, History,
    HistoryStore, ScheduleStore, Schedules, SchemaCheck, SharingDesk, SharingStore, Usage,
    UsageDesk, WorkflowRunner, WorkflowStore, Workflows,
};
use keys_core::{Entropy, Network, PepperName, Peppers, RateLimit};
use tokio::sync::{Semaphore, watch};
use utoipa_actix_web::AppExt as _;

use crate::{
    LogInSettings, MetricsDoor, docs, error::IntoApiError, forward_auth::OnlyOrganization, openapi,
    request_metrics::measure, routes,
};

/// Checking filters holds a thread for as long as the filters want, up to the sandbox's limit.
const CHECKS_AT_ONCE: usize = 2;
const CHECKS_IN_LINE: usize = 50;
/// Requests that wait for an execution; beyond them, answers come at once.
const MAX_WAITERS: usize = 4096;

/// What the edge is built over; the same adapter may stand behind many of these.
#[expect(missing_docs, reason = "each is the port of its type")]
pub struct Ports {
    pub sessions: Arc<dyn SessionStore>,
    pub members: Arc<dyn MemberStore>,
    pub invitations: Arc<dyn InvitationStore>,
    pub keys: Arc<dyn KeyLookup>,
    pub platform_keys: Arc<dyn PlatformKeyStore>,
    pub workflows: Arc<dyn WorkflowStore>,
    pub schedules: Arc<dyn ScheduleStore>,
    pub deployments: Arc<dyn DeploymentStore>,
    pub sharing: Arc<dyn SharingStore>,
    pub managed_keys: Arc<dyn ManagedKeyStore>,
    pub audit: Arc<AuditLog>,
    pub refusals: Arc<dyn RefusalLog>,
    pub limiter: Arc<dyn Limiter>,
    pub organizations: Arc<dyn OrganizationStore>,
    /// Secrets of organizations, with what they are sealed with.
    pub secrets: SecretDesk,
    /// Webhooks, with what their secrets are sealed with and which addresses they may call.
    pub webhooks: WebhookDesk,
    pub imports: Arc<dyn KeyImportStore>,
    pub executions: Arc<dyn ExecutionStore>,
    pub history: Arc<dyn HistoryStore>,
    pub idempotency: Arc<dyn IdempotencyStore>,
    /// What is counted; whoever starts the server sees to it that it is stored.
    pub usage: Arc<Usage>,
    /// The same of the last use of keys.
    pub uses: Arc<Uses>,
    pub runner: Arc<dyn WorkflowRunner>,
    pub compiler: Arc<dyn CodeCheck>,
    pub files: Arc<dyn FileStore>,
    pub schemas: Arc<dyn SchemaCheck>,
    pub models: Arc<Models>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    pub peppers: Arc<Peppers>,
    /// Whose secrets are moved to the current pepper when they are used.
    pub older_peppers: Vec<PepperName>,
    /// Which storage tells its changes of keys to.
    pub key_epochs: Arc<KeyEpochs>,
    /// Whether requests can be served now; asked by `/readyz`.
    pub readiness: Box<dyn Fn() -> Result<(), StoreError> + Send + Sync>,
    /// What records traces, if anything does.
    pub tracer: Option<Arc<dyn Tracer>>,
    /// How metrics are read on the listener of all callers; `None`: not at all.
    pub metrics: Option<MetricsDoor>,
    /// Whether invitations go out by mail.
    pub mails: bool,
    /// What a log-in of an unknown user is checked against.
    pub nobody: PasswordHash,
    /// What a guess at a password costs that is chosen now.
    pub password_cost: PasswordCost,
    /// How long a claim of this node holds unless renewed.
    pub lease: Duration,
}

/// Everything that can be asked of the server.
pub(crate) struct UseCases {
    pub(crate) sessions: Sessions,
    pub(crate) members: Members,
    pub(crate) invitations: Invitations,
    pub(crate) platform_keys: PlatformKeysUseCases,
    pub(crate) organization_settings: OrganizationSettingsDesk,
    pub(crate) secrets: SecretDesk,
    pub(crate) webhooks: WebhookDesk,
    pub(crate) workflows: Workflows,
    pub(crate) schedules: Schedules,
    pub(crate) deployments: Deployments,
    pub(crate) sharing: SharingDesk,
    pub(crate) keys: ManagedKeys,
    pub(crate) imports: KeyImports,
    pub(crate) audit: Arc<AuditLog>,
    pub(crate) executions: Executions,
    pub(crate) history: History,
    pub(crate) usage: UsageDesk,
    pub(crate) inferences: Inferences,
    pub(crate) organizations: Arc<dyn OrganizationStore>,
    pub(crate) readiness: Box<dyn Fn() -> Result<(), StoreError> + Send + Sync>,
}

impl Ports {
    fn authentication(&self) -> Authentication {
        Authentication {
            sessions: Arc::clone(&self.sessions),
            clock: Arc::clone(&self.clock),
            peppers: Arc::clone(&self.peppers),
            uses: Arc::clone(&self.uses),
        }
    }

    fn idempotency(&self) -> Idempotency {
        Idempotency {
            store: Arc::clone(&self.idempotency),
            clock: Arc::clone(&self.clock),
            peppers: Arc::clone(&self.peppers),
        }
    }

    fn key_cache(&self, config: KeyCacheConfig) -> KeyCache {
        KeyCache::new(
            Arc::clone(&self.keys),
            Arc::clone(&self.uses),
            Arc::clone(&self.peppers),
            self.older_peppers.clone(),
            Arc::clone(&self.clock),
            Arc::clone(&self.key_epochs),
            config,
        )
    }

    #[expect(clippy::too_many_lines, reason = "a table with an entry for each use case")]
    fn use_cases(self) -> UseCases {
        let Self { clock, entropy, peppers, nobody, password_cost, lease, readiness, .. } = self;
        UseCases {
            sessions: Sessions {
                store: self.sessions,
                clock: clock.clone(),
                entropy: entropy.clone(),
                peppers: peppers.clone(),
                nobody,
                cost: password_cost,
            },
            members: Members {
                store: self.members,
                clock: clock.clone(),
                entropy: entropy.clone(),
            },
            invitations: Invitations {
                store: self.invitations,
                clock: clock.clone(),
                entropy: entropy.clone(),
                peppers: peppers.clone(),
                password_cost,
                mails: self.mails,
            },
            platform_keys: PlatformKeysUseCases {
                store: self.platform_keys,
                clock: clock.clone(),
                entropy: entropy.clone(),
                peppers: peppers.clone(),
            },
            organization_settings: OrganizationSettingsDesk {
                store: Arc::clone(&self.organizations),
                clock: clock.clone(),
                entropy: entropy.clone(),
            },
            secrets: self.secrets,
            webhooks: self.webhooks,
            workflows: Workflows {
                store: self.workflows,
                compiler: self.compiler,
                clock: clock.clone(),
                entropy: entropy.clone(),
            },
            schedules: Schedules {
                store: self.schedules,
                clock: clock.clone(),
                entropy: entropy.clone(),
            },
            deployments: Deployments {
                store: Arc::clone(&self.deployments),
                keys: self.managed_keys.clone(),
                clock: clock.clone(),
                entropy: entropy.clone(),
                peppers: peppers.clone(),
                schemas: self.schemas.clone(),
            },
            sharing: SharingDesk {
                store: self.sharing,
                clock: clock.clone(),
                entropy: entropy.clone(),
            },
            keys: ManagedKeys {
                store: self.managed_keys,
                clock: clock.clone(),
                entropy: entropy.clone(),
                peppers,
                uses: self.uses,
            },
            imports: KeyImports {
                store: self.imports,
                clock: clock.clone(),
                entropy: entropy.clone(),
            },
            history: History {
                store: self.history,
                executions: self.executions.clone(),
                runner: self.runner.clone(),
                log: self.usage.clone(),
                clock: clock.clone(),
                entropy: entropy.clone(),
                lease,
            },
            executions: Executions {
                store: self.executions,
                runner: self.runner,
                files: self.files,
                log: self.usage.clone(),
                clock: clock.clone(),
                entropy: entropy.clone(),
                lease,
                schemas: self.schemas,
            },
            usage: UsageDesk {
                usage: self.usage,
                deployments: self.deployments,
                clock: clock.clone(),
            },
            audit: self.audit,
            inferences: Inferences { models: self.models, clock, entropy },
            organizations: self.organizations,
            readiness,
        }
    }
}

/// How the edge behaves.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What addresses in answers start with, without a trailing slash; empty: relative to the host.
    pub base_url: String,
    /// The largest body that is read, in bytes.
    pub max_body_bytes: usize,
    /// A body that takes longer to arrive is given up: a caller must not hold a place, or an
    /// authentication, open by sending slowly.
    pub body_timeout: Duration,
    /// What bounds the files of a call, beside what its deployment takes.
    pub uploads: Uploads,
    /// Whether `/deployment/{api_key}/…` is served.
    pub key_in_url: bool,
    /// Proxies whose `X-Forwarded-For` tells where a request comes from.
    pub trusted_proxies: Vec<Network>,
    /// Whose keys `/v1/auth` lets in, unless it is told.
    pub forward_auth_organization: Option<OrganizationRef>,
    /// Whether browsers reach this server by https.
    pub secure_cookies: bool,
    /// How much of keys is remembered.
    pub keys: KeyCacheConfig,
    /// How many wrong keys an address may try.
    pub guesses: RateLimit,
    /// What bounds log-ins.
    pub log_ins: LogInSettings,
}

/// What bounds the files of a call.
#[derive(Debug, Clone, Copy)]
pub struct Uploads {
    /// All files of a call together, in bytes.
    pub max_bytes: u64,
    /// How long they may take to arrive; nothing may arrive for no longer than any body.
    pub within: Duration,
}

/// What handlers take: the use cases and the settings, shared by all event loops.
pub struct App {
    pub(crate) use_cases: Arc<UseCases>,
    pub(crate) access: web::Data<AccessContext>,
    key_cache: Arc<KeyCache>,
    pub(crate) metrics: Option<MetricsDoor>,
    pub(crate) settings: Settings,
    pub(crate) files: Arc<dyn FileStore>,
    /// Places for whoever hashes a password.
    pub(crate) log_ins: Turns,
    pub(crate) tries: Arc<LogIns>,
    pub(crate) device_cookie: DeviceCookie,
    checks: Turns,
    pub(crate) waiters: Semaphore,
    pub(crate) only_organization: OnlyOrganization,
    stopping: watch::Sender<bool>,
}

impl App {
    /// The shared state of the edge.
    pub fn new(mut ports: Ports, settings: Settings) -> Self {
        let metrics = ports.metrics.take();
        let cookie = SessionCookie::new(settings.secure_cookies);
        let device_cookie = DeviceCookie::new(settings.secure_cookies);
        let authentication = Arc::new(ports.authentication());
        let key_cache = Arc::new(ports.key_cache(settings.keys));
        let access = AccessContext {
            authentication,
            keys: key_cache.clone(),
            limiter: Arc::clone(&ports.limiter),
            guesses: Guesses::new(settings.guesses, Arc::clone(&ports.clock)),
            repeats: Repeats::new(ports.idempotency()),
            calls: ports.usage.clone(),
            tracer: ports.tracer.take(),
            outcomes: Outcomes::default(),
            refusals: Arc::clone(&ports.refusals),
            cookie,
            key_in_url: settings.key_in_url,
            trusted_proxies: settings.trusted_proxies.clone().into(),
        };
        let files = Arc::clone(&ports.files);
        let log_ins = settings.log_ins;
        let tries = LogIns::new(log_ins.limits, ports.clock.clone(), ports.peppers.current());
        Self {
            use_cases: Arc::new(ports.use_cases()),
            files,
            access: web::Data::new(access),
            key_cache,
            metrics,
            settings,
            log_ins: Turns::new(log_ins.at_once, log_ins.in_line),
            tries: Arc::new(tries),
            device_cookie,
            checks: Turns::new(CHECKS_AT_ONCE, CHECKS_IN_LINE),
            waiters: Semaphore::new(MAX_WAITERS),
            only_organization: OnlyOrganization::default(),
            stopping: watch::Sender::new(false),
        }
    }

    /// Calls a use case that may check filters.
    pub(crate) async fn run_with_check<T, E>(
        &self,
        call: impl FnOnce(&UseCases) -> Result<T, E> + Send + 'static,
    ) -> Result<T, ApiError>
    where
        T: Send + 'static,
        E: IntoApiError,
    {
        let turn = self.checks.turn().await?;
        self.run(move |uc| {
            let _turn = turn;
            call(uc)
        })
        .await
    }

    /// Sets the gauges of what is measured by looking, for whoever is about to read them.
    pub fn observe(&self) {
        self.key_cache.observe();
    }

    /// Requests that wait for an execution are answered now, with where it stands.
    pub fn stop_waiting(&self) {
        self.stopping.send_replace(true);
    }

    /// Ends when nobody shall wait any longer.
    pub(crate) async fn stopped_waiting(&self) {
        // The sender lives as long as `self`: this ends with `true` alone.
        let _ = self.stopping.subscribe().wait_for(|stopping| *stopping).await;
    }

    /// Calls one use case off the event loop: the only hop that a handler makes.
    pub(crate) async fn run<T, E>(
        &self,
        call: impl FnOnce(&UseCases) -> Result<T, E> + Send + 'static,
    ) -> Result<T, ApiError>
    where
        T: Send + 'static,
        E: IntoApiError,
    {
        let use_cases = Arc::clone(&self.use_cases);
        run_blocking(move || call(&use_cases).map_err(IntoApiError::into_api_error)).await
    }

    pub(crate) fn cookie(&self) -> &SessionCookie {
        &self.access.cookie
    }
}

/// The whole edge, for `HttpServer` and for tests.
pub fn app(
    state: web::Data<App>,
) -> actix_web::App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = Error,
        InitError = (),
    >,
> {
    // The innermost comes first: the last one wraps all the others.
    actix_web::App::new()
        .app_data(state.access.clone())
        .app_data(state)
        .into_utoipa_app()
        .configure(routes)
        .into_app()
        .configure(docs::configure)
        .default_service(web::to(openapi::unknown_address))
        .wrap(NormalizePath::trim())
        .wrap(from_fn(request_context))
        .wrap(
            DefaultHeaders::new()
                .add(("Cache-Control", "no-store"))
                .add(("X-Content-Type-Options", "nosniff")),
        )
        .wrap(from_fn(measure))
        .wrap(from_fn(hide_key_in_url))
}
