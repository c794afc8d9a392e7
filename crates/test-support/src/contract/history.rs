//! Runs as those see them who manage what they are runs of.

use std::time::Duration;

use access_domain::{Action, OrganizationSettings, PageRequest, Visibility};
use deployments_domain::{
    Event, HistoryFilter, Inclusion, NewRun, Retention, RunEnd, RunMove, Status, Trigger,
    TriggerKind,
};
use serde_json::json;

use super::{
    Given,
    given::{ALL, Deployed, OTHER, SOMEBODY, first, step},
};

const HOUR: Duration = Duration::from_secs(3600);

fn finished(given: &Given, deployed: &Deployed) -> NewRun {
    let run = given.executing(deployed);
    let steps = vec![
        step(0, "a", given.now(), given.now() + Duration::from_millis(7), Ok(json!({"n": 1}))),
        step(1, "b", given.now(), given.now(), Err("went wrong".into())),
    ];
    let end = Some(RunEnd::Result(json!("done")));
    let done = RunMove { end, steps, ..given.move_by(&run, run.state, Event::Succeed) };
    assert!(given.stores.save_move(&done).unwrap());
    run
}

fn trial(given: &Given, deployed: &Deployed) -> NewRun {
    let run = NewRun { trigger: Trigger::Test { by: SOMEBODY }, ..given.new_run(deployed) };
    given.stores.accept(&run, Default::default()).unwrap();
    run
}

/// The ids of the listed runs.
fn listed(
    given: &Given,
    deployed: &Deployed,
    who: Visibility,
    filter: HistoryFilter,
) -> Vec<String> {
    let page =
        given.stores.list_executions(deployed.organization, who, &filter, first(50)).unwrap();
    page.items.into_iter().map(|run| run.id.to_string()).collect()
}

/// Runs of one organization, in their order: ended well, waiting for a sibling's key, tried out, executing.
fn four_runs(given: &Given, deployed: &Deployed, sibling: &Deployed) -> Vec<NewRun> {
    let turn = |number| {
        given.clock.advance(Duration::from_millis(3));
        match number {
            0 => finished(given, deployed),
            1 => given.accepted(sibling),
            2 => trial(given, deployed),
            _ => given.executing(deployed),
        }
    };
    (0..4).map(turn).collect()
}

pub fn runs_are_listed_newest_first_in_pages(given: &Given) {
    let deployed = given.deployed("acme");
    let runs = four_runs(given, &deployed, &given.sibling(&deployed));
    given.accepted(&given.deployed("other"));
    let page = |after| {
        let (page, all) = (PageRequest { after, limit: 3 }, HistoryFilter::default());
        given.stores.list_executions(deployed.organization, ALL, &all, page).unwrap()
    };
    let first = page(None);
    let ids: Vec<_> = first.items.iter().map(|run| run.id).collect();
    assert_eq!(ids, [runs[3].id, runs[2].id, runs[1].id]);
    let rest = page(first.next);
    assert_eq!((rest.items.len(), rest.items[0].id, rest.next), (1, runs[0].id, None));
}

pub fn runs_are_listed_by_filter(given: &Given) {
    let deployed = given.deployed("acme");
    let other = given.deployed("other");
    let sibling = given.sibling(&deployed);
    let began = given.now();
    let runs = four_runs(given, &deployed, &sibling);
    let all = HistoryFilter::default;
    let check = |filter: HistoryFilter, expected: &[usize]| {
        let ids = listed(given, &deployed, ALL, filter.clone());
        let index = |id: &String| runs.iter().position(|run| run.id.to_string() == *id).unwrap();
        assert_eq!(ids.iter().map(index).collect::<Vec<_>>(), expected, "{filter:?}");
    };
    check(all(), &[3, 2, 1, 0]);
    check(HistoryFilter { deployment: Some(deployed.deployment.id), ..all() }, &[3, 0]);
    check(HistoryFilter { workflow: Some(deployed.workflow.id), ..all() }, &[3, 2, 1, 0]);
    check(HistoryFilter { workflow: Some(other.workflow.id), ..all() }, &[]);
    check(HistoryFilter { key: sibling.trigger().key(), ..all() }, &[1]);
    for (status, expected) in [
        (Status::Completed, [0].as_slice()),
        (Status::Pending, &[2, 1]),
        (Status::Executing, &[3]),
        (Status::Error, &[]),
    ] {
        check(HistoryFilter { status: Some(status), ..all() }, expected);
    }
    check(HistoryFilter { trigger: Some(TriggerKind::Test), ..all() }, &[2]);
    check(HistoryFilter { trigger: Some(TriggerKind::Call), ..all() }, &[3, 1, 0]);
    let (from, to) = (Some(runs[1].created_at), Some(runs[3].created_at));
    check(HistoryFilter { from, to, ..all() }, &[2, 1]);
    check(HistoryFilter { to: Some(began), ..all() }, &[]);
}

pub fn whoever_sees_only_their_own_sees_no_other_run(given: &Given) {
    let deployed = given.deployed("acme");
    let (called, tried) = (given.accepted(&deployed), trial(given, &deployed));
    let (own, others) = (Visibility::Member(SOMEBODY), Visibility::Member(OTHER));
    let all = HistoryFilter::default;
    assert_eq!(listed(given, &deployed, own, all()).len(), 2);
    assert!(listed(given, &deployed, others, all()).is_empty());
    let seen = |organization, who, run: &NewRun| {
        let nothing = Inclusion::default();
        let detail = given.stores.find_detail(organization, who, run.id, nothing).unwrap();
        let record = given.stores.find_run_record(organization, who, run.id).unwrap();
        assert_eq!(detail.as_ref().map(|one| &one.execution), record.as_ref());
        record.is_some()
    };
    for run in [&called, &tried] {
        assert!(seen(deployed.organization, own, run) && seen(deployed.organization, ALL, run));
        assert!(!seen(deployed.organization, others, run) && !seen(given.any_id(), ALL, run));
    }
    let trial_of = |who| given.stores.find_trial(deployed.organization, who, deployed.workflow.id);
    assert!(trial_of(others).unwrap().is_none());
    assert_eq!(trial_of(own).unwrap().unwrap().version, deployed.workflow.version);
    // What was deleted is history as well.
    let (organization, deployment) = (deployed.organization, deployed.deployment.id);
    given.stores.delete_deployment(organization, ALL, deployment, &given.deed()).unwrap();
    assert!(seen(organization, own, &called));
}

pub fn a_run_is_told_with_its_steps_and_with_what_is_asked_for(given: &Given) {
    let deployed = given.deployed("acme");
    let run = finished(given, &deployed);
    let look = |wanted| {
        given.stores.find_detail(deployed.organization, ALL, run.id, wanted).unwrap().unwrap()
    };
    let bare = look(Inclusion::default());
    assert_eq!((bare.input, bare.parameters, bare.result), (None, None, None));
    assert!(bare.has_payload && !bare.has_more_steps);
    let states: Vec<_> = bare.steps.iter().map(|step| step.record.state.as_str()).collect();
    assert_eq!(states, ["SUCCEEDED", "FAILED"]);
    assert!(bare.steps.iter().all(|step| step.output.is_none()));
    let whole = look(Inclusion { input: true, outputs: true, result: true });
    assert_eq!((whole.input, whole.result), (Some(run.input.clone()), Some(json!("done"))));
    assert_eq!(whole.parameters, Some(run.parameters.clone()));
    let outputs: Vec<_> = whole.steps.into_iter().map(|step| step.output).collect();
    assert_eq!(outputs, [Some(json!({"n": 1})), None]);
}

fn keep(given: &Given, of: &Deployed, result_hours: Option<u32>, record_days: Option<u32>) {
    let rule = |old: &OrganizationSettings| {
        Ok(OrganizationSettings { result_hours, record_days, ..old.clone() })
    };
    let act = given.act(Action::OrganizationChanged);
    given.stores.change_organization(of.organization, &rule, &act).unwrap();
}

pub fn each_organization_keeps_results_and_records_for_as_long_as_it_wants(given: &Given) {
    let (short, long, silent) =
        (given.deployed("short"), given.deployed("long"), given.deployed("silent"));
    keep(given, &short, Some(1), Some(1));
    // Its records go first, and its payloads with them.
    keep(given, &long, Some(100), Some(2));
    let unfinished = given.accepted(&short);
    let runs = [&short, &long, &silent].map(|of| (of, finished(given, of)));
    let kept = Retention { results: 3 * HOUR, records: 72 * HOUR };
    let stands = || {
        runs.iter()
            .map(|(of, run)| {
                let found =
                    given.stores.find_detail(of.organization, ALL, run.id, Inclusion::default());
                found.unwrap().map(|detail| detail.has_payload)
            })
            .collect::<Vec<_>>()
    };
    let sweep = || {
        while given.stores.delete_old_payloads(given.now(), kept, 1).unwrap() > 0 {}
        while given.stores.delete_old_records(given.now(), kept, 1).unwrap() > 0 {}
    };
    let at = |hours: u32, before: u32| {
        given.clock.advance(HOUR * (hours - before) + Duration::from_millis(1));
        sweep();
        stands()
    };
    assert_eq!(at(1, 0), [Some(false), Some(true), Some(true)]);
    assert_eq!(at(3, 1), [Some(false), Some(true), Some(false)]);
    assert_eq!(at(24, 3), [None, Some(true), Some(false)]);
    assert_eq!(at(48, 24), [None, None, Some(false)]);
    assert_eq!(at(72, 48), [None, None, None]);
    let waiting = given.stores.find_run_record(short.organization, ALL, unfinished.id).unwrap();
    assert_eq!(waiting.unwrap().state.status, Status::Pending);
}
