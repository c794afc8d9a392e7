//! Sums of what was counted.

use access_domain::{
    Action, Call, CallLog as _, CallOutcome, Consumer, Flush, KeyRing, OrganizationId, TokenUsage,
};
use deployments_domain::{
    BreakdownFilter, Measure, Resolution, Usage, UsageBatch, UsageBy, UsageFilter, UsageOf,
    UsagePlace, UsageRow,
};
use uuid::Uuid;

use super::{Given, at_once};

/// A whole day, in seconds since 1970.
const START: i64 = 1_795_219_200;

fn organization(number: u128) -> OrganizationId {
    Uuid::from_u128(number).into()
}

fn place(measure: Measure) -> UsagePlace {
    UsagePlace {
        organization: organization(1),
        key: None,
        resolution: Resolution::Minute,
        start: START,
        deployment: Some(Uuid::from_u128(2).into()),
        measure,
    }
}

fn add(given: &Given, writer: u128, number: i64, rows: Vec<UsageRow>) {
    let writer = Uuid::from_u128(writer);
    given.stores.add_usage(&UsageBatch { writer, number, at: START, rows }).unwrap();
}

fn row(place: UsagePlace, amount: u64) -> UsageRow {
    UsageRow { place, amount }
}

/// All minutes of a day of the first organization.
fn day() -> UsageFilter {
    UsageFilter {
        organization: organization(1),
        key: None,
        deployment: None,
        resolution: Resolution::Minute,
        from: START,
        to: START + 24 * 3600,
    }
}

fn told(given: &Given, filter: UsageFilter) -> Vec<(i64, String, u64)> {
    let mut sums = given.stores.find_usage(&filter).unwrap();
    sums.sort_unstable();
    let short = |(start, measure, sum): (i64, Measure, u64)| {
        (start - START, measure.name().into_owned(), sum)
    };
    sums.into_iter().map(short).collect()
}

fn sum(start: i64, measure: &str, sum: u64) -> (i64, String, u64) {
    (start, measure.to_owned(), sum)
}

pub fn what_is_added_to_one_place_is_summed_up(given: &Given) {
    let rejected = || place(Measure::Rejected("rate_limited".into()));
    add(given, 1, 1, vec![row(place(Measure::Succeeded), 2), row(rejected(), 3)]);
    add(given, 1, 2, vec![row(place(Measure::Succeeded), 5)]);
    add(given, 2, 1, vec![row(rejected(), 4)]);
    add(given, 2, 2, Vec::new());
    let expected = [sum(0, "rejected.rate_limited", 7), sum(0, "succeeded", 7)];
    assert_eq!(told(given, day()).len(), 2);
    for line in told(given, day()) {
        assert!(expected.contains(&line), "{line:?}");
    }
}

pub fn only_the_sums_that_are_asked_for_are_told(given: &Given) {
    let base = || place(Measure::Succeeded);
    let key = Some(Uuid::from_u128(7).into());
    let rows = vec![
        row(base(), 1),
        row(UsagePlace { deployment: None, ..base() }, 2),
        row(UsagePlace { start: START + 60, ..base() }, 4),
        row(UsagePlace { start: START + 24 * 3600, ..base() }, 8),
        row(UsagePlace { start: START - 60, ..base() }, 16),
        row(UsagePlace { key, ..base() }, 32),
        row(UsagePlace { resolution: Resolution::Hour, ..base() }, 64),
        row(UsagePlace { organization: organization(9), ..base() }, 128),
    ];
    add(given, 1, 1, rows);
    let counted = |filter| {
        let told = told(given, filter);
        told.into_iter().map(|(start, _, sum)| (start, sum)).collect::<Vec<_>>()
    };
    assert_eq!(counted(day()), [(0, 3), (60, 4)]);
    assert_eq!(counted(UsageFilter { deployment: base().deployment, ..day() }), [(0, 1), (60, 4)]);
    assert_eq!(counted(UsageFilter { key, ..day() }), [(0, 32)]);
    assert_eq!(counted(UsageFilter { resolution: Resolution::Hour, ..day() }), [(0, 64)]);
    assert_eq!(counted(UsageFilter { organization: organization(9), ..day() }), [(0, 128)]);
    assert_eq!(counted(UsageFilter { to: START + 60, ..day() }), [(0, 3)]);
}

/// Two deployments, what belongs to none, three keys, and what is not meant.
fn add_parts(given: &Given) {
    let base = || place(Measure::Succeeded);
    let of_key = |key: u128, measure, amount| {
        row(UsagePlace { key: Some(Uuid::from_u128(key).into()), ..place(measure) }, amount)
    };
    let rejected = || Measure::Rejected("rate_limited".into());
    let rows = vec![
        row(base(), 5),
        row(place(rejected()), 4),
        row(UsagePlace { deployment: None, ..base() }, 3),
        row(UsagePlace { deployment: Some(Uuid::from_u128(3).into()), ..base() }, 20),
        row(place(Measure::PromptTokens), 1000),
        row(UsagePlace { start: START - 60, ..base() }, 100),
        row(UsagePlace { organization: organization(9), ..base() }, 100),
        of_key(7, Measure::Succeeded, 2),
        of_key(7, Measure::Verifications, 9),
        of_key(8, rejected(), 10),
        of_key(9, Measure::PromptTokens, 1000),
    ];
    add(given, 1, 1, rows);
}

fn parts(by: UsageBy) -> BreakdownFilter {
    BreakdownFilter {
        organization: organization(1),
        by,
        deployment: None,
        resolution: Resolution::Minute,
        from: START,
        to: START + 24 * 3600,
    }
}

fn number(of: UsageOf) -> u128 {
    of.map_or(0, |id| id.as_u128())
}

pub fn the_most_used_deployments_and_keys_are_found(given: &Given) {
    add_parts(given);
    let most = |filter: BreakdownFilter, limit| {
        let found = given.stores.find_most_used(&filter, limit).unwrap();
        found.into_iter().map(number).collect::<Vec<_>>()
    };
    assert_eq!(most(parts(UsageBy::Deployment), 9), [3, 2, 0]);
    assert_eq!(most(parts(UsageBy::Deployment), 1), [3]);
    assert_eq!(most(parts(UsageBy::Key), 9), [7, 8], "tokens are no use");
    let third = Some(Uuid::from_u128(3).into());
    assert!(most(BreakdownFilter { deployment: third, ..parts(UsageBy::Key) }, 9).is_empty());
}

pub fn sums_are_told_apart_by_deployment_or_by_key(given: &Given) {
    add_parts(given);
    let of = |by, ids: &[UsageOf]| {
        let mut sums = given.stores.find_usage_of(&parts(by), ids).unwrap();
        sums.sort_unstable();
        let short = |(of, measure, sum): (UsageOf, Measure, u64)| {
            (number(of), measure.name().into_owned(), sum)
        };
        sums.into_iter().map(short).collect::<Vec<_>>()
    };
    let sum = |of: u128, measure: &str, sum: u64| (of, measure.to_owned(), sum);
    let two = Some(Uuid::from_u128(2));
    let expected = [
        sum(0, "succeeded", 3),
        sum(2, "succeeded", 5),
        sum(2, "rejected.rate_limited", 4),
        sum(2, "prompt_tokens", 1000),
    ];
    assert_eq!(of(UsageBy::Deployment, &[None, two]), expected);
    let keys = [None, Some(Uuid::from_u128(8)), Some(Uuid::from_u128(10))];
    assert_eq!(of(UsageBy::Key, &keys), [sum(8, "rejected.rate_limited", 10)]);
}

pub fn what_usage_is_of_is_called_by_its_name(given: &Given) {
    let deployed = given.deployed("acme");
    let key = given.new_organization_key("reports");
    let (ring, act) = (KeyRing::Organization, given.act(Action::KeyCreated));
    given.stores.create_key(deployed.organization, ring, &key, &act).unwrap();
    let ids = [deployed.deployment.id.uuid(), deployed.key.key.id.uuid(), key.key.id.uuid()];
    let names = |organization, by| {
        let mut names = given.stores.find_usage_names(organization, by, &ids).unwrap();
        names.sort_unstable();
        names
    };
    let here = deployed.organization;
    assert_eq!(names(here, UsageBy::Deployment), [(ids[0], deployed.deployment.api_name)]);
    let of_keys = [(ids[1], deployed.key.terms.description), (ids[2], "reports".to_owned())];
    assert_eq!(names(here, UsageBy::Key), of_keys);
    assert!(names(given.organization("other"), UsageBy::Key).is_empty());
}

pub fn a_batch_that_is_given_again_is_added_once(given: &Given) {
    for (writer, number) in [(1, 1), (1, 1), (1, 2), (1, 1), (1, 2), (2, 1), (1, 3)] {
        add(given, writer, number, vec![row(place(Measure::Failed), 1)]);
    }
    assert_eq!(told(given, day()), [sum(0, "failed", 4)]);
}

pub fn of_one_batch_that_eight_give_at_once_one_is_added(given: &Given) {
    for number in 1..=10 {
        at_once(8, |_| add(given, 1, number, vec![row(place(Measure::Failed), 1)]));
    }
    assert_eq!(told(given, day()), [sum(0, "failed", 10)]);
}

pub fn eight_that_add_to_the_same_rows_at_once_lose_nothing(given: &Given) {
    let measures = || (0..100).map(Measure::ExecutionMsIn);
    at_once(8, |thread| {
        for number in 1..=20 {
            let rows = measures().map(|measure| row(place(measure), 1)).collect();
            add(given, thread as u128, number, rows);
        }
    });
    let sums = told(given, day());
    assert_eq!(sums.len(), 100);
    assert!(sums.iter().all(|(_, _, sum)| *sum == 160), "{sums:?}");
}

pub fn old_sums_are_deleted_in_portions_by_their_resolution(given: &Given) {
    let minutes = (0..10).map(|minute| {
        let start = START + minute * 60;
        row(UsagePlace { start, ..place(Measure::Succeeded) }, 1)
    });
    let hour = UsagePlace { resolution: Resolution::Hour, ..place(Measure::Succeeded) };
    add(given, 1, 1, minutes.chain([row(hour, 10)]).collect());
    let delete = |resolution, before, limit| {
        given.stores.delete_old_usage(resolution, before, limit).unwrap()
    };
    assert_eq!(delete(Resolution::Minute, START + 5 * 60, 3), 3);
    assert_eq!(delete(Resolution::Minute, START + 5 * 60, 3), 2);
    assert_eq!(delete(Resolution::Minute, START + 5 * 60, 3), 0);
    assert_eq!(told(given, day()).len(), 5);
    assert_eq!(told(given, UsageFilter { resolution: Resolution::Hour, ..day() }).len(), 1);
    assert_eq!(delete(Resolution::Day, START + 24 * 3600, 3), 0);
    assert_eq!(delete(Resolution::Hour, START + 1, 3), 1);
}

pub fn eight_that_delete_old_sums_at_once_delete_each_once(given: &Given) {
    let minutes = (0..400).map(|minute| {
        let start = START + minute * 60;
        row(UsagePlace { start, ..place(Measure::Succeeded) }, 1)
    });
    add(given, 1, 1, minutes.collect());
    let deleted = at_once(8, |_| {
        let portions = (0..20).map(|_| {
            given.stores.delete_old_usage(Resolution::Minute, START + 24 * 3600, 20).unwrap()
        });
        portions.sum::<usize>()
    });
    let rest = given.stores.delete_old_usage(Resolution::Minute, START + 24 * 3600, 1000).unwrap();
    assert_eq!(deleted.iter().sum::<usize>() + rest, 400);
    assert_eq!(told(given, day()), []);
}

pub fn what_two_processes_count_is_summed_up_by_minute_hour_and_day(given: &Given) {
    let [first, second] = [given.usage(), given.usage()];
    let call = |usage: &Usage, key: u128| {
        let (key, deployment) =
            (Some(Uuid::from_u128(key).into()), Some(Uuid::from_u128(2).into()));
        let consumer = Consumer { organization: organization(1), key, deployment };
        let (outcome, tokens) = (CallOutcome::Succeeded, TokenUsage::default());
        usage.note(Call { consumer, outcome, tokens });
    };
    for _ in 0..3 {
        call(&first, 7);
        call(&second, 7);
        call(&second, 8);
    }
    for usage in [&first, &second, &first] {
        usage.flush(Flush::All).unwrap();
    }
    let seven = Some(Uuid::from_u128(7).into());
    for resolution in Resolution::ALL {
        let from = resolution.start_of(given.now().timestamp());
        let to = from + resolution.seconds();
        let counted = |key| {
            let filter = UsageFilter { key, resolution, from, to, ..day() };
            let told = given.stores.find_usage(&filter).unwrap();
            told.into_iter().map(|(_, _, sum)| sum).collect::<Vec<_>>()
        };
        assert_eq!((counted(None), counted(seven)), (vec![9], vec![6]));
    }
}
