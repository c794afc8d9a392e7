//! Waiting for keys to change, for whoever remembers how they were verified.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use access_domain::{Granted, KeyNews, VerifyKeys};
use auth_actix::ApiError;
use tokio::{select, time::sleep};

use crate::App;

/// How often storage is asked for what nobody was heard to change.
const ASK_EVERY: Duration = Duration::from_secs(5);

/// What has changed since the change of that number, once there is something to tell, or `wait` is over, the server stops, or too
/// many wait.
pub(crate) async fn news(
    app: &App,
    granted: Granted<VerifyKeys>,
    since: Option<u64>,
    wait: Duration,
) -> Result<KeyNews, ApiError> {
    let (organization, granted) = (granted.organization(), Arc::new(granted));
    let place = app.followers.try_acquire();
    let mut deadline = Instant::now() + if place.is_ok() { wait } else { Duration::ZERO };
    loop {
        let seen = app.key_epochs.last_change(organization);
        let asker = Arc::clone(&granted);
        let news = app.run(move |uc| uc.key_feed.since(&asker, since)).await?;
        let left = deadline.saturating_duration_since(Instant::now());
        if since.is_none_or(|since| news.tells_anything(since)) || left.is_zero() {
            // The caller verifies anew what is told here: not by what this node still remembers.
            app.key_epochs.hear(organization, news.next);
            return Ok(news);
        }
        select! {
            () = app.key_epochs.changed_since(organization, seen) => {}
            () = app.waiting().stopped() => deadline = Instant::now(),
            () = sleep(left.min(ASK_EVERY)) => {}
        }
    }
}
