//! Waiting for a run to end without holding a thread.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use access_domain::{Execute, Granted};
use auth_actix::ApiError;
use deployments_domain::{Execution, ExecutionId};
use tokio::{select, sync::oneshot, time::sleep};

use crate::App;

/// How often storage is asked for a run that another process may be carrying out: at first, and
/// when it takes long.
const ASK_AFTER: Duration = Duration::from_millis(500);
const ASK_AT_LEAST_EVERY: Duration = Duration::from_secs(5);

/// The run once it has ended, or as it is when `wait` is over, the server stops, or too many wait.
pub(crate) async fn until_finished(
    app: &App,
    granted: &Arc<Granted<Execute>>,
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
        let _watch = app.use_cases.executions.watch(granted, id, notify);
        let asker = Arc::clone(granted);
        let execution = app.run(move |uc| uc.executions.status(&asker, id)).await?;
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
