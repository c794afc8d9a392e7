//! Waiting for a run to end without holding a thread.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use access_domain::{Execute, Granted, ManageWorkflows};
use auth_actix::ApiError;
use deployments_domain::{Execution, ExecutionError, ExecutionId, UseCases};
use tokio::{select, sync::oneshot, time::sleep};

use crate::App;

/// How often storage is asked for a run that another process may be carrying out: at first, and
/// when it takes long.
const ASK_AFTER: Duration = Duration::from_millis(500);
const ASK_AT_LEAST_EVERY: Duration = Duration::from_secs(5);

/// Somebody who may see a run, and so may wait for it.
pub(crate) trait Sees: Send + Sync + 'static {
    /// Where it stands.
    fn status(&self, uc: &UseCases, id: ExecutionId) -> Result<Execution, ExecutionError>;

    /// As the use cases' own.
    fn watch(
        &self,
        uc: &UseCases,
        id: ExecutionId,
        notify: Box<dyn FnOnce() + Send>,
    ) -> Box<dyn Send>;
}

impl Sees for Granted<Execute> {
    fn status(&self, uc: &UseCases, id: ExecutionId) -> Result<Execution, ExecutionError> {
        uc.executions.status(self, id)
    }

    fn watch(
        &self,
        uc: &UseCases,
        id: ExecutionId,
        notify: Box<dyn FnOnce() + Send>,
    ) -> Box<dyn Send> {
        uc.executions.watch(self, id, notify)
    }
}

impl Sees for Granted<ManageWorkflows> {
    fn status(&self, uc: &UseCases, id: ExecutionId) -> Result<Execution, ExecutionError> {
        uc.history.status(self, id)
    }

    fn watch(
        &self,
        uc: &UseCases,
        id: ExecutionId,
        notify: Box<dyn FnOnce() + Send>,
    ) -> Box<dyn Send> {
        uc.history.watch(self, id, notify)
    }
}

/// The run once it has ended, or as it is when `wait` is over, the server stops, or too many wait.
pub(crate) async fn until_finished(
    app: &App,
    granted: &Arc<impl Sees>,
    id: ExecutionId,
    wait: Duration,
) -> Result<Execution, ApiError> {
    let place = app.waiters.try_acquire();
    let mut deadline = Instant::now() + if place.is_ok() { wait } else { Duration::ZERO };
    let mut pause = ASK_AFTER;
    loop {
        let (notify, notified) = oneshot::channel();
        // Watched before it is read: an end between the two is not missed.
        let notify = Box::new(move || {
            let _ = notify.send(());
        });
        let _watch = granted.watch(app.use_cases(), id, notify);
        let asker = Arc::clone(granted);
        let execution = app.run(move |uc| asker.status(uc, id)).await?;
        let left = deadline.saturating_duration_since(Instant::now());
        if execution.state.status.is_finished() || left.is_zero() {
            return Ok(execution);
        }
        // Told or not, storage is asked again: it alone knows.
        select! {
            Ok(()) = notified => {}
            () = app.stopped_waiting() => deadline = Instant::now(),
            () = sleep(left.min(pause)) => pause = (pause * 2).min(ASK_AT_LEAST_EVERY),
        }
    }
}
