//! What every actix-web edge shares: who is calling, under which request id, and how a refusal is
//! rendered. For services of others there is [`KeyGuard`], which needs none of the rest.
//!
//! Knows nothing of routes, workflows or storage. The one hop from an event loop to blocking code
//! is [`run_blocking`]; only keys are loaded past it, by [`KeyCache`].

mod agent_call;
mod blocking;
mod bounded;
mod budgets;
mod caller;
mod calls;
mod client_address;
mod credential;
mod cross_site;
mod error;
mod follower;
mod guard;
mod guesses;
mod idempotency;
mod key_cache;
mod key_epochs;
mod key_in_url;
mod known;
mod log_ins;
mod outcomes;
mod password_door;
mod rate_limit;
mod rehash;
mod request_context;
mod request_trace;
mod session_cookie;
mod slow_hashes;
mod turns;
mod waiting;

/// With the feature `remote`: a server's verdicts for [`KeyGuard`].
#[cfg(feature = "remote")]
pub use client_rust::{Client, OwnerView, Retry, Verifier};

pub use self::{
    agent_call::{AgentCall, UnspentCaller},
    blocking::{Blocking, run_blocking},
    bounded::read_bounded,
    caller::{
        AccessContext, Caller, FromCall, Identity, PersonAtWork, grant, has_session,
        keys_of_request, origin, requested_organization, session_of_request,
    },
    calls::{count_for, count_tokens},
    client_address::ClientAddress,
    cross_site::{is_cross_site, refuse_cross_site},
    error::ApiError,
    follower::Follower,
    guard::{Guarded, KeyGuard},
    guesses::Guesses,
    idempotency::{Attempt, Done, RepeatableCaller, Repeats},
    key_cache::{KeyCache, KeyCacheConfig},
    key_epochs::{KeyEpochs, Moment},
    key_in_url::hide_key_in_url,
    log_ins::{LogInLimits, LogIns, Try},
    outcomes::{Outcomes, ShownAt},
    password_door::{LogInSettings, PasswordDoor},
    rate_limit::spend,
    request_context::{RenderRefusal, count_problem, request_context},
    session_cookie::{DeviceCookie, SessionCookie},
    turns::Turns,
    waiting::{Notify, Pace, Waiting},
};
