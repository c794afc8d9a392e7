//! Requests that may be sent again: what is remembered of them, and that none is done twice.

use std::time::Duration;

use access_domain::{
    Act, Action, ChangeError, IdempotencyRecord, KeyRing, ListFilter, OrganizationId,
    PlatformKeyChange, Repeatable, RequestName, StoreError,
};
use deployments_domain::{DeploymentRefusal, NewRun, RunLimits};
use keys_core::Slot;

use super::{
    Given, at_once,
    given::{ALL, first},
};

/// The request of this number, with a body of the same number.
fn request(number: u8) -> Repeatable {
    Repeatable { name: [number; 32].into(), body: [number; 32].into() }
}

/// Something that is asked for by this request.
fn asked(given: &Given, request: Repeatable) -> Act {
    Act { repeatable: Some(request), ..given.act(Action::WorkflowCreated) }
}

/// What is remembered of the request of this number.
fn remembered(
    given: &Given,
    organization: OrganizationId,
    number: u8,
) -> Option<IdempotencyRecord> {
    let name = RequestName::from([number; 32]);
    let forgotten = IdempotencyRecord::forgotten_by(given.now());
    given.stores.find_record(organization, &name, forgotten).unwrap()
}

/// No bound but that of the deployment.
fn room_for(runs: u32) -> RunLimits {
    RunLimits { deployment: Some(runs), organization: None }
}

fn workflows(given: &Given, organization: OrganizationId) -> usize {
    given
        .stores
        .list_workflows(organization, ALL, &ListFilter::default(), first(100))
        .unwrap()
        .items
        .len()
}

pub fn a_request_is_remembered_by_what_it_has_made(given: &Given) {
    let deployed = given.deployed("acme");
    let organization = deployed.organization;
    let made = |number| {
        let record = remembered(given, organization, number).unwrap();
        assert_eq!(record.body, [number; 32].into());
        (record.made, record.made_along)
    };
    let workflow = given.new_workflow(organization);
    given.stores.create_workflow(&workflow, &asked(given, request(1))).unwrap();
    assert_eq!(made(1), (workflow.id.uuid(), None));

    let deployment = given.new_deployment(&workflow, "invoices");
    let key = given.new_deployment_key();
    let act = asked(given, request(2));
    given.stores.create_deployment(ALL, &deployment, &key, &act).unwrap();
    assert_eq!(made(2), (deployment.id.uuid(), Some(key.key.id.uuid())));

    let key = given.new_organization_key("k");
    let act = asked(given, request(3));
    given.stores.create_key(organization, KeyRing::Organization, &key, &act).unwrap();
    assert_eq!(made(3), (key.key.id.uuid(), None));

    let (key, act) = (given.new_key(), asked(given, request(4)));
    let change = PlatformKeyChange::Generate { slot: Slot::Two, activate: true, key: key.clone() };
    let rule = |_: &_| Ok(change.clone());
    given.stores.change_platform_keys(organization, &rule, &act).unwrap();
    assert_eq!(made(4), (key.id.uuid(), None));

    let run = NewRun { repeatable: Some(request(5)), ..given.new_run(&deployed) };
    given.stores.accept(&run, RunLimits::default()).unwrap();
    assert_eq!(made(5), (run.id.uuid(), None));
    assert_eq!(remembered(given, organization, 6), None);
}

pub fn a_request_that_was_done_does_nothing_again(given: &Given) {
    let organization = given.organization("acme");
    let (one, two) = (given.new_workflow(organization), given.new_workflow(organization));
    given.stores.create_workflow(&one, &asked(given, request(1))).unwrap();
    let other_body = Repeatable { body: [9; 32].into(), ..request(1) };
    for again in [request(1), other_body] {
        let before = given.audit().store.list_entries(organization, &<_>::default(), first(100));
        let refused = given.stores.create_workflow(&two, &asked(given, again)).unwrap_err();
        assert!(matches!(refused, StoreError::Repeated { .. }), "{refused:?}");
        assert_eq!(workflows(given, organization), 1);
        let after = given.audit().store.list_entries(organization, &<_>::default(), first(100));
        assert_eq!(before.unwrap().items, after.unwrap().items);
    }
    let record = remembered(given, organization, 1).unwrap();
    assert_eq!((record.made, record.body), (one.id.uuid(), [1; 32].into()));
}

pub fn a_refused_request_is_not_remembered(given: &Given) {
    let deployed = given.deployed("acme");
    let taken = given.new_deployment(&deployed.workflow, "orders");
    let act = || asked(given, request(1));
    let key = given.new_deployment_key();
    let refused = given.stores.create_deployment(ALL, &taken, &key, &act()).unwrap_err();
    assert!(matches!(refused, ChangeError::Refused(DeploymentRefusal::ApiNameTaken)));
    let full = NewRun { repeatable: Some(request(2)), ..given.new_run(&deployed) };
    given.stores.accept(&full, room_for(0)).unwrap_err();
    for number in [1, 2] {
        assert_eq!(remembered(given, deployed.organization, number), None);
    }
    let free = given.new_deployment(&deployed.workflow, "invoices");
    given.stores.create_deployment(ALL, &free, &key, &act()).unwrap();
    given.stores.accept(&full, RunLimits::default()).unwrap();
}

pub fn a_request_of_another_organization_is_another(given: &Given) {
    let [one, two] = ["one", "two"].map(|slug| given.organization(slug));
    for organization in [one, two] {
        let workflow = given.new_workflow(organization);
        given.stores.create_workflow(&workflow, &asked(given, request(1))).unwrap();
        assert_eq!(remembered(given, organization, 1).unwrap().made, workflow.id.uuid());
    }
}

pub fn a_forgotten_request_is_done_anew(given: &Given) {
    let organization = given.organization("acme");
    let (one, two) = (given.new_workflow(organization), given.new_workflow(organization));
    given.stores.create_workflow(&one, &asked(given, request(1))).unwrap();
    given.clock.advance(Duration::from_secs(24 * 3600) - Duration::from_micros(1));
    assert!(remembered(given, organization, 1).is_some());
    given.stores.create_workflow(&two, &asked(given, request(1))).unwrap_err();
    given.clock.advance(Duration::from_micros(1));
    assert_eq!(remembered(given, organization, 1), None);
    let anew = Repeatable { body: [9; 32].into(), ..request(1) };
    given.stores.create_workflow(&two, &asked(given, anew)).unwrap();
    let record = remembered(given, organization, 1).unwrap();
    assert_eq!((record.made, record.body), (two.id.uuid(), [9; 32].into()));
}

pub fn old_records_are_deleted_in_portions_and_others_stay(given: &Given) {
    let organization = given.organization("acme");
    let remember = |number| {
        let workflow = given.new_workflow(organization);
        given.stores.create_workflow(&workflow, &asked(given, request(number))).unwrap();
    };
    (1..=4).for_each(remember);
    given.clock.advance(Duration::from_secs(1));
    remember(5);
    given.clock.advance(Duration::from_secs(24 * 3600) - Duration::from_secs(1));
    let forgotten = IdempotencyRecord::forgotten_by(given.now());
    let delete = || given.stores.delete_records(forgotten, 3).unwrap();
    assert_eq!([delete(), delete(), delete()], [3, 1, 0]);
    assert!(remembered(given, organization, 5).is_some());
    assert_eq!(workflows(given, organization), 5);
}

pub fn of_sixteen_times_the_same_request_at_once_one_is_done(given: &Given) {
    let deployed = given.deployed("acme");
    let organization = deployed.organization;
    let before = workflows(given, organization);
    let made = at_once(16, |_| {
        let workflow = given.new_workflow(organization);
        let made = given.stores.create_workflow(&workflow, &asked(given, request(1)));
        done(made).then(|| workflow.id.uuid())
    });
    assert_eq!(workflows(given, organization), before + 1);
    check(&made, remembered(given, organization, 1));

    let runs = at_once(16, |_| {
        let run = NewRun { repeatable: Some(request(2)), ..given.new_run(&deployed) };
        let accepted = given.stores.accept(&run, room_for(1));
        // Who waited for the first at the bound finds no room, and who did not finds its record.
        accepted.is_ok().then(|| run.id.uuid())
    });
    check(&runs, remembered(given, organization, 2));

    // Requests that have nothing to do with each other do not hinder each other either.
    let made = at_once(16, |thread| {
        let number = u8::try_from(thread).unwrap() + 100;
        let workflow = given.new_workflow(organization);
        done(given.stores.create_workflow(&workflow, &asked(given, request(number))))
    });
    assert_eq!(made, [true; 16]);
}

fn done(made: Result<(), StoreError>) -> bool {
    match made {
        Ok(()) => true,
        Err(StoreError::Repeated { .. }) => false,
        Err(error) => panic!("{error:?}"),
    }
}

#[track_caller]
fn check(made: &[Option<uuid::Uuid>], record: Option<IdempotencyRecord>) {
    let made: Vec<_> = made.iter().flatten().copied().collect();
    assert_eq!(made, [record.unwrap().made]);
}
