//! `/v1/keys/…`: other systems ask what becomes of a key that they were shown, and what they must not remember any longer.

use access_domain::VerifyKeys;
use actix_web::{HttpRequest, get, post, web};
use api_types::{ErrorCode, KeyChangesView, VerificationView, VerificationsView};
use auth_actix::{ApiError, Caller};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    App,
    body::Body,
    key_feed::news,
    parameters::Query,
    verification::{MAX_KEYS, read, verify, verify_all},
};

pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(verify_key).service(verify_keys).service(key_changes);
}

/// Verify a key
///
/// For services that are called with keys of their organization. The answer is 200 whatever becomes
/// of the key, and spends the key's own rate limit. With `explain`, it spends nothing and tells
/// every rule.
#[utoipa::path(
    tag = "verification",
    request_body = api_types::VerifyKey,
    responses((status = 200, body = VerificationView))
)]
#[post("/v1/keys/verify")]
async fn verify_key(
    app: web::Data<App>,
    request: HttpRequest,
    who: Caller<VerifyKeys>,
    body: Body,
) -> Result<web::Json<VerificationView>, ApiError> {
    let sent = body.json().await?;
    let asked = read(&request, &who.granted, vec![(String::new(), sent)]).await?;
    let [asked] = <[_; 1]>::try_from(asked).map_err(|_| ApiError::internal("one key is asked"))?;
    Ok(web::Json(verify(&app.access, who.granted.organization(), asked).await?))
}

/// Verify many keys
///
/// Up to 100, each as if it were asked by itself, in their order.
#[utoipa::path(
    tag = "verification",
    request_body = api_types::VerifyKeys,
    responses((status = 200, body = VerificationsView))
)]
#[post("/v1/keys/verify-batch")]
async fn verify_keys(
    app: web::Data<App>,
    request: HttpRequest,
    who: Caller<VerifyKeys>,
    body: Body,
) -> Result<web::Json<VerificationsView>, ApiError> {
    let api_types::VerifyKeys { keys } = body.json().await?;
    if keys.len() > MAX_KEYS {
        let detail = format!("at most {MAX_KEYS} keys are verified at once");
        return Err(ApiError::at(ErrorCode::InvalidValue, "/keys", detail));
    }
    let keys = keys.into_iter().enumerate();
    let keys = keys.map(|(position, key)| (format!("/keys/{position}"), key)).collect();
    let asked = read(&request, &who.granted, keys).await?;
    let results = verify_all(&app.access, who.granted.organization(), asked).await?;
    Ok(web::Json(VerificationsView { results }))
}

/// Which keys may be verified otherwise than before
///
/// For services that remember how keys were verified: what they remember of these keys they forget, and nothing do they remember
/// for longer than `max_age_ms`. Ask without `since` before the first key is verified, from then on with the `next` of the answer
/// before. With `wait`, answers when there is something to tell, or after so many seconds.
#[utoipa::path(
    tag = "verification",
    params(
        ("since" = Option<u64>, Query), ("wait" = Option<u32>, Query)
    ),
    responses((status = 200, body = KeyChangesView))
)]
#[get("/v1/keys/changes")]
async fn key_changes(
    app: web::Data<App>,
    who: Caller<VerifyKeys>,
    query: Query,
) -> Result<web::Json<KeyChangesView>, ApiError> {
    let (since, wait) = (query.since()?, query.wait()?);
    let news = news(&app, who.granted, since, wait).await?;
    Ok(web::Json(KeyChangesView::new(news, app.settings.keys.max_staleness)))
}
