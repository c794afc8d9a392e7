//! Trying a workflow out: an input, and what comes of it.

use access_domain::{Granted, ManageWorkflows};
use actix_web::{HttpResponse, get, post, web};
use api_types::{ErrorCode, Refusal};
use auth_actix::ApiError;
use deployments_domain::{ExecutionId, RunDetail, Shown, UseCases, Workflow, WorkflowId};
use maud::{Markup, html};
use serde_json::{Map, Value};

use super::{Open, editor, head, path_of};
use crate::{
    Console,
    layout::{Frame, Section, page},
    pages::{
        executions::{pretty, run, wanted},
        path_id, refused, see_other, shown,
    },
    parts::{Button, Field, Filled, Form},
    typed::{Typed, faults_of},
    viewer::Viewer,
    visitor::{Sender, Visitor},
};

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config.service(look).service(begin);
}

#[get("/{org_id}/workflows/{id}/run")]
async fn look(
    console: web::Data<Console>,
    visitor: Visitor<ManageWorkflows>,
) -> Result<HttpResponse, ApiError> {
    let id: WorkflowId = path_id(visitor.request(), "id")?;
    let Visitor { granted, viewer, query, .. } = visitor;
    let wanted = query.given("execution").and_then(|text| text.parse::<ExecutionId>().ok());
    let (workflow, detail) = console.run(move |uc| find(uc, &granted, id, wanted)).await?;
    let input = detail.as_ref().and_then(|detail| detail.input.clone());
    let input = input.unwrap_or_else(|| serde_json::json!({"name": "Ada"}));
    let parameters = detail.as_ref().and_then(|detail| detail.parameters.clone());
    let filled = Filled::blank().with("input_data", pretty(&input));
    let filled = match parameters.filter(|parameters| !parameters.is_empty()) {
        Some(parameters) => filled.with("parameters", pretty(&parameters.into())),
        None => filled,
    };
    Ok(shown(trial(&viewer, &workflow, detail.as_ref(), &filled)))
}

#[post("/{org_id}/workflows/{id}/run")]
async fn begin(
    console: web::Data<Console>,
    sender: Sender<ManageWorkflows>,
) -> Result<HttpResponse, ApiError> {
    let Sender { visitor, typed } = sender;
    let id: WorkflowId = path_id(visitor.request(), "id")?;
    let Visitor { granted, viewer, place, .. } = visitor;
    let text = typed.clone();
    let start = move |uc: &UseCases| -> Result<_, Refusal> {
        let workflow = editor::find(uc, &granted, id)?;
        let begun = sent(&text).and_then(|(input, parameters)| {
            uc.history.try_out(&granted, id, input, parameters).map_err(Refusal::from)
        });
        Ok((workflow, begun))
    };
    let (workflow, begun) = console.run(start).await?;
    match begun {
        Ok(begun) => {
            let id = begun.id.uuid();
            Ok(see_other(place.href(&format!("{}/run?execution={id}", path_of(workflow.thing.id)))))
        }
        Err(refusal) => {
            let (status, faults) = faults_of(refusal.into())?;
            Ok(refused(status, trial(&viewer, &workflow, None, &typed.refused(faults))))
        }
    }
}

fn find(
    uc: &UseCases,
    granted: &Granted<ManageWorkflows>,
    id: WorkflowId,
    execution: Option<ExecutionId>,
) -> Result<(Shown<Workflow>, Option<RunDetail>), Refusal> {
    let workflow = editor::find(uc, granted, id)?;
    let Some(execution) = execution else { return Ok((workflow, None)) };
    let wanted = wanted(&uc.history.status(granted, execution)?, true);
    let detail = uc.history.look_into(granted, execution, wanted)?;
    Ok((workflow, Some(detail).filter(|detail| detail.execution.workflow == id)))
}

fn sent(typed: &Typed) -> Result<(Value, Map<String, Value>), Refusal> {
    let read = |name: &str| -> Result<Value, Refusal> {
        serde_json::from_str(typed.raw(name)).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            let detail = format!("is not valid JSON (line {line}, column {column})");
            Refusal::at(ErrorCode::MalformedJson, format!("/{name}"), detail)
        })
    };
    let input = read("input_data")?;
    let parameters = typed.given("parameters").map(|_| read("parameters")).transpose()?;
    match parameters {
        None => Ok((input, Map::new())),
        Some(Value::Object(members)) => Ok((input, members)),
        Some(_) => {
            let detail = "must be a JSON object";
            Err(Refusal::at(ErrorCode::InvalidValue, "/parameters", detail))
        }
    }
}

fn trial(
    viewer: &Viewer,
    workflow: &Shown<Workflow>,
    detail: Option<&RunDetail>,
    filled: &Filled,
) -> Markup {
    let Some(place) = &viewer.here else { return html! {} };
    let here = place.href(&format!("{}/run", path_of(workflow.thing.id)));
    let form = Form::post(&here, &viewer.csrf)
        .field(Field::code("input_data", "Input", 8).hint("Any JSON value.").required())
        .fold("Parameters", vec![Field::code("parameters", "Parameters", 4).hint("A JSON object.")])
        .button(Button::submit("Test run").primary());
    let body = html! {
        (head(place, workflow, Open::TestRun))
        p .quiet { "Runs the saved definition (version " (workflow.thing.version_number) ") once, deployed or not. It counts for no key." }
        (form.render(filled))
        @if let Some(detail) = detail {
            h2 { "Output" }
            (run(place, detail, &format!("{here}?execution={}", detail.execution.id.uuid())))
        }
    };
    let title = format!("Test run · {}", workflow.thing.name);
    page(Frame::new(&title).viewer(viewer).section(Section::Workflows), body)
}
