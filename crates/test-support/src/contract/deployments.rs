//! Deployments.

use access_domain::{ChangeError, ListFilter, PageRequest, Visibility};
use deployments_domain::{Deployment, DeploymentRefusal};
use serde_json::Map;

use super::{
    Given,
    given::{ALL, OTHER, SOMEBODY, at_once, first, searching},
};

type Refused<T> = Result<T, ChangeError<DeploymentRefusal>>;

#[track_caller]
fn assert_unknown_workflow<T: std::fmt::Debug>(result: Refused<T>) {
    let error = result.unwrap_err();
    assert!(matches!(error, ChangeError::Refused(DeploymentRefusal::UnknownWorkflow)), "{error:?}");
}

#[track_caller]
fn assert_taken<T: std::fmt::Debug>(result: Refused<T>) {
    let error = result.unwrap_err();
    assert!(matches!(error, ChangeError::Refused(DeploymentRefusal::ApiNameTaken)), "{error:?}");
}

#[track_caller]
fn assert_not_found<T: std::fmt::Debug>(result: Refused<T>) {
    let error = result.unwrap_err();
    assert!(matches!(error, ChangeError::Refused(DeploymentRefusal::NotFound)), "{error:?}");
}

pub fn a_deployment_is_found_as_it_was_saved(given: &Given) {
    let deployed = given.deployed("acme");
    let (organization, id) = (deployed.organization, deployed.deployment.id);
    let found = given.stores.find_deployment(organization, ALL, id).unwrap();
    assert_eq!(found, Some(deployed.deployment));
}

pub fn a_deployment_is_found_by_its_name_in_its_own_organization(given: &Given) {
    let deployed = given.deployed("acme");
    let there = given.organization("other");
    let name = deployed.deployment.api_name.clone();
    let find = |organization, name: &str| {
        given.stores.find_deployment_named(organization, ALL, name).unwrap()
    };
    assert_eq!(find(deployed.organization, &name), Some(deployed.deployment.clone()));
    assert_eq!(find(deployed.organization, &format!("{name}x")), None);
    assert_eq!(find(there, &name), None);
    let id = deployed.deployment.id;
    given.stores.delete_deployment(deployed.organization, ALL, id, &given.deed()).unwrap();
    assert_eq!(find(deployed.organization, &name), None);
}

pub fn a_deployment_is_saved_with_its_first_key_or_not_at_all(given: &Given) {
    let deployed = given.deployed("acme");
    let again = given.new_deployment(&deployed.workflow, "again");
    // The secret of a key that is there already cannot be saved a second time.
    let mut key = given.new_deployment_key();
    key.key.secret = deployed.key.key.secret.clone();
    let result = given.stores.create_deployment(ALL, &again, &key, &given.deed());
    assert!(matches!(result, Err(ChangeError::Store(_))), "{result:?}");
    let found = given.stores.find_deployment(deployed.organization, ALL, again.id).unwrap();
    assert_eq!(found, None);
}

pub fn deployments_are_listed_newest_first_in_pages(given: &Given) {
    let organization = given.organization("acme");
    let workflow = given.workflow(organization);
    let made = ["a", "b", "c"].map(|name| {
        let deployment = given.new_deployment(&workflow, name);
        given
            .stores
            .create_deployment(ALL, &deployment, &given.new_deployment_key(), &given.deed())
            .unwrap();
        deployment.id
    });
    let page =
        given.stores.list_deployments(organization, ALL, &ListFilter::default(), first(2)).unwrap();
    let ids: Vec<_> = page.items.iter().map(|deployment| deployment.id).collect();
    assert_eq!(ids, [made[2], made[1]]);
    let rest = PageRequest { after: page.next, limit: 2 };
    let page =
        given.stores.list_deployments(organization, ALL, &ListFilter::default(), rest).unwrap();
    assert_eq!((page.items[0].id, page.items.len(), page.next), (made[0], 1, None));
}

pub fn deployments_are_searched_by_both_their_names(given: &Given) {
    let (organization, other) = (given.organization("acme"), given.deployed("other"));
    let deploy = |api_name: &str, display_name: &str| {
        let workflow = given.workflow(organization);
        let deployment = Deployment {
            api_name: api_name.into(),
            display_name: display_name.into(),
            ..given.new_deployment(&workflow, api_name)
        };
        let (key, act) = (given.new_deployment_key(), given.deed());
        given.stores.create_deployment(ALL, &deployment, &key, &act).unwrap();
        deployment.id
    };
    let (orders, bills) = (deploy("orders", "What is ordered"), deploy("bills", "Rechnungen"));
    let found = |text: &str| {
        let filter = searching(text);
        let found = given.stores.list_deployments(organization, ALL, &filter, first(9)).unwrap();
        found.items.into_iter().map(|one| one.id).collect::<Vec<_>>()
    };
    assert_eq!(found("ORDER"), [orders]);
    assert_eq!(found("rechnung"), [bills]);
    assert_eq!(found("r"), [bills, orders]);
    let ids = [orders, bills, other.deployment.id];
    let visible = |visibility| {
        let found = given.stores.find_visible_deployments(organization, visibility, &ids);
        let mut found = found.unwrap();
        found.sort();
        found
    };
    assert_eq!(visible(ALL), [orders, bills]);
    assert_eq!(visible(Visibility::Member(OTHER)), []);
}

pub fn whoever_sees_only_their_own_sees_no_other_deployment(given: &Given) {
    let deployed = given.deployed("acme");
    let (organization, id) = (deployed.organization, deployed.deployment.id);
    let see = |visibility| {
        let found = given.stores.find_deployment(organization, visibility, id).unwrap();
        let listed = given
            .stores
            .list_deployments(organization, visibility, &ListFilter::default(), first(9))
            .unwrap();
        (found.is_some(), listed.items.len())
    };
    assert_eq!(see(Visibility::Member(SOMEBODY)), (true, 1));
    assert_eq!(see(Visibility::Member(OTHER)), (false, 0));
    let others = Visibility::Member(OTHER);
    let rule = |deployment: &Deployment| Ok(deployment.clone());
    assert_not_found(given.stores.change_deployment(
        organization,
        others,
        id,
        &rule,
        &given.deed(),
    ));
    assert_not_found(given.stores.delete_deployment(organization, others, id, &given.deed()));
    assert!(given.stores.find_deployment(organization, ALL, id).unwrap().is_some());
}

pub fn another_organization_sees_no_deployment(given: &Given) {
    let deployed = given.deployed("acme");
    let (there, id) = (given.organization("other"), deployed.deployment.id);
    assert_eq!(given.stores.find_deployment(there, ALL, id).unwrap(), None);
    assert!(
        given
            .stores
            .list_deployments(there, ALL, &ListFilter::default(), first(9))
            .unwrap()
            .items
            .is_empty()
    );
    let rule = |deployment: &Deployment| Ok(deployment.clone());
    assert_not_found(given.stores.change_deployment(there, ALL, id, &rule, &given.deed()));
    assert_not_found(given.stores.delete_deployment(there, ALL, id, &given.deed()));
    assert!(given.stores.find_deployment(deployed.organization, ALL, id).unwrap().is_some());
}

pub fn only_a_workflow_that_its_maker_sees_can_be_deployed(given: &Given) {
    let workflow = given.workflow(given.organization("acme"));
    let foreign = given.workflow(given.organization("other"));
    let create = |visibility, deployment: &Deployment| {
        given.stores.create_deployment(
            visibility,
            deployment,
            &given.new_deployment_key(),
            &given.deed(),
        )
    };
    let deployment = given.new_deployment(&workflow, "orders");
    assert_unknown_workflow(create(Visibility::Member(OTHER), &deployment));
    let there = Deployment { workflow: foreign.id, ..deployment.clone() };
    assert_unknown_workflow(create(ALL, &there));
    let nowhere = Deployment { workflow: given.id(), ..deployment.clone() };
    assert_unknown_workflow(create(ALL, &nowhere));
    let unused = |_| Ok(());
    create(Visibility::Member(SOMEBODY), &deployment).unwrap();
    given
        .stores
        .delete_deployment(workflow.organization, ALL, deployment.id, &given.deed())
        .unwrap();
    given
        .stores
        .delete_workflow(workflow.organization, ALL, workflow.id, &unused, &given.deed())
        .unwrap();
    assert_unknown_workflow(create(ALL, &given.new_deployment(&workflow, "later")));
}

pub fn an_api_name_is_unique_in_its_organization_until_it_is_free_again(given: &Given) {
    let deployed = given.deployed("acme");
    given.deployed("other"); // of the same name
    let again = given.new_deployment(&deployed.workflow, "orders");
    let key = given.new_deployment_key();
    assert_taken(given.stores.create_deployment(ALL, &again, &key, &given.deed()));
    let first = deployed.deployment.id;
    given.stores.delete_deployment(deployed.organization, ALL, first, &given.deed()).unwrap();
    given.stores.create_deployment(ALL, &again, &key, &given.deed()).unwrap();
}

pub fn of_eight_deployments_of_one_name_at_once_one_is_made(given: &Given) {
    let organization = given.organization("acme");
    let workflow = given.workflow(organization);
    let results = at_once(8, |_| {
        let deployment = given.new_deployment(&workflow, "orders");
        given.stores.create_deployment(ALL, &deployment, &given.new_deployment_key(), &given.deed())
    });
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    for refused in results.into_iter().filter(Result::is_err) {
        assert_taken(refused);
    }
    let listed =
        given.stores.list_deployments(organization, ALL, &ListFilter::default(), first(9)).unwrap();
    assert_eq!(listed.items.len(), 1);
}

pub fn a_change_of_a_deployment_is_saved_whole(given: &Given) {
    let deployed = given.deployed("acme");
    let other = given.workflow(deployed.organization);
    let (organization, id) = (deployed.organization, deployed.deployment.id);
    let changed = Deployment {
        workflow: other.id,
        api_name: "bills".into(),
        display_name: String::new(),
        description: String::new(),
        is_active: false,
        default_parameters: Map::new(),
        timeout_seconds: 1,
        max_concurrent: None,
        shared_results: true,
        modified_at: given.now() + std::time::Duration::from_secs(1),
        ..deployed.deployment
    };
    let rule = |_: &Deployment| Ok(changed.clone());
    let after =
        given.stores.change_deployment(organization, ALL, id, &rule, &given.deed()).unwrap();
    assert_eq!(after, changed);
    assert_eq!(given.stores.find_deployment(organization, ALL, id).unwrap(), Some(changed));
}

pub fn a_refused_change_of_a_deployment_saves_nothing(given: &Given) {
    let deployed = given.deployed("acme");
    let taken = given.new_deployment(&deployed.workflow, "taken");
    given
        .stores
        .create_deployment(ALL, &taken, &given.new_deployment_key(), &given.deed())
        .unwrap();
    let foreign = given.workflow(given.organization("other"));
    let before = deployed.deployment;
    let (organization, id) = (deployed.organization, before.id);
    let change = |rule: &dyn Fn(&Deployment) -> Result<Deployment, DeploymentRefusal>| {
        given.stores.change_deployment(organization, ALL, id, rule, &given.deed())
    };
    assert_not_found(change(&|_| Err(DeploymentRefusal::NotFound)));
    assert_taken(change(&|before| {
        Ok(Deployment { api_name: "taken".into(), is_active: false, ..before.clone() })
    }));
    assert_unknown_workflow(change(&|before| {
        Ok(Deployment { workflow: foreign.id, is_active: false, ..before.clone() })
    }));
    assert_eq!(given.stores.find_deployment(organization, ALL, id).unwrap(), Some(before));
}

pub fn eight_changes_of_a_deployment_at_once_all_survive(given: &Given) {
    let deployed = given.deployed("acme");
    let (organization, id) = (deployed.organization, deployed.deployment.id);
    at_once(8, |_| {
        let rule = |before: &Deployment| {
            Ok(Deployment { timeout_seconds: before.timeout_seconds + 1, ..before.clone() })
        };
        given.stores.change_deployment(organization, ALL, id, &rule, &given.deed()).unwrap();
    });
    let after = given.stores.find_deployment(organization, ALL, id).unwrap().unwrap();
    assert_eq!(after.timeout_seconds, deployed.deployment.timeout_seconds + 8);
}

pub fn a_deleted_deployment_is_not_found_and_not_deleted_again(given: &Given) {
    let deployed = given.deployed("acme");
    let (organization, id) = (deployed.organization, deployed.deployment.id);
    let delete = || given.stores.delete_deployment(organization, ALL, id, &given.deed());
    delete().unwrap();
    assert_not_found(delete());
    assert_eq!(given.stores.find_deployment(organization, ALL, id).unwrap(), None);
    assert!(
        given
            .stores
            .list_deployments(organization, ALL, &ListFilter::default(), first(9))
            .unwrap()
            .items
            .is_empty()
    );
    assert!(given.stores.find_runnable(organization, id, deployed.key.key.id).unwrap().is_none());
    let rule = |deployment: &Deployment| Ok(deployment.clone());
    assert_not_found(given.stores.change_deployment(organization, ALL, id, &rule, &given.deed()));
}
