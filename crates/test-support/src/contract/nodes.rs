//! What servers over one database hear of each other.

use std::collections::HashMap;

use access_domain::{Action, KeyMark, Node, OrganizationId, OrganizationSettings, SettingsRefusal};

use super::{Given, at_once, given::Deployed};

fn node(given: &Given, name: &str) -> Node {
    Node { id: given.any_id(), name: name.into() }
}

fn mark(given: &Given) -> KeyMark {
    given.stores.node_news(None).unwrap().mark
}

/// Something that decides on keys, as far as anybody knows.
fn change(given: &Given, organization: OrganizationId, meanwhile: &dyn Fn()) {
    let rule = |before: &OrganizationSettings| -> Result<_, SettingsRefusal> {
        meanwhile();
        Ok(before.clone())
    };
    let act = given.act(Action::OrganizationChanged);
    given.stores.change_organization(organization, &rule, &act).unwrap();
}

fn number(given: &Given, organization: OrganizationId) -> u64 {
    given.stores.changed_keys(organization, u64::MAX, 0).unwrap().now
}

/// What is heard from there on of these organizations: others' may still be under way.
fn heard(given: &Given, since: KeyMark, of: &[&Deployed]) -> Vec<Option<u64>> {
    let news = given.stores.node_news(Some(since)).unwrap();
    assert!(!news.forgets_all);
    let told: HashMap<_, _> = news.changed.into_iter().collect();
    of.iter().map(|deployed| told.get(&deployed.organization).copied()).collect()
}

pub fn a_node_hears_whose_keys_have_changed(given: &Given) {
    let [one, other] = ["one", "other"].map(|slug| given.deployed(slug));
    assert_eq!(given.stores.node_news(None).unwrap().changed, []);
    let before = mark(given);
    change(given, one.organization, &|| {});
    change(given, one.organization, &|| {});
    let expected = number(given, one.organization);
    assert_eq!(heard(given, before, &[&one])[0], Some(expected));
    change(given, other.organization, &|| {});
    let both = heard(given, before, &[&one, &other]);
    assert_eq!(both, [Some(expected), Some(number(given, other.organization))]);
}

pub fn a_change_that_is_under_way_is_heard_of_once_it_is_saved(given: &Given) {
    let deployed = given.deployed("acme");
    let before = number(given, deployed.organization);
    let between = std::cell::Cell::new(None);
    change(given, deployed.organization, &|| between.set(Some(mark(given))));
    let told = heard(given, between.get().unwrap(), &[&deployed]);
    assert_eq!(told, [Some(before + 1)]);
}

pub fn who_asks_from_another_past_forgets_everything(given: &Given) {
    let deployed = given.deployed("acme");
    change(given, deployed.organization, &|| {});
    let now = mark(given);
    let forgets = |since| given.stores.node_news(Some(since)).unwrap().forgets_all;
    assert!(!forgets(now));
    assert!(forgets(KeyMark { past: now.past + 1, ..now }));
    assert!(forgets(KeyMark { next: now.next + 1_000_000_000, ..now }));
}

pub fn whoever_answers_a_roll_call_is_told_apart_from_who_does_not(given: &Given) {
    let roll = |number| given.stores.roll(number).unwrap();
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    let [one, other] = ["one", "other"].map(|name| node(given, name));
    let first = given.stores.call_roll().unwrap();
    assert_eq!(given.stores.node_news(None).unwrap().roll_call, first);
    assert_eq!(roll(first).missing, names(&[]));
    given.stores.be_seen(&one, first).unwrap();
    given.stores.be_seen(&other, 0).unwrap();
    assert_eq!((roll(first).answered, roll(first).missing), (names(&["one"]), names(&["other"])));
    let second = given.stores.call_roll().unwrap();
    assert!(second > first);
    assert_eq!(roll(second).missing, names(&["one", "other"]));
    given.stores.be_seen(&other, second).unwrap();
    given.stores.leave(one.id).unwrap();
    assert_eq!((roll(first).answered, roll(second).missing), (names(&["other"]), names(&[])));
}

/// However changes of several organizations overlap, none is passed over.
pub fn of_changes_at_once_each_is_heard_of(given: &Given) {
    const CHANGES: u64 = 12;
    let all = ["a", "b", "c"].map(|slug| given.deployed(slug));
    let since = mark(given);
    let ends: Vec<u64> = all.iter().map(|one| number(given, one.organization) + CHANGES).collect();
    at_once(all.len() + 1, |thread| match all.get(thread) {
        Some(one) => (0..CHANGES).for_each(|_| change(given, one.organization, &|| {})),
        None => {
            let (mut since, mut last) = (since, vec![0; all.len()]);
            while last != ends {
                let news = given.stores.node_news(Some(since)).unwrap();
                since = news.mark;
                for (organization, number) in news.changed {
                    if let Some(at) = all.iter().position(|one| one.organization == organization) {
                        assert!(number >= last[at]);
                        last[at] = number;
                    }
                }
            }
        }
    });
}
