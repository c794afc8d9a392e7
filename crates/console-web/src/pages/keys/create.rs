//! A new key: its form, and the key itself, this once.

use actix_web::{HttpResponse, web};
use auth_actix::ApiError;
use maud::{Markup, Render, html};

use super::{Owned, Owner, Ring, ask, terms};
use crate::{
    Console,
    pages::{refused, shown},
    parts::{Button, Filled, Form, SecretShown, panel},
    typed::faults_of,
    visitor::{Sender, Visitor},
};

pub(super) async fn new<O: Owner>(
    console: web::Data<Console>,
    visitor: Visitor<O>,
) -> Result<HttpResponse, ApiError> {
    let (owned, ()) = ask(&console, Ring::open(visitor)?, |_, _, _| Ok(())).await?;
    Ok(shown(form(&owned, &terms::blank())))
}

pub(super) async fn create<O: Owner>(
    console: web::Data<Console>,
    sender: Sender<O>,
) -> Result<HttpResponse, ApiError> {
    let Sender { visitor, typed } = sender;
    let ring = Ring::open(visitor)?;
    let draft = terms::draft(&typed);
    let (owned, made) = ask(&console, ring, move |uc, ring, _| {
        Ok(match draft {
            Ok(draft) => uc
                .keys
                .create(&ring.desk, &draft)
                .map_err(|error| ApiError::from(api_types::Refusal::from(error))),
            Err(error) => Err(error),
        })
    })
    .await?;
    match made {
        Ok((_, secret)) => {
            let shown_secret =
                shown_once(&owned, ("The key is made", "created"), &secret.reveal_once(), "");
            Ok(shown(shown_secret))
        }
        Err(error) => {
            let (status, faults) = faults_of(error)?;
            Ok(refused(status, form(&owned, &typed.refused(faults))))
        }
    }
}

fn form(owned: &Owned, filled: &Filled) -> Markup {
    let form = Form::post(format!("{}/new", owned.base), owned.csrf());
    let form = if owned.deployment.is_some() {
        let more = terms::limits().into_iter().chain([terms::end()]).collect();
        form.field(terms::description()).field(terms::days()).fold("Limits", more)
    } else {
        let form = terms::scopes().into_iter().fold(form.field(terms::name()), Form::field);
        let more = [terms::description()].into_iter().chain(terms::limits()).chain([terms::end()]);
        form.field(terms::days()).fold("More settings", more.chain(terms::looks()).collect())
    };
    let form = form.button(Button::submit("Create key").primary()).back(&owned.base).reveals();
    owned.page("Create key", panel("Create a key", form.render(filled)))
}

/// The panel with a secret that was just made. `title` comes with the word by which the list tells of it afterwards.
pub(super) fn shown_once(
    owned: &Owned,
    (title, done): (&str, &str),
    secret: &str,
    text: impl Render,
) -> Markup {
    let next = match &owned.deployment {
        Some(_) => html! {
            p {
                "It goes into the header " code { "Authorization: Bearer …" } " of every call. How to call the deployment stands on its "
                "overview, in four languages."
            }
        },
        None => html! { p { "It goes into the header " code { "Authorization: Bearer …" } "." } },
    };
    let done = format!("{}?done={done}", owned.base);
    let panel = SecretShown { title, what: "the key", secret, text, next, done: &done };
    owned.page(title, panel.render())
}
