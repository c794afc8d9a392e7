//! Limits over several nodes at once: never more than the limit, and never less.

use std::time::{Duration, Instant};

use access_domain::{Limiter as _, Quotas, RateSubject};
use keys_core::Outcome;
use test_support::redis_server::RedisServer;

use super::{deployment, key, node, one, quota, take, told};

/// Calls a minute: one comes back each second.
const LIMIT: u32 = 60;

/// Sends `calls` from each of `nodes` at the same time; how many passed, and what may have come back meanwhile.
async fn spend(server: &RedisServer, nodes: u32, calls: u32) -> (u32, u32) {
    let nodes: Vec<_> = (0..nodes).map(|_| node(server)).collect();
    let began = Instant::now();
    let running: Vec<_> = nodes
        .iter()
        .enumerate()
        .map(|(at, node)| {
            let (limiter, nodes) = (node.limiter(), u32::try_from(nodes.len()).unwrap());
            // What does not divide is sent by the first.
            let share = calls / nodes + if at == 0 { calls % nodes } else { 0 };
            tokio::spawn(async move {
                let mut passed = 0;
                for _ in 0..share {
                    let told = take(&limiter, one(key(1), LIMIT), 1).await;
                    passed += u32::from(told.decision.is_allowed);
                }
                passed
            })
        })
        .collect();
    let mut passed = 0;
    for one in running {
        passed += one.await.unwrap();
    }
    (passed, u32::try_from(began.elapsed().as_secs()).unwrap() + 1)
}

#[tokio::test]
async fn nodes_together_get_the_limit_and_no_more() {
    let server = RedisServer::start();
    for nodes in [1, 3, 5] {
        for calls in [LIMIT * 9 / 10, LIMIT * 12 / 10, LIMIT * 2] {
            server.command("FLUSHALL");
            let (passed, back) = spend(&server, nodes, calls).await;
            let (least, most) = (calls.min(LIMIT), calls.min(LIMIT + back));
            assert!((least..=most).contains(&passed), "{passed} of {calls} over {nodes} nodes");
        }
    }
}

#[tokio::test]
async fn of_two_limits_both_are_spent_or_neither() {
    let server = RedisServer::start();
    let (one_node, other) = (node(&server).limiter(), node(&server).limiter());
    let both = |calls_of_key, calls_of_deployment| {
        Quotas::new(
            Some(quota(key(1), calls_of_key)),
            Some(quota(deployment(1), calls_of_deployment)),
        )
    };
    for (limiter, left) in [(&one_node, 2), (&other, 1), (&one_node, 0)] {
        let told = take(limiter, both(5, 3), 1).await;
        assert_eq!((told.subject, told.decision.remaining), (deployment(1), left));
    }
    for limiter in [&one_node, &other] {
        let refused = take(limiter, both(5, 3), 1).await;
        assert_eq!((refused.subject, refused.decision.is_allowed), (deployment(1), false));
        let left = told(limiter.peek(one(key(1), 5), 1)).await;
        assert_eq!((left.decision.is_allowed, left.decision.remaining), (true, 2), "of the key");
    }
    // The other way round: what the key has not is not taken from the deployment either.
    let refused =
        take(&other, Quotas::new(Some(quota(key(1), 5)), Some(quota(deployment(2), 9))), 3).await;
    assert_eq!((refused.subject, refused.decision.is_allowed), (key(1), false));
    assert_eq!(told(one_node.peek(one(deployment(2), 9), 1)).await.decision.remaining, 9);
}

#[tokio::test]
async fn to_peek_takes_nothing_and_nothing_limited_asks_nobody() {
    let server = RedisServer::start();
    let node = node(&server);
    let limiter = node.limiter();
    take(&limiter, one(key(1), 10), 4).await;
    for _ in 0..3 {
        let seen = told(limiter.peek(one(key(1), 10), 6)).await.decision;
        assert_eq!((seen.is_allowed, seen.remaining), (true, 6));
        assert!(seen.reset <= Duration::from_secs(24), "{:?}", seen.reset);
        assert!(!told(limiter.peek(one(key(1), 10), 9)).await.decision.is_allowed);
    }
    assert!(matches!(limiter.take(Quotas::default(), 1), Outcome::Ready(Ok(None))));
}

#[tokio::test]
async fn who_waits_as_long_as_told_is_let_in() {
    let server = RedisServer::start();
    let node = node(&server);
    let limiter = node.limiter();
    // One comes back every tenth of a second.
    take(&limiter, one(key(1), 600), 600).await;
    let refused = take(&limiter, one(key(1), 600), 2).await.decision;
    assert!(!refused.is_allowed && refused.retry_after <= Duration::from_millis(200));
    tokio::time::sleep(refused.retry_after).await;
    assert!(take(&limiter, one(key(1), 600), 2).await.decision.is_allowed);
}

#[tokio::test]
async fn what_was_forgotten_leaves_nothing_behind() {
    let server = RedisServer::start();
    let node = node(&server);
    let limiter = node.limiter();
    // A thousandth of a second each.
    assert!(take(&limiter, one(key(1), 60_000), 1).await.decision.is_allowed);
    assert!(take(&limiter, one(key(2), 60_000), 0).await.decision.is_allowed);
    while server.command("DBSIZE").trim() != ":0" {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn the_script_is_brought_again_to_a_redis_that_lost_it() {
    let server = RedisServer::start();
    let node = node(&server);
    let limiter = node.limiter();
    take(&limiter, one(key(1), 10), 1).await;
    server.command("SCRIPT FLUSH");
    assert_eq!(take(&limiter, one(key(1), 10), 1).await.decision.remaining, 8);
}

#[tokio::test]
async fn several_keywrights_share_a_redis_by_their_prefixes() {
    let server = RedisServer::start();
    let staging = limits_redis::RedisSettings {
        prefix: "staging".into(),
        ..super::settings(&server.url(), super::TIMEOUT)
    };
    let staging = limits_redis::Redis::start(&staging).unwrap();
    staging.settle(super::PATIENCE).unwrap();
    let node = node(&server);
    assert_eq!(take(&node.limiter(), one(key(1), 2), 2).await.decision.remaining, 0);
    assert_eq!(take(&staging.limiter(), one(key(1), 2), 1).await.decision.remaining, 1);
}

/// One that is spread over several refuses a script whose names lie in several places.
#[tokio::test]
async fn the_accounts_of_one_call_lie_in_one_place_of_a_cluster() {
    let server = RedisServer::start_with(&["--cluster-enabled", "yes"]);
    server.command("CLUSTER ADDSLOTSRANGE 0 16383");
    while !server.command("CLUSTER INFO").contains("cluster_state:ok") {
        tokio::task::yield_now().await;
    }
    let node = node(&server);
    let limiter = node.limiter();
    for number in 0..20 {
        let call =
            Quotas::new(Some(quota(key(number), 5)), Some(quota(deployment(number + 100), 9)));
        assert_eq!(take(&limiter, call, 1).await.decision.remaining, 4);
    }
    let own: RateSubject = RateSubject::Explanations(uuid::Uuid::from_u128(5));
    assert_eq!(take(&limiter, one(own, 3), 1).await.decision.remaining, 2);
}
