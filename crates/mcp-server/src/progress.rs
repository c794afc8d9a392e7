//! Signs of life for whoever asked for them: how long a call has been waiting, of how long it may, and where its run stands. Sent on
//! the call's own answer. Must not be sent where an answer comes at once, which is plain JSON then.

use std::time::{Duration, Instant};

use deployments_domain::Execution;
use rmcp::{
    Peer, RoleServer,
    model::{ProgressNotificationParam, ProgressToken},
    service::RequestContext,
};

/// What comes sooner needs no sign of life.
const QUIET: Duration = Duration::from_millis(300);

/// Whom to tell.
pub(crate) struct Progress {
    peer: Peer<RoleServer>,
    token: ProgressToken,
    begun: Instant,
    patience: Duration,
}

impl Progress {
    /// Of a call that waits for so long; none where nobody asked for it.
    pub(crate) fn of(context: &RequestContext<RoleServer>, patience: Duration) -> Option<Self> {
        let token = context.meta.get_progress_token()?;
        Some(Self { peer: context.peer.clone(), token, begun: Instant::now(), patience })
    }

    /// Tells where a run stands that goes on.
    pub(crate) async fn tell(&self, run: &Execution) {
        let waited = self.begun.elapsed();
        if waited < QUIET {
            return;
        }
        // Time always grows, as the protocol wants it; steps may be few and long.
        let steps = run.progress;
        let message = format!(
            "execution {} is {}: {} of {} steps are done",
            run.id,
            run.state.status.as_str(),
            steps.steps_completed,
            steps.steps_total
        );
        let told = ProgressNotificationParam::new(self.token.clone(), waited.as_secs_f64())
            .with_total(self.patience.max(waited).as_secs_f64())
            .with_message(message);
        // Whoever no longer listens is told nothing.
        let _ = self.peer.notify_progress(told).await;
    }
}
