//! The cookie that carries a session.

use actix_web::{
    HttpRequest,
    cookie::{Cookie, SameSite, time::Duration},
};

/// The cookie's name and attributes. Under https it has the `__Host-` prefix (RFC 6265bis,
/// 4.1.3.2): browsers then take it from this host alone, over TLS alone.
#[derive(Debug, Clone)]
pub struct SessionCookie {
    secure: bool,
}

impl SessionCookie {
    /// `secure`: whether browsers reach this server by https.
    pub fn new(secure: bool) -> Self {
        Self { secure }
    }

    fn name(&self) -> &'static str {
        if self.secure { "__Host-kw_session" } else { "kw_session" }
    }

    /// The token that a request's cookie carries.
    pub(crate) fn read(&self, request: &HttpRequest) -> Option<String> {
        request.cookie(self.name()).map(|cookie| cookie.value().to_owned())
    }

    /// The cookie for a session's token, or with an empty one the cookie that ends it. The server
    /// knows when a session is over, so the cookie lives as long as the browser.
    pub fn write(&self, token: String) -> Cookie<'static> {
        let ends = token.is_empty();
        let cookie =
            Cookie::build(self.name(), token).path("/").http_only(true).same_site(SameSite::Lax);
        let cookie = if ends { cookie.max_age(Duration::ZERO) } else { cookie };
        cookie.secure(self.secure).finish()
    }
}
