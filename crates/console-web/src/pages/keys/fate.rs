//! A key is switched on or off, revoked, or deleted. Before what breaks something it is said what, in numbers.

use access_domain::{KeyEdit, ManagedKey};
use actix_web::{HttpResponse, web};
use api_types::Refusal;
use auth_actix::ApiError;
use maud::Markup;

use super::{Owned, Owner, Ring, ask, key_id, name_of};
use crate::{
    Console,
    pages::{deployments::used_sentence, refused, see_other, shown},
    parts::{Button, Field, Filled, Question},
    typed::faults_of,
    visitor::{Sender, Visitor},
};

/// What is about to be done to a key.
#[derive(Clone, Copy)]
enum Deed {
    Deactivate,
    Revoke,
    Delete,
}

impl Deed {
    fn label(self) -> &'static str {
        match self {
            Self::Deactivate => "Deactivate",
            Self::Revoke => "Revoke",
            Self::Delete => "Delete",
        }
    }

    fn path(self) -> &'static str {
        match self {
            Self::Deactivate => "/deactivate",
            Self::Revoke => "/revoke",
            Self::Delete => "/delete",
        }
    }

    fn consequence(self) -> &'static str {
        match self {
            Self::Deactivate => "Whoever uses it is refused until it is activated again.",
            Self::Revoke => {
                "Whoever uses it is refused from now on, for good: it cannot be given back, and rotating it does not help."
            }
            Self::Delete => {
                "Whoever uses it is refused from now on, for good, and it is no longer listed. What was done with it stays in the \
                 records."
            }
        }
    }
}

pub(super) async fn activate<O: Owner>(
    console: web::Data<Console>,
    sender: Sender<O>,
) -> Result<HttpResponse, ApiError> {
    switch(&console, sender.visitor, true).await
}

pub(super) async fn deactivate<O: Owner>(
    console: web::Data<Console>,
    sender: Sender<O>,
) -> Result<HttpResponse, ApiError> {
    switch(&console, sender.visitor, false).await
}

async fn switch<O: Owner>(
    console: &Console,
    visitor: Visitor<O>,
    is_active: bool,
) -> Result<HttpResponse, ApiError> {
    let id = key_id(&visitor)?;
    let edit = KeyEdit { is_active: Some(is_active), ..KeyEdit::default() };
    let (owned, _) = ask(console, Ring::open(visitor)?, move |uc, ring, _| {
        Ok(uc.keys.change(&ring.desk, id, &edit)?)
    })
    .await?;
    let done = if is_active { "activated" } else { "deactivated" };
    Ok(see_other(format!("{}?done={done}", owned.base)))
}

pub(super) async fn ask_to_deactivate<O: Owner>(
    console: web::Data<Console>,
    visitor: Visitor<O>,
) -> Result<HttpResponse, ApiError> {
    before(&console, visitor, Deed::Deactivate).await
}

pub(super) async fn ask_to_revoke<O: Owner>(
    console: web::Data<Console>,
    visitor: Visitor<O>,
) -> Result<HttpResponse, ApiError> {
    before(&console, visitor, Deed::Revoke).await
}

pub(super) async fn ask_to_delete<O: Owner>(
    console: web::Data<Console>,
    visitor: Visitor<O>,
) -> Result<HttpResponse, ApiError> {
    before(&console, visitor, Deed::Delete).await
}

pub(super) async fn revoke<O: Owner>(
    console: web::Data<Console>,
    sender: Sender<O>,
) -> Result<HttpResponse, ApiError> {
    let Sender { visitor, typed } = sender;
    let id = key_id(&visitor)?;
    let reason = typed.text("reason").to_owned();
    let (owned, refused_of) = ask(&console, Ring::open(visitor)?, move |uc, ring, _| {
        // The deed before anything is looked up: it may be urgent.
        let Err(error) = uc.keys.revoke(&ring.desk, id, &reason) else { return Ok(None) };
        let (key, used) = ring.key(uc, id)?;
        Ok(Some((key, used.uses(), Refusal::from(error))))
    })
    .await?;
    match refused_of {
        None => Ok(see_other(format!("{}?done=revoked", owned.base))),
        Some((key, uses, refusal)) => {
            let (status, faults) = faults_of(refusal.into())?;
            let filled = typed.refused(faults);
            Ok(refused(status, question(&owned, &key, uses, Deed::Revoke, &filled)))
        }
    }
}

pub(super) async fn delete<O: Owner>(
    console: web::Data<Console>,
    sender: Sender<O>,
) -> Result<HttpResponse, ApiError> {
    let id = key_id(&sender.visitor)?;
    let (owned, ()) = ask(&console, Ring::open(sender.visitor)?, move |uc, ring, _| {
        Ok(uc.keys.delete(&ring.desk, id)?)
    })
    .await?;
    Ok(see_other(format!("{}?done=deleted", owned.base)))
}

async fn before<O: Owner>(
    console: &Console,
    visitor: Visitor<O>,
    deed: Deed,
) -> Result<HttpResponse, ApiError> {
    let id = key_id(&visitor)?;
    let (owned, (key, used)) =
        ask(console, Ring::open(visitor)?, move |uc, ring, _| ring.key(uc, id)).await?;
    Ok(shown(question(&owned, &key, used.uses(), deed, &Filled::blank())))
}

fn question(owned: &Owned, key: &ManagedKey, uses: u64, deed: Deed, filled: &Filled) -> Markup {
    let title = format!("{} “{}”?", deed.label(), name_of(key));
    let reason =
        Field::text("reason", "Reason").hint("Stands in the key's record and in the audit.");
    let question = Question {
        title: title.clone(),
        action: owned.href(key.id, deed.path()),
        csrf: owned.csrf().to_owned(),
        back: owned.base.clone(),
        button: Button::submit(deed.label()).danger(),
        breaks: format!("{} {}", used_sentence(uses), deed.consequence()),
        fields: match deed {
            Deed::Revoke => vec![reason],
            Deed::Deactivate | Deed::Delete => Vec::new(),
        },
        reveals: false,
    };
    owned.page(deed.label(), question.render(filled))
}
