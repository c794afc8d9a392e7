//! The script reckons as `keys_core::take` does, to the nanosecond, whatever was kept before.

use std::cell::Cell;

use access_domain::Limiter as _;
use keys_core::{RateLimit, RateState, Timestamp, take};
use proptest::{prelude::*, test_runner::TestRunner};
use test_support::redis_server::RedisServer;
use uuid::Uuid;

use super::{node, one, told};

const ACCOUNT: &str = "keywright:rate:{00000000-0000-0000-0000-00000000004d}:key:";

/// Accounts before now, just ahead of it, at the edge of a window, beyond it, and what no account is.
fn ahead() -> impl Strategy<Value = i64> {
    let minute = 60_000_000_000_i64;
    prop_oneof![
        -10 * minute..0,
        0..2 * minute,
        minute - 2_000_000_000..minute + 2_000_000_000,
        Just(minute * 60 * 24 * 365),
    ]
}

fn limits() -> impl Strategy<Value = u32> {
    prop_oneof![1_u32..200, 1_u32..=RateLimit::MAX, Just(7), Just(999_983), Just(RateLimit::MAX)]
}

#[test]
fn the_script_reckons_as_the_rule_does() {
    let server = RedisServer::start();
    let node = node(&server);
    let limiter = node.limiter();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let costs = prop_oneof![0_u32..4, 0_u32..1000, Just(1000)];
    let compared = Cell::new(0);
    let mut runner = TestRunner::new(ProptestConfig { cases: 400, ..ProptestConfig::default() });
    let tried = runner.run(
        &(any::<u128>(), limits(), costs, ahead(), any::<bool>()),
        |(number, calls, cost, ahead, takes)| {
            let id = Uuid::from_u128(number);
            let account = format!("{ACCOUNT}{id}");
            let before = nanos(&server.command("TIME")) + ahead;
            server.command(&format!("SET {account} {before}"));
            let quotas = one(super::key(number), calls);
            let answer =
                if takes { limiter.take(quotas, cost) } else { limiter.peek(quotas, cost) };
            // It fails where the script decides otherwise than the rule.
            let decision = runtime.block_on(told(answer)).decision;
            let kept = server.command(&format!("GET {account}"));
            let kept = kept.lines().nth(1).and_then(|kept| kept.parse::<i64>().ok());
            if !takes || !decision.is_allowed {
                prop_assert_eq!(kept, Some(before), "nothing was taken");
                return Ok(());
            }
            // What is forgotten at once may have vanished by now, and of nothing nothing is kept.
            let Some(kept) = kept else { return Ok(()) };
            if kept == before && cost == 0 {
                return Ok(());
            }
            compared.set(compared.get() + 1);
            // The answer tells how far ahead the account is: so the instant of the decision is known.
            let now = kept - i64::try_from(decision.reset.as_nanos()).unwrap();
            let limit = RateLimit::per_minute(calls).unwrap();
            let now = Timestamp::from_timestamp_nanos(now);
            let (after, expected) = take(RateState::from_nanos(before), limit, now, cost);
            prop_assert_eq!(after.as_nanos(), kept);
            prop_assert_eq!(expected, decision);
            Ok(())
        },
    );
    tried.unwrap();
    assert!(compared.get() > 50, "{}", compared.get());
}

#[test]
fn what_is_no_account_counts_as_none() {
    let server = RedisServer::start();
    let node = node(&server);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for (number, text) in (1..).zip(["nonsense", "12x", "-", "1e400"]) {
        server.command(&format!("SET {ACCOUNT}{} {text}", Uuid::from_u128(number)));
        let answer = node.limiter().take(one(super::key(number), 3), 1);
        assert_eq!(runtime.block_on(told(answer)).decision.remaining, 2, "{text}");
    }
}

/// The time that Redis tells: seconds and microseconds, as two texts.
fn nanos(told: &str) -> i64 {
    let mut parts = told.lines().filter_map(|line| line.parse::<i64>().ok());
    let (seconds, micros) = (parts.next().unwrap(), parts.next().unwrap());
    seconds * 1_000_000_000 + micros * 1000
}
