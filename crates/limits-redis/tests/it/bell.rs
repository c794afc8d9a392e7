//! Who rings is heard by all nodes, and whoever may have missed something hears of that.

use std::sync::mpsc::{Receiver, channel};

use limits_redis::Redis;
use test_support::redis_server::RedisServer;

use super::{PATIENCE, node};

const TOPIC: &str = "keys";

/// What a node hears; the first ring says that it listens.
fn listener(server: &RedisServer) -> (Redis, Receiver<()>) {
    let redis = node(server);
    let (ring, rung) = channel();
    redis.subscribe(TOPIC, move || {
        let _ = ring.send(());
    });
    rung.recv_timeout(PATIENCE).unwrap();
    (redis, rung)
}

#[test]
fn every_node_hears_the_one_that_rings() {
    let server = RedisServer::start();
    let nodes = [listener(&server), listener(&server), listener(&server)];
    for (ringer, _) in &nodes {
        ringer.publish("something else");
        ringer.publish(TOPIC);
        for (_, rung) in &nodes {
            rung.recv_timeout(PATIENCE).unwrap();
            assert!(rung.try_recv().is_err(), "once");
        }
    }
}

#[test]
fn who_listens_again_hears_that_something_may_have_been_missed() {
    let mut server = RedisServer::start();
    let (redis, rung) = listener(&server);
    server.command("CLIENT KILL TYPE pubsub");
    rung.recv_timeout(PATIENCE).unwrap();
    server.stop();
    redis.publish(TOPIC);
    server.start_again();
    rung.recv_timeout(PATIENCE).unwrap();
    redis.settle(PATIENCE).unwrap();
    redis.publish(TOPIC);
    rung.recv_timeout(PATIENCE).unwrap();
}

/// A cut of which neither side is told.
#[test]
fn a_silent_connection_is_found_out() {
    let server = RedisServer::start();
    let redis =
        Redis::start(&super::settings(&server.url(), std::time::Duration::from_millis(200)));
    let redis = redis.unwrap();
    redis.settle(PATIENCE).unwrap();
    let (ring, rung) = channel();
    redis.subscribe(TOPIC, move || {
        let _ = ring.send(());
    });
    rung.recv_timeout(PATIENCE).unwrap();
    server.pause();
    while redis.check().is_ok() {
        std::thread::yield_now();
    }
    server.resume();
    // The connection that was given up is replaced by one that listens again.
    rung.recv_timeout(PATIENCE).unwrap();
}
