//! For whom an answered request is counted, and as what. Every key that was found is counted for,
//! refused ones too; what nobody found, and people, are not. Knows nothing of how it is counted.

use access_domain::{
    Call, CallOutcome, Consumer, KeyMatches, KeyRecord, RequestedOrganization, TokenUsage,
};
use actix_web::{
    Error, HttpMessage, HttpRequest, body::MessageBody, dev::ServiceResponse, http::StatusCode, web,
};
use api_types::ErrorCode;

use crate::{AccessContext, ApiError, request_context::framework_error};

/// The call that a request makes, from when its key is found until it is answered.
#[derive(Clone, Copy)]
struct Calling {
    consumer: Consumer,
    tokens: TokenUsage,
}

/// The request is counted for the key that is meant, of those that were found.
pub(crate) fn found(request: &HttpRequest, found: &KeyMatches, requested: &RequestedOrganization) {
    if let Some(record) = found.choose(requested.header.as_ref().or(requested.path.as_ref())) {
        count_for(request, record);
    }
}

/// The request is counted for this key, whatever becomes of it.
pub fn count_for(request: &HttpRequest, record: &KeyRecord) {
    let calling = Calling { consumer: Consumer::of(record), tokens: TokenUsage::default() };
    request.extensions_mut().insert(calling);
}

/// The request is counted with what a model read and wrote for it.
pub fn count_tokens(request: &HttpRequest, tokens: TokenUsage) {
    if let Some(calling) = request.extensions_mut().get_mut::<Calling>() {
        calling.tokens = tokens;
    }
}

/// The consumer that a request is counted for, where its key was found.
pub(crate) fn consumer(request: &HttpRequest) -> Option<Consumer> {
    request.extensions().get::<Calling>().map(|calling| calling.consumer)
}

/// The request is not counted: somebody else does.
pub(crate) fn forget(request: &HttpRequest) {
    request.extensions_mut().remove::<Calling>();
}

/// Counts a request that is about to be answered so.
pub(crate) fn note<B: MessageBody>(answered: &ServiceResponse<B>) {
    let request = answered.request();
    let Some(Calling { consumer, tokens }) = request.extensions().get::<Calling>().copied() else {
        return;
    };
    let Some(context) = request.app_data::<web::Data<AccessContext>>() else { return };
    let refusal = answered.response().error().and_then(Error::as_error::<ApiError>);
    let outcome = outcome(answered.status(), refusal.map(ApiError::code));
    context.calls.note(Call { consumer, outcome, tokens });
}

/// A run that was waited for and came to nothing is a failure, as those of the server are; every
/// other refusal is the caller's to mend.
pub(crate) fn outcome(status: StatusCode, code: Option<ErrorCode>) -> CallOutcome {
    let is_refused = status.is_client_error();
    match code {
        Some(ErrorCode::ExecutionFailed | ErrorCode::ExecutionStopped) => CallOutcome::Failed,
        _ if status.is_server_error() => CallOutcome::Failed,
        Some(code) if is_refused => CallOutcome::Rejected(code.as_str()),
        None if is_refused => CallOutcome::Rejected(framework_error(status).code().as_str()),
        _ => CallOutcome::Succeeded,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_is_counted_as_one_of_three() {
        let of =
            |code: ErrorCode| outcome(StatusCode::from_u16(code.status()).unwrap(), Some(code));
        assert_eq!(of(ErrorCode::RateLimited), CallOutcome::Rejected("rate_limited"));
        assert_eq!(of(ErrorCode::KeyExpired), CallOutcome::Rejected("key_expired"));
        for code in [
            ErrorCode::ExecutionFailed,
            ErrorCode::ExecutionStopped,
            ErrorCode::Internal,
            ErrorCode::Unavailable,
        ] {
            assert_eq!(of(code), CallOutcome::Failed, "{code:?}");
        }
        let bare = |status| outcome(status, None);
        assert_eq!(bare(StatusCode::ACCEPTED), CallOutcome::Succeeded);
        assert_eq!(bare(StatusCode::SEE_OTHER), CallOutcome::Succeeded);
        assert_eq!(bare(StatusCode::BAD_GATEWAY), CallOutcome::Failed);
        let unknown_method = CallOutcome::Rejected("method_not_allowed");
        assert_eq!(bare(StatusCode::METHOD_NOT_ALLOWED), unknown_method);
    }
}
