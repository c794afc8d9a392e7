//! A key gets a new secret, and the present one a last term.

use access_domain::{ManagedKey, RotationDraft, TermDraft};
use actix_web::{HttpResponse, web};
use api_types::Refusal;
use auth_actix::ApiError;
use keys_core::Timestamp;
use maud::{Markup, html};

use super::{Owned, Owner, Ring, ask as ask_of, create::shown_once, key_id, name_of, now};
use crate::{
    Console,
    pages::{deployments::used_sentence, reading::Reading, refused, shown},
    parts::{Button, Choice, Field, Filled, Question, time},
    typed::{Typed, faults_of},
    visitor::{Sender, Visitor},
};

const HOUR: u32 = 3600;
const DAY: u32 = 24 * HOUR;

pub(super) async fn ask<O: Owner>(
    console: web::Data<Console>,
    visitor: Visitor<O>,
) -> Result<HttpResponse, ApiError> {
    let id = key_id(&visitor)?;
    let (owned, (key, uses, now)) = ask_of(&console, Ring::open(visitor)?, move |uc, ring, _| {
        let (key, used) = ring.key(uc, id)?;
        Ok((key, used.uses(), now(uc)))
    })
    .await?;
    let filled = Filled::blank().with("grace_seconds", DAY.to_string());
    Ok(shown(question(&owned, &key, uses, now, &filled)))
}

pub(super) async fn rotate<O: Owner>(
    console: web::Data<Console>,
    sender: Sender<O>,
) -> Result<HttpResponse, ApiError> {
    let Sender { visitor, typed } = sender;
    let id = key_id(&visitor)?;
    let draft = draft(&typed);
    let (owned, (now, rotated)) = ask_of(&console, Ring::open(visitor)?, move |uc, ring, _| {
        // The deed before any figures: it may be urgent.
        let rotated = draft.and_then(|draft| {
            uc.keys.rotate(&ring.desk, id, &draft).map_err(|error| Refusal::from(error).into())
        });
        let rotated = match rotated {
            Ok(rotated) => Ok(rotated),
            Err(error) => Err((ring.key(uc, id)?, error)),
        };
        Ok((now(uc), rotated))
    })
    .await?;
    match rotated {
        Ok((key, secret)) => {
            let (done, text) = (("The key has a new secret", "rotated"), until(&key, now));
            Ok(shown(shown_once(&owned, done, &secret.reveal_once(), text)))
        }
        Err(((key, used), error)) => {
            let (status, faults): (u16, Vec<api_types::ProblemError>) = faults_of(error)?;
            let filled = typed.refused(faults);
            Ok(refused(status, question(&owned, &key, used.uses(), now, &filled)))
        }
    }
}

/// Until when the secret before goes on working.
fn until(key: &ManagedKey, now: Timestamp) -> Markup {
    let grace = key.secrets.iter().filter_map(|secret| secret.grace_until).max();
    html! {
        @if let Some(until) = grace.filter(|until| *until > now) {
            "The old secret keeps working until " (time(until)) "."
        } @else { "The old secret opens nothing any more." }
    }
}

fn draft(typed: &Typed) -> Result<RotationDraft, ApiError> {
    let mut reading = Reading::of(typed);
    let grace_seconds = reading.required_number("grace_seconds").unwrap_or_default();
    let days = reading.number("expires_in_days");
    let term = days.map(|days| TermDraft { expires_at: None, expires_in_days: Some(days) });
    reading.done(RotationDraft { grace_seconds, term, force: typed.is_ticked("force") })
}

fn question(owned: &Owned, key: &ManagedKey, uses: u64, now: Timestamp, filled: &Filled) -> Markup {
    let graces = [
        (0, "no time (it leaked)"),
        (HOUR, "an hour"),
        (DAY, "a day"),
        (7 * DAY, "7 days"),
        (30 * DAY, "30 days"),
    ];
    let graces = graces.map(|(seconds, words)| Choice::new(seconds.to_string(), words)).to_vec();
    let mut fields = vec![
        Field::select("grace_seconds", "Old secret keeps working for", graces)
            .hint("So that whoever uses it has time to change to the new one."),
        Field::number("expires_in_days", "New lifetime in days")
            .hint("Empty: the same lifetime, starting today."),
    ];
    let in_grace = key.rotation_state().grace_until.filter(|until| *until > now);
    if let Some(until) = in_grace {
        let hint =
            html! { "It was rotated before, and that secret works until " (time(until)) "." };
        fields.push(Field::tick("force", "End the secret before that at once").hint(hint));
    }
    let question = Question {
        title: format!("Rotate “{}”?", name_of(key)),
        action: owned.href(key.id, "/rotate"),
        csrf: owned.csrf().to_owned(),
        back: owned.base.clone(),
        button: Button::submit("Rotate").primary(),
        breaks: format!(
            "The key gets a new secret, shown once; its id, limits and usage stay. {} Whoever uses it needs the new secret before the old \
             one ends.",
            used_sentence(uses)
        ),
        fields,
        reveals: true,
    };
    owned.page("Rotate", question.render(filled))
}
