//! What the organization is called, and what holds for all of it.

use access_domain::{
    ManageOrganization, OrganizationEdit, OrganizationSettings, ReadOrganization, SeeSelf,
};
use actix_web::{HttpResponse, get, post, web};
use auth_actix::ApiError;
use maud::{Markup, html};

use super::framed;
use crate::{
    Console,
    layout::SettingsTab,
    pages::{flash, reading::Reading, refused, see_other, shown},
    parts::{Button, Choice, Field, Filled, Flash, Form, copyable, definitions, heading},
    typed::{Typed, faults_of},
    viewer::{Place, Viewer},
    visitor::{Sender, Visitor},
};

const PATH: &str = "/settings/organization";
const TAB: SettingsTab = SettingsTab::Organization;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config.service(look).service(save);
}

#[get("/{org_id}/settings/organization")]
async fn look(
    console: web::Data<Console>,
    visitor: Visitor<SeeSelf>,
) -> Result<HttpResponse, ApiError> {
    if !visitor.place.is_admin() {
        return Ok(shown(whole(&visitor.viewer, &visitor.place, None, None)));
    }
    let reads = visitor.also::<ReadOrganization>()?;
    let settings = console.run(move |uc| uc.organization_settings.get(&reads)).await?;
    let done = flash(&visitor.query, &[("saved", "Saved.")]);
    Ok(shown(whole(&visitor.viewer, &visitor.place, Some(&stored(&settings)), done)))
}

#[post("/{org_id}/settings/organization")]
async fn save(
    console: web::Data<Console>,
    sender: Sender<ManageOrganization>,
) -> Result<HttpResponse, ApiError> {
    let Sender { visitor: Visitor { granted, viewer, place, .. }, typed } = sender;
    let saved = match read(&typed) {
        Ok(edit) => {
            console.run(move |uc| uc.organization_settings.change(&granted, &edit)).await.map(drop)
        }
        Err(error) => Err(error),
    };
    match saved {
        Ok(()) => Ok(see_other(place.href(&format!("{PATH}?done=saved")))),
        Err(error) => {
            let (status, faults) = faults_of(error)?;
            Ok(refused(status, whole(&viewer, &place, Some(&typed.refused(faults)), None)))
        }
    }
}

fn read(typed: &Typed) -> Result<OrganizationEdit, ApiError> {
    let days = typed.text("notice_days").split([',', ' ']).filter(|part| !part.is_empty());
    let days: Result<Vec<u32>, _> = days.map(str::parse).collect();
    let days = days.map_err(|_| {
        let detail = "must be whole numbers of days, with commas between them";
        ApiError::at(api_types::ErrorCode::InvalidValue, "/notice_days", detail)
    })?;
    let mut reading = Reading::of(typed);
    let (max_concurrent, result_hours, record_days) = (
        reading.number("max_concurrent"),
        reading.number("result_hours"),
        reading.number("record_days"),
    );
    reading.done(OrganizationEdit {
        name: Some(typed.text("name").into()),
        key_format: typed.given("key_format").map(str::to_owned),
        key_prefix: Some(typed.text("key_prefix").into()),
        max_concurrent: Some(max_concurrent),
        result_hours: Some(result_hours),
        record_days: Some(record_days),
        users_may_deploy: Some(typed.is_ticked("users_may_deploy")),
        notice_days: Some(days),
    })
}

fn stored(settings: &OrganizationSettings) -> Filled {
    let number = |number: Option<u32>| number.map(|number| number.to_string()).unwrap_or_default();
    let days: Vec<String> = settings.notice_days.iter().map(|days| days.to_string()).collect();
    Filled::blank()
        .with("name", &settings.name)
        .with("key_format", settings.key_style.format())
        .with("key_prefix", settings.key_style.prefix.as_str())
        .with("max_concurrent", number(settings.max_concurrent))
        .with("result_hours", number(settings.result_hours))
        .with("record_days", number(settings.record_days))
        .with_tick("users_may_deploy", settings.users_may_deploy)
        .with("notice_days", days.join(", "))
}

fn whole(
    viewer: &Viewer,
    place: &Place,
    filled: Option<&Filled>,
    done: Option<Flash<'_>>,
) -> Markup {
    let body = html! {
        (heading("Organization", html! {}))
        p { "Clients that ask for an organization take its ID or its UUID. Neither ever changes." }
        (definitions(vec![
            ("Name", html! { (place.name) }),
            ("Organization ID", copyable(&place.slug, "the organization ID")),
            ("UUID", copyable(&place.id.to_string(), "the UUID of the organization")),
        ]))
        @if let Some(filled) = filled {
            h2 { "Settings" }
            (form(viewer, place).render(filled))
        } @else {
            p .quiet { "Administrators of the organization change its settings." }
        }
    };
    framed(viewer, "Organization", TAB, done, body)
}

fn form(viewer: &Viewer, place: &Place) -> Form {
    let formats = vec![
        Choice::new("token", "unst_ and 43 characters")
            .hint("256 bits of chance: the better choice."),
        Choice::new("uuid", "unst_ and a UUID").hint("For clients that insist on that form."),
    ];
    Form::post(place.href(PATH), &viewer.csrf)
        .field(Field::text("name", "Name").hint("What people read. The ID in addresses stays.").required())
        .field(
            Field::tick("users_may_deploy", "Users may deploy workflows")
                .hint("Otherwise administrators alone do; users still test their workflows."),
        )
        .field(Field::radios("key_format", "New deployment keys look like", formats))
        .field(
            Field::text("key_prefix", "New API keys of the organization begin with")
                .hint("2 to 12 small letters and digits. Keys that were made before stay good, whatever you choose.")
                .required(),
        )
        .field(
            Field::text("notice_days", "Tell of a key's end so many days before")
                .hint("Numbers from 1 to 365 with commas between them, as “30, 7, 1”. Webhooks and mail tell of it."),
        )
        .field(
            Field::number("max_concurrent", "Unfinished executions at once")
                .hint("Of all deployments together; more are refused. Empty: no bound."),
        )
        .field(
            Field::number("result_hours", "Keep inputs and results for so many hours")
                .hint("After the end of an execution. Empty: as long as the server keeps them."),
        )
        .field(
            Field::number("record_days", "Keep records of executions for so many days")
                .hint("Empty: as long as the server keeps them."),
        )
        .button(Button::submit("Save").primary())
}
