//! The cookies of people: one carries a session, one tells a browser in which somebody logged in before.

use access_domain::DEVICE_LASTS;
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
    pub fn read(&self, request: &HttpRequest) -> Option<String> {
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

/// The cookie of a device. It opens nothing, so that it may last; browsers send it with requests of this site's own
/// pages alone.
#[derive(Debug, Clone)]
pub struct DeviceCookie {
    secure: bool,
}

impl DeviceCookie {
    /// `secure`: whether browsers reach this server by https.
    pub fn new(secure: bool) -> Self {
        Self { secure }
    }

    fn name(&self) -> &'static str {
        if self.secure { "__Host-kw_device" } else { "kw_device" }
    }

    /// The token that a request's cookie carries.
    pub fn read(&self, request: &HttpRequest) -> Option<String> {
        request.cookie(self.name()).map(|cookie| cookie.value().to_owned())
    }

    /// The cookie for a device's token.
    pub fn write(&self, token: String) -> Cookie<'static> {
        Cookie::build(self.name(), token)
            .path("/")
            .http_only(true)
            .same_site(SameSite::Strict)
            .max_age(Duration::seconds(DEVICE_LASTS.num_seconds()))
            .secure(self.secure)
            .finish()
    }
}
