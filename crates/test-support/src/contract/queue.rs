//! The queue: how runs are accepted and who carries them out.

use std::{collections::HashSet, time::Duration};

use access_domain::ChangeError;
use deployments_domain::{
    Event, ExecutionId, NewRun, RunEnd, RunLimits, RunMove, RunState, Status, TooManyExecutions,
    Workflow, next,
};
use serde_json::json;
use storage_diesel::QueueDepth;

use super::{
    Given,
    given::{ALL, LONG, at_once},
};

pub fn a_claimed_run_brings_all_that_is_needed_to_carry_it_out(given: &Given) {
    let deployed = given.deployed("acme");
    let run = given.accepted(&deployed);
    given.clock.advance(Duration::from_secs(1));
    let claimed = given.stores.claim(9, LONG, given.now()).unwrap();
    assert_eq!(claimed.len(), 1);
    let claimed = &claimed[0];
    assert_eq!(claimed.id, run.id);
    assert_eq!(claimed.definition, deployed.workflow.definition);
    assert_eq!((&claimed.input, &claimed.parameters), (&run.input, &run.parameters));
    assert_eq!(claimed.timeout_seconds, run.timeout_seconds);
    assert_eq!((claimed.organization, claimed.trigger), (deployed.organization, run.trigger));
    assert_eq!(claimed.started_at, given.now());
    assert_eq!((claimed.trace.is_some(), claimed.trace), (true, run.trace));
    let (organization, deployment) = (deployed.organization, deployed.deployment.id);
    let told = given
        .stores
        .find_execution(organization, deployment, run.trigger.key().unwrap(), run.id)
        .unwrap();
    let told = told.unwrap();
    assert_eq!((told.state, told.started_at), (claimed.state, Some(given.now())));
}

pub fn a_claim_moves_a_run_as_the_state_machine_does(given: &Given) {
    let deployed = given.deployed("acme");
    given.accepted(&deployed);
    let mut state = RunState::ACCEPTED;
    for _ in 0..3 {
        state = next(state, Event::Claim).unwrap();
        let claimed = given.stores.claim(1, Duration::ZERO, given.now()).unwrap();
        assert_eq!(claimed[0].state, state);
    }
}

pub fn the_queue_is_measured(given: &Given) {
    assert_eq!(given.stores.queue_depth().unwrap(), QueueDepth::default());
    let deployed = given.deployed("acme");
    given.executing(&deployed);
    let oldest = given.accepted(&deployed);
    given.clock.advance(Duration::from_secs(1));
    given.accepted(&deployed);
    let depth = given.stores.queue_depth().unwrap();
    assert_eq!((depth.pending, depth.executing), (2, 1));
    assert_eq!(depth.oldest_pending, Some(oldest.created_at));
    given.stores.claim(9, LONG, given.now()).unwrap();
    let depth = given.stores.queue_depth().unwrap();
    assert_eq!(depth, QueueDepth { pending: 0, executing: 3, oldest_pending: None });
}

pub fn organizations_take_turns_however_many_runs_one_has_waiting(given: &Given) {
    let (busy, quiet) = (given.deployed("busy"), given.deployed("quiet"));
    for _ in 0..30 {
        given.clock.advance(Duration::from_micros(1));
        given.accepted(&busy);
    }
    given.clock.advance(Duration::from_micros(1));
    let alone = given.accepted(&quiet).id;
    let claim = |limit| {
        let claimed = given.stores.claim(limit, LONG, given.now()).unwrap();
        claimed.into_iter().map(|run| run.id).collect::<Vec<_>>()
    };
    // The other one's share goes to whoever has more waiting.
    let first = claim(4);
    assert!(first.len() == 4 && first.contains(&alone), "{first:?}");
    given.clock.advance(Duration::from_micros(1));
    let next = given.accepted(&quiet).id;
    assert_eq!(claim(1), [next], "the busy one has more in hand");
    assert_eq!(claim(100).len(), 27);
}

pub fn runs_are_claimed_oldest_first_and_no_more_than_asked_for(given: &Given) {
    let deployed = given.deployed("acme");
    let runs = [(); 5].map(|()| {
        given.clock.advance(Duration::from_micros(1));
        given.accepted(&deployed).id
    });
    let claim = |limit| {
        let claimed = given.stores.claim(limit, LONG, given.now()).unwrap();
        claimed.into_iter().map(|run| run.id).collect::<Vec<_>>()
    };
    assert_eq!(claim(2), runs[..2]);
    assert_eq!(claim(9), runs[2..]);
    assert!(claim(9).is_empty());
}

pub fn a_run_keeps_the_version_that_it_was_accepted_with(given: &Given) {
    let deployed = given.deployed("acme");
    given.accepted(&deployed);
    let version = given.id();
    let rule = |before: &Workflow| {
        let (definition, version_number) = (json!({"steps": []}), 2);
        Ok(Workflow { definition, version, version_number, ..before.clone() })
    };
    let (organization, workflow) = (deployed.organization, deployed.workflow.id);
    given.stores.change_workflow(organization, ALL, workflow, &rule, &given.deed()).unwrap();
    let claimed = given.stores.claim(1, LONG, given.now()).unwrap();
    assert_eq!(claimed[0].definition, deployed.workflow.definition);
}

pub fn a_run_that_is_born_claimed_is_nobody_elses_while_its_lease_holds(given: &Given) {
    let deployed = given.deployed("acme");
    given.executing(&deployed);
    assert!(given.stores.claim(9, LONG, given.now()).unwrap().is_empty());
    let state = next(RunState::ACCEPTED, Event::Claim).unwrap();
    let lost = NewRun { state, lease: Duration::ZERO, ..given.new_run(&deployed) };
    given.stores.accept(&lost, RunLimits::default()).unwrap();
    let claimed = given.stores.claim(9, LONG, given.now()).unwrap();
    assert_eq!((claimed.len(), claimed[0].id, claimed[0].state.attempt), (1, lost.id, 2));
}

pub fn a_lease_that_ran_out_gives_the_run_to_the_next_attempt_alone(given: &Given) {
    let deployed = given.deployed("acme");
    let run = given.accepted(&deployed);
    let begun = given.now();
    let stale = given.stores.claim(1, Duration::ZERO, begun).unwrap()[0].state;
    given.clock.advance(Duration::from_secs(1));
    let taken_over = given.stores.claim(1, LONG, given.now()).unwrap().remove(0);
    let fresh = taken_over.state;
    assert_eq!((stale.attempt, fresh.attempt, taken_over.lost), (1, 2, 1));
    assert!(given.stores.claim(1, LONG, given.now()).unwrap().is_empty());

    let end = Some(RunEnd::Result(json!("stale")));
    let late = RunMove { end, ..given.move_by(&run, stale, Event::Succeed) };
    assert!(!given.stores.save_move(&late).unwrap());
    let end = Some(RunEnd::Result(json!("fresh")));
    let done = RunMove { end, ..given.move_by(&run, fresh, Event::Succeed) };
    assert!(given.stores.save_move(&done).unwrap());
    let result = given.stores.find_result(deployed.organization, run.id).unwrap();
    assert_eq!(result, Some(json!("fresh")));
    let (organization, deployment) = (deployed.organization, deployed.deployment.id);
    let told = given
        .stores
        .find_execution(organization, deployment, run.trigger.key().unwrap(), run.id)
        .unwrap();
    assert_eq!(told.unwrap().started_at, Some(begun));
}

pub fn a_finished_run_is_never_claimed(given: &Given) {
    let deployed = given.deployed("acme");
    let pending = given.accepted(&deployed);
    let cancelled = given.move_by(&pending, pending.state, Event::Cancel);
    assert!(given.stores.save_move(&cancelled).unwrap());
    let held = given.executing(&deployed);
    let failed = given.move_by(&held, held.state, Event::Fail);
    assert!(given.stores.save_move(&failed).unwrap());
    assert!(given.stores.claim(9, LONG, given.now()).unwrap().is_empty());
}

pub fn a_run_that_is_handed_back_is_claimed_at_once(given: &Given) {
    let deployed = given.deployed("acme");
    let run = given.executing(&deployed);
    let released = given.move_by(&run, run.state, Event::Release);
    assert!(given.stores.save_move(&released).unwrap());
    let claimed = given.stores.claim(1, LONG, given.now()).unwrap();
    assert_eq!((claimed[0].id, claimed[0].state.attempt, claimed[0].lost), (run.id, 2, 0));
}

pub fn leases_are_renewed_for_what_is_still_held(given: &Given) {
    let deployed = given.deployed("acme");
    let kept = given.accepted(&deployed).id;
    given.stores.claim(1, Duration::ZERO, given.now()).unwrap();
    let finished = given.executing(&deployed);
    let done = given.move_by(&finished, finished.state, Event::Succeed);
    assert!(given.stores.save_move(&done).unwrap());
    let waiting = given.accepted(&deployed).id;
    let renew = |held: &[(ExecutionId, i32)]| given.stores.renew(held, LONG).unwrap();

    assert_eq!(renew(&[]), []);
    assert_eq!(renew(&[(kept, 2), (finished.id, 1), (waiting, 0), (given.id(), 1)]), []);
    assert_eq!(renew(&[(finished.id, 1), (kept, 1)]), [kept]);
    // Only the waiting one is left to be claimed.
    let claimed = given.stores.claim(9, LONG, given.now()).unwrap();
    assert_eq!((claimed.len(), claimed[0].id), (1, waiting));
}

pub fn eight_workers_claim_each_run_exactly_once(given: &Given) {
    let deployed = given.deployed("acme");
    let accepted: HashSet<_> = (0..60).map(|_| given.accepted(&deployed).id).collect();
    let claimed = at_once(8, |_| {
        let mut mine = Vec::new();
        loop {
            let claimed = given.stores.claim(4, LONG, given.now()).unwrap();
            if claimed.is_empty() {
                return mine;
            }
            mine.extend(claimed.into_iter().map(|run| (run.id, run.state)));
        }
    });
    let claimed: Vec<_> = claimed.into_iter().flatten().collect();
    assert_eq!(claimed.len(), 60);
    assert_eq!(claimed.iter().map(|(id, _)| *id).collect::<HashSet<_>>(), accepted);
    let first = RunState { status: Status::Executing, attempt: 1 };
    assert!(claimed.iter().all(|(_, state)| *state == first));
}

pub fn eight_workers_take_over_each_lost_run_exactly_once(given: &Given) {
    let deployed = given.deployed("acme");
    for _ in 0..20 {
        given.accepted(&deployed);
    }
    given.stores.claim(20, Duration::ZERO, given.now()).unwrap();
    let taken = at_once(8, |_| given.stores.claim(20, LONG, given.now()).unwrap());
    // Whoever finds a run held by a claim that is under way goes on without it; that claim takes it.
    let taken: Vec<_> =
        taken.into_iter().flatten().map(|run| (run.id, run.state.attempt)).collect();
    assert_eq!(taken.len(), 20);
    assert!(taken.iter().all(|(_, attempt)| *attempt == 2));
}

pub fn no_more_runs_are_accepted_than_may_be_unfinished(given: &Given) {
    let deployed = given.deployed("acme");
    let accept = || given.stores.accept(&given.new_run(&deployed), of_deployment(2));
    let first = given.new_run(&deployed);
    given.stores.accept(&first, of_deployment(2)).unwrap();
    accept().unwrap();
    let full = accept().unwrap_err();
    let ChangeError::Refused(TooManyExecutions::OfDeployment { limit: 2 }) = full else {
        panic!("{full:?}")
    };
    // Another deployment has places of its own, and a finished run leaves its place.
    let other = given.deployed("other");
    given.stores.accept(&given.new_run(&other), of_deployment(1)).unwrap();
    let cancelled = given.move_by(&first, first.state, Event::Cancel);
    assert!(given.stores.save_move(&cancelled).unwrap());
    accept().unwrap();
    accept().unwrap_err();
    given.stores.accept(&given.new_run(&deployed), RunLimits::default()).unwrap();
}

fn of_deployment(limit: u32) -> RunLimits {
    RunLimits { deployment: Some(limit), organization: None }
}

fn of_organization(limit: u32) -> RunLimits {
    RunLimits { deployment: None, organization: Some(limit) }
}

pub fn an_organizations_bound_counts_the_runs_of_all_its_deployments(given: &Given) {
    let deployed = given.deployed("acme");
    let sibling = given.sibling(&deployed);
    let stranger = given.deployed("other");
    given.stores.accept(&given.new_run(&stranger), of_organization(1)).unwrap();
    let first = given.new_run(&deployed);
    given.stores.accept(&first, of_organization(2)).unwrap();
    given.stores.accept(&given.new_run(&sibling), of_organization(2)).unwrap();
    let full = given.stores.accept(&given.new_run(&sibling), of_organization(2)).unwrap_err();
    let ChangeError::Refused(TooManyExecutions::OfOrganization { limit: 2 }) = full else {
        panic!("{full:?}")
    };
    let cancelled = given.move_by(&first, first.state, Event::Cancel);
    assert!(given.stores.save_move(&cancelled).unwrap());
    let both = RunLimits { deployment: Some(1), organization: Some(2) };
    let full = given.stores.accept(&given.new_run(&sibling), both).unwrap_err();
    let ChangeError::Refused(TooManyExecutions::OfDeployment { limit: 1 }) = full else {
        panic!("{full:?}")
    };
    given.stores.accept(&given.new_run(&deployed), both).unwrap();
}

pub fn sixteen_callers_at_once_do_not_pass_by_the_last_place(given: &Given) {
    let deployed = given.deployed("acme");
    let sibling = given.sibling(&deployed);
    let both = RunLimits { deployment: Some(7), organization: Some(5) };
    let accepted = at_once(16, |n| {
        let of = if n % 2 == 0 { &deployed } else { &sibling };
        given.stores.accept(&given.new_run(of), both).is_ok()
    });
    assert_eq!(accepted.into_iter().filter(|accepted| *accepted).count(), 5);
    let deployed = given.deployed("other");
    let accepted =
        at_once(16, |_| given.stores.accept(&given.new_run(&deployed), of_deployment(5)).is_ok());
    assert_eq!(accepted.into_iter().filter(|accepted| *accepted).count(), 5);
}
