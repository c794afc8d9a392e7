//! A bell over Redis' channels: whoever changes something rings, and every node hears.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::StreamExt as _;
use redis::{RedisError, aio::PubSub, cmd};
use tokio::{
    select,
    sync::Notify,
    time::{MissedTickBehavior, interval, sleep, timeout},
};

use crate::{
    link::{ASKED_EVERY, CONNECT_WITHIN, Link, Numbered, RETRY_EVERY},
    settings::Place,
};

/// The rings that are still to be carried out.
#[derive(Default)]
pub(crate) struct Ringer {
    topics: Mutex<BTreeSet<&'static str>>,
    rung: Notify,
}

impl Ringer {
    pub(crate) fn ring(&self, topic: &'static str) {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner).insert(topic);
        self.rung.notify_one();
    }

    /// Carries them out for as long as the thread runs.
    pub(crate) async fn ring_on(self: Arc<Self>, link: Arc<Link>) {
        loop {
            self.rung.notified().await;
            let topics =
                std::mem::take(&mut *self.topics.lock().unwrap_or_else(PoisonError::into_inner));
            for topic in topics {
                let Ok(mut numbered) = link.connection() else { continue };
                let number = numbered.number();
                let Numbered { connection, .. } = &mut numbered;
                let mut publish = cmd("PUBLISH");
                publish.arg(channel(link.place(), topic)).arg("");
                // Who does not hear finds out a moment later.
                let _ = link.asked(number, publish.query_async::<()>(connection)).await;
            }
        }
    }
}

/// Listens for as long as the thread runs.
pub(crate) async fn listen(place: Arc<Place>, topic: &'static str, heard: impl Fn()) {
    let channel = channel(&place, topic);
    loop {
        let subscribed = async {
            let mut subscription = place.client().get_async_pubsub().await?;
            subscription.subscribe(&channel).await?;
            Ok::<_, RedisError>(subscription)
        };
        if let Ok(Ok(subscription)) = timeout(CONNECT_WITHIN, subscribed).await {
            tracing::debug!(channel, "listens on Redis");
            heard();
            hear(subscription, place.timeout(), &heard).await;
            tracing::debug!(channel, "the connection that listens on Redis was lost");
        }
        sleep(RETRY_EVERY).await;
    }
}

/// Returns when the connection is lost. One that is merely silent is asked for a sign of life: a cut
/// may be heard by nobody.
async fn hear(subscription: PubSub, patience: Duration, heard: &impl Fn()) {
    let (mut asker, mut messages) = subscription.split();
    let mut ticks = interval(ASKED_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        select! {
            message = messages.next() => match message {
                Some(_) => heard(),
                None => return,
            },
            _ = ticks.tick() => match timeout(patience, asker.ping::<()>()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) | Err(_) => return,
            },
        }
    }
}

/// Channels know no numbers of databases: the prefix alone keeps Keywrights apart.
fn channel(place: &Place, topic: &str) -> String {
    format!("{}:bell:{topic}", place.prefix())
}
