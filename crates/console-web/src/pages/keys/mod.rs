//! Keys that are handed out, of a deployment ("Manage Keys") and of the organization ("API Keys"): the same pages for both, which
//! differ in who may open them and in what a new key is asked.

mod create;
mod fate;
mod list;
mod look;
mod rotate;
mod terms;

use access_domain::{DeploymentId, KeyDesk, ManageDeployments, ManageKeys, ReadUsage};
use access_domain::{Granted, ManagedKey};
use actix_web::{http::Method, web};
use api_types::Refusal;
use auth_actix::{ApiError, FromCall};
use deployments_domain::{Deployment, Shown, UsageBucket, UseCases};
use keys_core::{KeyId, Timestamp};
use maud::{Markup, html};

use super::{deployments, path_id};
use crate::{
    Console,
    layout::{Frame, Section, page},
    parts::{Tone, badge, breadcrumbs, heading},
    typed::Typed,
    viewer::{Place, Viewer},
    visitor::Visitor,
};

/// From so many days before it expires on, a key is said to do so soon.
const SOON_DAYS: i64 = 7;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    of::<ManageDeployments>(config, "/{org_id}/deployments/{id}/keys");
    of::<ManageKeys>(config, "/{org_id}/api-keys");
}

/// The pages of the keys of one kind of owner, at and below `base`.
fn of<O: Owner>(config: &mut web::ServiceConfig, base: &str) {
    let at = |path: &str| web::resource(format!("{base}{path}"));
    let get = || web::method(Method::GET);
    let post = || web::method(Method::POST);
    config
        .service(at("").route(get().to(list::list::<O>)))
        .service(at("/new").route(get().to(create::new::<O>)).route(post().to(create::create::<O>)))
        .service(at("/{key_id}").route(get().to(look::look::<O>)))
        .service(
            at("/{key_id}/edit").route(get().to(look::edit::<O>)).route(post().to(look::save::<O>)),
        )
        .service(at("/{key_id}/activate").route(post().to(fate::activate::<O>)))
        .service(
            at("/{key_id}/deactivate")
                .route(get().to(fate::ask_to_deactivate::<O>))
                .route(post().to(fate::deactivate::<O>)),
        )
        .service(
            at("/{key_id}/rotate")
                .route(get().to(rotate::ask::<O>))
                .route(post().to(rotate::rotate::<O>)),
        )
        .service(
            at("/{key_id}/revoke")
                .route(get().to(fate::ask_to_revoke::<O>))
                .route(post().to(fate::revoke::<O>)),
        )
        .service(
            at("/{key_id}/delete")
                .route(get().to(fate::ask_to_delete::<O>))
                .route(post().to(fate::delete::<O>)),
        );
}

/// What is asked of somebody who wants to manage keys of one kind, and what they get.
pub(super) trait Owner: FromCall + 'static {
    /// Whether the keys are those of one deployment.
    const OF_DEPLOYMENT: bool;

    /// The desk at which they are managed. `deployment`: the one in the address.
    fn desk(granted: Granted<Self>, deployment: Option<DeploymentId>) -> Result<KeyDesk, ApiError>
    where
        Self: Sized;
}

impl Owner for ManageDeployments {
    const OF_DEPLOYMENT: bool = true;

    fn desk(granted: Granted<Self>, deployment: Option<DeploymentId>) -> Result<KeyDesk, ApiError> {
        let deployment = deployment.ok_or_else(ApiError::not_found)?;
        Ok(KeyDesk::of_deployment(granted, deployment))
    }
}

impl Owner for ManageKeys {
    const OF_DEPLOYMENT: bool = false;

    fn desk(granted: Granted<Self>, _: Option<DeploymentId>) -> Result<KeyDesk, ApiError> {
        Ok(KeyDesk::of_organization(granted))
    }
}

/// What a page about keys of one owner is made of, before anything was looked up.
struct Ring {
    desk: KeyDesk,
    counts: Granted<ReadUsage>,
    /// The deployment, and the proof that it may be looked at.
    deployment: Option<(DeploymentId, Granted<ManageDeployments>)>,
    viewer: Viewer,
    place: Place,
    query: Typed,
    /// Where the list is.
    base: String,
}

/// What was looked up of its owner.
struct Owned {
    deployment: Option<Shown<Deployment>>,
    viewer: Viewer,
    place: Place,
    base: String,
}

impl Ring {
    fn open<O: Owner>(visitor: Visitor<O>) -> Result<Self, ApiError> {
        let deployment = if O::OF_DEPLOYMENT {
            let id: DeploymentId = path_id(visitor.request(), "id")?;
            Some((id, visitor.also::<ManageDeployments>()?))
        } else {
            None
        };
        let counts = visitor.also()?;
        let Visitor { granted, viewer, place, query, .. } = visitor;
        let id = deployment.as_ref().map(|(id, _)| *id);
        let base = match id {
            Some(id) => place.href(&format!("{}/keys", deployments::path_of(id))),
            None => place.href("/api-keys"),
        };
        Ok(Self { desk: O::desk(granted, id)?, counts, deployment, viewer, place, query, base })
    }

    /// Whose keys they are.
    fn owned(&self, uc: &UseCases) -> Result<Owned, Refusal> {
        let deployment = match &self.deployment {
            Some((id, granted)) => Some(deployments::find(uc, granted, *id)?),
            None => None,
        };
        let (viewer, place) = (self.viewer.clone(), self.place.clone());
        Ok(Owned { deployment, viewer, place, base: self.base.clone() })
    }

    fn deployment_id(&self) -> Option<DeploymentId> {
        self.deployment.as_ref().map(|(id, _)| *id)
    }

    /// One key with what it was used for in the last day.
    fn key(&self, uc: &UseCases, id: KeyId) -> Result<(ManagedKey, UsageBucket), Refusal> {
        let key = uc.keys.get(&self.desk, id)?;
        let mut used = uc.usage.of_keys(&self.counts, self.deployment_id(), &[id])?;
        Ok((key, used.remove(&id).unwrap_or_default()))
    }
}

impl Owned {
    /// Whether the viewer may change anything: whoever a deployment is shared with looks at its keys.
    fn may_change(&self) -> bool {
        self.deployment.as_ref().is_none_or(|shown| shown.sharing.is_some())
    }

    fn csrf(&self) -> &str {
        &self.viewer.csrf
    }

    fn section(&self) -> Section {
        if self.deployment.is_some() { Section::Deployments } else { Section::ApiKeys }
    }

    fn frame<'a>(&'a self, title: &'a str) -> Frame<'a> {
        Frame::new(title).viewer(&self.viewer).section(self.section())
    }

    /// A page that is a panel, or a form of its own.
    fn page(&self, title: &str, body: Markup) -> Markup {
        page(self.frame(title), body)
    }

    fn href(&self, key: KeyId, path: &str) -> String {
        format!("{}/{}{path}", self.base, key.uuid())
    }

    /// What stands above the list.
    fn head(&self, buttons: Markup) -> Markup {
        match &self.deployment {
            Some(shown) => html! {
                (deployments::head(&self.place, shown, deployments::Open::Keys))
                div .heading { h2 { "Manage Keys" } div .buttons { (buttons) } }
            },
            None => heading("API Keys", buttons),
        }
    }

    /// What stands above the page of one key.
    fn head_of(&self, key: &ManagedKey, buttons: Markup) -> Markup {
        let name = name_of(key);
        let above = match &self.deployment {
            Some(shown) => {
                let one = deployments::path_of(shown.thing.id);
                vec![
                    ("API Deployments", self.place.href("/deployments")),
                    (deployments::name_of(&shown.thing), self.place.href(&one)),
                    ("Keys", self.base.clone()),
                ]
            }
            None => vec![("API Keys", self.base.clone())],
        };
        html! { (breadcrumbs(&above, &name)) (heading(&name, buttons)) }
    }
}

/// What people call a key: its name, what it is for, or how it looks.
fn name_of(key: &ManagedKey) -> String {
    let hint = || key.secrets.first().map(|secret| secret.hint.clone());
    [&key.name, &key.terms.description]
        .into_iter()
        .find(|text| !text.is_empty())
        .cloned()
        .or_else(hint)
        .unwrap_or_else(|| format!("Key {}", key.id.uuid()))
}

/// Where a key stands, in the order in which whoever uses it would be told.
fn state(key: &ManagedKey, now: Timestamp) -> Markup {
    let soon = now + chrono::TimeDelta::days(SOON_DAYS);
    match key.terms.expires_at {
        _ if key.revoked.is_some() => badge("Revoked", Tone::Bad),
        Some(end) if end <= now => badge("Expired", Tone::Bad),
        _ if !key.terms.is_active => badge("Inactive", Tone::Neutral),
        Some(end) if end <= soon => badge("Expires soon", Tone::Warning),
        Some(_) | None => badge("Active", Tone::Good),
    }
}

/// The key that the address names.
fn key_id<P>(visitor: &Visitor<P>) -> Result<KeyId, ApiError> {
    path_id(visitor.request(), "key_id")
}

/// The server's time.
fn now(uc: &UseCases) -> Timestamp {
    uc.keys.clock.now()
}

/// The one hop to what a page of keys asks.
async fn ask<T: Send + 'static>(
    console: &Console,
    ring: Ring,
    asked: impl FnOnce(&UseCases, &Ring, &Owned) -> Result<T, Refusal> + Send + 'static,
) -> Result<(Owned, T), ApiError> {
    let ask = move |uc: &UseCases| -> Result<_, Refusal> {
        let owned = ring.owned(uc)?;
        let told = asked(uc, &ring, &owned)?;
        Ok((owned, told))
    };
    console.run(ask).await
}
