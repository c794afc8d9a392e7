//! The documentation that the server carries with it: nothing is loaded from another host.

use actix_web::{HttpResponse, guard::GuardContext, http::header, web};
use api_types::ErrorCode;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::openapi;

/// Scripts and styles come from this server; Swagger UI writes styles into its elements, and shows
/// images from `data:` addresses.
const CSP: (&str, &str) = (
    "Content-Security-Policy",
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

pub(crate) fn configure(config: &mut web::ServiceConfig) {
    // "none": by default Swagger UI sends the document to a validator on the internet.
    let ui = SwaggerUi::new("/docs/{_:.*}")
        .url("/openapi.json", openapi())
        .config(Config::default().validator_url("none").persist_authorization(false));
    config
        .route("/docs", web::get().to(start))
        .route("/docs/errors", web::get().to(errors))
        .service(
            web::scope("")
                .guard(is_of_docs)
                .wrap(actix_web::middleware::DefaultHeaders::new().add(CSP))
                .service(ui),
        );
}

/// A scope takes everything that its guard lets in, whether it has a service for it or not.
fn is_of_docs(context: &GuardContext<'_>) -> bool {
    let path = context.head().uri.path();
    path.starts_with("/docs/") || path == "/openapi.json"
}

async fn start() -> HttpResponse {
    HttpResponse::Found().insert_header((header::LOCATION, "/docs/index.html")).finish()
}

/// What each `type` of a problem document points at.
async fn errors() -> HttpResponse {
    let rows = ErrorCode::ALL.iter().fold(String::new(), |rows, code| {
        let (name, status, title) = (code.as_str(), code.status(), code.title());
        rows + &format!(
            "<tr id=\"{name}\"><td><code>{name}</code></td><td>{status}</td><td>{title}</td></tr>\n"
        )
    });
    let page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Keywright: error codes</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><link rel=\"icon\" href=\"data:,\"><style>body{{font:1rem/1.5 system-ui;margin:2rem auto;\
         max-width:60rem;padding:0 1rem;color-scheme:light dark}}td,th{{padding:.3rem .8rem;text-align:left}}\
         tr:target{{outline:2px solid}}code{{overflow-wrap:anywhere}}</style></head><body><main><h1>Error codes</h1><p>Every refusal is an \
         <code>application/problem+json</code> document whose <code>code</code> is one of these.</p>\
         <table><thead><tr><th>code</th><th>status</th><th>meaning</th></tr></thead><tbody>\n{rows}</tbody></table>\
         </main></body></html>\n"
    );
    HttpResponse::Ok().insert_header(CSP).content_type("text/html; charset=utf-8").body(page)
}
