//! A workflow's definition: made, changed, checked, deleted.

use access_domain::ManageWorkflows;
use actix_web::{HttpResponse, get, post, web};
use api_types::{ErrorCode, Refusal};
use auth_actix::ApiError;
use deployments_domain::{Shown, UseCases, Workflow, WorkflowDraft, WorkflowEdit, WorkflowId};
use maud::{Markup, html};
use serde_json::Value;

use super::{Open, PATH, head, lines::faulty_lines, path_of};
use crate::{
    Console,
    layout::{Frame, Section, page},
    pages::{flash, path_id, refused, see_other, shown},
    parts::{Button, Choice, Field, Filled, Flash, Form, Question, Tone, breadcrumbs, heading},
    typed::{Typed, faults_of},
    viewer::Viewer,
    visitor::{Sender, Visitor},
};

/// What a new workflow begins with: it works, and is small enough to be understood.
const FIRST: &str = r#"{
  "steps": [
    { "id": "echo", "tool": "passthrough" }
  ]
}"#;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(new)
        .service(create)
        .service(look)
        .service(save)
        .service(ask_to_delete)
        .service(delete);
}

#[get("/{org_id}/workflows/new")]
async fn new(visitor: Visitor<ManageWorkflows>) -> HttpResponse {
    let filled = Filled::blank().with("workflow_type", "TASK").with("definition", FIRST);
    shown(creation(&visitor.viewer, &visitor.place.href(PATH), &filled))
}

#[post("/{org_id}/workflows/new")]
async fn create(
    console: web::Data<Console>,
    sender: Sender<ManageWorkflows>,
) -> Result<HttpResponse, ApiError> {
    let Sender { visitor: Visitor { granted, viewer, place, .. }, typed } = sender;
    let created = async {
        let draft = WorkflowDraft {
            name: typed.text("name").into(),
            description: typed.text("description").into(),
            workflow_type: typed.text("workflow_type").into(),
            definition: definition(&typed)?,
        };
        console.use_cases.run_with_check(move |uc| uc.workflows.create(&granted, draft)).await
    };
    match created.await {
        Ok(workflow) => {
            Ok(see_other(place.href(&format!("{}?done=created", path_of(workflow.id)))))
        }
        Err(error) => {
            let (status, faults) = faults_of(error)?;
            let page = creation(&viewer, &place.href(PATH), &typed.refused(faults));
            Ok(refused(status, page))
        }
    }
}

#[get("/{org_id}/workflows/{id}")]
async fn look(
    console: web::Data<Console>,
    visitor: Visitor<ManageWorkflows>,
) -> Result<HttpResponse, ApiError> {
    let id: WorkflowId = path_id(visitor.request(), "id")?;
    let Visitor { granted, viewer, query, .. } = visitor;
    let workflow = console.run(move |uc| find(uc, &granted, id)).await?;
    let done = flash(
        &query,
        &[
            ("created", "The workflow is created: try it out, or deploy it as an API."),
            ("saved", "Saved."),
        ],
    );
    Ok(shown(editor(&viewer, &workflow, &stored(&workflow.thing), done)))
}

#[post("/{org_id}/workflows/{id}")]
async fn save(
    console: web::Data<Console>,
    sender: Sender<ManageWorkflows>,
) -> Result<HttpResponse, ApiError> {
    let Sender { visitor, typed } = sender;
    let id: WorkflowId = path_id(visitor.request(), "id")?;
    let Visitor { granted, viewer, place, .. } = visitor;
    let is_check = typed.text("do") == "validate";
    let text = typed.clone();
    let done = move |uc: &UseCases| -> Result<(Shown<Workflow>, Result<(), ApiError>), Refusal> {
        let workflow = find(uc, &granted, id)?;
        let outcome = match definition(&text) {
            Err(error) => Err(error),
            Ok(definition) if is_check => {
                let faults = uc.workflows.validate(&granted, id, Some(definition))?;
                if faults.is_empty() { Ok(()) } else { Err(ApiError::faults(faults)) }
            }
            Ok(_)
                if typed_version(&text)
                    .is_some_and(|seen| seen != workflow.thing.version_number) =>
            {
                Err(overtaken(&workflow.thing))
            }
            Ok(definition) => {
                let edit = WorkflowEdit {
                    name: Some(text.text("name").into()),
                    description: Some(text.text("description").into()),
                    workflow_type: None,
                    definition: Some(definition),
                };
                let changed = uc.workflows.change(&granted, id, edit);
                changed.map(|_| ()).map_err(|error| Refusal::from(error).into())
            }
        };
        Ok((workflow, outcome))
    };
    let (workflow, outcome) = console.use_cases.run_with_check(done).await?;
    match outcome {
        Ok(()) if is_check => {
            let said =
                Flash { text: "The definition is right. Nothing was saved.", tone: Tone::Good };
            Ok(shown(editor(&viewer, &workflow, &typed.filled(), Some(said))))
        }
        Ok(()) => Ok(see_other(place.href(&format!("{}?done=saved", path_of(id))))),
        Err(error) => {
            let (status, faults) = faults_of(error)?;
            Ok(refused(status, editor(&viewer, &workflow, &typed.refused(faults), None)))
        }
    }
}

#[get("/{org_id}/workflows/{id}/delete")]
async fn ask_to_delete(
    console: web::Data<Console>,
    visitor: Visitor<ManageWorkflows>,
) -> Result<HttpResponse, ApiError> {
    let id: WorkflowId = path_id(visitor.request(), "id")?;
    let Visitor { granted, viewer, .. } = visitor;
    let find = move |uc: &UseCases| -> Result<_, Refusal> {
        // Only whoever may is asked.
        uc.sharing.of_workflow(&granted, id)?;
        Ok(uc.workflows.get(&granted, id)?)
    };
    let workflow = console.run(find).await?;
    Ok(shown(deletion(&viewer, &workflow, &Filled::blank())))
}

#[post("/{org_id}/workflows/{id}/delete")]
async fn delete(
    console: web::Data<Console>,
    sender: Sender<ManageWorkflows>,
) -> Result<HttpResponse, ApiError> {
    let Sender { visitor, typed } = sender;
    let id: WorkflowId = path_id(visitor.request(), "id")?;
    let Visitor { granted, viewer, place, .. } = visitor;
    let done = move |uc: &UseCases| -> Result<_, Refusal> {
        let workflow = uc.workflows.get(&granted, id)?;
        Ok((workflow, uc.workflows.delete(&granted, id).map_err(Refusal::from)))
    };
    let (workflow, outcome) = console.run(done).await?;
    match outcome {
        Ok(()) => Ok(see_other(place.href(&format!("{PATH}?done=deleted")))),
        Err(refusal) => {
            let (status, faults) = faults_of(refusal.into())?;
            Ok(refused(status, deletion(&viewer, &workflow, &typed.refused(faults))))
        }
    }
}

pub(super) fn find(
    uc: &UseCases,
    granted: &access_domain::Granted<ManageWorkflows>,
    id: WorkflowId,
) -> Result<Shown<Workflow>, Refusal> {
    let workflow = uc.workflows.get(granted, id)?;
    Ok(uc.sharing.show_one(granted, workflow)?)
}

/// The version that the form was opened with.
fn typed_version(typed: &Typed) -> Option<i32> {
    typed.text("version").parse().ok()
}

/// Somebody else saved meanwhile: nothing is replaced unseen. The form comes back with the present version, so that saving it again
/// is a decision.
fn overtaken(workflow: &Workflow) -> ApiError {
    let detail = format!(
        "somebody saved version {} meanwhile; open the page anew to see it, or save again to replace it",
        workflow.version_number
    );
    ApiError::at(ErrorCode::InvalidValue, "/definition", detail)
}

/// The definition as it was typed.
fn definition(typed: &Typed) -> Result<Value, ApiError> {
    serde_json::from_str(typed.raw("definition")).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let detail = format!("is not valid JSON (line {line}, column {column})");
        ApiError::at(ErrorCode::MalformedJson, "/definition", detail)
    })
}

fn stored(workflow: &Workflow) -> Filled {
    let text = serde_json::to_string_pretty(&workflow.definition).unwrap_or_default();
    Filled::blank()
        .with("name", &workflow.name)
        .with("description", &workflow.description)
        .with("definition", text)
}

fn definition_field(filled: &Filled) -> Field {
    let rows = filled.value("definition").lines().count().clamp(12, 40);
    let hint = "JSON: “steps”, each with an “id” and a “tool” (passthrough, transform, template, http_request, llm, extract_text, \
                validate, delay), and what the “output” is.";
    Field::code("definition", "Definition", u8::try_from(rows).unwrap_or(40)).hint(hint).required()
}

fn creation(viewer: &Viewer, back: &str, filled: &Filled) -> Markup {
    let types = vec![
        Choice::new("TASK", "Task").hint("A request in, a result out."),
        Choice::new("ETL", "ETL")
            .hint("The same steps for each record between a source and a destination."),
    ];
    let form = Form::post(format!("{back}/new"), &viewer.csrf)
        .field(Field::text("name", "Name").required())
        .field(Field::text("description", "Description"))
        .field(Field::radios("workflow_type", "Type", types).required())
        .markup(faulty_lines(filled.value("definition"), filled.faults()))
        .field(definition_field(filled))
        .button(Button::submit("Save").primary().field("do", "save"))
        .back(back);
    let body = html! {
        (breadcrumbs(&[("Workflows", back.to_owned())], "New"))
        (heading("Create Workflow", html! {}))
        (form.render(filled))
    };
    page(Frame::new("Create Workflow").viewer(viewer).section(Section::Workflows), body)
}

fn editor(
    viewer: &Viewer,
    workflow: &Shown<Workflow>,
    filled: &Filled,
    done: Option<Flash<'_>>,
) -> Markup {
    let (shown, sharing) = (workflow, &workflow.sharing);
    let workflow = &shown.thing;
    let Some(place) = &viewer.here else { return html! {} };
    let here = place.href(&path_of(workflow.id));
    let form = Form::post(&here, &viewer.csrf)
        .hidden("version", &workflow.version_number.to_string())
        .field(Field::text("name", "Name").required())
        .field(Field::text("description", "Description"))
        .markup(faulty_lines(filled.value("definition"), filled.faults()))
        .field(definition_field(filled))
        .button(Button::submit("Save").primary().field("do", "save"))
        .button(Button::submit("Validate").field("do", "validate"));
    let body = html! {
        (head(place, shown, Open::Definition))
        @if sharing.is_some() {
            p .quiet {
                "Version " (workflow.version_number) ", a " (super::kind(workflow.workflow_type))
                " workflow. Saving another definition makes a new version; executions that were accepted keep theirs."
            }
            (form.render(filled))
            p .buttons { (Button::opens("Delete", format!("{here}/delete")).danger()) }
        } @else {
            p .quiet { "Version " (workflow.version_number) ". It is shared with you: its owner and administrators change it." }
            (crate::parts::code_block("Definition", filled.value("definition")))
        }
    };
    page(Frame::new(&workflow.name).viewer(viewer).section(Section::Workflows).flash(done), body)
}

fn deletion(viewer: &Viewer, workflow: &Workflow, filled: &Filled) -> Markup {
    let here = viewer.here.as_ref().map(|place| place.href(&path_of(workflow.id)));
    let here = here.unwrap_or_default();
    let question = Question {
        title: format!("Delete the workflow “{}”?", workflow.name),
        action: format!("{here}/delete"),
        csrf: viewer.csrf.clone(),
        back: here,
        button: Button::submit("Delete").danger(),
        breaks: "Its definition and its schedule are gone for good. While a deployment stands on it, it cannot be deleted. The \
                 records of its executions stay."
            .into(),
        fields: Vec::new(),
        reveals: false,
    };
    let frame = Frame::new("Delete a workflow").viewer(viewer).section(Section::Workflows);
    page(frame, question.render(filled))
}
