//! The settings of traces.

use serde::{Deserialize, Serialize};

/// Where traces are sent, and how many of them.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Tracing {
    /// The collector, as `http://collector:4318`; empty: nothing is recorded.
    pub(crate) otlp_endpoint: String,
    /// Of the traces that begin here, how many are recorded: 1 for all. Who begins a trace elsewhere
    /// decides about it.
    pub(crate) sample_ratio: f64,
    /// What this service is called.
    pub(crate) service_name: String,
}

impl Default for Tracing {
    fn default() -> Self {
        Self { otlp_endpoint: String::new(), sample_ratio: 1.0, service_name: "keywright".into() }
    }
}

impl Tracing {
    /// What types cannot say; the message names the setting.
    pub(super) fn check(&self) -> Result<(), String> {
        let endpoint = &self.otlp_endpoint;
        if endpoint.starts_with("https://") {
            let what = "only http:// is spoken: send to a collector beside this server";
            return Err(format!("tracing.otlp_endpoint: {what}"));
        }
        let is_address = reqwest::Url::parse(endpoint)
            .is_ok_and(|url| url.scheme() == "http" && url.has_host() && url.username().is_empty());
        if !endpoint.is_empty() && (!is_address || endpoint.contains(['?', '#'])) {
            return Err("tracing.otlp_endpoint: must be as http://collector:4318".into());
        }
        if !(0.0..=1.0).contains(&self.sample_ratio) {
            return Err("tracing.sample_ratio: must be from 0 to 1".into());
        }
        if self.service_name.is_empty() {
            return Err("tracing.service_name: must not be empty".into());
        }
        Ok(())
    }

    /// Where spans are sent to, if they are.
    pub(crate) fn spans_address(&self) -> Option<String> {
        let endpoint = self.otlp_endpoint.trim_end_matches('/');
        (!endpoint.is_empty()).then(|| format!("{endpoint}/v1/traces"))
    }
}
