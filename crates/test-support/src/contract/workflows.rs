//! Workflows and their versions.

use access_domain::{ChangeError, ListFilter, PageRequest, Visibility};
use deployments_domain::{Workflow, WorkflowRefusal};
use serde_json::json;

use super::{
    Given,
    given::{ALL, OTHER, SOMEBODY, at_once, first, searching},
};

fn unused(deployments: i64) -> Result<(), WorkflowRefusal> {
    if deployments == 0 { Ok(()) } else { Err(WorkflowRefusal::InUse) }
}

fn is_not_found<T>(result: &Result<T, ChangeError<WorkflowRefusal>>) -> bool {
    matches!(result, Err(ChangeError::Refused(WorkflowRefusal::NotFound)))
}

pub fn a_workflow_is_found_as_it_was_saved(given: &Given) {
    let workflow = given.workflow(given.organization("acme"));
    let found = given.stores.find_workflow(workflow.organization, ALL, workflow.id).unwrap();
    assert_eq!(found, Some(workflow));
}

pub fn workflows_are_listed_newest_first_in_pages(given: &Given) {
    let organization = given.organization("acme");
    let made = [(); 5].map(|()| given.workflow(organization).id);
    let mut page = first(2);
    let mut seen = Vec::new();
    let mut sizes = Vec::new();
    loop {
        let listed =
            given.stores.list_workflows(organization, ALL, &ListFilter::default(), page).unwrap();
        sizes.push(listed.items.len());
        seen.extend(listed.items.into_iter().map(|workflow| workflow.id));
        let Some(after) = listed.next else { break };
        page = PageRequest { after: Some(after), ..page };
    }
    assert_eq!(sizes, [2, 2, 1]);
    assert!(seen.iter().eq(made.iter().rev()), "{seen:?}");
}

pub fn workflows_are_searched_by_their_name_whichever_case_it_is_in(given: &Given) {
    let organization = given.organization("acme");
    let name = |name: &str| {
        let workflow = given.workflow(organization);
        let rename = |old: &Workflow| Ok(Workflow { name: name.into(), ..old.clone() });
        let (stores, act) = (&given.stores, given.deed());
        stores.change_workflow(organization, ALL, workflow.id, &rename, &act).unwrap();
    };
    ["Übung Nr. 1", "50% off", "a_b", "a\\b", "ab"].into_iter().for_each(name);
    let found = |text: &str, page| {
        let filter = searching(text);
        let found = given.stores.list_workflows(organization, ALL, &filter, page).unwrap();
        let names: Vec<String> = found.items.into_iter().map(|one| one.name).collect();
        (names.join(", "), found.next)
    };
    for (text, expected) in [
        ("übung", "Übung Nr. 1"),
        ("NR. 1", "Übung Nr. 1"),
        ("0% O", "50% off"),
        ("A_B", "a_b"),
        ("a\\", "a\\b"),
        ("A", "ab, a\\b, a_b"),
        ("%%", ""),
        ("nothing", ""),
    ] {
        assert_eq!(found(text, first(9)).0, expected, "{text}");
    }
    let (names, next) = found("a", first(2));
    assert_eq!(names, "ab, a\\b");
    assert_eq!(found("a", PageRequest { after: next, limit: 2 }), ("a_b".to_owned(), None));
}

pub fn whoever_sees_only_their_own_sees_no_other_workflow(given: &Given) {
    let organization = given.organization("acme");
    let workflow = given.workflow(organization);
    let see = |visibility| {
        let found = given.stores.find_workflow(organization, visibility, workflow.id).unwrap();
        let listed = given
            .stores
            .list_workflows(organization, visibility, &ListFilter::default(), first(9))
            .unwrap();
        (found.is_some(), listed.items.len())
    };
    assert_eq!(see(Visibility::Member(SOMEBODY)), (true, 1));
    assert_eq!(see(Visibility::Member(OTHER)), (false, 0));
    let others = Visibility::Member(OTHER);
    let rule = |workflow: &Workflow| Ok(workflow.clone());
    assert!(is_not_found(&given.stores.change_workflow(
        organization,
        others,
        workflow.id,
        &rule,
        &given.deed()
    )));
    assert!(is_not_found(&given.stores.delete_workflow(
        organization,
        others,
        workflow.id,
        &unused,
        &given.deed()
    )));
}

pub fn another_organization_sees_no_workflow(given: &Given) {
    let workflow = given.workflow(given.organization("acme"));
    let (there, id) = (given.organization("other"), workflow.id);
    assert_eq!(given.stores.find_workflow(there, ALL, id).unwrap(), None);
    assert!(
        given
            .stores
            .list_workflows(there, ALL, &ListFilter::default(), first(9))
            .unwrap()
            .items
            .is_empty()
    );
    let rule = |workflow: &Workflow| Ok(workflow.clone());
    assert!(is_not_found(&given.stores.change_workflow(there, ALL, id, &rule, &given.deed())));
    assert!(is_not_found(&given.stores.delete_workflow(there, ALL, id, &unused, &given.deed())));
}

pub fn a_change_is_saved_and_a_new_version_only_if_there_is_one(given: &Given) {
    let workflow = given.workflow(given.organization("acme"));
    let (organization, id) = (workflow.organization, workflow.id);
    let renamed = |workflow: &Workflow| Ok(Workflow { name: "New".into(), ..workflow.clone() });
    let after =
        given.stores.change_workflow(organization, ALL, id, &renamed, &given.deed()).unwrap();
    assert_eq!(after, Workflow { name: "New".into(), ..workflow });

    let version = given.id();
    let later = given.now() + std::time::Duration::from_secs(1);
    let redefined = |workflow: &Workflow| {
        Ok(Workflow {
            version,
            version_number: workflow.version_number + 1,
            definition: json!({"steps": []}),
            modified_at: later,
            ..workflow.clone()
        })
    };
    let after =
        given.stores.change_workflow(organization, ALL, id, &redefined, &given.deed()).unwrap();
    assert_eq!((after.version_number, after.modified_at), (2, later));
    assert_eq!(given.stores.find_workflow(organization, ALL, id).unwrap(), Some(after));
}

pub fn a_refused_change_of_a_workflow_saves_nothing(given: &Given) {
    let workflow = given.workflow(given.organization("acme"));
    let (organization, id) = (workflow.organization, workflow.id);
    let rule = |_: &Workflow| Err(WorkflowRefusal::InUse);
    let refused = given.stores.change_workflow(organization, ALL, id, &rule, &given.deed());
    assert!(matches!(refused, Err(ChangeError::Refused(WorkflowRefusal::InUse))));
    assert_eq!(given.stores.find_workflow(organization, ALL, id).unwrap(), Some(workflow));
}

pub fn eight_edits_at_once_all_survive_with_versions_in_a_row(given: &Given) {
    let workflow = given.workflow(given.organization("acme"));
    let (organization, id) = (workflow.organization, workflow.id);
    let mut numbers = at_once(8, |number| {
        let version = given.id();
        let rule = |before: &Workflow| {
            Ok(Workflow {
                description: format!("{}{number}", before.description),
                version,
                version_number: before.version_number + 1,
                definition: json!({"made by": number}),
                ..before.clone()
            })
        };
        given
            .stores
            .change_workflow(organization, ALL, id, &rule, &given.deed())
            .unwrap()
            .version_number
    });
    numbers.sort_unstable();
    assert_eq!(numbers, (2..=9).collect::<Vec<_>>());
    let after = given.stores.find_workflow(organization, ALL, id).unwrap().unwrap();
    assert_eq!(after.version_number, 9);
    let mut edits: Vec<char> = after.description.chars().collect();
    edits.sort_unstable();
    assert_eq!(edits, ['0', '1', '2', '3', '4', '5', '6', '7']);
}

pub fn a_deleted_workflow_is_not_found(given: &Given) {
    let workflow = given.workflow(given.organization("acme"));
    let (organization, id) = (workflow.organization, workflow.id);
    given.stores.delete_workflow(organization, ALL, id, &unused, &given.deed()).unwrap();
    assert_eq!(given.stores.find_workflow(organization, ALL, id).unwrap(), None);
    assert!(
        given
            .stores
            .list_workflows(organization, ALL, &ListFilter::default(), first(9))
            .unwrap()
            .items
            .is_empty()
    );
    assert!(is_not_found(&given.stores.delete_workflow(
        organization,
        ALL,
        id,
        &unused,
        &given.deed()
    )));
    let rule = |workflow: &Workflow| Ok(workflow.clone());
    assert!(is_not_found(&given.stores.change_workflow(
        organization,
        ALL,
        id,
        &rule,
        &given.deed()
    )));
}

pub fn a_workflow_is_deleted_only_if_no_deployment_stands_on_it(given: &Given) {
    let deployed = given.deployed("acme");
    let (organization, id) = (deployed.organization, deployed.workflow.id);
    let delete = || given.stores.delete_workflow(organization, ALL, id, &unused, &given.deed());
    assert!(matches!(delete(), Err(ChangeError::Refused(WorkflowRefusal::InUse))));
    assert!(given.stores.find_workflow(organization, ALL, id).unwrap().is_some());
    let deployment = deployed.deployment.id;
    given.stores.delete_deployment(organization, ALL, deployment, &given.deed()).unwrap();
    delete().unwrap();
}

pub fn a_workflow_is_not_deleted_while_it_is_deployed(given: &Given) {
    let organization = given.organization("acme");
    for round in 0..10 {
        let workflow = given.workflow(organization);
        let deployment = given.new_deployment(&workflow, &format!("round-{round}"));
        let key = given.new_deployment_key();
        let done = at_once(2, |thread| {
            if thread == 0 {
                given.stores.create_deployment(ALL, &deployment, &key, &given.deed()).is_ok()
            } else {
                given
                    .stores
                    .delete_workflow(organization, ALL, workflow.id, &unused, &given.deed())
                    .is_ok()
            }
        });
        assert_ne!(done[0], done[1], "in round {round}, [deployed, deleted] is {done:?}");
        let found = given.stores.find_workflow(organization, ALL, workflow.id).unwrap();
        assert_eq!(found.is_some(), done[0]);
    }
}
