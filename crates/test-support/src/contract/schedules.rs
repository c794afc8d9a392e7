//! Schedules, and how far runs over records are.

use access_domain::{ChangeError, Visibility};
use deployments_domain::{
    Begun, Checkpoint, DueSchedule, Event, NewRun, RecordCounts, RunState, Schedule,
    ScheduleRefusal, Status, Trigger, Workflow, next,
};
use keys_core::Timestamp;
use serde_json::{Map, json};
use uuid::Uuid;

use super::{
    Given, at_once,
    given::{ALL, Deployed},
};

const DAY: std::time::Duration = std::time::Duration::from_secs(86_400);
/// Due by every clock.
const LONG_AGO: Timestamp = Timestamp::UNIX_EPOCH;

fn schedule(given: &Given, workflow: &Workflow, next_run_at: Option<Timestamp>) -> Schedule {
    Schedule {
        workflow: workflow.id,
        organization: workflow.organization,
        cron: "0 6 * * *".into(),
        is_active: true,
        timeout_seconds: 60,
        input: json!({"a": 1}),
        parameters: Map::from_iter([("language".into(), json!("fr"))]),
        next_run_at,
        last_run_at: None,
        last_execution: None,
        last_skipped_at: None,
        modified_at: given.now(),
    }
}

fn set(given: &Given, deployed: &Deployed, next_run_at: Option<Timestamp>) -> Schedule {
    let schedule = schedule(given, &deployed.workflow, next_run_at);
    given.stores.set_schedule(ALL, &schedule, &given.deed()).unwrap()
}

fn found(given: &Given, deployed: &Deployed) -> Option<Schedule> {
    let (organization, workflow) = (deployed.organization, deployed.workflow.id);
    given.stores.find_schedule(organization, ALL, workflow).unwrap()
}

/// As the use case does it: a run, and the next time in a day.
fn begin(given: &Given, due: &DueSchedule, now: Timestamp) -> Begun {
    let run = NewRun {
        id: given.id(),
        organization: due.schedule.organization,
        workflow: due.schedule.workflow,
        version: due.version,
        trigger: Trigger::Schedule,
        state: RunState::ACCEPTED,
        lease: std::time::Duration::ZERO,
        input: due.schedule.input.clone(),
        parameters: due.schedule.parameters.clone(),
        files: Vec::new(),
        per_file: false,
        timeout_seconds: due.schedule.timeout_seconds,
        steps_total: 1,
        trace: None,
        created_at: now,
        repeatable: None,
    };
    let run = if due.is_running { None } else { Some(Box::new(run)) };
    Begun { run, next_run_at: Some(now + DAY) }
}

pub fn a_schedule_is_set_found_and_removed_within_reach(given: &Given) {
    let deployed = given.deployed("acme");
    let (organization, workflow) = (deployed.organization, deployed.workflow.id);
    assert_eq!(found(given, &deployed), None);
    let made = set(given, &deployed, Some(given.now()));
    assert_eq!(found(given, &deployed), Some(made.clone()));
    let other = given.organization("other");
    assert_eq!(given.stores.find_schedule(other, ALL, workflow).unwrap(), None);
    let stranger = Visibility::Member(Uuid::nil());
    assert_eq!(given.stores.find_schedule(organization, stranger, workflow).unwrap(), None);
    let refused = given.stores.set_schedule(stranger, &made, &given.deed());
    assert!(matches!(refused, Err(ChangeError::Refused(ScheduleRefusal::NotFound))));
    let remove = |reach| given.stores.remove_schedule(organization, reach, workflow, &given.deed());
    let is_refused =
        |reach| matches!(remove(reach), Err(ChangeError::Refused(ScheduleRefusal::NotFound)));
    assert!(is_refused(stranger));
    remove(ALL).unwrap();
    assert!(is_refused(ALL));
}

pub fn a_due_schedule_begins_one_run_however_many_ask(given: &Given) {
    let deployed = given.deployed("acme");
    set(given, &deployed, Some(LONG_AGO));
    let begun = at_once(4, |_| {
        let rule = |due: &DueSchedule, now| begin(given, due, now);
        given.stores.begin_due(10, &rule).unwrap()
    });
    assert_eq!(begun.into_iter().sum::<usize>(), 1);
    let schedule = found(given, &deployed).unwrap();
    assert!(schedule.next_run_at.unwrap() > schedule.last_run_at.unwrap());
    let claimed = given.stores.claim(10, super::given::LONG, given.now()).unwrap();
    assert_eq!(claimed.len(), 1);
    assert_eq!(Some(claimed[0].id), schedule.last_execution);
    assert_eq!(claimed[0].trigger, Trigger::Schedule);
    assert_eq!(claimed[0].input, json!({"a": 1}));
}

pub fn while_a_run_goes_on_the_next_is_left_out(given: &Given) {
    let deployed = given.deployed("acme");
    let rule = |due: &DueSchedule, now| begin(given, due, now);
    set(given, &deployed, Some(LONG_AGO));
    assert_eq!(given.stores.begin_due(10, &rule).unwrap(), 1);
    let first = found(given, &deployed).unwrap().last_execution.unwrap();
    // Set anew, it keeps its past.
    assert_eq!(set(given, &deployed, Some(LONG_AGO)).last_execution, Some(first));
    assert_eq!(given.stores.begin_due(10, &rule).unwrap(), 0);
    let skipped = found(given, &deployed).unwrap();
    assert_eq!(skipped.last_execution, Some(first));
    assert!(skipped.last_skipped_at.is_some() && skipped.next_run_at > Some(LONG_AGO));
    let from = given.stores.claim(10, super::given::LONG, given.now()).unwrap()[0].state;
    let to = next(from, Event::Cancel).unwrap();
    let (at, end, steps) = (given.now(), None, Vec::new());
    let stopped = deployments_domain::RunMove { id: first, from, to, at, end, steps };
    assert!(given.stores.save_move(&stopped).unwrap());
    set(given, &deployed, Some(LONG_AGO));
    assert_eq!(given.stores.begin_due(10, &rule).unwrap(), 1);
}

pub fn nothing_begins_that_is_not_due_or_whose_workflow_is_gone(given: &Given) {
    let deployed = given.deployed("acme");
    let rule = |due: &DueSchedule, now| begin(given, due, now);
    set(given, &deployed, None);
    assert_eq!(given.stores.begin_due(10, &rule).unwrap(), 0);
    // By the database's clock, not by this one, which stands still in the past.
    set(given, &deployed, Some("2300-01-01T00:00:00Z".parse().unwrap()));
    assert_eq!(given.stores.begin_due(10, &rule).unwrap(), 0);
    set(given, &deployed, Some(LONG_AGO));
    let agreed = |_| Ok(());
    let (organization, workflow) = (deployed.organization, deployed.workflow.id);
    given.stores.delete_workflow(organization, ALL, workflow, &agreed, &given.deed()).unwrap();
    assert_eq!(given.stores.begin_due(10, &rule).unwrap(), 0);
}

pub fn a_checkpoint_is_kept_apart_from_what_is_told(given: &Given) {
    let deployed = given.deployed("acme");
    let run = given.executing(&deployed);
    let (id, attempt) = (run.id, run.state.attempt);
    let counts = |read| RecordCounts { read, written: read, failed: 0 };
    assert_eq!(given.stores.find_checkpoint(id).unwrap(), None);
    assert!(given.stores.note_records(id, attempt, counts(3)).unwrap());
    assert_eq!(given.stores.find_checkpoint(id).unwrap(), None);
    let checkpoint = Checkpoint { counts: counts(5), state: json!({"index": 5}) };
    assert!(given.stores.save_checkpoint(id, attempt, &checkpoint).unwrap());
    assert!(given.stores.note_records(id, attempt, counts(9)).unwrap());
    assert_eq!(given.stores.find_checkpoint(id).unwrap(), Some(checkpoint));
    let key = run.trigger.key().unwrap();
    let (organization, deployment) = (deployed.organization, deployed.deployment.id);
    let told = given.stores.find_execution(organization, deployment, key, id).unwrap().unwrap();
    assert_eq!(told.progress.records, Some(counts(9)));
}

pub fn an_older_attempt_notes_nothing_of_its_records(given: &Given) {
    let deployed = given.deployed("acme");
    let run = given.executing(&deployed);
    assert_eq!(run.state.status, Status::Executing);
    let (id, older) = (run.id, run.state.attempt - 1);
    let checkpoint = Checkpoint { counts: RecordCounts::default(), state: json!({}) };
    assert!(!given.stores.note_records(id, older, RecordCounts::default()).unwrap());
    assert!(!given.stores.save_checkpoint(id, older, &checkpoint).unwrap());
    assert_eq!(given.stores.find_checkpoint(id).unwrap(), None);
}

pub fn a_checkpoint_forgets_the_steps_of_what_is_done(given: &Given) {
    let deployed = given.deployed("acme");
    let run = given.executing(&deployed);
    let (id, attempt) = (run.id, run.state.attempt);
    let step = |item| {
        let step = super::given::step(0, "a", given.now(), given.now(), Ok(json!(item)));
        deployments_domain::StepRecord { item, ..step }
    };
    assert!(given.stores.save_steps(id, attempt, &[step(4), step(5), step(6)]).unwrap());
    let counts = RecordCounts { read: 5, written: 5, failed: 0 };
    let checkpoint = Checkpoint { counts, state: json!({}) };
    assert!(given.stores.save_checkpoint(id, attempt, &checkpoint).unwrap());
    let left = given.stores.find_steps(id).unwrap();
    assert_eq!(left.iter().map(|step| step.item).collect::<Vec<_>>(), [6]);
}
