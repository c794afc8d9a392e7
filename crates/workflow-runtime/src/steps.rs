//! Takes one item of a run through the steps of its workflow. Knows neither storage nor leases: what
//! must outlive this process goes to a [`Journal`].

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::OnceLock,
    time::{Duration, Instant as Elapsed},
};

use access_domain::TokenUsage;
use deployments_domain::{
    ClaimedRun, Definition, Failure, FailureCode, LogLine, OnError, RunFile, Step, StepRecord,
    StepState,
};
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout_at};

use crate::{
    sandbox::FilterOutput,
    secrets::Secrets,
    tools::{
        Again, Done, Scene, StepData, StepOutput, Tools, Trouble, json_bytes, longer_each_time,
        make_try,
    },
};

/// What the outputs of all steps of an item may take together: they stay in memory until it ends.
const MAX_OUTPUTS_BYTES: usize = 64 << 20;

/// What harms nobody when it is done again is saved this often, and not after each step.
const SAVED_EVERY: Duration = Duration::from_secs(1);

/// The longest reason, in characters.
const MAX_REASON: usize = 1_000;

/// Where steps are saved while their run goes on.
pub(crate) trait Journal: Send + Sync {
    /// Saves steps; durable when it returns. While they cannot be saved, and once the run is
    /// somebody else's, it does not return: whoever holds the run ends it then.
    fn save(&self, steps: Vec<StepRecord>) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// What the steps run over.
#[derive(Clone, Copy)]
pub(crate) struct Item<'a> {
    /// Its number, from 0.
    pub(crate) number: i32,
    pub(crate) input: &'a Value,
    /// As filters and templates see them.
    pub(crate) files: &'a [Value],
    /// As those see them who read what is in them.
    pub(crate) uploads: &'a [RunFile],
}

/// How an item went.
pub(crate) struct Passed {
    pub(crate) result: Result<FilterOutput, Failure>,
    /// Those that are not saved yet.
    pub(crate) unsaved: Vec<StepRecord>,
    /// What models read and wrote, in earlier attempts too.
    pub(crate) tokens: TokenUsage,
}

/// The steps of a run, for one item after the other.
pub(crate) struct Pass<'a> {
    pub(crate) run: &'a ClaimedRun,
    pub(crate) definition: &'a Definition,
    pub(crate) tools: &'a Tools,
    pub(crate) secrets: &'a Secrets,
    pub(crate) journal: &'a dyn Journal,
    /// When the run's time is over.
    pub(crate) deadline: Instant,
}

/// The steps that an item has taken.
struct Trail {
    records: Vec<StepRecord>,
    /// So many of them are saved.
    saved: usize,
    last_saved: Elapsed,
    /// The outputs, in bytes of JSON: the last, and all together.
    last_bytes: usize,
    all_bytes: usize,
}

impl Pass<'_> {
    /// Takes an item through the steps that `saved`, of an earlier attempt, does not tell of.
    pub(crate) async fn carry(&self, item: Item<'_>, saved: Vec<StepRecord>) -> Passed {
        let mut trail = Trail {
            saved: 0,
            records: Vec::with_capacity(self.definition.steps.len()),
            last_saved: Elapsed::now(),
            last_bytes: json_bytes(item.input),
            all_bytes: 0,
        };
        let result = match trail.resume(&self.definition.steps, saved) {
            Ok(()) => self.go_on(item, &mut trail).await,
            Err(failure) => Err(failure),
        };
        let tokens = trail.records.iter().fold(TokenUsage::default(), |sum, s| sum.plus(s.tokens));
        Passed { result, unsaved: trail.records.split_off(trail.saved), tokens }
    }

    async fn go_on(&self, item: Item<'_>, trail: &mut Trail) -> Result<FilterOutput, Failure> {
        for step in self.definition.steps.iter().skip(trail.records.len()) {
            self.take(step, item, trail).await?;
            if trail.all_bytes > MAX_OUTPUTS_BYTES {
                let reason =
                    format!("the steps put out more than {MAX_OUTPUTS_BYTES} bytes together");
                return Err(step_failed(Some(&step.id), reason));
            }
        }
        match &self.definition.output {
            None => {
                let value = trail.last(item.input).clone();
                Ok(FilterOutput { value, bytes: trail.last_bytes })
            }
            Some(filter) => {
                let (data, last) = (self.data(item, trail), trail.last(item.input));
                let output =
                    self.scene(item, &data, last, trail.last_bytes, None).filter(filter).await;
                let output = output.map_err(|trouble| self.failure(None, trouble))?;
                Ok(FilterOutput { value: self.secrets.blanked(output.value), ..output })
            }
        }
    }

    /// Takes one step, and notes how it went.
    async fn take(&self, step: &Step, item: Item<'_>, trail: &mut Trail) -> Result<(), Failure> {
        let mut record = StepRecord {
            item: item.number,
            position: i32::try_from(trail.records.len()).unwrap_or(i32::MAX),
            id: step.id.clone(),
            started_at: self.tools.clock.now(),
            finished_at: None,
            state: StepState::Begun,
            tokens: TokenUsage::default(),
            log: Vec::new(),
        };
        let is_due = match &step.when {
            Some(condition) => self.is_due(condition, item, trail).await,
            None => Ok(true),
        };
        let tried = match is_due {
            Ok(true) => {
                if !step.is_repeatable() {
                    // From here on nobody else may begin it.
                    trail.records.push(record.clone());
                    trail.save(self.journal).await;
                    trail.records.pop();
                    trail.saved = trail.records.len();
                }
                self.try_on(step, item, trail, &mut record).await.map(Some)
            }
            Ok(false) => Ok(None),
            Err(trouble) => Err(trouble),
        };
        record.finished_at = Some(self.tools.clock.now());
        let ended = self.note(step, tried, trail, &mut record);
        trail.records.push(record);
        let is_urgent = !step.is_repeatable() || trail.last_saved.elapsed() >= SAVED_EVERY;
        // A run that has failed is saved with its end.
        if ended.is_ok() && is_urgent {
            trail.save(self.journal).await;
        }
        ended
    }

    /// Notes how a step went; a failure, where the run ends by it.
    fn note(
        &self,
        step: &Step,
        tried: Result<Option<Done>, Trouble>,
        trail: &mut Trail,
        record: &mut StepRecord,
    ) -> Result<(), Failure> {
        match tried {
            Ok(Some(done)) => {
                trail.last_bytes = done.bytes;
                trail.all_bytes = trail.all_bytes.saturating_add(done.bytes);
                record.tokens = record.tokens.plus(done.tokens);
                record.state = StepState::Succeeded(self.secrets.blanked(done.value));
                Ok(())
            }
            Ok(None) => {
                record.state = StepState::Skipped;
                Ok(())
            }
            Err(trouble) => {
                let is_over = matches!(trouble, Trouble::TimedOut);
                let failure = self.failure(Some(&step.id), trouble);
                record.state = StepState::Failed(failure.reason.clone());
                let goes_on = step.on_error == OnError::Continue && !is_over;
                if goes_on { Ok(()) } else { Err(failure) }
            }
        }
    }

    async fn is_due(
        &self,
        condition: &str,
        item: Item<'_>,
        trail: &Trail,
    ) -> Result<bool, Trouble> {
        let (data, last) = (self.data(item, trail), trail.last(item.input));
        let output =
            self.scene(item, &data, last, trail.last_bytes, None).filter(condition).await?;
        Ok(output.value == Value::Bool(true))
    }

    /// Tries a step as often as its maker wants, and as it may do better.
    async fn try_on(
        &self,
        step: &Step,
        item: Item<'_>,
        trail: &Trail,
        record: &mut StepRecord,
    ) -> Result<Done, Trouble> {
        let (data, last) = (self.data(item, trail), trail.last(item.input));
        let mut tries = 1;
        loop {
            let scene = self.scene(item, &data, last, trail.last_bytes, Some(step));
            let trouble = match self.try_once(step, &scene).await {
                Ok(done) => return Ok(done),
                Err(trouble) => trouble,
            };
            let Trouble::Failed { reason, again, tokens } = &trouble else { return Err(trouble) };
            record.tokens = record.tokens.plus(*tokens);
            let asked_for = match again {
                Again::Never => return Err(trouble),
                Again::IfHarmless if !step.is_repeatable() => return Err(trouble),
                Again::IfHarmless => None,
                Again::After(pause) => *pause,
            };
            if tries >= step.retry.attempts {
                return Err(trouble);
            }
            let first = Duration::try_from_secs_f64(step.retry.delay_seconds).unwrap_or_default();
            let pause = longer_each_time(first, tries).max(asked_for.unwrap_or_default());
            if Instant::now() + pause >= self.deadline {
                return Err(trouble);
            }
            let message = format!(
                "try {tries} of {} failed: {reason}; trying again in {:.1} s",
                step.retry.attempts,
                pause.as_secs_f64()
            );
            let message = self.secrets.blanked_text(message);
            record.log.push(LogLine { at: self.tools.clock.now(), message });
            sleep(pause).await;
            tries += 1;
        }
    }

    async fn try_once(&self, step: &Step, scene: &Scene<'_>) -> Result<Done, Trouble> {
        match timeout_at(scene.deadline, make_try(&step.tool, scene)).await {
            Ok(Err(Trouble::TimedOut)) | Err(_) if scene.deadline < self.deadline => {
                let seconds = step.timeout_seconds.unwrap_or_default();
                let reason = format!("it did not finish within {seconds} seconds");
                Err(Trouble::failed(reason, Again::IfHarmless))
            }
            Ok(tried) => tried,
            Err(_) => Err(Trouble::TimedOut),
        }
    }

    /// What a try of `step` is made with, or what is around all steps.
    fn scene<'a>(
        &'a self,
        item: Item<'a>,
        data: &'a StepData<'a>,
        last: &'a Value,
        last_bytes: usize,
        step: Option<&Step>,
    ) -> Scene<'a> {
        let seconds = step.and_then(|step| step.timeout_seconds);
        let own = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds.into()));
        Scene {
            tools: self.tools,
            run: self.run,
            data,
            secrets: self.secrets,
            uploads: item.uploads,
            last,
            last_bytes,
            deadline: own.map_or(self.deadline, |own| own.min(self.deadline)),
            is_retried: step.is_some_and(|step| step.retry.attempts > 1),
            seen: OnceLock::new(),
        }
    }

    fn data<'a>(&'a self, item: Item<'a>, trail: &'a Trail) -> StepData<'a> {
        StepData {
            input: item.input,
            parameters: &self.run.parameters,
            files: item.files,
            steps: trail.outputs(),
        }
    }

    fn failure(&self, step: Option<&str>, trouble: Trouble) -> Failure {
        match trouble {
            Trouble::TimedOut => timed_out(self.run, step),
            Trouble::Failed { reason, .. } => step_failed(step, self.secrets.blanked_text(reason)),
        }
    }
}

impl Trail {
    /// Takes over the steps of an earlier attempt.
    ///
    /// # Errors
    /// When one had begun that must not be done twice: nobody knows whether it was done.
    fn resume(&mut self, steps: &[Step], saved: Vec<StepRecord>) -> Result<(), Failure> {
        for (step, mut record) in steps.iter().zip(saved) {
            match &record.state {
                StepState::Begun if step.is_repeatable() => break,
                StepState::Begun => {
                    let reason = "its worker was lost while it was under way, and it must not be \
                                  done twice";
                    record.state = StepState::Failed(reason.into());
                    record.finished_at = Some(record.started_at);
                    self.records.push(record);
                    let (code, step) = (FailureCode::Interrupted, Some(step.id.clone()));
                    return Err(Failure { code, step, reason: reason.into() });
                }
                StepState::Failed(reason) if step.on_error == OnError::Fail => {
                    let failure = step_failed(Some(&step.id), reason.clone());
                    self.push_saved(record);
                    return Err(failure);
                }
                StepState::Succeeded(_) | StepState::Skipped | StepState::Failed(_) => {
                    self.push_saved(record);
                }
            }
        }
        Ok(())
    }

    fn push_saved(&mut self, record: StepRecord) {
        if let Some(output) = record.state.output() {
            self.last_bytes = json_bytes(output);
            self.all_bytes = self.all_bytes.saturating_add(self.last_bytes);
        }
        self.records.push(record);
        self.saved = self.records.len();
    }

    async fn save(&mut self, journal: &dyn Journal) {
        let unsaved = self.records.get(self.saved..).unwrap_or_default();
        journal.save(unsaved.to_vec()).await;
        self.saved = self.records.len();
        self.last_saved = Elapsed::now();
    }

    /// The output of the last step that had one, or the item's input.
    fn last<'a>(&'a self, input: &'a Value) -> &'a Value {
        self.records.iter().rev().find_map(|record| record.state.output()).unwrap_or(input)
    }

    fn outputs(&self) -> BTreeMap<&str, StepOutput<'_>> {
        let told = self.records.iter().map(|record| {
            let error = match &record.state {
                StepState::Failed(reason) => Some(reason.as_str()),
                StepState::Begun | StepState::Succeeded(_) | StepState::Skipped => None,
            };
            let output = record.state.output().unwrap_or(&Value::Null);
            (record.id.as_str(), StepOutput { output, error })
        });
        told.collect()
    }
}

/// The steps of each item.
pub(crate) fn by_item(steps: Vec<StepRecord>) -> BTreeMap<i32, Vec<StepRecord>> {
    let mut items: BTreeMap<i32, Vec<StepRecord>> = BTreeMap::new();
    for step in steps {
        items.entry(step.item).or_default().push(step);
    }
    items
}

fn timed_out(run: &ClaimedRun, step: Option<&str>) -> Failure {
    Failure {
        code: FailureCode::TimedOut,
        step: step.map(str::to_owned),
        reason: format!("the execution did not finish within {} seconds", run.timeout_seconds),
    }
}

pub(crate) fn step_failed(step: Option<&str>, reason: impl Into<String>) -> Failure {
    let reason: String = reason.into();
    let reason = match reason.char_indices().nth(MAX_REASON) {
        Some((end, _)) => format!("{}…", reason.get(..end).unwrap_or_default()),
        None => reason,
    };
    Failure { code: FailureCode::StepFailed, step: step.map(str::to_owned), reason }
}

#[cfg(test)]
mod tests;
