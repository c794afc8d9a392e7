//! What can be asked of keys, the same for those of a deployment and those of the organization.

use std::{future::Future, sync::Arc};

use access_domain::{KeyDesk, KeyDraft, KeyEdit, ManagedKey, RotationDraft};
use actix_web::{HttpResponse, web};
use api_types::{CreatedKeyView, KeyView, ListView};
use auth_actix::{ApiError, Attempt, Done};
use keys_core::{KeyId, Secret};

use crate::{
    App,
    parameters::{Query, list},
};

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
) -> Result<web::Json<KeyView>, ApiError> {
    let key = app.run(move |uc| uc.keys.revoke(&desk, id, &reason)).await?;
    Ok(web::Json(key.into()))
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
