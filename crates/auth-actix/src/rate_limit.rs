//! Limits on how often a caller may call: spent once per request, and told in the headers of its
//! answer (draft-ietf-httpapi-ratelimit-headers-10, and the older names that clients still read).

use std::time::Duration;

use access_domain::{Limited, Quotas};
use actix_web::{
    HttpMessage, HttpRequest,
    dev::ServiceResponse,
    http::header::{HeaderName, HeaderValue},
};
use api_types::ErrorCode;
use keys_core::{RateDecision, RateLimit};

use crate::{ApiError, caller::context_of};

/// The tightest limit that was applied to a request.
#[derive(Clone, Copy)]
struct Applied(Limited);

/// Spends `cost` calls of what a caller may, and has the answer tell what is left of it.
///
/// # Errors
/// When as much is not left (nothing is spent then), or nobody knows.
pub async fn spend(
    request: &HttpRequest,
    quotas: impl Into<Quotas>,
    cost: u32,
) -> Result<(), ApiError> {
    let quotas = quotas.into();
    if quotas.is_empty() {
        return Ok(());
    }
    let taken = context_of(request)?.limiter.take(quotas, cost).wait().await?;
    let mut extensions = request.extensions_mut();
    let before = extensions.get::<Applied>().map(|applied| applied.0);
    if let Some(tightest) = Limited::tightest(before.into_iter().chain(taken)) {
        extensions.insert(Applied(tightest));
    }
    let Some(refused) = taken.filter(|taken| !taken.decision.is_allowed) else { return Ok(()) };
    let limit = refused.subject.name();
    metrics::counter!("keywright_rate_limit_refusals_total", "limit" => limit).increment(1);
    let detail = format!(
        "{} calls a minute are allowed ({}); `Retry-After` tells when to go on",
        refused.decision.limit.calls(),
        limit
    );
    let refusal = ApiError::new(ErrorCode::RateLimited, detail);
    Err(refusal.retry_after(whole_seconds(refused.decision.retry_after)))
}

/// Writes the limit that was applied to the request into its answer.
pub(crate) fn tell<B>(response: &mut ServiceResponse<B>) {
    let applied = response.request().extensions().get::<Applied>().copied();
    let Some(Applied(Limited { subject, decision })) = applied else { return };
    for (header, value) in headers(subject.name(), &decision) {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(HeaderName::from_static(header), value);
        }
    }
}

fn headers(name: &str, decision: &RateDecision) -> [(&'static str, String); 5] {
    let (limit, remaining) = (decision.limit.calls(), decision.remaining);
    let (window, reset) = (RateLimit::WINDOW_SECONDS, reset_seconds(decision));
    [
        ("ratelimit-policy", format!("\"{name}\";q={limit};w={window}")),
        ("ratelimit", format!("\"{name}\";r={remaining};t={reset}")),
        ("x-ratelimit-limit", limit.to_string()),
        ("x-ratelimit-remaining", remaining.to_string()),
        ("x-ratelimit-reset", reset.to_string()),
    ]
}

/// Rounded up: whoever waits so long has waited long enough.
pub(crate) fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

/// In how many seconds all of a limit is there again, rounded up. What is below the clock's
/// microseconds comes from dividing a minute, and would make 61 seconds of it.
pub fn reset_seconds(decision: &RateDecision) -> u64 {
    decision.reset.as_secs() + u64::from(decision.reset.subsec_micros() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decision(remaining: u32, reset: Duration) -> RateDecision {
        let limit = RateLimit::per_minute(100).unwrap();
        let retry_after = Duration::ZERO;
        RateDecision { is_allowed: true, limit, remaining, reset, retry_after }
    }

    #[test]
    fn a_limit_is_told_under_both_names() {
        let told = headers("key", &decision(42, Duration::from_millis(17_001)));
        let expected = [
            ("ratelimit-policy", "\"key\";q=100;w=60"),
            ("ratelimit", "\"key\";r=42;t=18"),
            ("x-ratelimit-limit", "100"),
            ("x-ratelimit-remaining", "42"),
            ("x-ratelimit-reset", "18"),
        ];
        assert_eq!(told, expected.map(|(name, value)| (name, value.to_owned())));
    }

    #[test]
    fn seconds_are_rounded_up() {
        assert_eq!(whole_seconds(Duration::ZERO), 0);
        assert_eq!(whole_seconds(Duration::from_nanos(1)), 1);
        assert_eq!(whole_seconds(Duration::from_secs(18)), 18);
        let minute = Duration::from_secs(60);
        let reset = |reset| reset_seconds(&decision(0, reset));
        assert_eq!(reset(minute + Duration::from_nanos(4)), 60);
        assert_eq!(reset(minute - Duration::from_micros(1)), 60);
    }
}
