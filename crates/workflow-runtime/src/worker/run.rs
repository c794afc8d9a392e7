//! One run, from the moment it is in hand until its end is saved or it is let go of.

use std::sync::Arc;

use access_domain::TokenUsage;
use deployments_domain::{
    ClaimedRun, Event, Failure, FailureCode, MAX_LOST, RunEnd, RunEnded, RunMove, RunOutcome,
    RunState, next,
};
use keys_core::Timestamp;
use tokio::{
    select,
    sync::oneshot,
    time::{Instant, sleep},
};
use tracing::Instrument as _;

use super::{
    Stop,
    engine::{Engine, Holding},
    held_run::HeldRun,
    outage::Outage,
    run_trace::RunTrace,
};
use crate::{
    items::{self, Carried},
    steps::step_failed,
};

pub(super) async fn carry(
    holding: Holding,
    mut run: ClaimedRun,
    mut stop: oneshot::Receiver<Stop>,
) {
    let (state, begun) = (run.state, Instant::now());
    let trace = RunTrace::begin(holding.engine.config.tracer.as_deref(), &mut run);
    let outcome = if run.lost >= MAX_LOST {
        Ok(Carried::failed(worker_lost()))
    } else {
        carry_out(&holding, run, &mut stop).await
    };
    trace.end(&outcome);
    match outcome {
        Ok(carried) => {
            holding.engine.duration.record(begun.elapsed().as_secs_f64());
            save(&holding, state, carried, &mut stop).await;
        }
        Err(Stop::HandBack) => {
            let (engine, id) = (holding.engine.clone(), holding.id);
            let given = tokio::task::spawn_blocking(move || engine.hand_back(id, state)).await;
            if given.is_err() {
                log_let_go(&holding, "handing it back panicked");
            }
        }
        Err(Stop::Cancelled) => log_let_go(&holding, "it was cancelled"),
        Err(Stop::Lost) => log_let_go(&holding, "its lease was lost"),
    }
}

/// Carries the run out in a task of its own, so that a panic ends no more than this run.
async fn carry_out(
    holding: &Holding,
    run: ClaimedRun,
    stop: &mut oneshot::Receiver<Stop>,
) -> Result<Carried, Stop> {
    let engine = holding.engine.clone();
    let (execution_id, attempt) = (holding.id, holding.attempt);
    let span = tracing::error_span!("run", %execution_id, attempt);
    let work = async move { with_tools(engine, &run).await };
    let mut work = tokio::spawn(work.instrument(span));
    let why = select! {
        biased;
        carried = &mut work => return Ok(carried.unwrap_or_else(|_| panicked(holding))),
        why = stop => why.unwrap_or(Stop::Lost),
        () = holding.engine.held.run_out(holding.id, holding.attempt) => Stop::Lost,
    };
    work.abort();
    // It may have ended in the meantime; what was decided holds.
    let _aborted = work.await;
    Err(why)
}

async fn with_tools(engine: Arc<Engine>, run: &ClaimedRun) -> Carried {
    let held = HeldRun { engine, id: run.id, attempt: run.state.attempt };
    let saved = if run.state.attempt > 1 { held.saved().await } else { Vec::new() };
    let engine = &held.engine;
    let (etl, most) = (engine.config.etl.as_ref(), engine.config.max_result_bytes);
    items::carry_out(run, saved, &engine.tools, etl, &held, most).await
}

/// Saves the end, and tries for as long as the lease holds: a result must not be lost because the
/// store was away for a moment. After that another attempt will find it.
async fn save(
    holding: &Holding,
    from: RunState,
    carried: Carried,
    stop: &mut oneshot::Receiver<Stop>,
) {
    let (event, outcome) = match carried.end {
        RunEnd::Result(_) => (Event::Succeed, RunOutcome::Completed),
        RunEnd::Failure(_) => (Event::Fail, RunOutcome::Failed),
    };
    let Ok(to) = next(from, event) else { return log_let_go(holding, "it was not executing") };
    let (id, engine) = (holding.id, &holding.engine);
    let at = engine.clock.now();
    let ended = ended(holding, outcome, carried.tokens, at);
    let end = Some(carried.end);
    let run_move = Arc::new(RunMove { id, from, to, at, end, steps: carried.steps });
    let mut outage = Outage::new("saving the end of a run");
    loop {
        let saving = run_move.clone();
        let delay = match engine.ask(move |store| store.save_move(&saving)).await {
            Ok(true) => {
                outage.succeeded();
                engine.note_finished();
                engine.log.ended(ended);
                tracing::debug!(
                    execution_id = %id,
                    attempt = holding.attempt,
                    status = to.status.as_str(),
                    "the run ended"
                );
                return;
            }
            Ok(false) => return log_let_go(holding, "another attempt or its caller ended it"),
            Err(error) => outage.failed(&error),
        };
        let until = engine.held.until(id, holding.attempt);
        if until.is_none_or(|until| until <= Instant::now() + delay) {
            break;
        }
        select! {
            biased;
            _ = &mut *stop => break,
            () = sleep(delay) => {}
        }
    }
    tracing::warn!(
        execution_id = %id,
        attempt = holding.attempt,
        "the end of the run was not saved; another attempt will take it"
    );
}

/// The end of a run, as it is counted.
fn ended(holding: &Holding, outcome: RunOutcome, tokens: TokenUsage, at: Timestamp) -> RunEnded {
    // A clock that was set back tells of no time at all.
    let took = at.signed_duration_since(holding.started_at).to_std().unwrap_or_default();
    RunEnded { consumer: holding.consumer, outcome, took: Some(took), tokens }
}

fn panicked(holding: &Holding) -> Carried {
    tracing::error!(
        execution_id = %holding.id,
        attempt = holding.attempt,
        "the run panicked"
    );
    Carried::failed(step_failed(None, "internal error"))
}

fn worker_lost() -> Failure {
    Failure {
        code: FailureCode::WorkerLost,
        step: None,
        reason: format!("{MAX_LOST} workers took the execution and were lost"),
    }
}

fn log_let_go(holding: &Holding, why: &str) {
    tracing::debug!(
        execution_id = %holding.id,
        attempt = holding.attempt,
        why,
        "the run was let go of"
    );
}
