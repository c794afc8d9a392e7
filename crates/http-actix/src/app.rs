//! What the handlers share, and the frame around all of them.

use std::sync::Arc;

use access_domain::{PlatformKeysUseCases, Sessions, StoreError};
use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceFactory, ServiceRequest, ServiceResponse},
    middleware::{Condition, DefaultHeaders, NormalizePath, from_fn},
    web,
};
use auth_actix::{
    AccessContext, ApiError, SessionCookie, hide_key_in_url, request_context, run_blocking,
};
use deployments_domain::{DeploymentKeys, Deployments, Executions, Workflows};
use tokio::sync::Semaphore;
use utoipa_actix_web::AppExt as _;

use crate::{docs, error::IntoApiError, openapi, routes};

/// Log-ins hash a password: tens of milliseconds and megabytes each. More at once would only starve
/// everything else.
const CONCURRENT_LOG_INS: usize = 2;

/// Everything that can be asked of the server.
pub struct UseCases {
    /// Sessions.
    pub sessions: Sessions,
    /// Platform keys.
    pub platform_keys: PlatformKeysUseCases,
    /// Workflows.
    pub workflows: Workflows,
    /// Deployments.
    pub deployments: Deployments,
    /// Their keys.
    pub deployment_keys: DeploymentKeys,
    /// Executions.
    pub executions: Executions,
    /// Whether requests can be served now; asked by `/readyz`.
    pub readiness: Box<dyn Fn() -> Result<(), StoreError> + Send + Sync>,
}

/// How the edge behaves.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What addresses in answers start with, without a trailing slash; empty: relative to the host.
    pub base_url: String,
    /// The largest body that is read, in bytes.
    pub max_body_bytes: usize,
    /// Whether `/deployment/{api_key}/…` is served.
    pub key_in_url: bool,
}

/// What handlers take: the use cases and the settings, shared by all event loops.
pub struct App {
    pub(crate) use_cases: Arc<UseCases>,
    pub(crate) access: web::Data<AccessContext>,
    pub(crate) settings: Settings,
    pub(crate) log_ins: Semaphore,
}

impl App {
    /// The shared state of the edge.
    pub fn new(use_cases: UseCases, access: AccessContext, settings: Settings) -> Self {
        let log_ins = Semaphore::new(CONCURRENT_LOG_INS);
        Self { use_cases: Arc::new(use_cases), access: web::Data::new(access), settings, log_ins }
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
    let key_in_url = state.settings.key_in_url;
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
        .wrap(
            DefaultHeaders::new()
                .add(("Cache-Control", "no-store"))
                .add(("X-Content-Type-Options", "nosniff")),
        )
        .wrap(from_fn(request_context))
        .wrap(Condition::new(key_in_url, from_fn(hide_key_in_url)))
}
