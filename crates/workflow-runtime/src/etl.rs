//! Takes a run over the records of its source: each through the steps, and its outcome to the
//! destination. Few of them are in memory at once, whatever the source sends; what is done is noted,
//! so that another attempt goes on from there.
//!
//! Knows neither places nor formats, which are `outbound`'s, and no storage but its ports.

mod progress;
mod report;

use std::{collections::BTreeMap, fmt, mem, pin::pin, sync::Arc, time::Duration};

use access_domain::TokenUsage;
use deployments_domain::{
    Checkpoint, Definition, Destination, Failure, FailureCode, RecordCounts, RecordStore,
    ScheduleStore, Source, StepRecord,
};
use futures_util::{StreamExt as _, future::BoxFuture, stream::FuturesOrdered};
use keys_core::Entropy;
use outbound::{
    EndError, Ends, MAX_RECORD_BYTES, Mark, Outcome, OutcomeSink, Record, RecordSource, RunName,
};
use serde_json::Value;
use tokio::{
    select,
    sync::mpsc,
    task::JoinSet,
    time::{MissedTickBehavior, interval, timeout_at},
};

use self::{progress::Progress, report::Report};
use crate::{
    secrets::SecretsUnknown,
    steps::{Item, Pass, Passed, by_item, step_failed},
};

/// What a worker needs for runs over records.
#[derive(Clone)]
pub struct EtlPorts {
    /// How sources and destinations are reached.
    pub ends: Ends,
    /// Where it is kept how far runs are.
    pub records: Arc<dyn RecordStore>,
    /// What starts workflows by itself.
    pub schedules: Arc<dyn ScheduleStore>,
    /// Randomness for ids.
    pub entropy: Arc<dyn Entropy>,
}

impl fmt::Debug for EtlPorts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EtlPorts").finish_non_exhaustive()
    }
}

/// Outcomes that wait to be written, in bytes: with more, they are written before there are as many
/// as the destination takes.
const MOST_WAITING_BYTES: usize = 16 << 20;
/// How often whoever asks is told how far a run is, and outcomes are written that wait for more.
const TOLD_EVERY: Duration = Duration::from_secs(1);

/// A run over records, as it is carried out.
pub(crate) struct Etl<'a> {
    pub(crate) pass: Pass<'a>,
    pub(crate) source: &'a Source,
    pub(crate) destination: &'a Destination,
    pub(crate) ports: &'a EtlPorts,
}

/// What a run has come to so far.
#[derive(Default)]
struct Tally {
    counts: RecordCounts,
    report: Report,
    tokens: TokenUsage,
}

/// What became of a record.
struct Handled {
    mark: Mark,
    number: u64,
    result: Result<Value, (&'static str, String)>,
    bytes: usize,
    tokens: TokenUsage,
    /// The run's time is over.
    is_late: bool,
}

type InHand<'a> = FuturesOrdered<BoxFuture<'a, Handled>>;

impl Etl<'_> {
    /// Carries the run out from where an earlier attempt, whose steps are `saved`, has left off.
    pub(crate) async fn carry_out(
        &self,
        saved: Vec<StepRecord>,
    ) -> (Result<Value, Failure>, TokenUsage) {
        let mut tally = Tally::default();
        let done = timeout_at(self.pass.deadline, self.run(saved, &mut tally)).await;
        let done = done.unwrap_or_else(|_| Err(self.late()));
        (done.map(|()| tally.report.tell(tally.counts)), tally.tokens)
    }

    async fn run(&self, saved: Vec<StepRecord>, tally: &mut Tally) -> Result<(), Failure> {
        let run = self.pass.run;
        let progress = Progress::new(Arc::clone(&self.ports.records), run.id, run.state.attempt);
        let left = if run.state.attempt > 1 { progress.find().await } else { None };
        let was_begun = left.is_some() || !saved.is_empty();
        let is_resumed = was_begun && self.source.is_ordered;
        if was_begun && !is_resumed && must_not_repeat(self.pass.definition) {
            return Err(interrupted());
        }
        let mut after = None;
        if let Some(Checkpoint { counts, state }) = left.filter(|_| is_resumed) {
            tally.counts = counts;
            (tally.report, after) = Report::resume(&state);
        }
        let (execution, organization) = (run.id.to_string(), run.organization);
        let name = RunName { organization, execution: &execution };
        let secret = self.secret(self.source.secret.as_deref()).await?;
        let source = self.ports.ends.open_source(name, self.source, secret.as_deref(), after);
        let source = source.await.map_err(|error| self.end_failed("source", &error))?;
        let secret = self.secret(self.destination.secret.as_deref()).await?;
        let sink = self.ports.ends.open_destination(name, self.destination, secret.as_deref());
        let mut sink = sink.await.map_err(|error| self.end_failed("destination", &error))?;
        if was_begun && !is_resumed {
            let anew = sink.begin_anew().await;
            anew.map_err(|error| self.end_failed("destination", &error))?;
        }
        let saved = if is_resumed { by_item(saved) } else { BTreeMap::new() };
        self.go(source, &mut *sink, &progress, tally, saved).await
    }

    async fn go(
        &self,
        source: Box<dyn RecordSource>,
        sink: &mut dyn OutcomeSink,
        progress: &Progress,
        tally: &mut Tally,
        mut saved: BTreeMap<i32, Vec<StepRecord>>,
    ) -> Result<(), Failure> {
        let mut reading = JoinSet::new();
        let mut records = read_ahead(source, &mut reading);
        let at_once = usize::try_from(self.source.concurrency).unwrap_or(1).max(1);
        let (mut in_hand, mut waiting) = (InHand::new(), Waiting::default());
        let (mut numbered, mut is_over) = (tally.counts.read, false);
        let mut ticks = interval(TOLD_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !(is_over && in_hand.is_empty() && waiting.handled.is_empty()) {
            let mut is_due = false;
            select! {
                record = records.recv(), if !is_over && in_hand.len() < at_once => match record {
                    None => is_over = true,
                    Some(record) => {
                        let record = record.map_err(|error| self.end_failed("source", &error))?;
                        numbered += 1;
                        let item = i32::try_from(numbered).unwrap_or(i32::MAX);
                        let steps = saved.remove(&item).unwrap_or_default();
                        in_hand.push_back(Box::pin(self.handle(record, numbered, item, steps)));
                    }
                },
                Some(handled) = in_hand.next(), if !in_hand.is_empty() => {
                    waiting.push(handled, tally);
                }
                _ = ticks.tick() => {
                    progress.tell(RecordCounts { read: numbered, ..tally.counts });
                    is_due = !sink.gathers();
                }
            }
            if waiting.is_late {
                return Err(self.late());
            }
            let is_due = is_due || (is_over && in_hand.is_empty());
            if waiting.is_full(sink.most()) || (is_due && !waiting.handled.is_empty()) {
                self.flush(sink, progress, tally, &mut waiting, &mut in_hand).await?;
            }
        }
        Ok(())
    }

    /// Writes what waits, and notes that it is done.
    async fn flush(
        &self,
        sink: &mut dyn OutcomeSink,
        progress: &Progress,
        tally: &mut Tally,
        waiting: &mut Waiting,
        in_hand: &mut InHand<'_>,
    ) -> Result<(), Failure> {
        let chunk = waiting.take(sink.most());
        let written = write(sink, &chunk, waiting, in_hand, tally).await;
        let written = written.map_err(|error| self.end_failed("destination", &error))?;
        self.count(&chunk, written, tally);
        self.check_failures(tally)?;
        let state = tally.report.state(chunk.last().map(|last| &last.mark));
        progress.save(Checkpoint { counts: tally.counts, state }).await;
        Ok(())
    }

    fn handle<'a>(
        &'a self,
        record: Record,
        number: u64,
        item: i32,
        saved: Vec<StepRecord>,
    ) -> impl Future<Output = Handled> + Send + 'a {
        let Record { mark, value } = record;
        async move {
            let mut tokens = TokenUsage::default();
            let (mut bytes, mut is_late) = (0, false);
            let result = match value {
                Err(reason) => Err(("unreadable", reason)),
                Ok(input) => {
                    let item = Item { number: item, input: &input, files: &[], uploads: &[] };
                    let Passed { result, tokens: spent, .. } = self.pass.carry(item, saved).await;
                    tokens = spent;
                    match result {
                        Ok(output) if output.bytes > MAX_RECORD_BYTES => {
                            let reason =
                                format!("the outcome is larger than {MAX_RECORD_BYTES} bytes");
                            Err((FailureCode::ResultTooLarge.as_str(), reason))
                        }
                        Ok(output) => {
                            bytes = output.bytes;
                            Ok(output.value)
                        }
                        Err(failure) => {
                            is_late = failure.code == FailureCode::TimedOut;
                            Err((failure.code.as_str(), told(failure)))
                        }
                    }
                }
            };
            Handled { mark, number, result, bytes, tokens, is_late }
        }
    }

    /// Counts records that are done.
    fn count(&self, chunk: &[Handled], written: Vec<Option<String>>, tally: &mut Tally) {
        let mut written = written.into_iter();
        for handled in chunk {
            let failed = match &handled.result {
                Err((code, reason)) => Some((*code, reason.clone())),
                Ok(_) => written.next().flatten().map(|reason| ("not_written", reason)),
            };
            tally.counts.read = handled.number;
            match failed {
                None => tally.counts.written += 1,
                Some((code, reason)) => {
                    tally.counts.failed += 1;
                    let reason = self.pass.secrets.blanked_text(reason);
                    let from = handled.mark.object.as_deref();
                    tally.report.note(handled.number, from, code, reason);
                }
            }
        }
    }

    fn check_failures(&self, tally: &Tally) -> Result<(), Failure> {
        let failed = tally.counts.failed;
        match self.source.max_failures {
            Some(most) if failed > u64::from(most) => {
                let last = tally.report.last_reason();
                let reason = format!(
                    "{failed} records failed, and no more than {most} may; the last: {last}"
                );
                Err(step_failed(None, reason))
            }
            Some(_) | None => Ok(()),
        }
    }

    async fn secret(&self, name: Option<&str>) -> Result<Option<String>, Failure> {
        let Some(name) = name else { return Ok(None) };
        match self.pass.secrets.named(vec![name.to_owned()]).await {
            Ok(known) => {
                let value = known.get_attr(name).ok();
                Ok(value.and_then(|value| value.as_str().map(str::to_owned)))
            }
            Err(SecretsUnknown::Named(name)) => {
                Err(step_failed(None, format!("the organization has no secret '{name}'")))
            }
            Err(SecretsUnknown::Store(_) | SecretsUnknown::Lost) => {
                Err(step_failed(None, "the organization's secrets could not be read"))
            }
        }
    }

    fn end_failed(&self, which: &str, error: &EndError) -> Failure {
        tracing::debug!(
            execution_id = %self.pass.run.id,
            which,
            error = error as &dyn std::error::Error,
            "an end of the run failed"
        );
        let reason = self.pass.secrets.blanked_text(format!("the {which} failed: {error}"));
        step_failed(None, reason)
    }

    fn late(&self) -> Failure {
        Failure {
            code: FailureCode::TimedOut,
            step: None,
            reason: format!(
                "the execution did not finish within {} seconds",
                self.pass.run.timeout_seconds
            ),
        }
    }
}

/// Records that are handled and not written, in their order.
#[derive(Default)]
struct Waiting {
    handled: Vec<Handled>,
    bytes: usize,
    is_late: bool,
}

impl Waiting {
    fn push(&mut self, handled: Handled, tally: &mut Tally) {
        tally.tokens = tally.tokens.plus(handled.tokens);
        self.bytes = self.bytes.saturating_add(handled.bytes);
        self.is_late |= handled.is_late;
        self.handled.push(handled);
    }

    fn is_full(&self, most: usize) -> bool {
        self.handled.len() >= most || self.bytes >= MOST_WAITING_BYTES
    }

    fn take(&mut self, most: usize) -> Vec<Handled> {
        let rest = self.handled.split_off(most.min(self.handled.len()));
        self.bytes = rest.iter().map(|handled| handled.bytes).sum();
        mem::replace(&mut self.handled, rest)
    }
}

/// Writes what came out well, while the records in hand go on.
async fn write(
    sink: &mut dyn OutcomeSink,
    chunk: &[Handled],
    waiting: &mut Waiting,
    in_hand: &mut InHand<'_>,
    tally: &mut Tally,
) -> Result<Vec<Option<String>>, EndError> {
    let outcomes: Vec<Outcome> = chunk
        .iter()
        .filter_map(|handled| {
            let value = handled.result.as_ref().ok()?.clone();
            Some(Outcome { record: handled.number, value })
        })
        .collect();
    if outcomes.is_empty() {
        return Ok(Vec::new());
    }
    let most = sink.most();
    let mut writing = pin!(sink.write(outcomes));
    loop {
        select! {
            biased;
            written = &mut writing => return written,
            Some(handled) = in_hand.next(), if !in_hand.is_empty() && !waiting.is_full(most) => {
                waiting.push(handled, tally);
            }
        }
    }
}

/// Reads one record ahead, in a task that ends with `reading`.
fn read_ahead(
    mut source: Box<dyn RecordSource>,
    reading: &mut JoinSet<()>,
) -> mpsc::Receiver<Result<Record, EndError>> {
    let (sender, records) = mpsc::channel(1);
    reading.spawn(async move {
        while let Some(record) = source.next().await.transpose() {
            let is_last = record.is_err();
            if sender.send(record).await.is_err() || is_last {
                break;
            }
        }
    });
    records
}

fn must_not_repeat(definition: &Definition) -> bool {
    definition.steps.iter().any(|step| !step.is_repeatable())
}

fn interrupted() -> Failure {
    Failure {
        code: FailureCode::Interrupted,
        step: None,
        reason: "its worker was lost; the source's records come in no certain order, and a step \
                 must not be done twice for one of them"
            .into(),
    }
}

fn told(failure: Failure) -> String {
    match failure.step {
        Some(step) => format!("step '{step}': {}", failure.reason),
        None => failure.reason,
    }
}
