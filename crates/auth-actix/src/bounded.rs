//! Bodies that are neither too large nor too slow. Knows nothing of what is in them.

use std::time::Duration;

use actix_web::web::{Bytes, Payload};
use api_types::ErrorCode;
use tokio::time::timeout;

use crate::ApiError;

/// A body of at most `limit` bytes that has come within `patience`.
///
/// # Errors
/// When it is larger, takes longer, or ends before it is complete.
pub async fn read_bounded(
    payload: Payload,
    limit: usize,
    patience: Duration,
) -> Result<Bytes, ApiError> {
    let Ok(read) = timeout(patience, payload.to_bytes_limited(limit)).await else {
        let detail = format!("the body did not arrive within {} seconds", patience.as_secs());
        return Err(ApiError::new(ErrorCode::RequestTimeout, detail));
    };
    match read {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => {
            Err(ApiError::new(ErrorCode::MalformedJson, "the body ended before it was complete"))
        }
        Err(_) => {
            let detail = format!("the body may have at most {limit} bytes");
            Err(ApiError::new(ErrorCode::BodyTooLarge, detail))
        }
    }
}
