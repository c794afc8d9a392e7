//! The table of contents of the HTTP API: one file per resource, each address beside its handler.

mod api_keys;
mod audit;
mod deployment_keys;
mod deployments;
mod documentation;
mod executions;
mod forward_auth;
mod history;
mod identity;
mod inference;
mod invitations;
mod mail_deliveries;
mod members;
mod organization;
mod platform_keys;
mod schedules;
mod secrets;
mod server;
mod session;
mod sharing;
mod unstract;
mod usage;
mod verify;
mod webhooks;
mod workflows;

use utoipa_actix_web::service_config::ServiceConfig;

pub use self::server::METRICS_TYPE;

/// Every address of the API. The OpenAPI document is made from this list.
pub fn routes(config: &mut ServiceConfig) {
    // The router tries addresses one after the other, and those with parameters cost it most: what
    // is asked for with every request of somebody else's comes first.
    config
        .configure(forward_auth::routes)
        .configure(verify::routes)
        // Before the other addresses of deployments: `api` is nobody's handle.
        .configure(unstract::routes)
        .configure(executions::routes)
        .configure(documentation::routes)
        .configure(session::routes)
        .configure(identity::routes)
        .configure(workflows::routes)
        .configure(history::routes)
        .configure(schedules::routes)
        .configure(deployments::routes)
        .configure(deployment_keys::routes)
        .configure(sharing::routes)
        .configure(platform_keys::routes)
        .configure(organization::routes)
        .configure(members::routes)
        .configure(invitations::routes)
        .configure(secrets::routes)
        .configure(webhooks::routes)
        .configure(mail_deliveries::routes)
        .configure(audit::routes)
        .configure(usage::routes)
        .configure(api_keys::routes)
        .configure(inference::routes)
        .configure(server::routes);
}
