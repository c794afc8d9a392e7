//! What nodes share over a real Redis: limits, and the bell.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a panic is how a test fails, helpers included"
)]

mod bell;
mod limits;
mod outages;
mod same_as_rust;

use std::time::Duration;

use access_domain::{Limited, Limiter, Limiting, Quota, Quotas, RateSubject};
use keys_core::RateLimit;
use limits_redis::{Redis, RedisSettings};
use test_support::redis_server::RedisServer;
use uuid::Uuid;

/// Nothing here may take longer.
const PATIENCE: Duration = Duration::from_secs(20);
/// Test machines are slow: only what never comes is waited for so long.
const TIMEOUT: Duration = Duration::from_secs(2);

fn settings(url: &str, timeout: Duration) -> RedisSettings {
    RedisSettings { url: url.into(), prefix: "keywright".into(), timeout }
}

/// A node that Redis has answered.
fn node(server: &RedisServer) -> Redis {
    let redis = Redis::start(&settings(&server.url(), TIMEOUT)).unwrap();
    redis.settle(PATIENCE).unwrap();
    redis
}

fn key(number: u128) -> RateSubject {
    RateSubject::Key(Uuid::from_u128(number).into())
}

fn deployment(number: u128) -> RateSubject {
    RateSubject::Deployment(Uuid::from_u128(number).into())
}

fn quota(subject: RateSubject, calls: u32) -> Quota {
    let limit = RateLimit::per_minute(calls).unwrap();
    Quota { organization: Uuid::from_u128(77).into(), subject, limit }
}

fn one(subject: RateSubject, calls: u32) -> Quotas {
    Some(quota(subject, calls)).into()
}

/// What a limiter told of the tightest limit.
async fn told(answer: Limiting) -> Limited {
    answer.wait().await.unwrap().expect("something is limited")
}

async fn take(limiter: &dyn Limiter, quotas: Quotas, cost: u32) -> Limited {
    told(limiter.take(quotas, cost)).await
}
