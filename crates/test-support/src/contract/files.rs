//! Files that came with runs: kept with the run, given up with its payload.

use std::time::Duration;

use deployments_domain::{
    Event, FileId, FoundFiles, NewRun, Retention, RunEnd, RunFile, RunLimits, RunMove, Status,
};
use serde_json::json;

use super::Given;

fn file(given: &Given, name: &str) -> RunFile {
    RunFile {
        id: given.any_id(),
        name: name.into(),
        media_type: "application/pdf".into(),
        size: 5 << 30,
        sha256: "ab".repeat(32),
    }
}

fn ids(files: &[RunFile]) -> Vec<FileId> {
    files.iter().map(|file| file.id).collect()
}

pub fn a_run_is_claimed_with_its_files_in_their_order(given: &Given) {
    let deployed = given.deployed("acme");
    let files = vec![file(given, "b.pdf"), file(given, "a.pdf")];
    let run = NewRun { files: files.clone(), per_file: true, ..given.new_run(&deployed) };
    given.stores.accept(&run, RunLimits::default()).unwrap();
    let bare = given.accepted(&deployed);
    let claimed = given.stores.claim(2, Duration::from_secs(60), given.now()).unwrap();
    let told: Vec<_> =
        claimed.iter().map(|run| (run.id, run.files.clone(), run.per_file)).collect();
    assert_eq!(told, [(run.id, files.clone(), true), (bare.id, Vec::new(), false)]);
    let found = |organization| given.stores.find_run_files(organization, run.id).unwrap();
    assert_eq!(found(deployed.organization), files);
    let other = given.deployed("other").organization;
    assert_eq!(found(other), Vec::new());
}

pub fn files_are_given_up_with_the_payload_of_their_run_and_stay_on_record(given: &Given) {
    let deployed = given.deployed("acme");
    let accept = || {
        let files = vec![file(given, "a.pdf"), file(given, "b.pdf")];
        let run = NewRun { files, ..given.new_run(&deployed) };
        given.stores.accept(&run, RunLimits::default()).unwrap();
        run
    };
    let (old, unfinished) = (accept(), accept());
    let claimed = given.stores.claim(1, Duration::from_secs(60), given.now()).unwrap();
    let end = Some(RunEnd::Result(json!(1)));
    let done = RunMove { end, ..given.move_by(&old, claimed[0].state, Event::Succeed) };
    assert!(given.stores.save_move(&done).unwrap());
    let unknown = given.any_id();
    let asked = [ids(&old.files), ids(&unfinished.files), vec![unknown]].concat();
    let found = || {
        let FoundFiles { mut kept, mut given_up } = given.stores.find_files(&asked).unwrap();
        kept.sort_by_key(|id| id.uuid());
        given_up.sort_by_key(|id| id.uuid());
        (kept, given_up)
    };
    assert_eq!(found(), ([ids(&old.files), ids(&unfinished.files)].concat(), Vec::new()));

    given.clock.advance(Duration::from_secs(60));
    let retention =
        Retention { results: Duration::from_secs(30), records: Duration::from_secs(90) };
    assert_eq!(given.stores.delete_old_payloads(given.now(), retention, 9).unwrap(), 1);
    assert_eq!(found(), (ids(&unfinished.files), ids(&old.files)));
    let told = given.stores.find_run_files(deployed.organization, old.id).unwrap();
    assert_eq!(told, old.files);

    given.clock.advance(Duration::from_secs(60));
    assert_eq!(given.stores.delete_old_records(given.now(), retention, 9).unwrap(), 1);
    assert_eq!(found(), (ids(&unfinished.files), Vec::new()));
}

pub fn the_last_runs_of_deployments_are_told_with_their_number(given: &Given) {
    use deployments_domain::{DeploymentRuns, LastRun};

    let deployed = given.deployed("acme");
    let sibling = given.sibling(&deployed);
    let runs: Vec<_> = (0..7)
        .map(|_| {
            given.clock.advance(Duration::from_secs(1));
            given.accepted(&deployed)
        })
        .collect();
    let asked = [sibling.deployment.id, deployed.deployment.id];
    let found = given.stores.find_runs_of(deployed.organization, &asked).unwrap();
    let last = runs.iter().skip(2).map(|run| LastRun {
        id: run.id,
        status: Status::Pending,
        created_at: run.created_at,
    });
    let name = deployed.workflow.name.clone();
    let expected = [
        (name.clone(), DeploymentRuns::default()),
        (name, DeploymentRuns { count: 7, last: last.collect() }),
    ];
    assert_eq!(found, expected);
}
