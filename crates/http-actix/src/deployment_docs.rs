//! What a deployment tells those who call it: a page, an OpenAPI document and a collection for Postman. The page is the same for
//! every address and knows nothing; what it shows it asks the server for, with its reader's key.

mod collection;
mod document;
mod schema;

use std::sync::LazyLock;

use actix_web::HttpResponse;

pub(crate) use self::{collection::collection, document::document};
use crate::static_page::StaticPage;

static PAGE: LazyLock<StaticPage> = LazyLock::new(|| {
    StaticPage::new(
        include_str!("deployment_docs/page.html"),
        include_str!("deployment_docs/page.css"),
        include_str!("deployment_docs/page.js"),
    )
});

/// The page, whatever address it was asked for at.
pub(crate) fn page() -> HttpResponse {
    PAGE.answer()
}

/// Where calls of a deployment go, below the server.
fn path(id: impl std::fmt::Display) -> String {
    format!("/deployment/{id}/")
}
