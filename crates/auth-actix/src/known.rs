//! Callers whose credential was right and who were refused all the same: what the audit hears of
//! them. Knows nothing of how it is kept.

use access_domain::{
    Actor, AuthenticationError, KeyMatches, OrganizationId, Principal, Refusal,
    RequestedOrganization,
};
use actix_web::{HttpMessage, HttpRequest, http::StatusCode, web};

use crate::{AccessContext, ApiError, caller::origin};

/// The caller of a request, kept for the case that it is refused.
#[derive(Clone)]
struct Known {
    organization: OrganizationId,
    actor: Actor,
    /// Whether they were refused already, however the answer may look: a "not found" hides it.
    is_refused: bool,
}

/// Remembers who asks for something that a use case may still refuse.
pub(crate) fn remember(request: &HttpRequest, who: &Principal) {
    insert(request, who, false);
}

/// Remembers a caller who is about to be refused.
pub(crate) fn refused(request: &HttpRequest, who: &Principal) {
    insert(request, who, true);
}

/// Remembers the holder of a right key that is refused.
pub(crate) fn key_refused(
    request: &HttpRequest,
    found: &KeyMatches,
    requested: &RequestedOrganization,
    error: &AuthenticationError,
) {
    let is_right = matches!(
        error,
        AuthenticationError::Key(_)
            | AuthenticationError::OrganizationMismatch
            | AuthenticationError::OrganizationHidden
    );
    let named = requested.header.as_ref().or(requested.path.as_ref());
    if let Some(record) = found.choose(named).filter(|_| is_right) {
        insert(request, &Principal::of_key(record), true);
    }
}

fn insert(request: &HttpRequest, who: &Principal, is_refused: bool) {
    let (organization, actor) = (who.organization().id, Actor::of(who));
    request.extensions_mut().insert(Known { organization, actor, is_refused });
}

/// Hands a refusal of a known caller to the audit.
pub(crate) fn note_if_refused(request: &HttpRequest, status: StatusCode, error: &ApiError) {
    let Some(known) = request.extensions().get::<Known>().cloned() else { return };
    let is_plain = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
    let Some(context) = request.app_data::<web::Data<AccessContext>>() else { return };
    if !is_plain && !known.is_refused {
        return;
    }
    let pattern = request.match_pattern().unwrap_or_default();
    context.refusals.note(Refusal {
        organization: known.organization,
        actor: known.actor,
        operation: format!("{} {pattern}", request.method()),
        reason: error.code().as_str(),
        origin: origin(request),
    });
}
