//! What can be asked of keys, the same for those of a deployment and those of the organization.

use std::{future::Future, sync::Arc, time::Duration};

use access_domain::{KeyDesk, KeyDraft, KeyEdit, ManagedKey, Roll, RotationDraft};
use actix_web::{HttpResponse, web};
use api_types::{CreatedKeyView, KeyView, ListView, RevokedKeyView};
use auth_actix::{ApiError, Attempt, Done, Pace};
use keys_core::{KeyId, Secret};

use crate::{
    App,
    parameters::{Query, list},
};

/// For those who ask the database from then on.
const AFTER_ALL_IS_STALE: Duration = Duration::from_secs(1);

pub(crate) async fn list_keys(
    app: &App,
    desk: KeyDesk,
    query: &Query,
) -> Result<web::Json<ListView<KeyView>>, ApiError> {
    let (filter, page) = (query.key_filter()?, query.page()?);
    let page = app.run(move |uc| uc.keys.list(&desk, &filter, page)).await?;
    Ok(web::Json(list(page, Into::into)))
}

pub(crate) async fn create_key(
    app: &App,
    desk: KeyDesk,
    attempt: Attempt,
    draft: impl Future<Output = Result<impl Into<KeyDraft>, ApiError>>,
) -> Result<HttpResponse, ApiError> {
    let desk = Arc::new(desk);
    let maker = Arc::clone(&desk);
    let make = async {
        let draft: KeyDraft = draft.await?.into();
        app.run(move |uc| uc.keys.create(&maker, &draft)).await
    };
    let (key, secret) = match attempt.once(make).await? {
        Done::Now((key, secret)) => (key, Some(secret)),
        Done::Before(record) => {
            (app.run(move |uc| uc.keys.get(&desk, record.made.into())).await?, None)
        }
    };
    Ok(HttpResponse::Created().json(with_secret(key, secret)))
}

pub(crate) async fn get_key(
    app: &App,
    desk: KeyDesk,
    id: KeyId,
) -> Result<web::Json<KeyView>, ApiError> {
    let key = app.run(move |uc| uc.keys.get(&desk, id)).await?;
    Ok(web::Json(key.into()))
}

pub(crate) async fn change_key(
    app: &App,
    desk: KeyDesk,
    id: KeyId,
    edit: KeyEdit,
) -> Result<web::Json<KeyView>, ApiError> {
    let key = app.run(move |uc| uc.keys.change(&desk, id, &edit)).await?;
    Ok(web::Json(key.into()))
}

pub(crate) async fn rotate_key(
    app: &App,
    desk: KeyDesk,
    id: KeyId,
    draft: RotationDraft,
) -> Result<HttpResponse, ApiError> {
    let (key, secret) = app.run(move |uc| uc.keys.rotate(&desk, id, &draft)).await?;
    Ok(HttpResponse::Ok().json(with_secret(key, Some(secret))))
}

pub(crate) async fn revoke_key(
    app: &App,
    desk: KeyDesk,
    id: KeyId,
    reason: String,
    everywhere: bool,
) -> Result<web::Json<RevokedKeyView>, ApiError> {
    let key = app.run(move |uc| uc.keys.revoke(&desk, id, &reason)).await?;
    let roll = if everywhere { Some(call_roll(app).await?) } else { None };
    let (acknowledged, missing) = roll.map(|roll| (roll.answered, roll.missing)).unzip();
    Ok(web::Json(RevokedKeyView { record: key.into(), acknowledged, missing }))
}

/// Which servers have heard of everything that is saved by now. Those that have not when nobody can answer by what they remembered
/// before are missing.
async fn call_roll(app: &App) -> Result<Roll, ApiError> {
    let number = app.run(|uc| uc.nodes.call_roll()).await?;
    let patience = app.settings.keys.max_staleness + AFTER_ALL_IS_STALE;
    let nobody = |_| Box::new(()) as Box<dyn Send>;
    // The key is revoked: that storage does not answer for a moment is no reason to say that it is not.
    let ask = || async { Ok(app.run(move |uc| uc.nodes.roll(number)).await.ok()) };
    let all = |roll: &Option<Roll>| roll.as_ref().is_some_and(|roll| roll.missing.is_empty());
    match app.waiting().until(patience, Pace::OF_A_MOMENT, nobody, ask, all).await? {
        Some(roll) => Ok(roll),
        None => app.run(move |uc| uc.nodes.roll(number)).await,
    }
}

pub(crate) async fn delete_key(
    app: &App,
    desk: KeyDesk,
    id: KeyId,
) -> Result<HttpResponse, ApiError> {
    app.run(move |uc| uc.keys.delete(&desk, id)).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn with_secret(key: ManagedKey, secret: Option<Secret>) -> CreatedKeyView {
    CreatedKeyView { record: key.into(), key: secret.map(Secret::reveal_once) }
}
