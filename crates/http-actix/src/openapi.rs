//! The OpenAPI document, made from the handlers themselves.

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
        Content, OpenApi, Ref, RefOr, ResponseBuilder,
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
    add_problems(&mut document);
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
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer.build()));
    components.add_security_scheme("api_key", SecurityScheme::ApiKey(ApiKey::Header(api_key)));
    components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(session)));
}

/// Every operation may fail, and always fails in one shape.
fn add_problems(document: &mut OpenApi) {
    let schema = RefOr::Ref(Ref::from_schema_name(Problem::name()));
    let problem = ResponseBuilder::new()
        .description("The request was not done; `code` tells why.")
        .content("application/problem+json", Content::new(Some(schema)))
        .build();
    for item in document.paths.paths.values_mut() {
        let operations =
            [&mut item.get, &mut item.put, &mut item.post, &mut item.patch, &mut item.delete];
        for operation in operations.into_iter().flatten() {
            operation.responses.responses.insert("default".into(), RefOr::T(problem.clone()));
        }
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
