//! `/invitations/`: the page that an invitation's link leads to. It knows nothing of any invitation; what it shows it asks the
//! server for, with what stands after the `#` of its address and reaches no log.

use std::sync::LazyLock;

use actix_web::HttpResponse;

use crate::static_page::StaticPage;

static PAGE: LazyLock<StaticPage> = LazyLock::new(|| {
    StaticPage::new(
        include_str!("invitation_page/page.html"),
        include_str!("invitation_page/page.css"),
        include_str!("invitation_page/page.js"),
    )
});

/// The page.
pub(crate) fn page() -> HttpResponse {
    PAGE.answer()
}
