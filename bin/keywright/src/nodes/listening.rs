//! Hears the bells of other processes, where the database tells of them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use access_domain::Topic;
use storage_diesel::{Listener, Storage};

use crate::failure::Failure;

/// How soon a listener that shall stop does, and how long it leaves a database alone that is away.
const PATIENCE: Duration = Duration::from_millis(500);

/// Called for each topic that there is news of. Does not wait.
pub(crate) type Wake = Arc<dyn Fn(Topic) + Send + Sync>;

/// Listens until it is dropped.
pub(crate) struct Listening {
    is_over: Arc<AtomicBool>,
}

impl Listening {
    /// Has `wake` called for what others ring, and for everything whenever a connection begins: what was rung before was not heard.
    pub(crate) fn begin(storage: Arc<dyn Storage>, wake: Wake) -> Result<Self, Failure> {
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        let listen = move || listen(&*storage, &*wake, &over);
        thread::Builder::new()
            .name("listener".into())
            .spawn(listen)
            .map_err(|error| Failure::Failed(format!("no thread to hear others with: {error}")))?;
        Ok(Self { is_over })
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
    }
}

fn listen(storage: &dyn Storage, wake: &dyn Fn(Topic), is_over: &AtomicBool) {
    let mut is_away = false;
    while !is_over.load(Ordering::SeqCst) {
        let error = match storage.listen() {
            Ok(None) => return,
            Ok(Some(mut listener)) => {
                if std::mem::take(&mut is_away) {
                    tracing::info!("other servers are heard again");
                }
                Topic::ALL.into_iter().for_each(wake);
                match hear(&mut *listener, wake, is_over) {
                    Ok(()) => return,
                    Err(error) => error,
                }
            }
            Err(error) => error,
        };
        if !std::mem::replace(&mut is_away, true) {
            tracing::warn!(%error, "other servers are not heard; the database is asked from time to time");
        }
        thread::park_timeout(PATIENCE);
    }
}

fn hear(
    listener: &mut dyn Listener,
    wake: &dyn Fn(Topic),
    is_over: &AtomicBool,
) -> Result<(), access_domain::StoreError> {
    while !is_over.load(Ordering::SeqCst) {
        listener.hear(PATIENCE)?.into_iter().for_each(wake);
    }
    Ok(())
}
