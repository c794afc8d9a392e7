//! Redis stopped, paused, emptied, and a listener that never answers: what callers get meanwhile, how soon, and
//! that all is as before once Redis is back.

use std::{
    net::TcpListener,
    sync::Arc,
    time::{Duration, Instant},
};

use access_domain::{
    Clock, FallbackLimiter, Limiter as _, LimiterFailed, MemoryLimiter, OnLimiterFailure,
};
use keys_core::Timestamp;
use limits_redis::Redis;
use test_support::redis_server::RedisServer;

use super::{PATIENCE, key, one, settings};

/// How long Redis may take, here.
const SHORT: Duration = Duration::from_millis(200);

struct Running(Instant);

impl Clock for Running {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH + self.0.elapsed()
    }
}

struct Node {
    redis: Redis,
    limiter: FallbackLimiter,
}

fn start(url: &str, policy: OnLimiterFailure) -> Node {
    let redis = Redis::start(&settings(url, SHORT)).unwrap();
    let clock = Arc::new(Running(Instant::now()));
    let (shared, local) = (Arc::new(redis.limiter()), Arc::new(MemoryLimiter::new(clock.clone())));
    let limiter = FallbackLimiter::new(shared, local, policy, clock, Arc::new(()));
    Node { redis, limiter }
}

impl Node {
    /// What is left of three a minute after another call; none where nobody counts.
    async fn take(&self, number: u128) -> Result<Option<u32>, LimiterFailed> {
        let told = self.limiter.take(one(key(number), 3), 1).wait().await?;
        Ok(told.map(|told| told.decision.remaining))
    }

    /// Calls with ever new keys until Redis counts them again, which then shows.
    async fn heals(&self, server: &RedisServer, from: u128) {
        let until = Instant::now() + PATIENCE;
        for number in from.. {
            assert!(Instant::now() < until, "it heals by itself");
            let _ = self.take(number).await;
            if server.command("DBSIZE").trim() != ":0" {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Many calls while Redis is away: together they take no longer than the first few that find out.
    async fn stays_quick(&self) {
        let began = Instant::now();
        for _ in 0..500 {
            let _ = self.take(1).await;
        }
        assert!(began.elapsed() < 10 * SHORT, "{:?} for 500 calls", began.elapsed());
    }
}

#[tokio::test]
async fn redis_stopped_and_started_again() {
    let mut server = RedisServer::start();
    for policy in [OnLimiterFailure::Local, OnLimiterFailure::Deny, OnLimiterFailure::Allow] {
        let node = start(&server.url(), policy);
        node.redis.settle(PATIENCE).unwrap();
        assert_eq!(node.take(1).await.unwrap(), Some(2));
        server.stop();
        let answers = [node.take(1).await, node.take(1).await];
        match policy {
            OnLimiterFailure::Local => assert_eq!(answers.map(Result::unwrap), [Some(2), Some(1)]),
            OnLimiterFailure::Deny => assert!(answers.iter().all(Result::is_err)),
            OnLimiterFailure::Allow => assert_eq!(answers.map(Result::unwrap), [None, None]),
        }
        node.stays_quick().await;
        assert!(node.redis.check().is_err());
        server.start_again();
        node.heals(&server, 10).await;
        node.redis.check().unwrap();
        server.command("FLUSHALL");
    }
}

#[tokio::test]
async fn redis_paused_and_woken() {
    let server = RedisServer::start();
    let node = start(&server.url(), OnLimiterFailure::Local);
    node.redis.settle(PATIENCE).unwrap();
    assert_eq!(node.take(1).await.unwrap(), Some(2));
    server.command("FLUSHALL");
    server.pause();
    node.stays_quick().await;
    assert!(node.redis.check().is_err());
    server.resume();
    node.heals(&server, 10).await;
}

#[tokio::test]
async fn redis_emptied() {
    let server = RedisServer::start();
    let node = start(&server.url(), OnLimiterFailure::Deny);
    node.redis.settle(PATIENCE).unwrap();
    assert_eq!(node.take(1).await.unwrap(), Some(2));
    server.command("FLUSHALL");
    server.command("SCRIPT FLUSH");
    assert_eq!(
        node.take(1).await.unwrap(),
        Some(2),
        "everybody begins anew, and nobody is refused"
    );
}

#[tokio::test]
async fn a_listener_that_never_answers() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    let node = start(&url, OnLimiterFailure::Local);
    for left in [2, 1, 0] {
        assert_eq!(node.take(1).await.unwrap(), Some(left));
    }
    node.stays_quick().await;
    let away = node.redis.settle(Duration::ZERO).unwrap_err();
    assert!(away.to_string().starts_with("Redis does not answer: "), "{away}");
}

/// Another took its place: a connection that is answered "read only" is of no more use.
#[tokio::test]
async fn a_redis_that_has_become_a_copy_of_another_is_left() {
    let mut server = RedisServer::start();
    let node = start(&server.url(), OnLimiterFailure::Local);
    node.redis.settle(PATIENCE).unwrap();
    server.command("REPLICAOF 127.0.0.1 1");
    assert_eq!(node.take(1).await.unwrap(), Some(2), "by this node's memory");
    server.start_again();
    node.heals(&server, 10).await;
}

#[tokio::test]
async fn a_password_that_is_wrong_is_told_without_the_right_one() {
    let server = RedisServer::start_with(&["--requirepass", "open-sesame"]);
    let address = server.url().replace("redis://", "");
    let right = start(&format!("redis://:open-sesame@{address}"), OnLimiterFailure::Deny);
    right.redis.settle(PATIENCE).unwrap();
    assert_eq!(right.take(1).await.unwrap(), Some(2));
    let wrong = start(&format!("redis://:guess@{address}"), OnLimiterFailure::Deny);
    let away = wrong.redis.settle(Duration::from_secs(1)).unwrap_err().to_string();
    assert!(!away.contains("guess") && !away.contains("sesame"), "{away}");
}
