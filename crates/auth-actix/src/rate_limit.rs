//! Limits on how often a caller may call: spent once per request, and told in the headers of its
//! answer (draft-ietf-httpapi-ratelimit-headers-10, and the older names that clients still read).

use std::time::Duration;

use access_domain::{Limited, Quotas};
use actix_web::{
    HttpMessage, HttpRequest,
    dev::ServiceResponse,
    http::header::{HeaderName, HeaderValue},
};
use api_types::Refusal;

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
    Err(Refusal::rate_limited(limit, &refused.decision).into())
}

/// Writes the limit that was applied to the request into its answer.
pub(crate) fn tell<B>(response: &mut ServiceResponse<B>) {
    let applied = response.request().extensions().get::<Applied>().copied();
    let Some(Applied(Limited { subject, decision })) = applied else { return };
    for (header, value) in decision.headers(subject.name()) {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(HeaderName::from_static(header), value);
        }
    }
}

/// Rounded up: whoever waits so long has waited long enough.
pub(crate) fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}
