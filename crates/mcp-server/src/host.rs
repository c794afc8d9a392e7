//! By which name the server was called. A page of a stranger may have its own name resolve to this machine (DNS rebinding) and
//! then looks like one of this server's own; only `Host` tells.

use std::net::IpAddr;

use actix_web::{HttpRequest, http::header::HOST};
use api_types::ErrorCode;
use auth_actix::{ApiError, is_cross_site};

/// Refuses what a browser was made to send here. `own`: how this server is reached, empty where that was not set.
///
/// # Errors
/// When the server is called by another's name, or a page of another site calls.
pub(crate) fn check(request: &HttpRequest, own: &str) -> Result<(), ApiError> {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    if !host.is_some_and(|host| is_own(host, own)) {
        let detail =
            "'Host' names another server than this one; the operator sets server.public_url";
        return Err(ApiError::new(ErrorCode::HostNotAllowed, detail));
    }
    if is_cross_site(request, own) {
        let detail = "a page of another site sent this; agents' clients are no pages";
        return Err(ApiError::new(ErrorCode::CrossSiteRequest, detail));
    }
    Ok(())
}

/// A name can be made to point anywhere, an address cannot: it needs no list. Ports say nothing of who is meant, and proxies
/// leave them out.
fn is_own(host: &str, own: &str) -> bool {
    let Some(name) = name_of(host) else { return false };
    let public = own.split_once("://").map(|(_, rest)| rest.split('/').next().unwrap_or_default());
    name.parse::<IpAddr>().is_ok()
        || name == "localhost"
        || public.and_then(name_of).is_some_and(|public| public == name)
}

/// The name in `name`, `name:port` or `[address]:port`.
fn name_of(authority: &str) -> Option<String> {
    let (name, port) = match authority.strip_prefix('[').map(|rest| rest.split_once(']')) {
        Some(Some((name, ""))) => (name, None),
        Some(Some((name, port))) => (name, Some(port.strip_prefix(':')?)),
        Some(None) => return None,
        None => match authority.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (authority, None),
        },
    };
    let is_port = port.is_none_or(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
    let name = name.strip_suffix('.').unwrap_or(name);
    (is_port && !name.is_empty()).then(|| name.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(own: &str, host: &str, expected: bool) {
        assert_eq!(is_own(host, own), expected, "{host} for {own:?}");
    }

    #[test]
    fn this_server_is_known_by_its_public_name() {
        let own = "https://Keys.example:8443/base";
        for host in ["keys.example", "KEYS.example:8443", "keys.example.", "keys.example:1"] {
            check(own, host, true);
        }
        for host in ["keys.example.evil", "evil.example", "", ":80", "keys.example@evil", "a:b:c"] {
            check(own, host, false);
        }
    }

    #[test]
    fn an_address_cannot_be_rebound() {
        for host in
            ["127.0.0.1", "10.0.0.1:8080", "[::1]:8080", "[::1]", "localhost:9", "localhost"]
        {
            check("", host, true);
            check("https://keys.example", host, true);
        }
        for host in ["evil.example", "localhost.evil", "127.0.0.1.evil.example", "[::1", "[::1]x"] {
            check("", host, false);
        }
    }
}
