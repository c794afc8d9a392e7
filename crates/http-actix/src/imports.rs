//! Reading the rows of an import one by one, and telling of each what became of it.

use access_domain::{Granted, ImportDraft, MAX_IMPORTED_KEYS, ManageKeys, StoreError};
use api_types::{ErrorCode, ImportApiKey, ImportResultView, ImportView, Refusal};
use auth_actix::ApiError;
use deployments_domain::UseCases;
use serde::Deserialize;
use serde_json::Value;

use crate::{App, body::object};

/// The largest import, in bytes, whatever the bound of other bodies: room for a thousand rows.
pub(crate) const MAX_IMPORT_BYTES: usize = 2 << 20;

/// The body of an import whose rows are not read yet.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rows {
    keys: Vec<Value>,
}

pub(crate) async fn import_keys(
    app: &App,
    granted: Granted<ManageKeys>,
    Rows { keys }: Rows,
) -> Result<ImportView, ApiError> {
    if keys.len() > MAX_IMPORTED_KEYS {
        let what = format!("at most {MAX_IMPORTED_KEYS} keys are imported at once");
        return Err(ApiError::at(ErrorCode::InvalidValue, "/keys", what));
    }
    app.use_cases().run_long(move |uc| import(uc, &granted, keys)).await
}

fn import(
    uc: &UseCases,
    granted: &Granted<ManageKeys>,
    rows: Vec<Value>,
) -> Result<ImportView, StoreError> {
    let mut drafts: Vec<ImportDraft> = Vec::with_capacity(rows.len());
    let mut unread = Vec::new();
    for (position, row) in rows.into_iter().enumerate() {
        match object::<ImportApiKey>(row) {
            Ok(row) => drafts.push(row.into()),
            Err(error) => unread.push((position, failed(position, error))),
        }
    }
    let mut outcomes = uc.imports.import(granted, &drafts)?.into_iter();
    let mut unread = unread.into_iter().peekable();
    let mut results = Vec::new();
    loop {
        let position = results.len();
        if let Some((_, result)) = unread.next_if(|(at, _)| *at == position) {
            results.push(result);
        } else if let Some(outcome) = outcomes.next() {
            results.push(outcome.map_or_else(
                |refusal| failed(position, Refusal::from(refusal).into()),
                ImportResultView::from,
            ));
        } else {
            return Ok(results.into());
        }
    }
}

/// The errors of a row point into the whole body.
fn failed(position: usize, error: ApiError) -> ImportResultView {
    let mut errors = error.into_errors();
    for error in &mut errors {
        let within = error.attr.take().unwrap_or_default();
        error.attr = Some(format!("/keys/{position}{within}"));
    }
    ImportResultView::Failed { errors }
}
