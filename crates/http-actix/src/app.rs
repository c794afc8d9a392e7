//! What the handlers share, and the frame around all of them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use access_domain::{
    Authentication, Credentials, Idempotency, IdempotencyStore, KeyLookup, Limiter,
    OrganizationRef, RefusalLog, StoreError, Tracer, UserRecord,
};
use actix_web::{
    Error, HttpRequest,
    body::MessageBody,
    dev::{ServiceFactory, ServiceRequest, ServiceResponse},
    middleware::{DefaultHeaders, NormalizePath, from_fn},
    web,
};
use api_types::Refusal;
use auth_actix::{
    AccessContext, ApiError, Blocking, Guesses, KeyCache, KeyCacheConfig, KeyEpochs, LogInSettings,
    Outcomes, PasswordDoor, Repeats, SessionCookie, Waiting, hide_key_in_url, request_context,
};
use deployments_domain::{FileStore, UseCasePorts, UseCases};
use keys_core::{Network, PepperName, RateLimit};
use tokio::sync::Semaphore;
use utoipa_actix_web::AppExt as _;

use crate::{
    MetricsDoor, docs, forward_auth::OnlyOrganization, openapi, request_metrics::measure, routes,
};

/// Requests that wait for keys to change, each of which asks storage now and then; beyond them, answers come at once.
const MAX_FOLLOWERS: usize = 1000;

/// What the edge is built over, beside what its use cases are.
#[expect(missing_docs, reason = "each is the port of its type")]
pub struct Ports {
    pub use_cases: UseCasePorts,
    pub keys: Arc<dyn KeyLookup>,
    pub refusals: Arc<dyn RefusalLog>,
    pub limiter: Arc<dyn Limiter>,
    pub idempotency: Arc<dyn IdempotencyStore>,
    /// Whose secrets are moved to the current pepper when they are used.
    pub older_peppers: Vec<PepperName>,
    /// Which storage tells its changes of keys to.
    pub key_epochs: Arc<KeyEpochs>,
    /// Whether requests can be served now; asked by `/readyz`.
    pub readiness: Readiness,
    /// What records traces, if anything does.
    pub tracer: Option<Arc<dyn Tracer>>,
    /// How metrics are read on the listener of all callers; `None`: not at all.
    pub metrics: Option<MetricsDoor>,
}

/// Tells whether requests can be served now.
pub type Readiness = Box<dyn Fn() -> Result<(), StoreError> + Send + Sync>;

impl Ports {
    fn authentication(&self) -> Authentication {
        let UseCasePorts { sessions, clock, peppers, uses, .. } = &self.use_cases;
        Authentication {
            sessions: Arc::clone(sessions),
            clock: Arc::clone(clock),
            peppers: Arc::clone(peppers),
            uses: Arc::clone(uses),
        }
    }

    fn idempotency(&self) -> Idempotency {
        Idempotency {
            store: Arc::clone(&self.idempotency),
            clock: Arc::clone(&self.use_cases.clock),
            peppers: Arc::clone(&self.use_cases.peppers),
        }
    }

    fn key_cache(&self, config: KeyCacheConfig) -> KeyCache {
        KeyCache::new(
            Arc::clone(&self.keys),
            Arc::clone(&self.use_cases.uses),
            Arc::clone(&self.use_cases.peppers),
            self.older_peppers.clone(),
            Arc::clone(&self.use_cases.clock),
            Arc::clone(&self.key_epochs),
            config,
        )
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
    use_cases: Arc<Blocking<UseCases>>,
    passwords: Arc<PasswordDoor>,
    pub(crate) access: web::Data<AccessContext>,
    key_cache: Arc<KeyCache>,
    pub(crate) key_epochs: Arc<KeyEpochs>,
    pub(crate) readiness: Arc<Readiness>,
    pub(crate) metrics: Option<MetricsDoor>,
    pub(crate) settings: Settings,
    pub(crate) files: Arc<dyn FileStore>,
    waiting: Arc<Waiting>,
    pub(crate) followers: Semaphore,
    pub(crate) only_organization: OnlyOrganization,
    is_draining: AtomicBool,
}

impl App {
    /// The shared state of the edge.
    pub fn new(mut ports: Ports, settings: Settings) -> Self {
        let metrics = ports.metrics.take();
        let cookie = SessionCookie::new(settings.secure_cookies);
        let authentication = Arc::new(ports.authentication());
        let key_cache = Arc::new(ports.key_cache(settings.keys));
        let guesses = Guesses::new(settings.guesses, Arc::clone(&ports.use_cases.clock));
        let access = AccessContext {
            authentication,
            keys: key_cache.clone(),
            limiter: Arc::clone(&ports.limiter),
            guesses,
            repeats: Repeats::new(ports.idempotency()),
            calls: ports.use_cases.usage.clone(),
            tracer: ports.tracer.take(),
            outcomes: Outcomes::default(),
            refusals: Arc::clone(&ports.refusals),
            cookie,
            key_in_url: settings.key_in_url,
            trusted_proxies: settings.trusted_proxies.clone().into(),
        };
        let files = Arc::clone(&ports.use_cases.files);
        let use_cases = UseCases::from(ports.use_cases);
        let passwords = PasswordDoor::new(
            settings.log_ins,
            Arc::clone(&use_cases.sessions),
            settings.secure_cookies,
            settings.base_url.clone(),
        );
        Self {
            use_cases: Arc::new(Blocking::new(use_cases)),
            passwords: Arc::new(passwords),
            files,
            access: web::Data::new(access),
            key_cache,
            key_epochs: ports.key_epochs,
            readiness: Arc::new(ports.readiness),
            metrics,
            settings,
            waiting: Arc::default(),
            followers: Semaphore::new(MAX_FOLLOWERS),
            only_organization: OnlyOrganization::default(),
            is_draining: AtomicBool::new(false),
        }
    }

    /// The use cases, for another edge of the same server.
    pub fn use_cases(&self) -> &Arc<Blocking<UseCases>> {
        &self.use_cases
    }

    /// Where people prove who they are, for another edge of the same server.
    pub fn passwords(&self) -> &Arc<PasswordDoor> {
        &self.passwords
    }

    /// Sets the gauges of what is measured by looking, for whoever is about to read them.
    pub fn observe(&self) {
        self.key_cache.observe();
    }

    /// Those who wait for an execution, on whichever edge of the same server.
    pub fn waiting(&self) -> &Arc<Waiting> {
        &self.waiting
    }

    /// From now on the server is not ready, and each answer ends its connection, so that whoever has
    /// one comes back by another, to another server. Requests are answered as before.
    pub fn begin_to_drain(&self) {
        self.is_draining.store(true, Ordering::Relaxed);
    }

    /// Whether the server is about to stop.
    pub fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Relaxed)
    }

    /// Calls one use case off the event loop: the only hop that a handler makes.
    pub(crate) async fn run<T, E>(
        &self,
        call: impl FnOnce(&UseCases) -> Result<T, E> + Send + 'static,
    ) -> Result<T, ApiError>
    where
        T: Send + 'static,
        E: Into<Refusal>,
    {
        self.use_cases.run(call).await
    }

    /// Does `call` for the user whose credentials these are.
    pub(crate) async fn with_password<T, E>(
        &self,
        request: &HttpRequest,
        credentials: Credentials,
        call: impl FnOnce(&UseCases, UserRecord) -> Result<T, E> + Send + 'static,
    ) -> Result<T, ApiError>
    where
        T: Send + 'static,
        E: Into<Refusal>,
    {
        let use_cases = Arc::clone(&self.use_cases);
        let call = move |user| call(&use_cases, user);
        self.passwords.with_password(request, credentials, call).await
    }

    /// Calls a use case that may check filters.
    pub(crate) async fn run_with_check<T, E>(
        &self,
        call: impl FnOnce(&UseCases) -> Result<T, E> + Send + 'static,
    ) -> Result<T, ApiError>
    where
        T: Send + 'static,
        E: Into<Refusal>,
    {
        self.use_cases.run_with_check(call).await
    }
}

/// The whole edge, for `HttpServer` and for tests; `others` adds the edges that stand beside it in the same frame.
pub fn app(
    state: web::Data<App>,
    others: impl FnOnce(&mut web::ServiceConfig),
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
        .configure(others)
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
