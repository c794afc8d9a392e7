//! Holds a value against a schema.

use access_domain::Fault;
use serde_json::Value;

use super::{Scene, Trouble};
use crate::sandbox::FilterOutput;

/// So many faults are told in a reason.
const MAX_TOLD: usize = 5;

/// The value, if it obeys the schema.
pub(super) async fn hold(
    schema: &Value,
    value: Option<&str>,
    scene: &Scene<'_>,
) -> Result<FilterOutput, Trouble> {
    let held = match value {
        Some(filter) => scene.filter(filter).await?,
        None => FilterOutput { value: scene.last.clone(), bytes: scene.last_bytes },
    };
    let checked = scene.tools.confined.hold_against(schema, &held.value, scene.deadline).await;
    let faults = checked.map_err(|error| scene.sandbox_trouble(&error))?;
    if faults.is_empty() { Ok(held) } else { Err(Trouble::lasting(reason(&faults))) }
}

fn reason(faults: &[Fault]) -> String {
    let told = faults.iter().take(MAX_TOLD).map(|fault| {
        let place = if fault.pointer.is_empty() { "the whole" } else { &fault.pointer };
        format!("{place}: {}", fault.detail)
    });
    let told = told.collect::<Vec<_>>().join("; ");
    match faults.len().saturating_sub(MAX_TOLD) {
        0 => format!("the value breaks the schema: {told}"),
        more => format!("the value breaks the schema: {told}; and {more} more"),
    }
}
