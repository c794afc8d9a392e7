//! Runs as their callers see them, and how they move.

use std::time::Duration;

use access_domain::{Action, KeyChange, ListFilter, PlatformKeyChange};
use deployments_domain::{
    Deployment, Event, Execution, Failure, FailureCode, NewRun, Progress, Retention, RunEnd,
    RunMove, RunState, Status, StepRecord, StepState,
};
use keys_core::{Key, Slot};
use serde_json::{Value, json};

use super::{
    Given,
    given::{ALL, Deployed, first},
};

fn find(given: &Given, deployed: &Deployed, run: &NewRun) -> Option<Execution> {
    let (organization, deployment) = (deployed.organization, deployed.deployment.id);
    given
        .stores
        .find_execution(organization, deployment, run.trigger.key().unwrap(), run.id)
        .unwrap()
}

fn step(given: &Given, position: i32, outcome: Result<Value, String>) -> StepRecord {
    let (started_at, finished_at) = (given.now(), given.now() + Duration::from_micros(5));
    super::given::step(position, &format!("step{position}"), started_at, finished_at, outcome)
}

/// Ends a run that is executing.
fn complete(given: &Given, run: &NewRun, result: Value) {
    let end = Some(RunEnd::Result(result));
    let ended = RunMove { end, ..given.move_by(run, run.state, Event::Succeed) };
    assert!(given.stores.save_move(&ended).unwrap());
}

pub fn what_to_run_is_the_current_version_of_the_deployed_workflow(given: &Given) {
    let deployed = given.deployed("acme");
    let (organization, deployment) = (deployed.organization, deployed.deployment.id);
    let key = deployed.key.key.id;
    let runnable = given.stores.find_runnable(organization, deployment, key).unwrap().unwrap();
    assert_eq!(runnable.deployment, deployed.deployment);
    assert_eq!(runnable.version, deployed.workflow.version);
    assert_eq!(runnable.definition, deployed.workflow.definition);

    let version = given.id();
    let rule = |workflow: &deployments_domain::Workflow| {
        let version_number = workflow.version_number + 1;
        Ok(deployments_domain::Workflow { version, version_number, ..workflow.clone() })
    };
    given
        .stores
        .change_workflow(organization, ALL, deployed.workflow.id, &rule, &given.deed())
        .unwrap();
    let runnable = given.stores.find_runnable(organization, deployment, key).unwrap().unwrap();
    assert_eq!(runnable.version, version);
    assert!(
        given.stores.find_runnable(given.organization("other"), deployment, key).unwrap().is_none()
    );
    let other = given.deployed("another").key.key.id;
    assert!(given.stores.find_runnable(organization, deployment, other).unwrap().is_none());
}

pub fn what_to_run_tells_the_key_as_it_is_now(given: &Given) {
    let deployed = given.deployed("acme");
    let (organization, deployment) = (deployed.organization, deployed.deployment.id);
    let key = deployed.key.key.id;
    let told = || given.stores.find_runnable(organization, deployment, key).unwrap().unwrap().key;
    let good = Key::new(deployed.deployment.id);
    assert_eq!(told(), good);
    let rule = |deployment: &Deployment| Ok(Deployment { is_active: false, ..deployment.clone() });
    given.stores.change_deployment(organization, ALL, deployment, &rule, &given.deed()).unwrap();
    let rule = |_: &_| Ok(KeyChange::Delete { at: given.now() });
    let act = given.act(Action::KeyDeleted);
    given.stores.change_key(organization, deployed.ring(), key, &rule, &act).unwrap();
    assert_eq!(told(), Key { owner_is_active: false, revoked_at: Some(given.now()), ..good });
}

pub fn what_to_run_is_told_to_a_platform_key_as_long_as_that_is_active(given: &Given) {
    let deployed = given.deployed("acme");
    let (organization, deployment) = (deployed.organization, deployed.deployment.id);
    let slots = given.stores.platform_keys(organization).unwrap();
    let key = slots.get(Slot::One).unwrap().id;
    let told = || given.stores.find_runnable(organization, deployment, key).unwrap().unwrap();
    assert_eq!(told().deployment, deployed.deployment);
    assert_eq!(told().key, Key::new(deployment));
    let change = |change: PlatformKeyChange| {
        let act = given.act(Action::PlatformKeyDeleted);
        given.stores.change_platform_keys(organization, &|_| Ok(change.clone()), &act).unwrap();
    };
    change(PlatformKeyChange::Activate(None));
    assert_eq!(told().key, Key { is_active: false, ..Key::new(deployment) });
    change(PlatformKeyChange::Activate(Some(Slot::One)));
    change(PlatformKeyChange::Delete { slot: Slot::One, at: given.now(), revoke_made: false });
    assert!(!told().key.is_active);
    let there = given.organization("other");
    let foreign = given.stores.platform_keys(there).unwrap().get(Slot::One).unwrap().id;
    assert!(given.stores.find_runnable(organization, deployment, foreign).unwrap().is_none());
}

pub fn an_accepted_run_is_told_as_it_stands(given: &Given) {
    let deployed = given.deployed("acme");
    let waiting = given.accepted(&deployed);
    let expected = Execution {
        id: waiting.id,
        workflow: deployed.workflow.id,
        trigger: deployed.trigger(),
        state: RunState::ACCEPTED,
        progress: Progress { steps_completed: 0, steps_total: 3, records: None },
        failure: None,
        created_at: given.now(),
        started_at: None,
        finished_at: None,
    };
    assert_eq!(find(given, &deployed, &waiting), Some(expected.clone()));
    let held = given.executing(&deployed);
    let state = RunState { status: Status::Executing, attempt: 1 };
    let expected = Execution { id: held.id, state, started_at: Some(given.now()), ..expected };
    assert_eq!(find(given, &deployed, &held), Some(expected));
}

pub fn a_run_is_seen_by_the_key_that_started_it_and_by_others_only_if_shared(given: &Given) {
    let deployed = given.deployed("acme");
    let run = given.accepted(&deployed);
    let (organization, deployment) = (deployed.organization, deployed.deployment.id);
    let other = given.new_deployment_key();
    let act = given.act(Action::KeyCreated);
    given.stores.create_key(organization, deployed.ring(), &other, &act).unwrap();
    let seen_by_other = || {
        let key = other.key.id;
        given.stores.find_execution(organization, deployment, key, run.id).unwrap().is_some()
    };
    assert!(find(given, &deployed, &run).is_some());
    assert!(!seen_by_other());
    let share = |before: &Deployment| Ok(Deployment { shared_results: true, ..before.clone() });
    given.stores.change_deployment(organization, ALL, deployment, &share, &given.deed()).unwrap();
    assert!(seen_by_other());
}

pub fn a_run_is_not_seen_from_another_organization_or_deployment(given: &Given) {
    let deployed = given.deployed("acme");
    let run = given.executing(&deployed);
    complete(given, &run, json!(1));
    let there = given.deployed("other");
    let find = |organization, deployment| {
        given
            .stores
            .find_execution(organization, deployment, run.trigger.key().unwrap(), run.id)
            .unwrap()
    };
    assert_eq!(find(there.organization, deployed.deployment.id), None);
    assert_eq!(find(there.organization, there.deployment.id), None);
    assert_eq!(find(deployed.organization, there.deployment.id), None);
    assert_eq!(given.stores.find_result(there.organization, run.id).unwrap(), None);
}

pub fn a_result_is_kept_and_told_as_often_as_it_is_asked_for(given: &Given) {
    let deployed = given.deployed("acme");
    let run = given.executing(&deployed);
    assert_eq!(given.stores.find_result(deployed.organization, run.id).unwrap(), None);
    let result = json!({"text": "a\u{0}b ü", "number": 1.5, "none": null});
    complete(given, &run, result.clone());
    for _ in 0..2 {
        let found = given.stores.find_result(deployed.organization, run.id).unwrap();
        assert_eq!(found, Some(result.clone()));
    }
    let execution = find(given, &deployed, &run).unwrap();
    assert_eq!(execution.state.status, Status::Completed);
    assert_eq!(execution.finished_at, Some(given.now()));
}

pub fn a_result_that_is_null_is_a_result(given: &Given) {
    let deployed = given.deployed("acme");
    let run = given.executing(&deployed);
    complete(given, &run, Value::Null);
    let found = given.stores.find_result(deployed.organization, run.id).unwrap();
    assert_eq!(found, Some(Value::Null));
}

pub fn a_failure_is_told_even_if_its_reason_is_not_printable(given: &Given) {
    let deployed = given.deployed("acme");
    let run = given.executing(&deployed);
    let failure = Failure {
        code: FailureCode::StepFailed,
        step: Some("step0".into()),
        reason: "broken\0pipe".into(),
    };
    let steps = vec![step(given, 0, Err("broken\0pipe".into()))];
    let end = Some(RunEnd::Failure(failure.clone()));
    let failed = RunMove { end, steps, ..given.move_by(&run, run.state, Event::Fail) };
    assert!(given.stores.save_move(&failed).unwrap());
    let execution = find(given, &deployed, &run).unwrap();
    assert_eq!(execution.state.status, Status::Error);
    assert_eq!(execution.failure, Some(Failure { reason: "broken\u{fffd}pipe".into(), ..failure }));
    assert_eq!(execution.progress.steps_completed, 0);
}

pub fn progress_counts_the_steps_that_ended_well_once_each(given: &Given) {
    let deployed = given.deployed("acme");
    let run = given.executing(&deployed);
    let steps = vec![step(given, 0, Ok(json!(1))), step(given, 1, Err("no".into()))];
    let released = RunMove { steps, ..given.move_by(&run, run.state, Event::Release) };
    assert!(given.stores.save_move(&released).unwrap());
    let progress = || find(given, &deployed, &run).unwrap().progress.steps_completed;
    assert_eq!(progress(), 1);

    let again = &given.stores.claim(1, Duration::from_secs(60), given.now()).unwrap()[0];
    let steps = (0..3).map(|position| step(given, position, Ok(json!(position)))).collect();
    let end = Some(RunEnd::Result(json!("done")));
    let done = RunMove { end, steps, ..given.move_by(&run, again.state, Event::Succeed) };
    assert!(given.stores.save_move(&done).unwrap());
    assert_eq!(progress(), 3);
}

pub fn a_run_that_moved_is_not_moved_again_from_where_it_was(given: &Given) {
    let deployed = given.deployed("acme");
    let run = given.executing(&deployed);
    let cancelled = given.move_by(&run, run.state, Event::Cancel);
    assert!(given.stores.save_move(&cancelled).unwrap());
    let end = Some(RunEnd::Result(json!("too late")));
    let steps = vec![step(given, 0, Ok(json!(1)))];
    let late = RunMove { end, steps, ..given.move_by(&run, run.state, Event::Succeed) };
    assert!(!given.stores.save_move(&late).unwrap());
    let execution = find(given, &deployed, &run).unwrap();
    assert_eq!((execution.state, execution.progress.steps_completed), (cancelled.to, 0));
    assert_eq!(given.stores.find_result(deployed.organization, run.id).unwrap(), None);
}

pub fn old_payloads_are_deleted_in_portions_and_the_records_stay(given: &Given) {
    let deployed = given.deployed("acme");
    let finish = || {
        let run = given.executing(&deployed);
        let steps = vec![step(given, 0, Ok(json!("secret")))];
        let end = Some(RunEnd::Result(json!("secret")));
        let done = RunMove { end, steps, ..given.move_by(&run, run.state, Event::Succeed) };
        assert!(given.stores.save_move(&done).unwrap());
        run
    };
    let unfinished = given.accepted(&deployed);
    let old = [(); 3].map(|()| finish());
    given.clock.advance(Duration::from_secs(60));
    let young = finish();

    let kept = Retention { results: Duration::from_secs(30), records: Duration::from_secs(90) };
    let sweep = || given.stores.delete_old_payloads(given.now(), kept, 2).unwrap();
    assert_eq!([sweep(), sweep(), sweep()], [2, 1, 0]);
    let result = |run: &NewRun| given.stores.find_result(deployed.organization, run.id).unwrap();
    for run in &old {
        assert_eq!(result(run), None);
        assert_eq!(find(given, &deployed, run).unwrap().state.status, Status::Completed);
    }
    assert_eq!(result(&young), Some(json!("secret")));
    let claimed = given.stores.claim(9, Duration::from_secs(60), given.now()).unwrap();
    assert_eq!((claimed.len(), claimed[0].id), (1, unfinished.id));
    assert_eq!(claimed[0].input, unfinished.input);
}

pub fn the_runs_of_a_deleted_deployment_go_on(given: &Given) {
    let deployed = given.deployed("acme");
    let run = given.accepted(&deployed);
    let (organization, deployment) = (deployed.organization, deployed.deployment.id);
    given.stores.delete_deployment(organization, ALL, deployment, &given.deed()).unwrap();
    let claimed = given.stores.claim(1, Duration::from_secs(60), given.now()).unwrap();
    let end = Some(RunEnd::Result(json!(1)));
    let done = RunMove { end, ..given.move_by(&run, claimed[0].state, Event::Succeed) };
    assert!(given.stores.save_move(&done).unwrap());
    let listed =
        given.stores.list_deployments(organization, ALL, &ListFilter::default(), first(1)).unwrap();
    assert!(listed.items.is_empty());
}

pub fn steps_are_saved_while_their_attempt_has_the_run_and_found_again(given: &Given) {
    let deployed = given.deployed("acme");
    let run = given.executing(&deployed);
    let begun = StepRecord {
        finished_at: None,
        state: StepState::Begun,
        ..step(given, 1, Ok(json!(null)))
    };
    let saved = [step(given, 0, Ok(json!({"a": 1.10}))), begun];
    assert!(given.stores.save_steps(run.id, 1, &saved).unwrap());
    assert_eq!(given.stores.find_steps(run.id).unwrap(), saved);
    let told = find(given, &deployed, &run).unwrap();
    assert_eq!(told.progress.steps_completed, 1);

    let ended = [
        step(given, 1, Err("no".into())),
        StepRecord { state: StepState::Skipped, ..step(given, 2, Ok(json!(null))) },
        StepRecord { item: 1, ..step(given, 0, Ok(json!([]))) },
    ];
    assert!(given.stores.save_steps(run.id, 1, &ended).unwrap());
    let [failed, skipped, of_next_item] = ended;
    let expected = [saved[0].clone(), failed, skipped, of_next_item];
    assert_eq!(given.stores.find_steps(run.id).unwrap(), expected);

    assert!(!given.stores.save_steps(run.id, 2, &saved).unwrap());
    let released = given.move_by(&run, run.state, Event::Release);
    assert!(given.stores.save_move(&released).unwrap());
    assert!(!given.stores.save_steps(run.id, 1, &saved).unwrap());
    assert_eq!(given.stores.find_steps(run.id).unwrap(), expected);
}
