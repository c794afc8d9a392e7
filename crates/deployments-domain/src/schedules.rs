//! The use cases of schedules, and how the runs that are due begin.

use std::{sync::Arc, time::Duration};

use access_domain::{
    Act, Action, ChangeError, Clock, Fault, Granted, ManageWorkflows, OrganizationId,
    OwnerRequired, StoreError, Visibility,
};
use keys_core::{Entropy, Id, Timestamp};
use serde_json::Value;

use crate::{
    Cron, Definition, NewRun, RunState, Schedule, ScheduleDraft, Trigger, VersionId, WorkflowId,
};

/// So many schedules are looked after in one transaction.
const AT_ONCE: u32 = 20;

/// Why a schedule was not set, found or removed.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleRefusal {
    /// There is no such workflow for this caller, or it has no schedule.
    #[error("there is no such schedule")]
    NotFound,
    /// The caller sees the workflow and did not make it.
    #[error(transparent)]
    NotOwner(#[from] OwnerRequired),
    /// Something that was sent is wrong.
    #[error("the schedule has {} faults", faults.len())]
    Faults {
        /// All of it.
        faults: Vec<Fault>,
    },
}

/// A schedule whose time has come.
#[derive(Debug, Clone)]
pub struct DueSchedule {
    /// The schedule.
    pub schedule: Schedule,
    /// The current version of its workflow.
    pub version: VersionId,
    /// That version's definition.
    pub definition: Value,
    /// Whether the run that it last started is not finished yet.
    pub is_running: bool,
}

/// What becomes of a schedule whose time has come.
#[derive(Debug, Clone)]
pub struct Begun {
    /// The run that begins; none where the one before is not finished.
    pub run: Option<Box<NewRun>>,
    /// When it is due again; never without it.
    pub next_run_at: Option<Timestamp>,
}

/// Where schedules are kept. A workflow has one at most.
pub trait ScheduleStore: Send + Sync {
    /// The schedule of a workflow, if both are there for the caller.
    ///
    /// # Errors
    /// When storage fails.
    fn find_schedule(
        &self,
        organization: OrganizationId,
        visibility: Visibility,
        workflow: WorkflowId,
    ) -> Result<Option<Schedule>, StoreError>;

    /// Saves a schedule over the one that the workflow has, of which only the past is kept. Returns
    /// it as it then is.
    ///
    /// # Errors
    /// `NotFound` when the workflow is not visible, `NotOwner`, or that storage failed.
    fn set_schedule(
        &self,
        visibility: Visibility,
        schedule: &Schedule,
        act: &Act,
    ) -> Result<Schedule, ChangeError<ScheduleRefusal>>;

    /// Removes the schedule of a workflow.
    ///
    /// # Errors
    /// `NotFound` when there is none for the caller, `NotOwner`, or that storage failed.
    fn remove_schedule(
        &self,
        organization: OrganizationId,
        visibility: Visibility,
        workflow: WorkflowId,
        act: &Act,
    ) -> Result<(), ChangeError<ScheduleRefusal>>;

    /// Takes up to `limit` active schedules that are due by the database's clock, asks `rule` what
    /// becomes of each at the time of that clock, and saves both in one transaction: however many
    /// servers ask, no due time begins two runs. Returns how many runs began.
    ///
    /// # Errors
    /// When storage fails.
    fn begin_due(
        &self,
        limit: u32,
        rule: &dyn Fn(&DueSchedule, Timestamp) -> Begun,
    ) -> Result<usize, StoreError>;
}

type Changed<T> = Result<T, ChangeError<ScheduleRefusal>>;

/// The use cases of schedules.
pub struct Schedules {
    /// Where schedules are kept.
    pub store: Arc<dyn ScheduleStore>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness for ids.
    pub entropy: Arc<dyn Entropy>,
}

impl Schedules {
    /// The schedule of a workflow.
    ///
    /// # Errors
    /// When there is none for the caller.
    pub fn get(
        &self,
        granted: &Granted<ManageWorkflows>,
        workflow: WorkflowId,
    ) -> Changed<Schedule> {
        let found =
            self.store.find_schedule(granted.organization(), granted.visibility(), workflow);
        found.map_err(ChangeError::Store)?.ok_or(ChangeError::Refused(ScheduleRefusal::NotFound))
    }

    /// Sets the schedule of a workflow, in place of the one it has.
    ///
    /// # Errors
    /// When the workflow is not there for the caller, or what is wrong.
    pub fn set(
        &self,
        granted: &Granted<ManageWorkflows>,
        workflow: WorkflowId,
        draft: ScheduleDraft,
    ) -> Changed<Schedule> {
        let now = self.clock.now();
        let schedule = draft
            .schedule(granted.organization(), workflow, now)
            .map_err(|faults| ChangeError::Refused(ScheduleRefusal::Faults { faults }))?;
        let act = granted.act(Action::ScheduleSet, now, &*self.entropy);
        self.store.set_schedule(granted.visibility(), &schedule, &act)
    }

    /// Removes the schedule of a workflow. A run that it started goes on.
    ///
    /// # Errors
    /// When there is none for the caller.
    pub fn remove(&self, granted: &Granted<ManageWorkflows>, workflow: WorkflowId) -> Changed<()> {
        let act = granted.act(Action::ScheduleRemoved, self.clock.now(), &*self.entropy);
        let (organization, visibility) = (granted.organization(), granted.visibility());
        self.store.remove_schedule(organization, visibility, workflow, &act)
    }
}

/// Begins the runs that schedules are due to start, so far as one transaction takes them; whoever
/// runs workers asks again and again. Returns how many runs began.
///
/// # Errors
/// When storage fails.
pub fn begin_due(store: &dyn ScheduleStore, entropy: &dyn Entropy) -> Result<usize, StoreError> {
    store.begin_due(AT_ONCE, &|due, now| begin(due, now, entropy))
}

/// Times that were missed are made up for by one run. While the run before goes on, none begins.
fn begin(due: &DueSchedule, now: Timestamp, entropy: &dyn Entropy) -> Begun {
    let schedule = &due.schedule;
    let next_run_at = Cron::parse(&schedule.cron).ok().and_then(|cron| cron.next_after(now));
    if due.is_running {
        return Begun { run: None, next_run_at };
    }
    // A saved definition was accepted by `parse`; a damaged one fails in the worker, with its reason.
    let steps =
        Definition::parse(&due.definition, "").map_or(0, |definition| definition.steps.len());
    let run = NewRun {
        id: Id::generate(now, entropy),
        organization: schedule.organization,
        workflow: schedule.workflow,
        version: due.version,
        trigger: Trigger::Schedule,
        state: RunState::ACCEPTED,
        lease: Duration::ZERO,
        input: schedule.input.clone(),
        parameters: schedule.parameters.clone(),
        files: Vec::new(),
        per_file: false,
        timeout_seconds: schedule.timeout_seconds,
        steps_total: i32::try_from(steps).unwrap_or(i32::MAX),
        trace: None,
        created_at: now,
        repeatable: None,
    };
    Begun { run: Some(Box::new(run)), next_run_at }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};
    use uuid::Uuid;

    use super::*;

    struct Still;

    impl Entropy for Still {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(7);
        }
    }

    fn due(is_running: bool) -> DueSchedule {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let schedule = Schedule {
            workflow: Uuid::nil().into(),
            organization: Uuid::nil().into(),
            cron: "*/5 * * * *".into(),
            is_active: true,
            timeout_seconds: 60,
            input: json!({"a": 1}),
            parameters: Map::new(),
            next_run_at: Some(at("2024-03-01T06:00:00Z")),
            last_run_at: None,
            last_execution: None,
            last_skipped_at: None,
            modified_at: at("2024-03-01T00:00:00Z"),
        };
        let definition = json!({"steps": [{"id": "a", "tool": "passthrough"}]});
        DueSchedule { schedule, version: Uuid::nil().into(), definition, is_running }
    }

    #[test]
    fn missed_times_begin_one_run_and_the_next_lies_ahead() {
        // Due at six, and everything was down until half past seven.
        let now = "2024-03-01T07:31:00Z".parse().unwrap();
        let begun = begin(&due(false), now, &Still);
        assert_eq!(begun.next_run_at, Some("2024-03-01T07:35:00Z".parse().unwrap()));
        let run = begun.run.unwrap();
        assert_eq!((run.trigger, run.steps_total, run.created_at), (Trigger::Schedule, 1, now));
        assert_eq!(run.input, json!({"a": 1}));
    }

    #[test]
    fn no_run_begins_beside_the_one_before() {
        let now = "2024-03-01T06:00:01Z".parse().unwrap();
        let begun = begin(&due(true), now, &Still);
        assert!(begun.run.is_none());
        assert_eq!(begun.next_run_at, Some("2024-03-01T06:05:00Z".parse().unwrap()));
    }
}
