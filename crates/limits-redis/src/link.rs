//! One connection, made anew whenever it is lost; everybody knows at once whether it is there.

use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use metrics::{Gauge, gauge};
use redis::{AsyncConnectionConfig, RedisError, RedisResult, aio::MultiplexedConnection, cmd};
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};

use crate::settings::Place;

/// How long it takes until a connection is tried again that could not be made.
pub(crate) const RETRY_EVERY: Duration = Duration::from_millis(250);
/// How long making one may take.
pub(crate) const CONNECT_WITHIN: Duration = Duration::from_secs(1);
/// How often it is asked for a sign of life.
pub(crate) const ASKED_EVERY: Duration = Duration::from_secs(1);

const AWAY: &str = "Redis is away; it is asked until it answers";

/// Redis does not answer, or not as it should.
#[derive(Debug, Clone, thiserror::Error)]
#[error("Redis does not answer: {what}")]
pub struct RedisAway {
    what: Arc<str>,
}

impl RedisAway {
    pub(crate) fn because(what: &str) -> Self {
        Self { what: what.into() }
    }

    pub(crate) fn stopped() -> Self {
        Self::because("it is no longer asked")
    }
}

/// The way to Redis.
pub(crate) struct Link {
    place: Arc<Place>,
    state: Mutex<State>,
    /// Somebody found that the connection is good for nothing.
    lost: Notify,
    is_up: Gauge,
}

/// A connection, with a number that no other has.
#[derive(Clone)]
pub(crate) struct Numbered {
    pub(crate) connection: MultiplexedConnection,
    number: u64,
}

enum State {
    Up(Numbered),
    Away(RedisAway),
}

impl Link {
    pub(crate) fn to(place: Arc<Place>) -> Self {
        let state = State::Away(RedisAway::because("it has not been reached yet"));
        let is_up = gauge!("keywright_redis_up");
        is_up.set(0.0);
        Self { place, state: Mutex::new(state), lost: Notify::new(), is_up }
    }

    pub(crate) fn place(&self) -> &Arc<Place> {
        &self.place
    }

    /// The connection, while there is one.
    pub(crate) fn connection(&self) -> Result<Numbered, RedisAway> {
        match &*self.state.lock().unwrap_or_else(PoisonError::into_inner) {
            State::Up(numbered) => Ok(numbered.clone()),
            State::Away(away) => Err(away.clone()),
        }
    }

    /// What `asked` on a connection answers, within the time that is set. A connection on which
    /// something went missing is given up: nobody knows what else will.
    pub(crate) async fn asked<T>(
        &self,
        number: u64,
        asked: impl Future<Output = RedisResult<T>>,
    ) -> Result<T, RedisAway> {
        let away = match timeout(self.place.timeout(), asked).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) if is_of_this_call(&error) => {
                return Err(RedisAway::because(&error.to_string()));
            }
            Ok(Err(error)) => RedisAway::because(&error.to_string()),
            Err(_) => RedisAway::because("no answer came in time"),
        };
        self.give_up(number, away.clone());
        Err(away)
    }

    /// Connects, and connects again, for as long as the thread runs.
    pub(crate) async fn keep(self: Arc<Self>) {
        let mut is_told = false;
        for number in 0.. {
            match self.connect().await {
                Ok(connection) => {
                    tracing::info!("Redis answers");
                    self.set(State::Up(Numbered { connection: connection.clone(), number }));
                    self.watch(connection, number).await;
                    // Whoever found that it is lost has told of it.
                    is_told = true;
                }
                Err(away) => {
                    if !is_told {
                        tracing::warn!(error = %away, "{AWAY}");
                        is_told = true;
                    }
                    self.set(State::Away(away));
                    sleep(RETRY_EVERY).await;
                }
            }
        }
    }

    async fn connect(&self) -> Result<MultiplexedConnection, RedisAway> {
        // Both times are ours to keep: the library's hold for parts of it.
        let config =
            AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        let client = self.place.client();
        let connected = async {
            let mut connection =
                client.get_multiplexed_async_connection_with_config(&config).await?;
            cmd("PING").query_async::<()>(&mut connection).await?;
            Ok::<_, RedisError>(connection)
        };
        match timeout(CONNECT_WITHIN, connected).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) => Err(RedisAway::because(&error.to_string())),
            Err(_) => Err(RedisAway::because("no connection was made in time")),
        }
    }

    /// Returns when the connection is lost.
    async fn watch(&self, connection: MultiplexedConnection, number: u64) {
        loop {
            tokio::select! {
                () = self.lost.notified() => {}
                () = sleep(ASKED_EVERY) => {
                    let _ = self.ping(connection.clone(), number).await;
                }
            }
            if !self.has(number) {
                return;
            }
        }
    }

    async fn ping(
        &self,
        mut connection: MultiplexedConnection,
        number: u64,
    ) -> Result<(), RedisAway> {
        self.asked(number, cmd("PING").query_async::<()>(&mut connection)).await
    }

    fn give_up(&self, number: u64, away: RedisAway) {
        if self.has(number) {
            tracing::warn!(error = %away, "{AWAY}");
            self.set(State::Away(away));
        }
        self.lost.notify_one();
    }

    fn has(&self, wanted: u64) -> bool {
        self.connection().is_ok_and(|numbered| numbered.number == wanted)
    }

    fn set(&self, state: State) {
        self.is_up.set(if matches!(state, State::Up(_)) { 1.0 } else { 0.0 });
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }
}

impl Numbered {
    pub(crate) fn number(&self) -> u64 {
        self.number
    }
}

/// Whether Redis answered as one that is well, and what it said concerns this call alone. One that
/// takes no writes has been followed by another, which only a new connection finds.
fn is_of_this_call(error: &RedisError) -> bool {
    use redis::{ErrorKind::Server, ServerErrorKind as Kind};
    matches!(
        error.kind(),
        Server(
            Kind::ResponseError | Kind::ExecAbort | Kind::CrossSlot | Kind::NoPerm | Kind::NoScript
        )
    ) || error.kind() == redis::ErrorKind::Extension
        || error.kind() == redis::ErrorKind::UnexpectedReturnType
}
