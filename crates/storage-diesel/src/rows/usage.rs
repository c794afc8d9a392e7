//! Sums of what was counted.

use deployments_domain::Resolution;
use diesel::prelude::*;

use crate::{codec, schema::usage};

/// What is added to one sum.
#[derive(Insertable)]
#[diesel(table_name = usage, treat_none_as_default_value = false)]
pub(crate) struct UsageRow {
    organization_id: String,
    key_id: String,
    resolution: i16,
    start: i64,
    deployment_id: String,
    measure: String,
    amount: i64,
}

impl UsageRow {
    pub(crate) fn of(row: &deployments_domain::UsageRow) -> Self {
        let place = &row.place;
        Self {
            organization_id: codec::id(place.organization),
            key_id: place.key.map(codec::id).unwrap_or_default(),
            resolution: resolution_number(place.resolution),
            start: place.start,
            deployment_id: place.deployment.map(codec::id).unwrap_or_default(),
            measure: place.measure.name().into_owned(),
            amount: i64::try_from(row.amount).unwrap_or(i64::MAX),
        }
    }
}

pub(crate) fn resolution_number(resolution: Resolution) -> i16 {
    match resolution {
        Resolution::Minute => 0,
        Resolution::Hour => 1,
        Resolution::Day => 2,
    }
}
