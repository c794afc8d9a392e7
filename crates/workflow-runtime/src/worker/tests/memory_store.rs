//! Runs in memory, with the promises of the real store: a move is saved from its own state alone,
//! a lease that ran out is up for a claim. It can be told to fail.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use access_domain::{ChangeError, DeploymentId, OrganizationId, StoreError};
use deployments_domain::{
    ClaimedRun, Event, Execution, ExecutionId, ExecutionStore, FileId, FoundFiles, NewRun,
    Retention, RunEnd, RunFile, RunLimits, RunMove, RunState, Runnable, Status, StepRecord,
    TooManyExecutions, next,
};
use keys_core::{KeyId, Timestamp};
use serde_json::Value;
use tokio::{sync::Notify, time::Instant};

#[derive(Default)]
pub(super) struct MemoryStore {
    rows: Mutex<BTreeMap<ExecutionId, Row>>,
    pub(super) changed: Notify,
    /// What is known of files.
    pub(super) files: Mutex<FoundFiles>,
    pub(super) failing_saves: AtomicUsize,
    pub(super) fails_renewals: AtomicBool,
    pub(super) fails_claims: AtomicBool,
    pub(super) panics_on_save: AtomicBool,
    pub(super) old_payloads: AtomicUsize,
    pub(super) deletions: AtomicUsize,
}

#[derive(Clone)]
pub(super) struct Row {
    pub(super) run: ClaimedRun,
    pub(super) lease_until: Instant,
    pub(super) end: Option<RunEnd>,
    pub(super) steps: Vec<StepRecord>,
}

impl Row {
    fn save(&mut self, steps: &[StepRecord]) {
        let place = |step: &StepRecord| (step.item, step.position);
        self.steps.retain(|old| steps.iter().all(|new| place(old) != place(new)));
        self.steps.extend_from_slice(steps);
        self.steps.sort_by_key(place);
    }
}

impl MemoryStore {
    pub(super) fn add(&self, run: &ClaimedRun, lease: Duration) {
        let row = Row {
            run: run.clone(),
            lease_until: Instant::now() + lease,
            end: None,
            steps: Vec::new(),
        };
        self.rows().insert(run.id, row);
    }

    pub(super) fn row(&self, id: ExecutionId) -> Row {
        self.rows()[&id].clone()
    }

    pub(super) fn take_over(&self, id: ExecutionId) {
        self.rows().get_mut(&id).unwrap().run.state.attempt += 1;
    }

    fn rows(&self) -> MutexGuard<'_, BTreeMap<ExecutionId, Row>> {
        self.rows.lock().unwrap()
    }
}

fn away() -> StoreError {
    StoreError::Unavailable { doing: "testing", source: "it is away".into() }
}

fn is_claimable(row: &Row) -> bool {
    match row.run.state.status {
        Status::Pending => true,
        Status::Executing => row.lease_until <= Instant::now(),
        Status::Completed | Status::Error | Status::Stopped => false,
    }
}

impl ExecutionStore for MemoryStore {
    fn save_move(&self, run_move: &RunMove) -> Result<bool, StoreError> {
        assert!(!self.panics_on_save.load(Ordering::SeqCst), "told to panic");
        let fails = |left: usize| left.checked_sub(1);
        if self.failing_saves.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fails).is_ok() {
            return Err(away());
        }
        let mut rows = self.rows();
        let row = rows.get_mut(&run_move.id).unwrap();
        if row.run.state != run_move.from {
            return Ok(false);
        }
        row.run.state = run_move.to;
        row.end = run_move.end.clone();
        row.save(&run_move.steps);
        drop(rows);
        self.changed.notify_waiters();
        Ok(true)
    }

    fn find_run_files(
        &self,
        _: OrganizationId,
        _: ExecutionId,
    ) -> Result<Vec<RunFile>, StoreError> {
        Ok(Vec::new())
    }

    fn find_files(&self, _: &[FileId]) -> Result<FoundFiles, StoreError> {
        Ok(self.files.lock().unwrap().clone())
    }

    fn save_steps(
        &self,
        id: ExecutionId,
        attempt: i32,
        steps: &[StepRecord],
    ) -> Result<bool, StoreError> {
        let mut rows = self.rows();
        let row = rows.get_mut(&id).unwrap();
        let is_held = row.run.state == (RunState { status: Status::Executing, attempt });
        if is_held {
            row.save(steps);
        }
        drop(rows);
        self.changed.notify_waiters();
        Ok(is_held)
    }

    fn find_steps(&self, id: ExecutionId) -> Result<Vec<StepRecord>, StoreError> {
        Ok(self.row(id).steps)
    }

    fn claim(
        &self,
        limit: u32,
        lease: Duration,
        _: Timestamp,
    ) -> Result<Vec<ClaimedRun>, StoreError> {
        if self.fails_claims.load(Ordering::SeqCst) {
            return Err(away());
        }
        let mut rows = self.rows();
        let claimable = rows.values_mut().filter(|row| is_claimable(row));
        let claim = |row: &mut Row| {
            row.run.lost += i32::from(row.run.state.status == Status::Executing);
            row.run.state = next(row.run.state, Event::Claim).unwrap();
            row.lease_until = Instant::now() + lease;
            row.run.clone()
        };
        Ok(claimable.take(limit as usize).map(claim).collect())
    }

    fn renew(
        &self,
        held: &[(ExecutionId, i32)],
        lease: Duration,
    ) -> Result<Vec<ExecutionId>, StoreError> {
        if self.fails_renewals.load(Ordering::SeqCst) {
            return Err(away());
        }
        let mut rows = self.rows();
        let mut ours = Vec::new();
        for (id, attempt) in held {
            let row = rows.get_mut(id).unwrap();
            if row.run.state == (RunState { status: Status::Executing, attempt: *attempt }) {
                row.lease_until = Instant::now() + lease;
                ours.push(*id);
            }
        }
        Ok(ours)
    }

    fn delete_old_records(&self, _: Timestamp, _: Retention, _: u32) -> Result<usize, StoreError> {
        Ok(0)
    }

    fn delete_old_payloads(
        &self,
        _: Timestamp,
        _: Retention,
        limit: u32,
    ) -> Result<usize, StoreError> {
        self.deletions.fetch_add(1, Ordering::SeqCst);
        let left = self.old_payloads.load(Ordering::SeqCst);
        let deleted = left.min(limit as usize);
        self.old_payloads.store(left - deleted, Ordering::SeqCst);
        self.changed.notify_waiters();
        Ok(deleted)
    }

    fn find_runnable(
        &self,
        _: OrganizationId,
        _: DeploymentId,
        _: KeyId,
    ) -> Result<Option<Runnable>, StoreError> {
        unreachable!("a worker accepts nothing")
    }

    fn accept(&self, _: &NewRun, _: RunLimits) -> Result<(), ChangeError<TooManyExecutions>> {
        unreachable!("a worker accepts nothing")
    }

    fn find_execution(
        &self,
        _: OrganizationId,
        _: DeploymentId,
        _: KeyId,
        _: ExecutionId,
    ) -> Result<Option<Execution>, StoreError> {
        unreachable!("a worker answers no caller")
    }

    fn find_result(&self, _: OrganizationId, _: ExecutionId) -> Result<Option<Value>, StoreError> {
        unreachable!("a worker answers no caller")
    }
}
