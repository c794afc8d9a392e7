//! How the server of a test behaves, unless the test says otherwise.

use std::time::Duration;

use http_actix::{KeyCacheConfig, LogInSettings, Settings, Uploads};
use keys_core::RateLimit;

const MAX_BODY_BYTES: usize = 64 * 1024;
const MAX_UPLOAD_BYTES: u64 = 1 << 20;

pub(super) fn settings() -> Settings {
    Settings {
        base_url: String::new(),
        max_body_bytes: MAX_BODY_BYTES,
        body_timeout: Duration::from_secs(60),
        uploads: Uploads { max_bytes: MAX_UPLOAD_BYTES, within: Duration::from_secs(60) },
        key_in_url: true,
        trusted_proxies: Vec::new(),
        forward_auth_organization: None,
        secure_cookies: false,
        // So long that only what storage tells can end what is remembered.
        keys: KeyCacheConfig { max_keys: 1000, max_staleness: Duration::from_secs(86_400 * 365) },
        guesses: RateLimit::per_minute(60).expect("a limit"),
        log_ins: LogInSettings::new(30, 10, Duration::from_secs(30)).expect("limits"),
    }
}
