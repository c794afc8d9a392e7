//! What became of one run: where it stands, its steps and what they put out. Fetched anew while the run is under way.

use deployments_domain::{RunDetail, RunStep, StepState};
use maud::{Markup, html};
use serde_json::Value;

use super::{status, took};
use crate::{
    parts::{Tone, badge, code_block, definitions, duration_ms, notice, time, time_or},
    viewer::Place,
};

/// Of a value that is longer, the beginning is shown.
const MOST_SHOWN_BYTES: usize = 64 * 1024;

/// The part of a page about one run; `here` is where the page is asked for anew.
pub(in crate::pages) fn run(place: &Place, detail: &RunDetail, here: &str) -> Markup {
    let execution = &detail.execution;
    let is_over = execution.state.status.is_finished();
    let said = format!("The execution has ended: {}", execution.state.status.as_str());
    html! {
        div #run .stack data-live=[(!is_over).then_some(here)] data-said=[is_over.then_some(said)] {
            (definitions(vec![
                ("Status", status(execution.state.status)),
                ("Execution", html! { a href=(place.href(&format!("/executions/{}", execution.id.uuid()))) { code { (execution.id.uuid()) } } }),
                ("Accepted", time(execution.created_at)),
                ("Started", time_or(execution.started_at, "not yet")),
                ("Finished", time_or(execution.finished_at, "not yet")),
                ("Took", took(execution)),
                ("Steps done", html! { (execution.progress.steps_completed) " of " (execution.progress.steps_total) }),
            ]))
            @if !is_over { p .quiet { "It is under way. " a href=(here) { "Refresh" } } }
            @if let Some(failure) = &execution.failure {
                (notice(Tone::Bad, html! {
                    p { strong { "It failed" } @if let Some(step) = &failure.step { " at the step " code { (step) } } ": " (failure.reason) }
                }))
            }
            @if let Some(result) = &detail.result { (code_block("Result", &pretty(result))) }
            @else if is_over && !detail.has_payload {
                p .quiet { "Its input and its result are deleted by now; the record stays." }
            }
            (steps(detail))
        }
    }
}

fn steps(detail: &RunDetail) -> Markup {
    html! {
        @if !detail.steps.is_empty() {
            h2 { "Steps" }
            ol .steps { @for step in &detail.steps { li { (one(step)) } } }
            @if detail.has_more_steps { p .quiet { "There are more; these are the first." } }
        }
    }
}

fn one(step: &RunStep) -> Markup {
    let record = &step.record;
    let (word, tone) = match &record.state {
        StepState::Begun => ("Begun", Tone::Busy),
        StepState::Succeeded(_) => ("Succeeded", Tone::Good),
        StepState::Skipped => ("Skipped", Tone::Neutral),
        StepState::Failed(_) => ("Failed", Tone::Bad),
    };
    let took = record
        .finished_at
        .map(|ended| ended.signed_duration_since(record.started_at).num_milliseconds());
    html! {
        p {
            code { (record.id) } @if record.item > 0 { " of item " (record.item + 1) } " " (badge(word, tone))
            @if let Some(took) = took { " " span .quiet { (duration_ms(took.max(0).unsigned_abs())) } }
            @if record.tokens.prompt_tokens + record.tokens.completion_tokens > 0 {
                " " span .quiet { (record.tokens.prompt_tokens) " + " (record.tokens.completion_tokens) " tokens" }
            }
        }
        @if let StepState::Failed(reason) = &record.state { p .fault { (reason) } }
        @if !record.log.is_empty() {
            details { summary { "Log" }
                ul .log { @for line in &record.log { li { (time(line.at)) " " (line.message) } } }
            }
        }
        @if let Some(output) = &step.output {
            details { summary { "Output" } (code_block(&format!("Output of {}", record.id), &pretty(output))) }
        }
    }
}

/// A value as it is shown.
pub(super) fn pretty(value: &Value) -> String {
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    if text.len() > MOST_SHOWN_BYTES {
        let cut = text.floor_char_boundary(MOST_SHOWN_BYTES);
        text.truncate(cut);
        text.push_str("\n… and more: the API gives the whole");
    }
    text
}
