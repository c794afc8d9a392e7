//! Steps as those are told of them who look into a run.

use access_domain::TokenUsage;
use deployments_domain::{LogLine, StepRecord, StepState};
use diesel::{QueryResult, dsl::sql, expression::SqlLiteral, prelude::*, result::Error, sql_types};
use serde_json::Value;

use crate::{codec, schema::execution_steps};

/// A step without its output, but for how long that is.
#[derive(Queryable, Selectable)]
#[diesel(table_name = execution_steps)]
pub(crate) struct StepHeadRow {
    item: i32,
    position: i32,
    step_id: String,
    state: String,
    started_at: i64,
    finished_at: Option<i64>,
    error: Option<String>,
    prompt_tokens: i64,
    completion_tokens: i64,
    cost_micros: i64,
    log: String,
    #[diesel(
        select_expression = sql("octet_length(execution_steps.output)"),
        select_expression_type = SqlLiteral<sql_types::Nullable<sql_types::Integer>>
    )]
    pub(crate) output_bytes: Option<i32>,
}

impl StepHeadRow {
    pub(crate) fn read(self) -> QueryResult<StepRecord> {
        let state = match &*self.state {
            "BEGUN" => StepState::Begun,
            "SUCCEEDED" => StepState::Succeeded(Value::Null),
            "SKIPPED" => StepState::Skipped,
            "FAILED" => StepState::Failed(self.error.unwrap_or_default()),
            other => {
                let what = format!("a step is in no state: '{other}'");
                return Err(Error::DeserializationError(what.into()));
            }
        };
        let lines: Vec<(i64, String)> = serde_json::from_str(&self.log)
            .map_err(|error| Error::DeserializationError(Box::new(error)))?;
        let line = |(at, message)| Ok(LogLine { at: codec::read_micros(at)?, message });
        let tokens = |count| u64::try_from(count).unwrap_or_default();
        Ok(StepRecord {
            item: self.item,
            position: self.position,
            id: self.step_id,
            started_at: codec::read_micros(self.started_at)?,
            finished_at: self.finished_at.map(codec::read_micros).transpose()?,
            state,
            tokens: TokenUsage {
                prompt_tokens: tokens(self.prompt_tokens),
                completion_tokens: tokens(self.completion_tokens),
                cost_micros: tokens(self.cost_micros),
            },
            log: lines.into_iter().map(line).collect::<QueryResult<_>>()?,
        })
    }
}
