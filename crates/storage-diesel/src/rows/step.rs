//! The steps of runs.

use access_domain::TokenUsage;
use deployments_domain::{LogLine, StepRecord, StepState};
use diesel::{QueryResult, dsl::sql, expression::SqlLiteral, prelude::*, result::Error, sql_types};
use serde_json::{Value, json};

use crate::{codec, schema::execution_steps};

/// A step as it is saved.
#[derive(Insertable)]
#[diesel(table_name = execution_steps, treat_none_as_default_value = false)]
pub(crate) struct NewStepRow {
    execution_id: String,
    item: i32,
    position: i32,
    step_id: String,
    state: &'static str,
    started_at: i64,
    finished_at: Option<i64>,
    output: Option<String>,
    error: Option<String>,
    prompt_tokens: i64,
    completion_tokens: i64,
    cost_micros: i64,
    log: String,
}

impl NewStepRow {
    pub(crate) fn of(execution: &str, step: &StepRecord) -> Self {
        let tokens = |count| i64::try_from(count).unwrap_or(i64::MAX);
        let lines: Vec<(i64, String)> = step
            .log
            .iter()
            .map(|line| (codec::micros(line.at), codec::printable(&line.message)))
            .collect();
        Self {
            execution_id: execution.into(),
            item: step.item,
            position: step.position,
            step_id: step.id.clone(),
            state: step.state.as_str(),
            started_at: codec::micros(step.started_at),
            finished_at: step.finished_at.map(codec::micros),
            output: step.state.output().map(ToString::to_string),
            error: match &step.state {
                StepState::Failed(reason) => Some(codec::printable(reason)),
                StepState::Begun | StepState::Skipped | StepState::Succeeded(_) => None,
            },
            prompt_tokens: tokens(step.tokens.prompt_tokens),
            completion_tokens: tokens(step.tokens.completion_tokens),
            cost_micros: tokens(step.tokens.cost_micros),
            log: json!(lines).to_string(),
        }
    }
}

/// A step, whole.
#[derive(Queryable, Selectable)]
#[diesel(table_name = execution_steps)]
pub(crate) struct StepRow {
    #[diesel(embed)]
    head: StepHeadRow,
    output: Option<String>,
}

impl StepRow {
    /// A step whose output is no longer kept is read as one that put out `null`.
    pub(crate) fn read(self) -> QueryResult<StepRecord> {
        self.head.read(self.output.as_deref().map_or(Ok(Value::Null), codec::read_json)?)
    }
}

/// A step without its output, but for how long that is.
#[derive(Queryable, Selectable)]
#[diesel(table_name = execution_steps)]
pub(crate) struct SizedStepRow {
    #[diesel(embed)]
    pub(crate) head: StepHeadRow,
    #[diesel(
        select_expression = sql("octet_length(execution_steps.output)"),
        select_expression_type = SqlLiteral<sql_types::Nullable<sql_types::Integer>>
    )]
    pub(crate) output_bytes: Option<i32>,
}

/// A step without its output.
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
}

impl StepHeadRow {
    /// The step, with `output` where it has one.
    pub(crate) fn read(self, output: Value) -> QueryResult<StepRecord> {
        let state = match &*self.state {
            "BEGUN" => StepState::Begun,
            "SUCCEEDED" => StepState::Succeeded(output),
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
