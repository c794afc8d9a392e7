//! The table of contents of the HTTP API: one file per resource, each address beside its handler.

mod api_keys;
mod audit;
mod deployment_keys;
mod deployments;
mod executions;
mod forward_auth;
mod identity;
mod inference;
mod organization;
mod platform_keys;
mod server;
mod session;
mod verify;
mod workflows;

use utoipa_actix_web::service_config::ServiceConfig;

/// Every address of the API. The OpenAPI document is made from this list.
pub fn routes(config: &mut ServiceConfig) {
    config
        .configure(session::routes)
        .configure(identity::routes)
        .configure(workflows::routes)
        .configure(deployments::routes)
        .configure(deployment_keys::routes)
        .configure(platform_keys::routes)
        .configure(organization::routes)
        .configure(audit::routes)
        .configure(api_keys::routes)
        .configure(verify::routes)
        .configure(forward_auth::routes)
        .configure(executions::routes)
        .configure(inference::routes)
        .configure(server::routes);
}
