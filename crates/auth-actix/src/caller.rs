//! The caller of a request, as handlers take it: `Caller<ManageWorkflows>` in a signature is the
//! whole of authentication and authorization.

use std::{future::Future, net::IpAddr, pin::Pin, sync::Arc};

use access_domain::{
    Admitted, ApiName, Authentication, AuthenticationError, CallLog, Csrf, DeploymentId, Execute,
    ExplainKeys, Granted, Infer, KeyMatches, KeySource, LeaveOrganization, Limiter,
    ManageDeployments, ManageKeys, ManageMail, ManageMembers, ManageOrganization,
    ManagePlatformKeys, ManageSecrets, ManageWebhooks, ManageWorkflows, OrganizationName,
    OrganizationRef, Origin, Permission, Principal, Quotas, ReadAudit, ReadDocumentation,
    ReadModels, ReadOrganization, ReadUsage, RefreshPlatformKey, RefusalLog, RequestedOrganization,
    SeeSelf, SessionRecord, Tracer, VerifyKeys, authorize, principal_of_session,
};
use actix_web::{
    FromRequest, HttpMessage, HttpRequest, dev::Payload, http::header::HeaderMap, web,
};
use keys_core::{Network, Outcome, Verdict};
use uuid::Uuid;

use crate::{
    ApiError, ClientAddress, Guesses, Outcomes, Repeats, SessionCookie, ShownAt,
    blocking::run_blocking,
    calls,
    credential::{Presented, presented},
    key_in_url::{KeyInUrl, PLACEHOLDER},
    known,
    rate_limit::spend,
    request_context::request_id_of,
    request_trace::trace_of,
};

/// What the extractors need, as app data: `web::Data<AccessContext>`.
pub struct AccessContext {
    /// Finds out who is calling.
    pub authentication: Arc<Authentication>,
    /// Where keys are found.
    pub keys: Arc<dyn KeySource>,
    /// Where the limits of keys are kept account of.
    pub limiter: Arc<dyn Limiter>,
    /// Who looks for keys that are not in memory.
    pub guesses: Guesses,
    /// Which requests were sent before.
    pub repeats: Repeats,
    /// What hears of answered requests that came with a right key.
    pub calls: Arc<dyn CallLog>,
    /// What records traces, if anything does.
    pub tracer: Option<Arc<dyn Tracer>>,
    /// What counts how keys fare.
    pub outcomes: Outcomes,
    /// What hears of refusals of known callers.
    pub refusals: Arc<dyn RefusalLog>,
    /// The cookie that sessions travel in.
    pub cookie: SessionCookie,
    /// Whether `/deployment/{api_key}/…` is served. Keys leave the path even where it is not.
    pub key_in_url: bool,
    /// Whose word counts as to where a request comes from.
    pub trusted_proxies: Box<[Network]>,
}

/// A caller who was granted `P` for this request.
pub struct Caller<P> {
    /// The proof, for use cases.
    pub granted: Granted<P>,
}

/// A permission that a request asks for by its address.
pub trait FromCall: Permission + Sized {
    /// Whether a use case may still refuse what the permission allows: of such calls it is remembered
    /// who makes them. The others are many and quick.
    const MANAGES: bool = false;
    /// Whether a cookie says nothing here, as if none had been sent.
    const KEYS_ALONE: bool = false;

    /// What exactly this request asks to be allowed.
    ///
    /// # Errors
    /// When the address names nothing.
    fn from_call(request: &HttpRequest, who: &Principal) -> Result<Self, ApiError>;

    /// The address that the request asks at, the same for all ways to write it.
    fn address(&self, request: &HttpRequest) -> String {
        request.path().to_owned()
    }
}

/// A known caller, before it is settled in which organization they act.
#[expect(clippy::large_enum_variant, reason = "a box for keys would be an allocation in each call")]
pub enum Identity {
    /// A key acts in its own.
    Key(Admitted),
    /// A person may belong to several.
    Session {
        /// The session with its user.
        record: Box<SessionRecord>,
        /// What its unsafe requests must carry.
        csrf_token: String,
    },
}

/// A person with a session.
pub struct PersonAtWork {
    /// The session with its user.
    pub record: SessionRecord,
    /// What its unsafe requests must carry.
    pub csrf_token: String,
}

impl Identity {
    /// Where the caller belongs: a key to one organization, a person to any number.
    pub fn organizations(self) -> Vec<OrganizationName> {
        match self {
            Self::Key(admitted) => vec![admitted.who.organization().clone()],
            Self::Session { record, .. } => {
                record.memberships.into_iter().map(|member| member.organization).collect()
            }
        }
    }
}

type Extracting<T> = Pin<Box<dyn Future<Output = Result<T, ApiError>>>>;

impl<P: FromCall + 'static> FromRequest for Caller<P> {
    type Error = ApiError;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let (granted, quotas) = granted_to(&request).await?;
            // Last of all: whoever may not do this spends nothing.
            spend(&request, quotas, 1).await?;
            Ok(Self { granted })
        })
    }
}

impl FromRequest for Identity {
    type Error = ApiError;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let requested = requested_organization(&request);
            let identity = identify(&request, &requested, false).await?;
            if let (Identity::Session { record, .. }, Some(named)) = (&identity, &requested.header)
            {
                record.membership(named).ok_or(AuthenticationError::OrganizationMismatch)?;
            }
            if let Identity::Key(admitted) = &identity {
                spend(&request, admitted.quotas, 1).await?;
            }
            Ok(identity)
        })
    }
}

/// Who asks, with the proof that they may, and what the request spends once it is done.
pub(crate) async fn granted_to<P: FromCall>(
    request: &HttpRequest,
) -> Result<(Granted<P>, Quotas), ApiError> {
    let requested = requested_organization(request);
    let (who, quotas) = match identify(request, &requested, P::KEYS_ALONE).await? {
        Identity::Key(Admitted { who, quotas }) => (who, quotas),
        Identity::Session { record, .. } => {
            (principal_of_session(&record, &requested)?, Quotas::default())
        }
    };
    Ok((grant(request, who)?, quotas))
}

/// The proof that a known caller may do what the request asks for.
///
/// # Errors
/// When they may not. It is noted, as every refusal of a known caller.
pub fn grant<P: FromCall>(request: &HttpRequest, who: Principal) -> Result<Granted<P>, ApiError> {
    let permission = P::from_call(request, &who)
        .and_then(|permission| permission.check(&who).map(|()| permission).map_err(Into::into))
        .inspect_err(|_: &ApiError| known::refused(request, &who))?;
    if P::MANAGES {
        known::remember(request, &who);
    }
    Ok(authorize(who, permission)?.from_origin(origin(request)))
}

/// The session that a request's cookie carries, whatever else the request carries: for pages, which people alone look at. `csrf`:
/// the token that came with an unsafe request, of which `None` is no right one.
///
/// # Errors
/// When there is no session or it is over, or the token is not its own.
pub async fn session_of_request(
    request: &HttpRequest,
    csrf: Option<String>,
) -> Result<PersonAtWork, ApiError> {
    let context = context_of(request)?;
    let token = context.cookie.read(request).ok_or(AuthenticationError::Missing)?;
    session(context, token, request.method().is_safe(), csrf).await
}

/// Whether a request's cookie carries a session, before anything of the request is read.
///
/// # Errors
/// When there is none, or it is over.
pub async fn has_session(request: &HttpRequest) -> Result<(), ApiError> {
    let context = context_of(request)?;
    let token = context.cookie.read(request).ok_or(AuthenticationError::Missing)?;
    session(context, token, true, None).await.map(drop)
}

async fn session(
    context: &AccessContext,
    token: String,
    is_safe: bool,
    csrf_sent: Option<String>,
) -> Result<PersonAtWork, ApiError> {
    let authentication = Arc::clone(&context.authentication);
    run_blocking(move || {
        let csrf = if is_safe { Csrf::NotNeeded } else { Csrf::Needed(csrf_sent.as_deref()) };
        let record = authentication.session(&token, csrf)?;
        let csrf_token = authentication.csrf_token(&token);
        Ok::<_, AuthenticationError>(PersonAtWork { record, csrf_token })
    })
    .await
}

async fn identify(
    request: &HttpRequest,
    requested: &RequestedOrganization,
    keys_alone: bool,
) -> Result<Identity, ApiError> {
    let context = context_of(request)?;
    match presented(request, &context.cookie)? {
        Presented::Session(_) if keys_alone => Err(AuthenticationError::Missing.into()),
        Presented::Nothing => Err(AuthenticationError::Missing.into()),
        Presented::Unreadable => Err(AuthenticationError::Invalid.into()),
        Presented::Key(key) => {
            let address = origin(request).address;
            let found = look_up(context, &key, address, ShownAt::Caller).await?;
            calls::found(request, &found, requested);
            let admitted = context
                .authentication
                .admit_key(&found, requested, address)
                .inspect_err(|error| {
                    context.outcomes.count_refused(ShownAt::Caller, error);
                    known::key_refused(request, &found, requested, error);
                })?;
            context.outcomes.count(ShownAt::Caller, Verdict::Valid);
            agree_with_url(request, &key)?;
            Ok(Identity::Key(admitted))
        }
        Presented::Session(token) => {
            let csrf_sent = header(request.headers(), "x-csrf-token").map(str::to_owned);
            let PersonAtWork { record, csrf_token } =
                session(context, token, request.method().is_safe(), csrf_sent).await?;
            Ok(Identity::Session { record: Box::new(record), csrf_token })
        }
    }
}

pub(crate) fn context_of(request: &HttpRequest) -> Result<&AccessContext, ApiError> {
    let context = request.app_data::<web::Data<AccessContext>>();
    context
        .map(|context| &***context)
        .ok_or_else(|| ApiError::internal("the app has no AccessContext"))
}

/// The keys that a credential from this address stands for: every edge that lets keys in goes
/// through here.
async fn look_up(
    context: &AccessContext,
    key: &str,
    address: Option<IpAddr>,
    at: ShownAt,
) -> Result<Arc<KeyMatches>, ApiError> {
    let Some(presented) = context.authentication.present(key) else {
        context.outcomes.count_unknown();
        context.outcomes.count(at, Verdict::NotFound);
        return Err(AuthenticationError::Invalid.into());
    };
    let found = match context.keys.get(presented) {
        Outcome::Ready(found) => found?,
        Outcome::Later(looking) => context.guesses.watch(address, looking).await?,
    };
    if found.is_empty() {
        context.outcomes.count_unknown();
    }
    Ok(found)
}

/// The keys that a request's own credential stands for, of whatever kind and organization. For doors
/// that let in keys alone: a cookie is ignored.
///
/// # Errors
/// When the request carries no key, or one that nobody has.
pub async fn keys_of_request(request: &HttpRequest) -> Result<Arc<KeyMatches>, ApiError> {
    let context = context_of(request)?;
    let found = match presented(request, &context.cookie)? {
        Presented::Nothing | Presented::Session(_) => Err(AuthenticationError::Missing),
        Presented::Unreadable => Err(AuthenticationError::Invalid),
        Presented::Key(key) => {
            let address = origin(request).address;
            Ok(look_up(context, &key, address, ShownAt::ForwardAuth).await?)
        }
    }?;
    calls::found(request, &found, &requested_organization(request));
    if found.is_empty() {
        context.outcomes.count(ShownAt::ForwardAuth, Verdict::NotFound);
        return Err(AuthenticationError::Invalid.into());
    }
    Ok(found)
}

/// A key in the path must be sent in a header as well. The two were typed by one caller, so how
/// long the comparison takes tells nobody anything new.
fn agree_with_url(request: &HttpRequest, key: &str) -> Result<(), AuthenticationError> {
    match request.extensions().get::<KeyInUrl>() {
        Some(in_url) if in_url.0 != key => Err(AuthenticationError::Invalid),
        _ => Ok(()),
    }
}

/// Where the request comes from, as trusted proxies tell it.
pub fn origin(request: &HttpRequest) -> Origin {
    Origin {
        address: ClientAddress::of(request).0,
        request_id: request_id_of(request),
        trace: trace_of(request),
    }
}

/// Which organization the request names.
pub fn requested_organization(request: &HttpRequest) -> RequestedOrganization {
    RequestedOrganization {
        path: request.match_info().get("org_id").map(OrganizationRef::from),
        // What cannot be read names no organization, which is another than the caller's.
        header: request
            .headers()
            .get("x-organization-id")
            .map(|value| OrganizationRef::from(value.to_str().unwrap_or_default())),
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Permissions that need nothing from the request. Written out by name: they are another crate's,
/// so a blanket implementation over `Default` would overlap with `Execute` one day.
macro_rules! asked_by_every_call {
    ($manages:literal: $($permission:ident),+ $(,)?) => {$(
        impl FromCall for $permission {
            const MANAGES: bool = $manages;

            fn from_call(_: &HttpRequest, _: &Principal) -> Result<Self, ApiError> {
                Ok(Self)
            }
        }
    )+};
}

asked_by_every_call!(
    true: ManageDeployments, ManageKeys, ManageMail, ManageOrganization, ManagePlatformKeys, ManageSecrets, ManageWebhooks, ManageWorkflows, ReadUsage, RefreshPlatformKey, ManageMembers,
);
asked_by_every_call!(
    false: ExplainKeys, Infer, ReadAudit, ReadModels, ReadOrganization, SeeSelf, VerifyKeys,
);

/// The deployment that `{handle}` names: by its id, or by a key of its own.
fn deployment_of(request: &HttpRequest, who: &Principal) -> Option<DeploymentId> {
    let handle = request.match_info().get("handle").unwrap_or_default();
    let is_served =
        request.app_data::<web::Data<AccessContext>>().is_some_and(|context| context.key_in_url);
    let by_key =
        is_served && handle == PLACEHOLDER && request.extensions().get::<KeyInUrl>().is_some();
    match who {
        Principal::DeploymentKey { deployment, .. } if by_key => Some(*deployment),
        Principal::DeploymentKey { .. }
        | Principal::User { .. }
        | Principal::PlatformKey { .. }
        | Principal::OrganizationKey { .. } => handle.parse::<DeploymentId>().ok(),
    }
}

impl FromCall for Execute {
    /// The deployment that `{handle}` names: by its id, or by a key of its own. Or `{api_name}`, in the
    /// organization that the address names as well.
    fn from_call(request: &HttpRequest, who: &Principal) -> Result<Self, ApiError> {
        if let Some(named) = request.match_info().get("api_name") {
            return by_name(named, who);
        }
        // A caller of the wrong kind hears so before anything is told of the address.
        match (deployment_of(request, who), who) {
            (Some(deployment), _) => Ok(Self { deployment }),
            (None, Principal::DeploymentKey { .. }) => Err(ApiError::not_found()),
            (
                None,
                Principal::User { .. }
                | Principal::PlatformKey { .. }
                | Principal::OrganizationKey { .. },
            ) => Err(access_domain::Denied::DeploymentKeyRequired.into()),
        }
    }

    /// By the deployment's id, also where its key stands in the path.
    fn address(&self, request: &HttpRequest) -> String {
        let tail = request.path().splitn(4, '/').nth(3).unwrap_or_default();
        format!("/deployment/{}/{tail}", self.deployment)
    }
}

impl FromCall for LeaveOrganization {
    const MANAGES: bool = true;

    /// The member whose id is in the path. What is no id is read as the nil UUID, which is nobody's.
    fn from_call(request: &HttpRequest, _: &Principal) -> Result<Self, ApiError> {
        let user = request.match_info().get("user_id").and_then(|text| text.parse().ok());
        Ok(Self { user: user.unwrap_or_else(|| Uuid::nil().into()) })
    }
}

impl FromCall for ReadDocumentation {
    /// What names no deployment is read as the nil UUID, which is none: whoever may not ask hears that first.
    fn from_call(request: &HttpRequest, who: &Principal) -> Result<Self, ApiError> {
        let deployment = deployment_of(request, who).unwrap_or_else(|| Uuid::nil().into());
        Ok(Self { deployment })
    }
}

pub(crate) fn by_name(named: &str, who: &Principal) -> Result<Execute, ApiError> {
    match who {
        Principal::DeploymentKey { deployment, bounds, .. }
            if bounds.api_name.is_some() && bounds.api_name == ApiName::parse(named) =>
        {
            Ok(Execute { deployment: *deployment })
        }
        Principal::DeploymentKey { .. } => Err(ApiError::not_found()),
        Principal::User { .. }
        | Principal::PlatformKey { .. }
        | Principal::OrganizationKey { .. } => {
            Err(access_domain::Denied::DeploymentKeyRequired.into())
        }
    }
}
