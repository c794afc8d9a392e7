//! What is noted of each change, by the transaction that makes it.

use access_domain::{
    Action, Actor, ActorKind, AuditEntry, AuditFilter, ChangeError, Flush, KeyChange, KeyRefusal,
    KeyRing, KeyTerms, NewKey, NewManagedKey, OrganizationId, Origin, PlatformKeyChange,
    PlatformKeyRefusal, Refusal, RefusalLog as _, Revocation, SearchText,
};
use deployments_domain::{Deployment, DeploymentRefusal, Workflow, WorkflowRefusal};
use keys_core::Slot;
use std::time::Duration;

use super::{
    Given,
    given::{ALL, SOMEBODY, first},
};

/// Everything that is noted, newest last.
fn noted(given: &Given, organization: OrganizationId) -> Vec<AuditEntry> {
    let page = given.stores.list_entries(organization, &AuditFilter::default(), first(100));
    page.unwrap().items.into_iter().rev().collect()
}

/// Action, kind and name of what is noted since `before` entries.
fn told(given: &Given, organization: OrganizationId, before: usize) -> Vec<[String; 3]> {
    let new = noted(given, organization).into_iter().skip(before);
    new.map(|entry| [entry.action, entry.subject_kind, entry.subject_name]).collect()
}

#[track_caller]
fn check(told: &[[String; 3]], expected: &[[&str; 3]]) {
    let told: Vec<[&str; 3]> =
        told.iter().map(|row| row.each_ref().map(|it| it.as_str())).collect();
    assert_eq!(told, expected);
}

pub fn a_new_organization_begins_its_history(given: &Given) {
    let organization = given.organization("acme");
    let entries = noted(given, organization);
    let [entry] = entries.as_slice() else { panic!("{entries:?}") };
    assert_eq!(entry.organization_id, organization.uuid().to_string());
    assert_eq!(entry.subject_id.as_deref(), Some(entry.organization_id.as_str()));
    assert_eq!((entry.actor_kind.as_str(), &entry.actor_id), ("command_line", &None));
    assert_eq!((entry.at, entry.occurrences), (given.now().timestamp_micros(), 1));
    check(&told(given, organization, 0), &[["organization.created", "organization", "acme"]]);
}

pub fn each_change_of_workflows_and_deployments_is_noted_with_its_names(given: &Given) {
    let deployed = given.deployed("acme");
    let (organization, id) = (deployed.organization, deployed.deployment.id);
    let workflow = deployed.workflow.id;
    let act = |action| {
        // Ids ascend with time; within one millisecond those of two things do not.
        given.clock.advance(Duration::from_millis(1));
        given.act(action)
    };
    let before = noted(given, organization).len();
    let renamed = |before: &Workflow| Ok(Workflow { name: "Renamed".into(), ..before.clone() });
    let changed = act(Action::WorkflowChanged);
    given.stores.change_workflow(organization, ALL, workflow, &renamed, &changed).unwrap();
    let named = |before: &Deployment| Ok(Deployment { api_name: "new".into(), ..before.clone() });
    let changed = act(Action::DeploymentChanged);
    given.stores.change_deployment(organization, ALL, id, &named, &changed).unwrap();
    let deleted = act(Action::DeploymentDeleted);
    given.stores.delete_deployment(organization, ALL, id, &deleted).unwrap();
    let deleted = act(Action::WorkflowDeleted);
    given.stores.delete_workflow(organization, ALL, workflow, &|_| Ok(()), &deleted).unwrap();
    check(
        &told(given, organization, before),
        &[
            ["workflow.changed", "workflow", "Renamed"],
            ["deployment.changed", "deployment", "new"],
            ["deployment.deleted", "deployment", "new"],
            ["workflow.deleted", "workflow", "Renamed"],
        ],
    );
}

pub fn a_deployment_is_noted_with_its_first_key(given: &Given) {
    let workflow = given.workflow(given.organization("acme"));
    let organization = workflow.organization;
    let before = noted(given, organization).len();
    given.clock.advance(Duration::from_millis(1));
    let (deployment, key) = (given.new_deployment(&workflow, "orders"), given.new_deployment_key());
    let act = given.act(Action::DeploymentCreated);
    given.stores.create_deployment(ALL, &deployment, &key, &act).unwrap();
    let mut new = told(given, organization, before);
    new.sort();
    let (of_key, of_deployment) = (
        ["key.created", "deployment_key", "for the shop"],
        ["deployment.created", "deployment", "orders"],
    );
    check(&new, &[of_deployment, of_key]);
}

pub fn each_change_of_a_key_is_noted_and_a_revocation_with_its_reason(given: &Given) {
    let organization = given.organization("acme");
    let ring = KeyRing::Organization;
    let act = |action| {
        given.clock.advance(Duration::from_millis(1));
        given.act(action)
    };
    let new = given.new_organization_key("billing");
    let id = new.key.id;
    given.stores.create_key(organization, ring, &new, &act(Action::KeyCreated)).unwrap();
    let change = |action, change: KeyChange| {
        let rule = |_: &_| Ok(change.clone());
        given.stores.change_key(organization, ring, id, &rule, &act(action)).unwrap();
    };
    let terms = KeyTerms { description: "another".into(), ..new.terms.clone() };
    change(Action::KeyChanged, KeyChange::Terms(terms));
    let (at, reason) = (given.now(), "leaked".to_owned());
    change(Action::KeyRevoked, KeyChange::Revoke(Revocation { at, reason }));
    change(Action::KeyDeleted, KeyChange::Delete { at });
    let entries = noted(given, organization).split_off(1);
    let subject = Some(id.uuid().to_string());
    assert!(entries.iter().all(|entry| entry.subject_id == subject), "{entries:?}");
    let reasons: Vec<_> = entries.iter().map(|entry| entry.reason.as_deref()).collect();
    assert_eq!(reasons, [None, None, Some("leaked"), None]);
    let row = |action| [action, "organization_key", "billing"];
    check(
        &told(given, organization, 1),
        &[row("key.created"), row("key.changed"), row("key.revoked"), row("key.deleted")],
    );
}

pub fn what_changes_in_the_slots_is_noted_and_what_stays_is_not(given: &Given) {
    let organization = given.organization("acme");
    let change = |action, change: PlatformKeyChange| {
        given.clock.advance(Duration::from_millis(1));
        let (rule, act) = (|_: &_| Ok(change.clone()), given.act(action));
        given.stores.change_platform_keys(organization, &rule, &act).unwrap();
    };
    let (slot, key) = (Slot::Two, given.new_key());
    change(Action::PlatformKeyCreated, PlatformKeyChange::Generate { slot, activate: false, key });
    // The first one is active already.
    change(Action::PlatformKeyActivated, PlatformKeyChange::Activate(Some(Slot::One)));
    change(Action::PlatformKeyActivated, PlatformKeyChange::Activate(Some(slot)));
    change(Action::PlatformKeyDeactivated, PlatformKeyChange::Activate(None));
    let (secret, at, revoke_made) = (given.secret(), given.now(), false);
    change(
        Action::PlatformKeyRefreshed,
        PlatformKeyChange::Refresh { slot, secret, at, revoke_made },
    );
    change(Action::PlatformKeyDeleted, PlatformKeyChange::Delete { slot, at, revoke_made });
    let row = |action| [action, "platform_key", "Key #2"];
    check(
        &told(given, organization, 1),
        &[
            row("platform_key.created"),
            row("platform_key.activated"),
            row("platform_key.deactivated"),
            row("platform_key.refreshed"),
            row("platform_key.deleted"),
        ],
    );
}

pub fn keys_that_are_revoked_with_their_maker_are_noted_one_by_one(given: &Given) {
    let organization = given.organization("acme");
    let keys = given.stores.platform_keys(organization).unwrap();
    let mut maker = keys.get(Slot::One).unwrap().id.uuid();
    for name in ["child", "grandchild"] {
        let new = given.new_organization_key(name);
        let new = NewManagedKey { key: NewKey { created_by: Some(maker), ..new.key }, ..new };
        given.stores.create_key(organization, KeyRing::Organization, &new, &given.deed()).unwrap();
        maker = new.key.id.uuid();
    }
    given.clock.advance(Duration::from_millis(1));
    let before = noted(given, organization).len();
    let (slot, secret, at, revoke_made) = (Slot::One, given.secret(), given.now(), true);
    let refresh = PlatformKeyChange::Refresh { slot, secret, at, revoke_made };
    let (rule, act) = (|_: &_| Ok(refresh.clone()), given.act(Action::PlatformKeyRefreshed));
    for _ in 0..2 {
        // The second time there is nothing left to revoke, and the entry is refused with its change.
        let _ = given.stores.change_platform_keys(organization, &rule, &act);
    }
    let mut new = told(given, organization, before);
    new.sort();
    let revoked = |name| ["key.revoked", "organization_key", name];
    let refreshed = ["platform_key.refreshed", "platform_key", "Key #1"];
    check(&new, &[revoked("child"), revoked("grandchild"), refreshed]);
}

pub fn a_refused_change_is_not_noted(given: &Given) {
    let deployed = given.deployed("acme");
    let (organization, ring) = (deployed.organization, deployed.ring());
    let (workflow, id) = (deployed.workflow.id, deployed.deployment.id);
    let before = noted(given, organization);
    let no = |_: &_| Err(WorkflowRefusal::InUse);
    assert!(given.stores.change_workflow(organization, ALL, workflow, &no, &given.deed()).is_err());
    let no = |_| Err(WorkflowRefusal::InUse);
    assert!(given.stores.delete_workflow(organization, ALL, workflow, &no, &given.deed()).is_err());
    let no = |_: &_| Err(DeploymentRefusal::UnknownWorkflow);
    assert!(given.stores.change_deployment(organization, ALL, id, &no, &given.deed()).is_err());
    let (again, key) = (given.new_deployment(&deployed.workflow, "orders"), deployed.key.clone());
    assert!(given.stores.create_deployment(ALL, &again, &key, &given.deed()).is_err());
    given.stores.delete_deployment(organization, ALL, given.id(), &given.deed()).unwrap_err();
    let no = |_: &_| Err(KeyRefusal::Revoked);
    let key = deployed.key.key.id;
    let refused = given.stores.change_key(organization, ring, key, &no, &given.deed());
    assert!(matches!(refused, Err(ChangeError::Refused(KeyRefusal::Revoked))));
    let no = |_: &_| Err(PlatformKeyRefusal::NotItself);
    assert!(given.stores.change_platform_keys(organization, &no, &given.deed()).is_err());
    assert_eq!(noted(given, organization), before);
}

pub fn a_change_that_cannot_be_noted_is_not_made(given: &Given) {
    let workflow = given.workflow(given.organization("acme"));
    let (organization, act) = (workflow.organization, given.deed());
    let change = |name: &str| {
        let rule = |before: &Workflow| Ok(Workflow { name: name.into(), ..before.clone() });
        given.stores.change_workflow(organization, ALL, workflow.id, &rule, &act)
    };
    change("first").unwrap();
    // The id of the entry is taken.
    assert!(matches!(change("second"), Err(ChangeError::Store(_))));
    let found = given.stores.find_workflow(organization, ALL, workflow.id).unwrap().unwrap();
    assert_eq!(found.name, "first");
}

pub fn entries_are_listed_newest_first_in_pages_and_by_filter(given: &Given) {
    let organization = given.organization("acme");
    given.organization("other");
    let mut instants = vec![given.now()];
    for _ in 0..3 {
        given.clock.advance(Duration::from_secs(1));
        instants.push(given.now());
        given.workflow(organization);
    }
    let list = |filter: AuditFilter| {
        given.stores.list_entries(organization, &filter, first(100)).unwrap().items.len()
    };
    let all = noted(given, organization);
    let page = given.stores.list_entries(organization, &AuditFilter::default(), first(3)).unwrap();
    assert!(page.items.iter().eq(all.iter().rev().take(3)));
    let rest = access_domain::PageRequest { after: page.next, limit: 3 };
    let rest = given.stores.list_entries(organization, &AuditFilter::default(), rest).unwrap();
    assert!(rest.items.iter().eq(all.iter().take(1)) && rest.next.is_none());
    let by = AuditFilter::default;
    assert_eq!(list(AuditFilter { action: Some(Action::OrganizationCreated), ..by() }), 1);
    assert_eq!(list(AuditFilter { action: Some(Action::KeyRevoked), ..by() }), 0);
    assert_eq!(list(AuditFilter { actor: Some("nobody".into()), ..by() }), 0);
    let search = SearchText::parse("ACM").unwrap();
    assert_eq!(list(AuditFilter { search, action: Some(Action::OrganizationCreated), ..by() }), 1);
    let search = SearchText::parse("acme%").unwrap();
    assert_eq!(list(AuditFilter { search, ..by() }), 0);
    let (from, to) = (Some(instants[1]), Some(instants[3]));
    assert_eq!(list(AuditFilter { from, to, ..by() }), 2);
}

pub fn refusals_are_counted_by_the_minute_and_noted_when_it_is_over(given: &Given) {
    let (organization, other) = (given.organization("acme"), given.organization("other"));
    let refusals = given.refusals();
    let refuse = |organization, name: &str, reason| {
        let actor = Actor { kind: ActorKind::User, id: Some(SOMEBODY), name: name.into() };
        let (operation, origin) = ("GET /x".into(), Origin::default());
        refusals.note(Refusal { organization, actor, operation, reason, origin });
    };
    for _ in 0..3 {
        refuse(organization, "ada", "admin_required");
    }
    refuse(organization, "ada", "insufficient_scope");
    refuse(other, "ada", "admin_required");
    assert_eq!(refusals.flush(Flush::Closed).unwrap(), 0);
    assert_eq!(noted(given, organization).len(), 1);
    given.clock.advance(Duration::from_secs(60));
    refuse(organization, "ada", "admin_required");
    refusals.flush(Flush::Closed).unwrap();
    let mut seen: Vec<_> = noted(given, organization).split_off(1);
    seen.sort_by_key(|entry| entry.occurrences);
    let seen: Vec<_> = seen
        .iter()
        .map(|entry| (entry.action.as_str(), entry.reason.as_deref(), entry.occurrences))
        .collect();
    let row = |reason, occurrences| ("refused", Some(reason), occurrences);
    assert_eq!(seen, [row("insufficient_scope", 1), row("admin_required", 3)]);
    assert_eq!(noted(given, other).len(), 2);
    refusals.flush(Flush::All).unwrap();
    refusals.flush(Flush::All).unwrap();
    assert_eq!(noted(given, organization).len(), 4);
}

pub fn no_more_kinds_of_refusals_are_kept_than_memory_is_meant_for(given: &Given) {
    let organization = given.organization("acme");
    let refusals = given.refusals();
    for number in 0..10_007 {
        let actor = Actor { kind: ActorKind::User, id: Some(SOMEBODY), name: String::new() };
        let (operation, origin) = (number.to_string(), Origin::default());
        let reason = "admin_required";
        refusals.note(Refusal { organization, actor, operation, reason, origin });
    }
    assert_eq!(refusals.flush(Flush::All).unwrap(), 7);
    assert_eq!(refusals.flush(Flush::All).unwrap(), 0);
}
