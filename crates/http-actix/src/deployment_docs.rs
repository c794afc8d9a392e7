//! What a deployment tells those who call it: a page, an OpenAPI document and a collection for Postman. The page is the same for
//! every address and knows nothing; what it shows it asks the server for, with its reader's key.

mod collection;
mod document;
mod schema;

use std::sync::LazyLock;

use actix_web::{HttpResponse, http::header};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};

pub(crate) use self::{collection::collection, document::document};

const HTML: &str = include_str!("deployment_docs/page.html");
const STYLE: &str = include_str!("deployment_docs/page.css");
const SCRIPT: &str = include_str!("deployment_docs/page.js");

/// The page with its style and its script in it, so that it is right under whatever address a proxy gives it.
static PAGE: LazyLock<String> =
    LazyLock::new(|| HTML.replace("/*style*/", STYLE).replace("/*script*/", SCRIPT));

/// Exactly this style and this script, and requests to this server: whatever else may have come into the page does nothing.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; connect-src 'self'; img-src data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
});

/// The page, whatever address it was asked for at.
pub(crate) fn page() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY.as_str()))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .content_type("text/html; charset=utf-8")
        .body(PAGE.as_str())
}

/// Where calls of a deployment go, below the server.
fn path(id: impl std::fmt::Display) -> String {
    format!("/deployment/{id}/")
}
