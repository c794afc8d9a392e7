//! When a workflow runs by itself.

use access_domain::{ChangeError, Granted, ManageWorkflows};
use actix_web::{HttpResponse, get, post, web};
use api_types::{ErrorCode, Refusal};
use auth_actix::ApiError;
use deployments_domain::{
    Schedule, ScheduleDraft, ScheduleRefusal, Shown, UseCases, Workflow, WorkflowId,
};
use maud::{Markup, html};
use serde_json::{Map, Value};

use super::{Open, editor, head, path_of};
use crate::{
    Console,
    layout::{Frame, Section, page},
    pages::{flash, path_id, refused, see_other, shown},
    parts::{Button, Field, Filled, Flash, Form, Question, definitions, time_or},
    typed::{Typed, faults_of},
    viewer::Viewer,
    visitor::{Sender, Visitor},
};

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config.service(look).service(set).service(ask_to_remove).service(remove);
}

#[get("/{org_id}/workflows/{id}/schedule")]
async fn look(
    console: web::Data<Console>,
    visitor: Visitor<ManageWorkflows>,
) -> Result<HttpResponse, ApiError> {
    let id: WorkflowId = path_id(visitor.request(), "id")?;
    let Visitor { granted, viewer, query, .. } = visitor;
    let (workflow, schedule) = console.run(move |uc| find(uc, &granted, id)).await?;
    let done =
        flash(&query, &[("set", "The schedule is saved."), ("removed", "The schedule is gone.")]);
    let filled = stored(schedule.as_ref());
    Ok(shown(form(&viewer, &workflow, schedule.as_ref(), &filled, done)))
}

#[post("/{org_id}/workflows/{id}/schedule")]
async fn set(
    console: web::Data<Console>,
    sender: Sender<ManageWorkflows>,
) -> Result<HttpResponse, ApiError> {
    let Sender { visitor, typed } = sender;
    let id: WorkflowId = path_id(visitor.request(), "id")?;
    let Visitor { granted, viewer, place, .. } = visitor;
    let text = typed.clone();
    let save = move |uc: &UseCases| -> Result<_, Refusal> {
        let (workflow, schedule) = find(uc, &granted, id)?;
        let saved = draft(&text)
            .and_then(|draft| uc.schedules.set(&granted, id, draft).map_err(Refusal::from));
        Ok((workflow, schedule, saved))
    };
    let (workflow, schedule, saved) = console.run(save).await?;
    match saved {
        Ok(_) => Ok(see_other(place.href(&format!("{}/schedule?done=set", path_of(id))))),
        Err(refusal) => {
            let (status, faults) = faults_of(refusal.into())?;
            let filled = typed.refused(faults);
            Ok(refused(status, form(&viewer, &workflow, schedule.as_ref(), &filled, None)))
        }
    }
}

#[get("/{org_id}/workflows/{id}/schedule/remove")]
async fn ask_to_remove(
    console: web::Data<Console>,
    visitor: Visitor<ManageWorkflows>,
) -> Result<HttpResponse, ApiError> {
    let id: WorkflowId = path_id(visitor.request(), "id")?;
    let Visitor { granted, viewer, place, .. } = visitor;
    let (workflow, _) = console.run(move |uc| find(uc, &granted, id)).await?;
    let back = place.href(&format!("{}/schedule", path_of(id)));
    let question = Question {
        title: format!("Remove the schedule of “{}”?", workflow.thing.name),
        action: format!("{back}/remove"),
        csrf: viewer.csrf.clone(),
        back,
        button: Button::submit("Remove").danger(),
        breaks: "It does not run by itself any more. An execution that has begun goes on.".into(),
        fields: Vec::new(),
        reveals: false,
    };
    let frame = Frame::new("Remove a schedule").viewer(&viewer).section(Section::Workflows);
    Ok(shown(page(frame, question.render(&Filled::blank()))))
}

#[post("/{org_id}/workflows/{id}/schedule/remove")]
async fn remove(
    console: web::Data<Console>,
    sender: Sender<ManageWorkflows>,
) -> Result<HttpResponse, ApiError> {
    let id: WorkflowId = path_id(sender.visitor.request(), "id")?;
    let Visitor { granted, place, .. } = sender.visitor;
    console.run(move |uc| uc.schedules.remove(&granted, id)).await?;
    Ok(see_other(place.href(&format!("{}/schedule?done=removed", path_of(id)))))
}

fn find(
    uc: &UseCases,
    granted: &Granted<ManageWorkflows>,
    id: WorkflowId,
) -> Result<(Shown<Workflow>, Option<Schedule>), Refusal> {
    let workflow = editor::find(uc, granted, id)?;
    let schedule = match uc.schedules.get(granted, id) {
        Ok(schedule) => Some(schedule),
        Err(ChangeError::Refused(ScheduleRefusal::NotFound)) => None,
        Err(error) => return Err(error.into()),
    };
    Ok((workflow, schedule))
}

fn draft(typed: &Typed) -> Result<ScheduleDraft, Refusal> {
    let json = |name: &str| -> Result<Option<Value>, Refusal> {
        let read = |text| {
            serde_json::from_str(text).map_err(|_| {
                Refusal::at(ErrorCode::MalformedJson, format!("/{name}"), "is not valid JSON")
            })
        };
        typed.given(name).map(read).transpose()
    };
    let parameters = match json("parameters")? {
        None => Map::new(),
        Some(Value::Object(members)) => members,
        Some(_) => {
            let detail = "must be a JSON object";
            return Err(Refusal::at(ErrorCode::InvalidValue, "/parameters", detail));
        }
    };
    Ok(ScheduleDraft {
        cron: typed.text("cron").to_owned(),
        timezone: None,
        is_active: typed.is_ticked("is_active"),
        timeout_seconds: typed.number("timeout_seconds")?,
        input: json("input_data")?.unwrap_or_default(),
        parameters,
    })
}

fn stored(schedule: Option<&Schedule>) -> Filled {
    let Some(schedule) = schedule else {
        return Filled::blank().with_tick("is_active", true);
    };
    let pretty = |value: &Value| serde_json::to_string_pretty(value).unwrap_or_default();
    let filled = Filled::blank()
        .with("cron", &schedule.cron)
        .with_tick("is_active", schedule.is_active)
        .with("timeout_seconds", schedule.timeout_seconds.to_string());
    let filled = if schedule.input.is_null() {
        filled
    } else {
        filled.with("input_data", pretty(&schedule.input))
    };
    if schedule.parameters.is_empty() {
        filled
    } else {
        filled.with("parameters", pretty(&schedule.parameters.clone().into()))
    }
}

fn form(
    viewer: &Viewer,
    workflow: &Shown<Workflow>,
    schedule: Option<&Schedule>,
    filled: &Filled,
    done: Option<Flash<'_>>,
) -> Markup {
    let Some(place) = &viewer.here else { return html! {} };
    let here = place.href(&format!("{}/schedule", path_of(workflow.thing.id)));
    let form = Form::post(&here, &viewer.csrf)
        .field(
            Field::text("cron", "Cron expression")
                .hint("Minute, hour, day, month, weekday, in UTC: “0 3 * * *” is every day at 3.")
                .placeholder("0 3 * * *")
                .required(),
        )
        .field(Field::tick("is_active", "Active"))
        .fold(
            "Input and time limit",
            vec![
                Field::code("input_data", "Input", 4).hint("Any JSON value."),
                Field::code("parameters", "Parameters", 4).hint("A JSON object."),
                Field::number("timeout_seconds", "Time limit").hint("In seconds."),
            ],
        )
        .button(Button::submit("Save").primary());
    let body = html! {
        (head(place, workflow, Open::Schedule))
        @if let Some(schedule) = schedule {
            (definitions(vec![
                ("Next run", time_or(schedule.next_run_at, "none")),
                ("Last run", time_or(schedule.last_run_at, "never")),
            ]))
        } @else {
            p { "It runs only when it is called. Give it a cron expression, and it runs by itself." }
        }
        @if workflow.sharing.is_some() { (form.render(filled)) }
        @if schedule.is_some() && workflow.sharing.is_some() {
            p .buttons { (Button::opens("Remove", format!("{here}/remove")).danger()) }
        }
    };
    let title = format!("Schedule · {}", workflow.thing.name);
    page(Frame::new(&title).viewer(viewer).section(Section::Workflows).flash(done), body)
}
