//! Proving who one is by a password, for every route that asks for one: the one way to it, so that nobody guesses
//! elsewhere.

use std::{net::IpAddr, sync::Arc, time::Duration};

use access_domain::{Credentials, Device, LogInError, UserRecord};
use actix_web::HttpRequest;
use auth_actix::{ApiError, ClientAddress, LogInLimits, Try, refuse_cross_site, run_blocking};
use keys_core::{Pace, RateLimit};
use tokio::sync::OwnedSemaphorePermit;

use crate::{App, app::UseCases, error::IntoApiError};

/// Log-ins hash a password: tens of milliseconds and megabytes each. More at once would only starve
/// everything else.
const AT_ONCE: usize = 2;
const IN_LINE: usize = 50;

/// What bounds log-ins, and whatever else asks for a password.
#[derive(Debug, Clone, Copy)]
pub struct LogInSettings {
    /// How many may fail.
    pub limits: LogInLimits,
    /// How many passwords are hashed at the same time.
    pub at_once: usize,
    /// How many more wait for that; everybody else is sent away.
    pub in_line: usize,
}

impl LogInSettings {
    /// `per_address` failures a minute from one address; at one user name `per_account`, and then one more
    /// after each `pause`. `None` for a limit of nothing.
    pub fn new(per_address: u32, per_account: u32, pause: Duration) -> Option<Self> {
        let limits = LogInLimits {
            per_address: RateLimit::per_minute(per_address)?,
            per_account: Pace::new(per_account, pause)?,
        };
        Some(Self { limits, at_once: AT_ONCE, in_line: IN_LINE })
    }
}

impl App {
    /// A try at `username` that is counted, and a place in line for its hash. Both go with the hash, not
    /// with the request: a caller who hangs up must not free the place.
    pub(crate) async fn turn_to_hash(
        &self,
        address: Option<IpAddr>,
        username: &str,
        device: Option<&Device>,
    ) -> Result<(Try, OwnedSemaphorePermit), ApiError> {
        let tried = self.tries.begin(address, username, device)?;
        match self.log_ins.turn().await {
            Ok(turn) => Ok((tried, turn)),
            Err(full) => {
                tried.turned_away();
                Err(full)
            }
        }
    }

    /// Does `call` for the user whose credentials these are, off the event loop. Of `request` is looked
    /// at whether another site sent it, how many log-ins have failed at its user name and from its
    /// address, and whether its browser is known; and only then, in line with others, at the password.
    pub(crate) async fn with_password<T, E>(
        &self,
        request: &HttpRequest,
        credentials: Credentials,
        call: impl FnOnce(&UseCases, UserRecord) -> Result<T, E> + Send + 'static,
    ) -> Result<T, ApiError>
    where
        T: Send + 'static,
        E: IntoApiError,
    {
        refuse_cross_site(request, &self.settings.base_url)?;
        let address = ClientAddress::of(request).0;
        let brought = self.device_cookie.read(request);
        let device = brought.and_then(|token| self.use_cases.sessions.device(&token));
        let device = match device {
            None => None,
            Some(device) => {
                let username = credentials.username.clone();
                let is_known = self.run(move |uc| uc.sessions.knows(&device, &username)).await?;
                is_known.then_some(device)
            }
        };
        let (tried, turn) =
            self.turn_to_hash(address, &credentials.username, device.as_ref()).await?;
        let use_cases = Arc::clone(&self.use_cases);
        run_blocking(move || {
            let _turn = turn;
            let user = match use_cases.sessions.authenticate(&credentials) {
                Ok(user) => {
                    tried.succeeded();
                    Ok(user)
                }
                Err(wrong @ LogInError::WrongCredentials) => {
                    tried.failed();
                    Err(wrong)
                }
                // Not counted: nobody knows whether it was wrong.
                Err(failed @ LogInError::Store(_)) => Err(failed),
            };
            let user = user.map_err(IntoApiError::into_api_error)?;
            call(&use_cases, user).map_err(IntoApiError::into_api_error)
        })
        .await
    }
}
