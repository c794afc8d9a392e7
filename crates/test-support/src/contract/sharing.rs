//! Sharing: who sees what others made, and who may change it.

use access_domain::{
    Action, AdminAccount, ChangeError, KeyChange, KeyRing, ListFilter, OrganizationId,
    OrganizationSettings, User, Visibility,
};
use deployments_domain::{
    Deployment, DeploymentRefusal, HistoryFilter, Schedule, ScheduleRefusal, Shareable, Sharing,
    SharingDraft, SharingRefusal, Workflow,
};
use serde_json::{Map, json};

use super::{
    Given, at_once,
    given::{ALL, Deployed, SOMEBODY, first},
};

/// Who made everything here.
const OWNER: Visibility = Visibility::Member(SOMEBODY);

/// A deployed workflow, and a member who made nothing of it.
struct Shared {
    deployed: Deployed,
    member: User,
}

impl Shared {
    fn new(given: &Given) -> Self {
        let new = given.new_organization("acme");
        given.create(&new);
        let organization = new.organization.id;
        let AdminAccount::New(member, _) = new.admin else { unreachable!() };
        let workflow = given.workflow(organization);
        let deployment = given.new_deployment(&workflow, "orders");
        let key = given.new_deployment_key();
        given.stores.create_deployment(ALL, &deployment, &key, &given.deed()).unwrap();
        Self { deployed: Deployed { organization, workflow, deployment, key }, member }
    }

    /// As much as the member sees who is no administrator.
    fn eyes(&self) -> Visibility {
        Visibility::Member(self.member.id.uuid())
    }

    fn organization(&self) -> OrganizationId {
        self.deployed.organization
    }

    fn both(&self) -> [Shareable; 2] {
        let Deployed { workflow, deployment, .. } = &self.deployed;
        [Shareable::Workflow(workflow.id), Shareable::Deployment(deployment.id)]
    }

    fn with_member(&self) -> SharingDraft {
        SharingDraft { users: vec![self.member.id.uuid().to_string()], everyone: false }
    }
}

fn share(
    given: &Given,
    shared: &Shared,
    what: Shareable,
    draft: &SharingDraft,
) -> Result<Sharing, ChangeError<SharingRefusal>> {
    let act = given.act(Action::WorkflowShared);
    given.stores.share(shared.organization(), OWNER, what, draft, &act)
}

/// Whether the member sees the workflow, the deployment, and the run.
fn sees(given: &Given, shared: &Shared) -> [usize; 3] {
    let (organization, eyes) = (shared.organization(), shared.eyes());
    let Deployed { workflow, deployment, .. } = &shared.deployed;
    let workflows = given
        .stores
        .list_workflows(organization, eyes, &ListFilter::default(), first(10))
        .unwrap()
        .items;
    let deployments = given
        .stores
        .list_deployments(organization, eyes, &ListFilter::default(), first(10))
        .unwrap()
        .items;
    let filter = HistoryFilter::default();
    let runs = given.stores.list_executions(organization, eyes, &filter, first(10)).unwrap().items;
    let workflow = given.stores.find_workflow(organization, eyes, workflow.id).unwrap();
    let deployment = given.stores.find_deployment(organization, eyes, deployment.id).unwrap();
    let ring = KeyRing::Deployment(shared.deployed.deployment.id, eyes);
    let key = given.stores.find_managed_key(organization, ring, shared.deployed.key.key.id);
    assert_eq!(workflow.is_some(), !workflows.is_empty());
    assert_eq!(deployment.is_some(), !deployments.is_empty());
    assert_eq!(key.unwrap().is_some(), deployment.is_some());
    [workflows.len(), deployments.len(), runs.len()]
}

pub fn what_is_shared_with_a_member_is_seen_until_it_is_not(given: &Given) {
    let shared = Shared::new(given);
    given.accepted(&shared.deployed);
    let [workflow, deployment] = shared.both();
    assert_eq!(sees(given, &shared), [0, 0, 0]);
    let draft = shared.with_member();
    let sharing = share(given, &shared, workflow, &draft).unwrap();
    assert_eq!(sharing, Sharing { users: vec![shared.member.id], everyone: false });
    assert_eq!(sees(given, &shared), [1, 0, 0], "the run is of a deployment that is not shared");
    share(given, &shared, deployment, &draft).unwrap();
    assert_eq!(sees(given, &shared), [1, 1, 1]);
    for what in shared.both() {
        assert_eq!(share(given, &shared, what, &draft).unwrap().users.len(), 1, "it is again");
        share(given, &shared, what, &SharingDraft::default()).unwrap();
    }
    assert_eq!(sees(given, &shared), [0, 0, 0]);
}

pub fn what_is_shared_with_everyone_is_seen_by_everyone_of_the_organization(given: &Given) {
    let shared = Shared::new(given);
    let other = given.organization("other");
    let everyone = SharingDraft { users: Vec::new(), everyone: true };
    for what in shared.both() {
        share(given, &shared, what, &everyone).unwrap();
        let told = given.stores.find_sharing(shared.organization(), OWNER, what).unwrap();
        assert_eq!(told, Some((SOMEBODY, Sharing { users: Vec::new(), everyone: true })));
        assert_eq!(given.stores.find_sharing(other, ALL, what).unwrap(), None);
    }
    assert_eq!(sees(given, &shared), [1, 1, 0]);
    let elsewhere = given
        .stores
        .list_workflows(other, shared.eyes(), &ListFilter::default(), first(10))
        .unwrap();
    assert_eq!(elsewhere.items, []);
}

pub fn with_whom_things_are_shared_is_told_of_many_at_once_in_their_order(given: &Given) {
    let shared = Shared::new(given);
    let [workflow, deployment] = shared.both();
    let other = Shareable::Workflow(given.workflow(shared.organization()).id);
    share(given, &shared, deployment, &shared.with_member()).unwrap();
    share(given, &shared, other, &SharingDraft { users: Vec::new(), everyone: true }).unwrap();
    let asked = [other, workflow, deployment];
    let told = given.stores.sharings(shared.organization(), &asked).unwrap();
    let of = |users, everyone| Sharing { users, everyone };
    let member = vec![shared.member.id];
    assert_eq!(told, [of(vec![], true), Sharing::default(), of(member, false)]);
    let there = given.organization("there");
    assert_eq!(given.stores.sharings(there, &asked).unwrap(), vec![Sharing::default(); 3]);
}

pub fn nothing_is_shared_with_whoever_is_no_member(given: &Given) {
    let shared = Shared::new(given);
    let there = given.new_organization("there");
    given.create(&there);
    let AdminAccount::New(stranger, _) = there.admin else { unreachable!() };
    let users = vec![
        shared.member.username.to_string(),
        stranger.username.to_string(),
        stranger.id.uuid().to_string(),
        "nobody".into(),
    ];
    let draft = SharingDraft { users, everyone: true };
    for what in shared.both() {
        let refused = share(given, &shared, what, &draft);
        let Err(ChangeError::Refused(SharingRefusal::Faults { faults })) = refused else {
            panic!("{refused:?}")
        };
        let places: Vec<_> = faults.into_iter().map(|fault| fault.pointer).collect();
        assert_eq!(places, ["/users/1", "/users/2", "/users/3"]);
    }
    assert_eq!(sees(given, &shared), [0, 0, 0], "nothing was saved");
}

pub fn what_is_shared_is_its_owners_to_change(given: &Given) {
    let shared = Shared::new(given);
    let (organization, eyes, act) = (shared.organization(), shared.eyes(), given.deed());
    let Deployed { workflow, deployment, key, .. } = &shared.deployed;
    let refusals = || -> [String; 8] {
        let same_workflow = |workflow: &Workflow| Ok(workflow.clone());
        let same_deployment = |deployment: &Deployment| Ok(deployment.clone());
        let stores = &given.stores;
        let [one, two] = shared.both();
        let ring = KeyRing::Deployment(deployment.id, eyes);
        let at = given.now();
        [
            said(stores.change_workflow(organization, eyes, workflow.id, &same_workflow, &act)),
            said(stores.delete_workflow(organization, eyes, workflow.id, &|_| Ok(()), &act)),
            said(stores.set_schedule(eyes, &schedule(given, workflow), &act)),
            said(stores.change_deployment(
                organization,
                eyes,
                deployment.id,
                &same_deployment,
                &act,
            )),
            said(stores.create_key(organization, ring, &given.new_deployment_key(), &act)),
            said(stores.change_key(
                organization,
                ring,
                key.key.id,
                &|_| Ok(KeyChange::Delete { at }),
                &act,
            )),
            said(stores.share(organization, eyes, one, &SharingDraft::default(), &act)),
            said(stores.share(organization, eyes, two, &SharingDraft::default(), &act)),
        ]
    };
    assert!(refusals().iter().all(|refusal| refusal.contains("NotFound")), "{:?}", refusals());
    for what in shared.both() {
        share(given, &shared, what, &shared.with_member()).unwrap();
    }
    assert!(refusals().iter().all(|refusal| refusal.contains("NotOwner")), "{:?}", refusals());
    let removed = given.stores.remove_schedule(organization, eyes, workflow.id, &act);
    assert!(matches!(removed, Err(ChangeError::Refused(ScheduleRefusal::NotOwner(_)))));
    let deleted = given.stores.delete_deployment(organization, eyes, deployment.id, &act);
    assert!(matches!(deleted, Err(ChangeError::Refused(DeploymentRefusal::NotOwner(_)))));
    given.stores.delete_deployment(organization, OWNER, deployment.id, &act).unwrap();
}

fn said<T: std::fmt::Debug, R: std::error::Error>(done: Result<T, ChangeError<R>>) -> String {
    format!("{:?}", done.unwrap_err())
}

fn schedule(given: &Given, workflow: &Workflow) -> Schedule {
    Schedule {
        workflow: workflow.id,
        organization: workflow.organization,
        cron: "0 0 * * *".into(),
        is_active: true,
        timeout_seconds: 60,
        input: json!({}),
        parameters: Map::new(),
        next_run_at: None,
        last_run_at: None,
        last_execution: None,
        last_skipped_at: None,
        modified_at: given.now(),
    }
}

pub fn a_shared_workflow_is_deployed_where_users_may_deploy(given: &Given) {
    let shared = Shared::new(given);
    let (organization, eyes) = (shared.organization(), shared.eyes());
    let deploy = |api_name: &str, eyes| {
        let deployment = given.new_deployment(&shared.deployed.workflow, api_name);
        let key = given.new_deployment_key();
        given.stores.create_deployment(eyes, &deployment, &key, &given.deed())
    };
    let unknown = deploy("theirs", eyes);
    assert!(matches!(unknown, Err(ChangeError::Refused(DeploymentRefusal::UnknownWorkflow))));
    share(given, &shared, shared.both()[0], &shared.with_member()).unwrap();
    deploy("theirs", eyes).unwrap();
    let only_admins = |settings: &OrganizationSettings| {
        Ok(OrganizationSettings { users_may_deploy: false, ..settings.clone() })
    };
    let settings =
        given.stores.change_organization(organization, &only_admins, &given.deed()).unwrap();
    assert!(!settings.users_may_deploy);
    let refused = deploy("another", eyes);
    assert!(matches!(refused, Err(ChangeError::Refused(DeploymentRefusal::AdminsDeploy))));
    deploy("an_admins", ALL).unwrap();
}

pub fn who_made_what_a_run_is_of_is_told(given: &Given) {
    let shared = Shared::new(given);
    let run = given.accepted(&shared.deployed);
    let owner = |organization| given.stores.find_owner(organization, run.id).unwrap();
    assert_eq!(owner(shared.organization()), Some(SOMEBODY));
    assert_eq!(owner(given.organization("other")), None);
}

pub fn of_eight_that_share_at_once_the_last_one_counts(given: &Given) {
    let shared = Shared::new(given);
    let what = shared.both()[0];
    let drafts = [shared.with_member(), SharingDraft { users: Vec::new(), everyone: true }];
    let told = at_once(8, |number| share(given, &shared, what, &drafts[number % 2]).unwrap());
    let (_, last) = given.stores.find_sharing(shared.organization(), OWNER, what).unwrap().unwrap();
    assert!(told.contains(&last), "{last:?}");
}
