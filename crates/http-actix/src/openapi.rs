//! The OpenAPI document, made from the handlers themselves.

mod events;
mod lists;

use actix_web::{
    HttpRequest, HttpResponse,
    dev::ResourceDef,
    http::{Method, header},
};
use api_types::{ExecutionRequest, Problem};
use auth_actix::ApiError;
use std::sync::LazyLock;
use utoipa::{
    OpenApi as _, ToSchema,
    openapi::{
        Content, Header, HeaderBuilder, ObjectBuilder, OpenApi, Ref, RefOr, ResponseBuilder, Type,
        path::Operation,
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};
use utoipa_actix_web::AppExt as _;

use crate::routes;

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Keywright",
        description = "Keys made, kept and checked; workflows turned into keyed APIs. Every address works with \
                       and without a trailing slash. Every refusal is an `application/problem+json` document.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    components(schemas(ExecutionRequest, Problem)),
    security(("bearer" = []), ("api_key" = []), ("session" = []))
)]
struct Head;

/// The document: all routes, their bodies, and problems for whatever fails.
pub fn openapi() -> OpenApi {
    let app = actix_web::App::new().into_utoipa_app().openapi(Head::openapi()).configure(routes);
    let (_, mut document) = app.split_for_parts();
    add_security(&mut document);
    events::describe(&mut document);
    lists::name_items(&mut document);
    for item in document.paths.paths.values_mut() {
        let operations =
            [&mut item.get, &mut item.put, &mut item.post, &mut item.patch, &mut item.delete];
        operations.into_iter().flatten().for_each(finish);
    }
    document
}

fn add_security(document: &mut OpenApi) {
    let components = document.components.get_or_insert_default();
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("A platform key or a deployment key."));
    let api_key =
        ApiKeyValue::with_description("Api-Key", "The same keys in a header of their own.");
    let cookie = "A person's session; unsafe methods need `X-CSRF-Token` as well. `__Host-kw_session` under https.";
    let session = ApiKeyValue::with_description("kw_session", cookie);
    let metrics = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("The token of the setting `server.metrics_token`."));
    components.add_security_scheme("metrics_token", SecurityScheme::Http(metrics.build()));
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer.build()));
    components.add_security_scheme("api_key", SecurityScheme::ApiKey(ApiKey::Header(api_key)));
    components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(session)));
}

/// What is the same for all operations, said once: what their parameters mean, what their statuses
/// mean, and the one shape in which each may fail.
fn finish(operation: &mut Operation) {
    for parameter in operation.parameters.iter_mut().flatten() {
        if let RefOr::T(parameter) = parameter {
            parameter.description = parameter_description(&parameter.name).map(str::to_owned);
        }
    }
    let is_repeatable =
        operation.parameters.iter().flatten().any(
            |parameter| matches!(parameter, RefOr::T(known) if known.name == "Idempotency-Key"),
        );
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response {
            response.description = status_description(status).into();
            if is_repeatable {
                response.headers.insert("Idempotency-Replayed".into(), replayed());
            }
        }
    }
    let schema = RefOr::Ref(Ref::from_schema_name(Problem::name()));
    let problem = ResponseBuilder::new()
        .description("The request was not done; `code` tells why.")
        .content("application/problem+json", Content::new(Some(schema)))
        .build();
    operation.responses.responses.insert("default".into(), RefOr::T(problem));
}

fn replayed() -> RefOr<Header> {
    let schema = ObjectBuilder::new().schema_type(Type::Boolean).build();
    let description = "`true` where the request was done before: ids and status are those of then, what is told of \
                       them is as it is now, and secrets are `null`.";
    RefOr::T(HeaderBuilder::new().schema(Some(schema)).description(Some(description)).build())
}

fn parameter_description(name: &str) -> Option<&'static str> {
    match name {
        "org_id" => Some("The organization, by id or slug."),
        "id" => Some("The id."),
        "key_id" => Some("The id of the key."),
        "delivery_id" => Some("The id of the delivery."),
        "state" => Some("Only those that stand so: `PENDING`, `DELIVERED` or `DEAD`."),
        "event" => Some("Only those of events of this type, as `key.expiring`."),
        "user_id" => Some("The id of the user."),
        "handle" => Some("The deployment's id."),
        "limit" => Some("How many items at most: 1 to 200, 50 unless told."),
        "action" => Some("Only entries of this action, as `key.revoked`."),
        "actor" => Some("Only what the user or key of this id or name did."),
        "from" => Some("Only from this time on (RFC 3339)."),
        "to" => Some("Only before this time (RFC 3339)."),
        "deployment" => Some("Only of the deployment with this id."),
        "by" => Some("What is told apart: `deployment` or `key`."),
        "bucket" => Some("How long each item is: `minute`, `hour` (unless told) or `day`."),
        "cursor" => Some("The `next_cursor` of the page before."),
        "since" => Some("The `next` of an earlier answer."),
        "api_name" => Some("The deployment's name in addresses."),
        "execution_id" => Some("The id of the execution."),
        "include_metadata" => Some("Whether the tokens that models read and wrote are told."),
        "include_metrics" => Some("Whether it is told how long each file took."),
        "page" => Some("The number of the page, from 1."),
        "page_size" => Some("How many on a page: 1 to 200, 50 unless told."),
        "Idempotency-Key" => Some(
            "1 to 255 visible ASCII characters. For 24 hours, the same request with the same key is done once, and \
             answered by what it has made.",
        ),
        "wait" => Some(
            "How many seconds to wait, for the execution to end or for keys to change: 0 to 300, 0 unless told. `all`: for every \
             server to hear of a revocation.",
        ),
        _ => filter_description(name),
    }
}

/// What of a list is wanted.
fn filter_description(name: &str) -> Option<&'static str> {
    Some(match name {
        "created_by" => "Only what this user or key made.",
        "name" => "Only the one of this name.",
        "revoked" => "Only those that are revoked, or only those that are not.",
        "organization" => "Whose keys are let in, by id or slug.",
        "kinds" => "Which kinds of keys: `organization`, unless `deployment` is added to it.",
        "scope" => "What the key must be allowed; several with spaces between them.",
        "workflow" => "Only of the workflow with this id.",
        "status" => {
            "Only those that stand so: `PENDING`, `EXECUTING`, `COMPLETED`, `ERROR` or `STOPPED`."
        }
        "trigger" => "Only those that were started so: `CALL`, `TEST` or `SCHEDULE`.",
        "include" => {
            "What is told beside the record: any of `input`, `outputs`, `result`, with commas between them."
        }
        "search" => {
            "Only those with this in their name, whichever case it is written in; of keys of deployments in their \
             description. At most 100 characters."
        }
        _ => return None,
    })
}

fn status_description(status: &str) -> &'static str {
    match status {
        "201" => "Made. A secret in this answer is shown this once.",
        "202" => "Accepted, and on disk; it has not ended yet.",
        "204" => "Done.",
        _ => "Here it is.",
    }
}

/// The addresses of the document and the methods that each knows.
static ADDRESSES: LazyLock<Vec<(ResourceDef, Vec<Method>)>> = LazyLock::new(|| {
    let known = openapi().paths.paths.into_iter().map(|(path, item)| {
        let methods = [
            (Method::GET, item.get.is_some()),
            (Method::PUT, item.put.is_some()),
            (Method::POST, item.post.is_some()),
            (Method::PATCH, item.patch.is_some()),
            (Method::DELETE, item.delete.is_some()),
        ];
        let methods =
            methods.into_iter().filter(|(_, is_known)| *is_known).map(|(method, _)| method);
        (ResourceDef::new(path), methods.collect())
    });
    known.collect()
});

/// What no route took: 405 with `Allow` where the address is known under other methods, else 404.
pub(crate) async fn unknown_address(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let methods = ADDRESSES
        .iter()
        .find(|(address, _)| address.is_match(request.path()))
        .map(|(_, methods)| methods);
    let Some(methods) = methods else {
        return Err(ApiError::not_found());
    };
    let allow = methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
    Ok(HttpResponse::MethodNotAllowed().insert_header((header::ALLOW, allow)).finish())
}
