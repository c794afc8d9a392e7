//! Waiting for a run to end without holding a thread.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use access_domain::{Execute, Granted};
use auth_actix::ApiError;
use deployments_domain::{Execution, ExecutionId};
use tokio::{sync::oneshot, time::timeout};

use crate::App;

/// How often storage is asked for a run that another process may be carrying out.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// The run once it has ended, or as it is when `wait` is over.
pub(crate) async fn until_finished(
    app: &App,
    granted: &Arc<Granted<Execute>>,
    id: ExecutionId,
    wait: Duration,
) -> Result<Execution, ApiError> {
    let deadline = Instant::now() + wait;
    loop {
        let (notify, notified) = oneshot::channel();
        // Watched before it is read: an end between the two is not missed.
        let watch = app.use_cases.executions.watch(
            granted,
            id,
            Box::new(move || {
                let _ = notify.send(());
            }),
        );
        let granted = Arc::clone(granted);
        let execution = app.run(move |uc| uc.executions.status(&granted, id)).await?;
        let left = deadline.saturating_duration_since(Instant::now());
        if execution.state.status.is_finished() || left.is_zero() {
            return Ok(execution);
        }
        // Told or not, storage is asked again: it alone knows.
        let _ = timeout(left.min(ASK_EVERY), notified).await;
        drop(watch);
    }
}
