//! Proving who one is by a password, for every route that asks for one: the one way to it, so that nobody guesses
//! elsewhere.

use std::{net::IpAddr, sync::Arc, time::Duration};

use access_domain::{Arrival, Credentials, Device, LogInError, Sessions, StoreError, UserRecord};
use actix_web::{HttpRequest, cookie::Cookie, http::header::USER_AGENT};
use api_types::Refusal;
use keys_core::{Pace, RateLimit, Secret};
use tokio::sync::OwnedSemaphorePermit;

use crate::{
    ApiError, ClientAddress, DeviceCookie, LogInLimits, LogIns, SessionCookie, Try, Turns,
    refuse_cross_site, run_blocking,
};

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

/// Where people prove who they are by a password; shared by the edges of a server.
pub struct PasswordDoor {
    sessions: Arc<Sessions>,
    tries: Arc<LogIns>,
    /// Places for whoever hashes a password.
    turns: Turns,
    session_cookie: SessionCookie,
    device_cookie: DeviceCookie,
    base_url: String,
}

impl PasswordDoor {
    /// `secure_cookies`: whether browsers reach this server by https; `base_url`: where, if that is set.
    pub fn new(
        settings: LogInSettings,
        sessions: Arc<Sessions>,
        secure_cookies: bool,
        base_url: String,
    ) -> Self {
        let LogInSettings { limits, at_once, in_line } = settings;
        let tries = LogIns::new(limits, Arc::clone(&sessions.clock), sessions.peppers.current());
        Self {
            sessions,
            tries: Arc::new(tries),
            turns: Turns::new(at_once, in_line),
            session_cookie: SessionCookie::new(secure_cookies),
            device_cookie: DeviceCookie::new(secure_cookies),
            base_url,
        }
    }

    /// A try at `username` that is counted, and a place in line for its hash. Both go with the hash, not
    /// with the request: a caller who hangs up must not free the place.
    ///
    /// # Errors
    /// When too many tries failed, or the line is full.
    pub async fn turn_to_hash(
        &self,
        address: Option<IpAddr>,
        username: &str,
        device: Option<&Device>,
    ) -> Result<(Try, OwnedSemaphorePermit), ApiError> {
        let tried = self.tries.begin(address, username, device)?;
        match self.turns.turn().await {
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
    ///
    /// # Errors
    /// When one of these is against it, or what `call` refused.
    pub async fn with_password<T, E>(
        &self,
        request: &HttpRequest,
        credentials: Credentials,
        call: impl FnOnce(UserRecord) -> Result<T, E> + Send + 'static,
    ) -> Result<T, ApiError>
    where
        T: Send + 'static,
        E: Into<Refusal>,
    {
        refuse_cross_site(request, &self.base_url)?;
        let address = ClientAddress::of(request).0;
        let device = self.known_device(request, &credentials.username).await?;
        let (tried, turn) =
            self.turn_to_hash(address, &credentials.username, device.as_ref()).await?;
        let sessions = Arc::clone(&self.sessions);
        let checked = move || -> Result<T, Refusal> {
            let _turn = turn;
            let user = match sessions.authenticate(&credentials) {
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
            call(user?).map_err(Into::into)
        };
        run_blocking(checked).await
    }

    /// The browser, if this user has logged in with it before.
    async fn known_device(
        &self,
        request: &HttpRequest,
        username: &str,
    ) -> Result<Option<Device>, ApiError> {
        let brought = self.device_cookie.read(request);
        let Some(device) = brought.and_then(|token| self.sessions.device(&token)) else {
            return Ok(None);
        };
        let (sessions, username) = (Arc::clone(&self.sessions), username.to_owned());
        run_blocking(move || -> Result<_, StoreError> {
            let is_known = sessions.knows(&device, &username)?;
            Ok(is_known.then_some(device))
        })
        .await
    }

    /// What a session is begun with, as far as its request tells.
    pub fn arrival(&self, request: &HttpRequest) -> Arrival {
        let user_agent = request.headers().get(USER_AGENT).and_then(|value| value.to_str().ok());
        Arrival {
            address: ClientAddress::of(request).0,
            user_agent: user_agent.unwrap_or_default().to_owned(),
            old_token: self.session_cookie.read(request),
        }
    }

    /// The cookies of a session that was begun, or that goes on under a new token.
    pub fn cookies(&self, token: Secret, device: Secret) -> [Cookie<'static>; 2] {
        [
            self.session_cookie.write(token.reveal_once()),
            self.device_cookie.write(device.reveal_once()),
        ]
    }

    /// The cookie that ends a session in its browser.
    pub fn farewell(&self) -> Cookie<'static> {
        self.session_cookie.write(String::new())
    }
}
