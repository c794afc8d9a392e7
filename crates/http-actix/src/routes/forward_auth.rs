//! `/v1/auth`: reverse proxies ask about each request that they are sent, before they hand it on.

use access_domain::{Door, OrganizationRef, TurnedAway};
use actix_web::{HttpRequest, HttpResponse, get, web};
use api_types::ErrorCode;
use auth_actix::{
    ApiError, Outcomes, ShownAt, count_for, keys_of_request, origin, requested_organization, spend,
};
use keys_core::{Scope, Verdict};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{App, parameters::Query};

pub(super) fn routes(config: &mut ServiceConfig) {
    // Proxies hand on the method of the request that they ask about, and some its path behind ours.
    config
        .service(forward_auth)
        .route("/v1/auth", web::route().to(answer))
        .route("/v1/auth/{anything:.*}", web::route().to(answer));
}

/// Let a request of another service in
///
/// For reverse proxies. 200 with `X-Key-Id`, `X-Organization-Id` and `X-Key-Scopes` lets the key in;
/// 401, 403 and 429 keep it out. Answers any method alike, and `/v1/auth/{anything}` as well.
/// Cookies are ignored.
#[utoipa::path(
    tag = "verification",
    security(("bearer" = []), ("api_key" = [])),
    params(
        ("organization" = Option<String>, Query), ("kinds" = Option<String>, Query),
        ("scope" = Option<String>, Query)
    ),
    responses((status = 200, headers(
        ("X-Key-Id" = Uuid), ("X-Organization-Id" = Uuid), ("X-Key-Scopes" = String)
    )))
)]
#[get("/v1/auth")]
async fn forward_auth(
    app: web::Data<App>,
    request: HttpRequest,
    query: Query,
) -> Result<HttpResponse, ApiError> {
    answer(app, request, query).await
}

async fn answer(
    app: web::Data<App>,
    request: HttpRequest,
    query: Query,
) -> Result<HttpResponse, ApiError> {
    let found = keys_of_request(&request).await?;
    let door = door(&app, &request, &query).await?;
    if let Some(record) = door.meant(&found) {
        count_for(&request, record);
    }
    let now = app.access.authentication.clock.now();
    let named = requested_organization(&request).header;
    let outcomes = &app.access.outcomes;
    let record = door.admit(&found, named.as_ref(), origin(&request).address, now);
    let record = record.map_err(|why| turned_away(outcomes, why))?;
    app.access.authentication.uses.note(&record.secret, now);
    let spent = spend(&request, record.quota(), 1).await;
    spent.inspect_err(|error| {
        if error.code() == ErrorCode::RateLimited {
            outcomes.count(ShownAt::ForwardAuth, Verdict::RateLimited);
        }
    })?;
    outcomes.count(ShownAt::ForwardAuth, Verdict::Valid);
    let scopes: Vec<&str> = record.key.scopes.iter().map(Scope::as_str).collect();
    // Each of them always: a proxy overwrites by them what its client may have sent itself.
    Ok(HttpResponse::Ok()
        .insert_header(("x-key-id", record.id.to_string()))
        .insert_header(("x-organization-id", record.organization.id.to_string()))
        .insert_header(("x-key-scopes", scopes.join(" ")))
        .finish())
}

async fn door(app: &App, request: &HttpRequest, query: &Query) -> Result<Door, ApiError> {
    let by_setting = app.settings.forward_auth_organization.as_ref();
    // Behind `/v1/auth/` stands what a proxy was sent, perhaps with the query of its client, who must
    // not choose their door. What needs more scopes only closes it further.
    let is_clients = request.match_info().get("anything").is_some();
    let by_query = if is_clients { None } else { query.once("organization")? };
    let organization = match (by_query, by_setting) {
        (Some(named), _) => OrganizationRef::from(named),
        (None, Some(named)) => named.clone(),
        (None, None) => app.only_organization.get(app).await?,
    };
    let admits_deployment_keys = !is_clients && admits_deployment_keys(query.once("kinds")?)?;
    Ok(Door { organization, admits_deployment_keys, scopes: query.scopes()? })
}

fn admits_deployment_keys(kinds: Option<&str>) -> Result<bool, ApiError> {
    let mut is_wide = false;
    for kind in kinds.unwrap_or("organization").split(',') {
        match kind {
            "deployment" => is_wide = true,
            "organization" => {}
            _ => {
                let detail = "'kinds' must be of 'organization' and 'deployment', joined by commas";
                return Err(ApiError::new(ErrorCode::InvalidParameter, detail));
            }
        }
    }
    Ok(is_wide)
}

fn turned_away(outcomes: &Outcomes, why: TurnedAway) -> ApiError {
    match why {
        TurnedAway::Refused(error) => {
            outcomes.count_refused(ShownAt::ForwardAuth, &error);
            error.into()
        }
        TurnedAway::KindNotAdmitted => {
            outcomes.count(ShownAt::ForwardAuth, Verdict::NotFound);
            ApiError::new(ErrorCode::KeyKindNotAllowed, why.to_string())
        }
    }
}
