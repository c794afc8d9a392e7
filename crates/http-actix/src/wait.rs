//! Waiting for a run to end: who may, and what is asked meanwhile.

use std::{sync::Arc, time::Duration};

use access_domain::{Execute, Granted, ManageWorkflows};
use auth_actix::{ApiError, Pace};
use deployments_domain::{Execution, ExecutionError, ExecutionId, UseCases};

use crate::App;

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
    let watch = |notify| granted.watch(app.use_cases(), id, notify);
    let ask = || {
        let asker = Arc::clone(granted);
        app.run(move |uc| asker.status(uc, id))
    };
    app.waiting().until(wait, Pace::OF_WORK, watch, ask, |run| run.state.status.is_finished()).await
}
