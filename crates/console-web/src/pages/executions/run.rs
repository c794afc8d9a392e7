//! What became of one run: where it stands, its steps and what they put out. Fetched anew while the run is under way.

use std::io::{self, Write};

use deployments_domain::{Execution, Inclusion, RunDetail, RunStep, StepState};
use maud::{Markup, html};
use serde_json::Value;

use super::{status, took};
use crate::{
    parts::{Button, Tone, badge, code_block, definitions, duration_ms, notice, time, time_or},
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
            @if !is_over {
                p .quiet { "It is under way. " a #run-refresh href=(here) { "Refresh" } }
                p .buttons { (Button::opens("Cancel execution", place.href(&format!("/executions/{}/cancel", execution.id.uuid()))).danger()) }
            }
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
    // What is open stays open when the part is fetched anew.
    let part = |what: &str| format!("{what}-{}-{}", record.item, record.position);
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
            details id=(part("log")) { summary { "Log" }
                ul .log { @for line in &record.log { li { (time(line.at)) " " (line.message) } } }
            }
        }
        @if let Some(output) = &step.output {
            details id=(part("output")) { summary { "Output" } (code_block(&format!("Output of {}", record.id), &pretty(output))) }
        }
    }
}

/// What is asked of a run to show it: all of it once it has ended, and before that what its page shows beside it, for it is asked
/// for again and again.
pub(in crate::pages) fn wanted(execution: &Execution, with_input: bool) -> Inclusion {
    let is_over = execution.state.status.is_finished();
    Inclusion { input: with_input || is_over, outputs: is_over, result: is_over }
}

/// A value as it is shown. No more of it is written than that.
pub(in crate::pages) fn pretty(value: &Value) -> String {
    let mut text = Beginning(Vec::new());
    let is_whole = serde_json::to_writer_pretty(&mut text, value).is_ok();
    let mut text = String::from_utf8_lossy(&text.0).into_owned();
    if !is_whole {
        text.push_str("\n… and more: the API gives the whole");
    }
    text
}

/// The first [`MOST_SHOWN_BYTES`] of what is written.
struct Beginning(Vec<u8>);

impl Write for Beginning {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = MOST_SHOWN_BYTES.saturating_sub(self.0.len());
        if room == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        let taken = bytes.get(..room).unwrap_or(bytes);
        self.0.extend_from_slice(taken);
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn of_a_large_value_the_beginning_is_shown() {
        assert_eq!(pretty(&json!({"a": "é"})), "{\n  \"a\": \"é\"\n}");
        let large = pretty(&json!("é".repeat(MOST_SHOWN_BYTES)));
        assert!(large.len() < MOST_SHOWN_BYTES + 100 && large.ends_with("the whole"));
    }
}
