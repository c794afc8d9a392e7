//! What the pages' handlers share, and how the console stands in a server.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use access_domain::RESERVED_SLUGS;
use actix_web::{
    Error, HttpMessage as _, HttpRequest,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    guard::GuardContext,
    http::header::{
        ACCEPT, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY, X_FRAME_OPTIONS,
    },
    middleware::{Next, from_fn},
    web,
};
use api_types::Refusal;
use auth_actix::{ApiError, Blocking, PasswordDoor, RenderRefusal};
use deployments_domain::UseCases;

use crate::{pages, refused};

/// First segments of the console's own addresses, beside those of organizations.
pub const ADDRESSES: [&str; 4] = ["account", "assets", "log-in", "log-out"];

/// Nothing comes from elsewhere, nothing is written into a page, nobody puts a page into theirs.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// What handlers of pages take.
pub struct Console {
    pub(crate) use_cases: Arc<Blocking<UseCases>>,
    pub(crate) passwords: Arc<PasswordDoor>,
    base_url: String,
}

impl Console {
    /// The console over what the server's other edges stand on. `base_url`: how browsers reach the server, empty where that was
    /// not set.
    pub fn new(
        use_cases: Arc<Blocking<UseCases>>,
        passwords: Arc<PasswordDoor>,
        base_url: String,
    ) -> Self {
        Self { use_cases, passwords, base_url }
    }

    /// Calls one use case off the event loop: the only hop that a handler makes.
    pub(crate) async fn run<T, E>(
        &self,
        call: impl FnOnce(&UseCases) -> Result<T, E> + Send + 'static,
    ) -> Result<T, ApiError>
    where
        T: Send + 'static,
        E: Into<Refusal>,
    {
        self.use_cases.run(call).await
    }

    /// Whether it was set how browsers reach the server.
    pub(crate) fn has_public_url(&self) -> bool {
        !self.base_url.is_empty()
    }

    /// What addresses that people paste elsewhere begin with: as it was set, else where this server listens. Never what the
    /// request says of it.
    pub(crate) fn origin(&self, request: &HttpRequest) -> String {
        if !self.base_url.is_empty() {
            return self.base_url.clone();
        }
        format!("http://{}", reachable(request.app_config().local_addr()))
    }
}

/// Whoever listens everywhere is reached at the machine itself.
fn reachable(listens: SocketAddr) -> SocketAddr {
    if listens.ip().is_unspecified() {
        SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), listens.port())
    } else {
        listens
    }
}

/// The console's pages, in an app whose outermost frame is [`auth_actix::request_context`]. What is not the console's is left to
/// the app.
pub fn configure(console: web::Data<Console>) -> impl FnOnce(&mut web::ServiceConfig) {
    move |config| {
        let scope = web::scope("")
            .guard(is_of_console)
            .app_data(console)
            .wrap(from_fn(frame))
            .configure(pages::routes)
            .default_service(web::to(pages::no_such_page));
        config.service(scope);
    }
}

/// Whether a request is for a page: at the console's own addresses or below an organization, by somebody who reads pages. Programs at
/// such an address hear what they hear at any that is not the API's.
fn is_of_console(context: &GuardContext<'_>) -> bool {
    let head = context.head();
    let first = head.uri.path().split('/').nth(1).unwrap_or_default();
    let accept = head.headers().get(ACCEPT).and_then(|value| value.to_str().ok());
    let reads_pages = accept.is_some_and(|accept| accept.contains("text/html"));
    match first {
        "assets" => true,
        _ if ADDRESSES.contains(&first) => reads_pages,
        _ => reads_pages && !RESERVED_SLUGS.contains(&first) && !first.contains('.'),
    }
}

/// Refusals are told on pages, and every answer says what its page may do.
async fn frame(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    request.extensions_mut().insert(RenderRefusal(refused::page));
    let mut response = next.call(request).await?;
    secure(response.headers_mut());
    Ok(response)
}

/// What every answer of the console says to the browser.
pub(crate) fn secure(headers: &mut actix_web::http::header::HeaderMap) {
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(OPENER_POLICY, HeaderValue::from_static("same-origin"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_listens_everywhere_is_reached_at_the_machine_itself() {
        for (listens, reached) in [
            ("0.0.0.0:8080", "127.0.0.1:8080"),
            ("[::]:80", "127.0.0.1:80"),
            ("192.0.2.1:1", "192.0.2.1:1"),
        ] {
            assert_eq!(reachable(listens.parse().unwrap()).to_string(), reached);
        }
    }
}
