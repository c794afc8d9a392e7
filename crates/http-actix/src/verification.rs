//! How a verification is carried out: keys are looked up, judged, and their limits spent. Memory
//! mostly answers both at once; only where it does not is anything waited for.

use access_domain::{
    Consumer, ExplainKeys, Granted, KeyMatches, KeyRecord, OrganizationId, Quota, Quotas,
    Verification, VerifyKeys, authorize, explain, judge,
};
use actix_web::HttpRequest;
use api_types::{ErrorCode, RatelimitView, VerificationView, VerifyKey};
use auth_actix::{AccessContext, ApiError, ShownAt, spend};
use keys_core::Verdict;

/// The most keys that one request may ask about.
pub(crate) const MAX_KEYS: usize = 100;

/// One question, of which only the key is still to be looked up.
pub(crate) struct Asked {
    key: String,
    wanted: Verification,
    explain: bool,
}

/// Reads the questions, each with its place in the body, and spends the caller's explanations where
/// some are wanted.
pub(crate) async fn read(
    request: &HttpRequest,
    granted: &Granted<VerifyKeys>,
    sent: Vec<(String, VerifyKey)>,
) -> Result<Vec<Asked>, ApiError> {
    let mut faults = Vec::new();
    let mut asked = Vec::with_capacity(sent.len());
    for (pointer, sent) in sent {
        let explain = sent.explain;
        let (key, draft) = sent.split();
        asked.push(Asked { key, wanted: draft.check(&pointer, &mut faults), explain });
    }
    if !faults.is_empty() {
        return Err(ApiError::faults(faults));
    }
    let explanations = asked.iter().filter(|asked| asked.explain).count();
    if explanations > 0 {
        let granted = authorize(granted.who().clone(), ExplainKeys)?;
        let cost = u32::try_from(explanations).unwrap_or(u32::MAX);
        if cost > Quota::EXPLANATIONS_A_MINUTE {
            let detail =
                format!("at most {} keys are explained at once", Quota::EXPLANATIONS_A_MINUTE);
            return Err(ApiError::at(ErrorCode::InvalidValue, "/keys", detail));
        }
        spend(request, Quota::of_explanations(granted.who()), cost).await?;
    }
    Ok(asked)
}

/// What becomes of one key.
pub(crate) async fn verify(
    access: &AccessContext,
    organization: OrganizationId,
    asked: Asked,
) -> Result<VerificationView, ApiError> {
    let found = match access.authentication.present(&asked.key) {
        Some(presented) => Some(access.keys.get(presented).wait().await?),
        None => None,
    };
    answer(access, organization, found.as_deref(), &asked).await
}

/// What becomes of many keys, in their order. However many they are, they are looked up together.
pub(crate) async fn verify_all(
    access: &AccessContext,
    organization: OrganizationId,
    asked: Vec<Asked>,
) -> Result<Vec<VerificationView>, ApiError> {
    let mut presented = Vec::with_capacity(asked.len());
    // What can be no key is not looked up.
    let is_key: Vec<bool> = asked
        .iter()
        .map(|asked| access.authentication.present(&asked.key).map(|key| presented.push(key)))
        .map(|key| key.is_some())
        .collect();
    let found = if presented.is_empty() {
        Vec::new()
    } else {
        access.keys.get_all(presented).wait().await?
    };
    let (mut found, mut answers) = (found.into_iter(), Vec::with_capacity(asked.len()));
    for (asked, is_key) in asked.iter().zip(is_key) {
        let found = if is_key { found.next() } else { None };
        answers.push(answer(access, organization, found.as_deref(), asked).await?);
    }
    Ok(answers)
}

async fn answer(
    access: &AccessContext,
    organization: OrganizationId,
    found: Option<&KeyMatches>,
    asked: &Asked,
) -> Result<VerificationView, ApiError> {
    let Asked { wanted, explain: is_explained, .. } = asked;
    // Another organization's key is one that this organization has not.
    let key = found.and_then(|found| found.of_organization(organization));
    if found.is_none_or(KeyMatches::is_empty) {
        access.outcomes.count_unknown();
    }
    let now = access.authentication.clock.now();
    let code = judge(key, wanted, now);
    if let Some(record) = key.filter(|_| code == Verdict::Valid && !is_explained) {
        access.authentication.uses.note(&record.secret, now);
    }
    // The deployment's own limit is for calls to it.
    let quotas = Quotas::from(key.and_then(KeyRecord::quota));
    let limited = if *is_explained {
        access.limiter.peek(quotas, wanted.cost).wait().await?
    } else if code == Verdict::Valid {
        access.limiter.take(quotas, wanted.cost).wait().await?
    } else {
        None
    };
    let rate = limited.map(|limited| limited.decision);
    let code = code.after(rate.as_ref());
    if let Some(record) = key.filter(|_| !is_explained) {
        let is_valid = code == Verdict::Valid;
        access.calls.note_verification(Consumer::of(record), is_valid);
    }
    access.outcomes.count(ShownAt::Verify, code);
    let view = VerificationView {
        ratelimit: rate.as_ref().map(|decision| RatelimitView {
            limit: decision.limit.calls(),
            remaining: decision.remaining,
            reset: decision.reset_seconds(),
        }),
        ..VerificationView::of(key, code)
    };
    if *is_explained {
        return Ok(view.explained(explain(key, wanted, rate.as_ref(), now)));
    }
    Ok(view)
}
