//! Follows other servers on a thread of its own, which waits for nothing but the database.

use std::{
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread,
    time::Duration,
};

use access_domain::StoreError;
use http_actix::Follower;
use tokio::{sync::oneshot, time::timeout};

use crate::{failure::Failure, metrics::Task};

/// After being woken: whoever changes much wakes often.
const NO_SOONER_THAN: Duration = Duration::from_millis(20);
/// How long a server that stops waits for the database to be told.
const LEAVING: Duration = Duration::from_secs(2);

/// Follows until it is left.
pub(crate) struct Following {
    signal: Arc<Signal>,
    left: oneshot::Receiver<()>,
}

#[derive(Default)]
struct Signal {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    is_woken: bool,
    is_over: bool,
}

impl Following {
    /// Has `follower` ask every so often, and whenever it is woken.
    pub(crate) fn begin(follower: Follower, every: Duration) -> Result<Self, Failure> {
        let signal = Arc::new(Signal::default());
        let (leaving, left) = oneshot::channel();
        let follow = {
            let signal = Arc::clone(&signal);
            move || {
                follow(follower, &signal, every);
                let _ = leaving.send(());
            }
        };
        thread::Builder::new().name("follower".into()).spawn(follow).map_err(|error| {
            Failure::Failed(format!("no thread to follow others with: {error}"))
        })?;
        Ok(Self { signal, left })
    }

    /// Has it ask now.
    pub(crate) fn waker(&self) -> impl Fn() + Send + Sync + use<> {
        let signal = Arc::clone(&self.signal);
        move || signal.change(|state| state.is_woken = true)
    }

    /// Ends it, and tells others that nothing is remembered here any more.
    pub(crate) async fn leave(self) {
        self.signal.change(|state| state.is_over = true);
        // Without a database, others find out by themselves.
        let _ = timeout(LEAVING, self.left).await;
    }
}

impl Signal {
    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_one();
    }

    /// Whether to go on, after `patience` or once woken.
    fn wait(&self, patience: Duration) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let is_idle = |state: &mut State| !state.is_woken && !state.is_over;
        let waited = self.changed.wait_timeout_while(state, patience, is_idle);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.is_woken = false;
        !state.is_over
    }
}

fn follow(mut follower: Follower, signal: &Signal, every: Duration) {
    let mut is_away = false;
    while signal.wait(every) {
        let went = follower.step();
        Task::Following.went(went.is_ok());
        tell(went, &mut is_away);
        thread::park_timeout(NO_SOONER_THAN);
    }
    if let Err(error) = follower.leave() {
        tracing::debug!(%error, "others were not told that this server is gone");
    }
}

fn tell(went: Result<(), StoreError>, is_away: &mut bool) {
    match went {
        Ok(()) if std::mem::take(is_away) => {
            tracing::info!("other servers' changes are heard of again")
        }
        Ok(()) => {}
        Err(error) if !std::mem::replace(is_away, true) => {
            tracing::warn!(%error, "other servers' changes are not heard of; past keys.max_staleness_ms each key is asked of the database");
        }
        Err(_) => {}
    }
}
