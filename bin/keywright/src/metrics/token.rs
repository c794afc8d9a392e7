//! The token with which metrics are read where callers are answered, too.

use std::fs;

use crate::{configuration::Configuration, failure::Failure};

const LEAST_BYTES: usize = 16;
const MOST_BYTES: usize = 512;

/// The token that is configured, if one is.
pub(crate) fn find(configuration: &Configuration) -> Result<Option<String>, Failure> {
    let server = &configuration.server;
    let wrong = |what: String| Err(Failure::Configuration(what));
    let (setting, token) = match (&server.metrics_token, &server.metrics_token_file) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => {
            return wrong(
                "server.metrics_token and server.metrics_token_file: give one of them".into(),
            );
        }
        (Some(token), None) => ("server.metrics_token", token.0.clone()),
        (None, Some(path)) => match fs::read_to_string(path) {
            Ok(token) => ("server.metrics_token_file", token.trim().to_owned()),
            Err(error) => {
                return wrong(format!("server.metrics_token_file: {}: {error}", path.display()));
            }
        },
    };
    let is_sendable = token.bytes().all(|byte| byte.is_ascii_graphic());
    if !(LEAST_BYTES..=MOST_BYTES).contains(&token.len()) || !is_sendable {
        let what = format!("{LEAST_BYTES} to {MOST_BYTES} visible ASCII characters");
        return wrong(format!("{setting}: must be {what}"));
    }
    Ok(Some(token))
}
