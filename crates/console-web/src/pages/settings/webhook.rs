//! One webhook: what it hears of, its secret, trying it out.

use access_domain::{DeliveryFilter, ManageWebhooks, PageRequest, Webhook, WebhookEdit, WebhookId};
use actix_web::{HttpResponse, get, post, web};
use api_types::Refusal;
use auth_actix::ApiError;
use deployments_domain::UseCases;
use maud::{Markup, html};

use super::{
    deliveries, framed,
    webhooks::{PATH, TAB, draft, fields, once, state},
};
use crate::{
    Console,
    pages::{flash, path_id, reading::Reading, refused, see_other, shown},
    parts::{
        Button, Field, Filled, Flash, Form, Question, Tone, breadcrumbs, copyable, definitions,
        heading, notice, time,
    },
    typed::faults_of,
    viewer::{Place, Viewer},
    visitor::{Sender, Visitor},
};

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(look)
        .service(save)
        .service(test)
        .service(switch)
        .service(ask_to_rotate)
        .service(rotate)
        .service(ask_to_delete)
        .service(delete);
}

#[get("/{org_id}/settings/webhooks/{id}")]
async fn look(
    console: web::Data<Console>,
    visitor: Visitor<ManageWebhooks>,
) -> Result<HttpResponse, ApiError> {
    let id: WebhookId = path_id(visitor.request(), "id")?;
    let Visitor { granted, viewer, place, query, .. } = visitor;
    let asked = match deliveries::Asked::read(&query)? {
        Ok(asked) => asked,
        Err(faults) => {
            let webhook = console.run(move |uc| uc.webhooks.get(&granted, id)).await?;
            let list = deliveries::unread(&place, id, &query, faults);
            let page = whole(&viewer, &place, &webhook, &stored(&webhook), None, &list);
            return Ok(refused(400, page));
        }
    };
    let find = move |uc: &UseCases| -> Result<_, Refusal> {
        let webhook = uc.webhooks.get(&granted, id)?;
        let told = uc.webhooks.deliveries(&granted, id, asked.filter, asked.page)?;
        Ok((webhook, told))
    };
    let (webhook, told) = console.run(find).await?;
    let done = flash(
        &query,
        &[
            ("saved", "Saved."),
            ("tested", "A test is on its way: see its delivery below."),
            ("activated", "It is told of events from now on."),
            ("deactivated", "It is told of nothing but tests, until it is activated."),
            ("replayed", "The delivery begins anew."),
        ],
    );
    let list = deliveries::list(&viewer, &place, id, &told, &query);
    Ok(shown(whole(&viewer, &place, &webhook, &stored(&webhook), done, &list)))
}

#[post("/{org_id}/settings/webhooks/{id}")]
async fn save(
    console: web::Data<Console>,
    sender: Sender<ManageWebhooks>,
) -> Result<HttpResponse, ApiError> {
    let Sender { visitor, typed } = sender;
    let id: WebhookId = path_id(visitor.request(), "id")?;
    let Visitor { granted, viewer, place, query, .. } = visitor;
    let edit = WebhookEdit { is_active: None, ..WebhookEdit::from(draft(&typed)) };
    let change = move |uc: &UseCases| -> Result<_, Refusal> {
        match uc.webhooks.change(&granted, id, &edit) {
            Ok(_) => Ok(None),
            Err(error) => {
                let newest = PageRequest { after: None, limit: 50 };
                let any = DeliveryFilter::default();
                let told = uc.webhooks.deliveries(&granted, id, any, newest)?;
                Ok(Some((Refusal::from(error), uc.webhooks.get(&granted, id)?, told)))
            }
        }
    };
    match console.run(change).await? {
        None => Ok(see_other(place.href(&format!("{PATH}/{id}?done=saved")))),
        Some((refusal, webhook, told)) => {
            let (status, faults) = faults_of(refusal.into())?;
            let filled = typed.refused(faults);
            let list = deliveries::list(&viewer, &place, id, &told, &query);
            Ok(refused(status, whole(&viewer, &place, &webhook, &filled, None, &list)))
        }
    }
}

#[post("/{org_id}/settings/webhooks/{id}/test")]
async fn test(
    console: web::Data<Console>,
    sender: Sender<ManageWebhooks>,
) -> Result<HttpResponse, ApiError> {
    let id: WebhookId = path_id(sender.visitor.request(), "id")?;
    let Visitor { granted, place, .. } = sender.visitor;
    console.run(move |uc| uc.webhooks.test(&granted, id)).await?;
    Ok(see_other(place.href(&format!("{PATH}/{id}?done=tested#deliveries"))))
}

#[post("/{org_id}/settings/webhooks/{id}/active")]
async fn switch(
    console: web::Data<Console>,
    sender: Sender<ManageWebhooks>,
) -> Result<HttpResponse, ApiError> {
    let Sender { visitor, typed } = sender;
    let id: WebhookId = path_id(visitor.request(), "id")?;
    let Visitor { granted, place, .. } = visitor;
    let is_active = typed.text("is_active") == "true";
    let edit = WebhookEdit { is_active: Some(is_active), ..WebhookEdit::default() };
    console.run(move |uc| uc.webhooks.change(&granted, id, &edit)).await?;
    let done = if is_active { "activated" } else { "deactivated" };
    Ok(see_other(place.href(&format!("{PATH}/{id}?done={done}"))))
}

#[get("/{org_id}/settings/webhooks/{id}/rotate")]
async fn ask_to_rotate(
    console: web::Data<Console>,
    visitor: Visitor<ManageWebhooks>,
) -> Result<HttpResponse, ApiError> {
    let id: WebhookId = path_id(visitor.request(), "id")?;
    let Visitor { granted, viewer, place, .. } = visitor;
    let webhook = console.run(move |uc| uc.webhooks.get(&granted, id)).await?;
    let filled = Filled::blank().with("overlap_seconds", "86400");
    Ok(shown(rotation(&viewer, &place, &webhook, &filled)))
}

#[post("/{org_id}/settings/webhooks/{id}/rotate")]
async fn rotate(
    console: web::Data<Console>,
    sender: Sender<ManageWebhooks>,
) -> Result<HttpResponse, ApiError> {
    let Sender { visitor, typed } = sender;
    let id: WebhookId = path_id(visitor.request(), "id")?;
    let Visitor { granted, viewer, place, .. } = visitor;
    let mut reading = Reading::of(&typed);
    let overlap = reading.number("overlap_seconds");
    let overlap = reading.done(overlap);
    let change = move |uc: &UseCases| -> Result<_, Refusal> {
        let webhook = uc.webhooks.get(&granted, id)?;
        let rotated = overlap
            .map_err(Refusal::from)
            .and_then(|overlap| uc.webhooks.rotate(&granted, id, overlap).map_err(Refusal::from));
        Ok((webhook, rotated))
    };
    let (webhook, rotated) = console.run(change).await?;
    match rotated {
        Ok((webhook, secret)) => {
            Ok(shown(once(&viewer, &place, &webhook, "The new signing secret", secret)))
        }
        Err(refusal) => {
            let (status, faults) = faults_of(refusal.into())?;
            Ok(refused(status, rotation(&viewer, &place, &webhook, &typed.refused(faults))))
        }
    }
}

#[get("/{org_id}/settings/webhooks/{id}/delete")]
async fn ask_to_delete(
    console: web::Data<Console>,
    visitor: Visitor<ManageWebhooks>,
) -> Result<HttpResponse, ApiError> {
    let id: WebhookId = path_id(visitor.request(), "id")?;
    let Visitor { granted, viewer, place, .. } = visitor;
    let webhook = console.run(move |uc| uc.webhooks.get(&granted, id)).await?;
    let question = Question {
        title: "Delete this webhook?".into(),
        action: place.href(&format!("{PATH}/{id}/delete")),
        csrf: viewer.csrf.clone(),
        back: place.href(&format!("{PATH}/{id}")),
        button: Button::submit("Delete").danger(),
        breaks: format!(
            "{} is told of nothing any more: what is on its way is not sent, and what is kept of its deliveries goes too.",
            webhook.url
        ),
        fields: Vec::new(),
        reveals: false,
    };
    Ok(shown(framed(&viewer, "Delete a webhook", TAB, None, question.render(&Filled::blank()))))
}

#[post("/{org_id}/settings/webhooks/{id}/delete")]
async fn delete(
    console: web::Data<Console>,
    sender: Sender<ManageWebhooks>,
) -> Result<HttpResponse, ApiError> {
    let id: WebhookId = path_id(sender.visitor.request(), "id")?;
    let Visitor { granted, place, .. } = sender.visitor;
    console.run(move |uc| uc.webhooks.delete(&granted, id)).await?;
    Ok(see_other(place.href(&format!("{PATH}?done=deleted"))))
}

fn stored(webhook: &Webhook) -> Filled {
    let filled =
        Filled::blank().with("url", &webhook.url).with("description", &webhook.description);
    webhook.events.iter().fold(filled, |filled, kind| filled.with("events", kind.as_str()))
}

fn rotation(viewer: &Viewer, place: &Place, webhook: &Webhook, filled: &Filled) -> Markup {
    let at = place.href(&format!("{PATH}/{}", webhook.id));
    let question = Question {
        title: "Make a new signing secret?".into(),
        action: format!("{at}/rotate"),
        csrf: viewer.csrf.clone(),
        back: at,
        button: Button::submit("Rotate").primary(),
        breaks: "Calls are signed with both secrets for a while, so that the receiver can be changed without losing any. After that \
                 the present one signs no more."
            .into(),
        fields: vec![
            Field::number("overlap_seconds", "Both sign for so many seconds")
                .hint("0 to 604800. A day is 86400."),
        ],
        reveals: true,
    };
    framed(viewer, "Rotate a signing secret", TAB, None, question.render(filled))
}

fn whole(
    viewer: &Viewer,
    place: &Place,
    webhook: &Webhook,
    filled: &Filled,
    done: Option<Flash<'_>>,
    told: &Markup,
) -> Markup {
    let at = place.href(&format!("{PATH}/{}", webhook.id));
    let here = |deed: &str| format!("{at}/{deed}");
    let buttons = html! {
        (Button::post("Send a test", here("test"), &viewer.csrf))
        (Button::post(if webhook.is_active { "Deactivate" } else { "Activate" }, here("active"), &viewer.csrf)
            .field("is_active", (!webhook.is_active).to_string()))
        (Button::opens("Rotate", here("rotate")))
        (Button::opens("Delete", here("delete")).danger())
    };
    let form = fields(Form::post(&at, &viewer.csrf)).button(Button::submit("Save").primary());
    let body = html! {
        (breadcrumbs(&[("Webhooks", place.href(PATH))], &webhook.url))
        (heading("Webhook", buttons))
        @if let Some(since) = webhook.failing_since {
            (notice(Tone::Warning, html! { p { "Nothing has arrived there since " (time(since)) "." } }))
        }
        (definitions(vec![
            ("Address", copyable(&webhook.url, "the address")),
            ("Status", state(webhook)),
            ("Made", time(webhook.created_at)),
            ("Older secret signs until", match webhook.previous_secret_until {
                Some(until) => time(until),
                None => html! { "there is none" },
            }),
        ]))
        (told)
        h2 { "Settings of the webhook" }
        (form.render(filled))
    };
    framed(viewer, "Webhook", TAB, done, body)
}
