//! Who may do what. One table per permission, asked through [`authorize`] alone.

use keys_core::{Entropy, Scope, Timestamp};
use uuid::Uuid;

use crate::{
    Act, Action, Actor, DeploymentId, OrganizationId, Origin, Principal, Repeatable, Role, UserId,
};

/// Something that a principal may or may not do.
pub trait Permission {
    /// # Errors
    /// Why `who` may not.
    fn check(&self, who: &Principal) -> Result<(), Denied>;
}

/// Why a known caller is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// Administrators alone may do this.
    #[error("only an administrator of the organization may do this")]
    AdminRequired,
    /// Keys of this kind never open this.
    #[error("a key of this kind does not open this; use a platform key or a session")]
    KeyKindNotAllowed,
    /// The key lacks the scope that opens this.
    #[error("this needs a key with the scope '{0}'")]
    InsufficientScope(&'static str),
    /// Only a deployment's own key opens this.
    #[error("this address takes a key of its deployment")]
    DeploymentKeyRequired,
    /// The caller may not know whether it exists.
    #[error("there is no such thing for this caller")]
    Hidden,
}

/// The proof that `who` may do `P`: made by [`authorize`] alone, demanded by use cases.
#[derive(Debug)]
pub struct Granted<P> {
    who: Principal,
    permission: P,
    origin: Origin,
    repeatable: Option<Repeatable>,
}

/// May `who` do `permission`?
///
/// # Errors
/// Why not.
pub fn authorize<P: Permission>(who: Principal, permission: P) -> Result<Granted<P>, Denied> {
    permission.check(&who)?;
    Ok(Granted { who, permission, origin: Origin::default(), repeatable: None })
}

impl<P> Granted<P> {
    /// The same, with where the request came from, for the audit.
    #[must_use]
    pub fn from_origin(self, origin: Origin) -> Self {
        Self { origin, ..self }
    }

    /// The same, for a request that may be sent again: what it makes is remembered.
    #[must_use]
    pub fn once(self, repeatable: Repeatable) -> Self {
        Self { repeatable: Some(repeatable), ..self }
    }

    /// The same for a part of what was granted.
    pub(crate) fn narrowed_to<Q>(self, permission: Q) -> Granted<Q> {
        let Self { who, origin, repeatable, .. } = self;
        Granted { who, permission, origin, repeatable }
    }

    /// What is noted of something that the caller does.
    pub fn act(&self, action: Action, at: Timestamp, entropy: &dyn Entropy) -> Act {
        let act = Act::new(action, Actor::of(&self.who), self.origin.clone(), at, entropy);
        Act { repeatable: self.repeatable, ..act }
    }

    /// The request, where it may be sent again, for what is done and not noted.
    pub fn repeatable(&self) -> Option<Repeatable> {
        self.repeatable
    }

    /// Where the request came from.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Who was granted it.
    pub fn who(&self) -> &Principal {
        &self.who
    }

    /// What was granted.
    pub fn permission(&self) -> &P {
        &self.permission
    }

    /// The tenant in which all of it happens.
    pub fn organization(&self) -> OrganizationId {
        self.who.organization().id
    }

    /// Which workflows and deployments the caller may see: administrators and the keys that do their
    /// work all of the organization's, everybody else what they made and what is shared with them.
    /// What of it they may change, [`Visibility::owns`] tells.
    pub fn visibility(&self) -> Visibility {
        if self.who.is_administrative_key()
            || matches!(self.who, Principal::User { role: Role::Admin, .. })
        {
            Visibility::Organization
        } else {
            Visibility::Member(self.who.actor())
        }
    }
}

/// The part of an organization's rows that a caller may see; finders take it beside the tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visibility {
    /// All of them.
    Organization,
    /// Those that this user made, and those that are shared with them.
    Member(Uuid),
}

/// The caller sees it, and somebody else made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is shared with you: its owner and administrators change it")]
pub struct OwnerRequired;

impl Visibility {
    /// Whether whoever sees so much may change something that `owner` made. Asked wherever something
    /// is locked in order to be changed.
    ///
    /// # Errors
    /// When it is another's.
    pub fn owns(self, owner: Uuid) -> Result<(), OwnerRequired> {
        match self {
            Self::Member(member) if member != owner => Err(OwnerRequired),
            Self::Member(_) | Self::Organization => Ok(()),
        }
    }
}

/// Ask who one is.
#[derive(Debug, Clone, Copy, Default)]
pub struct SeeSelf;

/// List, generate, switch and delete platform keys.
#[derive(Debug, Clone, Copy, Default)]
pub struct ManagePlatformKeys;

/// Give a platform key a new secret: an administrator any, a platform key its own.
#[derive(Debug, Clone, Copy, Default)]
pub struct RefreshPlatformKey;

/// Create, read, change and delete workflows.
#[derive(Debug, Clone, Copy, Default)]
pub struct ManageWorkflows;

/// Create, read, change and delete deployments and their keys.
#[derive(Debug, Clone, Copy, Default)]
pub struct ManageDeployments;

/// List, make, change, rotate, revoke and delete the keys of the organization.
#[derive(Debug, Clone, Copy, Default)]
pub struct ManageKeys;

/// Have keys of the organization verified.
#[derive(Debug, Clone, Copy, Default)]
pub struct VerifyKeys;

/// Have it explained what becomes of a key.
#[derive(Debug, Clone, Copy, Default)]
pub struct ExplainKeys;

/// Read who did what.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReadAudit;

/// Read how much was called: everybody who may sees all of the organization, but for a user, who must
/// name a deployment that they may see.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReadUsage;

/// Read the organization's settings.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReadOrganization;

/// Change the organization's settings.
#[derive(Debug, Clone, Copy, Default)]
pub struct ManageOrganization;

/// Set and delete the organization's secrets.
#[derive(Debug, Clone, Copy, Default)]
pub struct ManageSecrets;

/// Make, read, change and try out webhooks, and look into what became of their deliveries.
#[derive(Debug, Clone, Copy, Default)]
pub struct ManageWebhooks;

/// Look into what became of mail to members of the organization.
#[derive(Debug, Clone, Copy, Default)]
pub struct ManageMail;

/// Invite people, and say what members may do.
#[derive(Debug, Clone, Copy, Default)]
pub struct ManageMembers;

/// End a membership: an administrator anybody's, everybody their own.
#[derive(Debug, Clone, Copy)]
pub struct LeaveOrganization {
    /// Whose membership the request names.
    pub user: UserId,
}

/// Ask a model.
#[derive(Debug, Clone, Copy, Default)]
pub struct Infer;

/// Read which models there are.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReadModels;

/// Start, watch, read and cancel runs of one deployment.
#[derive(Debug, Clone, Copy)]
pub struct Execute {
    /// The deployment that the request names.
    pub deployment: DeploymentId,
}

/// Call deployments as an agent's tools: a platform key all of its organization, a deployment's key its own.
#[derive(Debug, Clone, Copy, Default)]
pub struct CallTools;

/// Read how one deployment is called.
#[derive(Debug, Clone, Copy)]
pub struct ReadDocumentation {
    /// The deployment that the request names.
    pub deployment: DeploymentId,
}

impl Permission for SeeSelf {
    fn check(&self, _: &Principal) -> Result<(), Denied> {
        Ok(())
    }
}

/// What administrators alone may do: no key, whatever its scopes.
fn admin(who: &Principal) -> Result<(), Denied> {
    match who {
        Principal::User { role: Role::Admin, .. } => Ok(()),
        Principal::User { role: Role::User, .. }
        | Principal::PlatformKey { .. }
        | Principal::DeploymentKey { .. }
        | Principal::OrganizationKey { .. } => Err(Denied::AdminRequired),
    }
}

/// What administrators do, and keys that do their work.
fn admin_or_administrative_key(who: &Principal) -> Result<(), Denied> {
    match who {
        _ if who.is_administrative_key() => Ok(()),
        Principal::User { .. } | Principal::PlatformKey { .. } => admin(who),
        Principal::DeploymentKey { .. } => Err(Denied::KeyKindNotAllowed),
        Principal::OrganizationKey { .. } => Err(Denied::InsufficientScope(Scope::ADMIN)),
    }
}

/// Managing workflows and deployments is open to members and to keys that do an administrator's
/// work; what of them they see is [`Granted::visibility`].
fn member_or_administrative_key(who: &Principal) -> Result<(), Denied> {
    match who {
        Principal::User { .. } => Ok(()),
        Principal::PlatformKey { .. }
        | Principal::DeploymentKey { .. }
        | Principal::OrganizationKey { .. } => admin_or_administrative_key(who),
    }
}

/// What a scope opens, and administrators may try.
fn scope(who: &Principal, needed: &'static str) -> Result<(), Denied> {
    match who {
        Principal::OrganizationKey { scopes, .. } if scopes.include(needed) => Ok(()),
        Principal::OrganizationKey { .. } => Err(Denied::InsufficientScope(needed)),
        Principal::User { .. } => admin(who),
        Principal::PlatformKey { .. } | Principal::DeploymentKey { .. } => {
            Err(Denied::KeyKindNotAllowed)
        }
    }
}

impl Permission for ManagePlatformKeys {
    fn check(&self, who: &Principal) -> Result<(), Denied> {
        admin(who)
    }
}

impl Permission for RefreshPlatformKey {
    fn check(&self, who: &Principal) -> Result<(), Denied> {
        if matches!(who, Principal::PlatformKey { .. }) { Ok(()) } else { admin(who) }
    }
}

impl Permission for ManageWorkflows {
    fn check(&self, who: &Principal) -> Result<(), Denied> {
        member_or_administrative_key(who)
    }
}

impl Permission for ManageDeployments {
    fn check(&self, who: &Principal) -> Result<(), Denied> {
        member_or_administrative_key(who)
    }
}

impl Permission for ManageKeys {
    fn check(&self, who: &Principal) -> Result<(), Denied> {
        admin_or_administrative_key(who)
    }
}

impl Permission for VerifyKeys {
    fn check(&self, who: &Principal) -> Result<(), Denied> {
        if matches!(who, Principal::PlatformKey { .. }) {
            return Ok(());
        }
        scope(who, "keys:verify")
    }
}

impl Permission for ExplainKeys {
    fn check(&self, who: &Principal) -> Result<(), Denied> {
        admin_or_administrative_key(who)
    }
}

impl Permission for ReadAudit {
    fn check(&self, who: &Principal) -> Result<(), Denied> {
        admin_or_administrative_key(who)
    }
}

impl Permission for ReadUsage {
    fn check(&self, who: &Principal) -> Result<(), Denied> {
        match who {
            Principal::User { .. } | Principal::PlatformKey { .. } => Ok(()),
            Principal::OrganizationKey { .. } | Principal::DeploymentKey { .. } => {
                scope(who, "analytics:read")
            }
        }
    }
}

impl Permission for ReadOrganization {
    fn check(&self, who: &Principal) -> Result<(), Denied> {
        admin_or_administrative_key(who)
    }
}

impl Permission for ManageOrganization {
    fn check(&self, who: &Principal) -> Result<(), Denied> {
        admin(who)
    }
}

impl Permission for ManageSecrets {
    fn check(&self, who: &Principal) -> Result<(), Denied> {
        admin(who)
    }
}

impl Permission for ManageWebhooks {
    fn check(&self, who: &Principal) -> Result<(), Denied> {
        admin_or_administrative_key(who)
    }
}

impl Permission for ManageMembers {
    fn check(&self, who: &Principal) -> Result<(), Denied> {
        admin(who)
    }
}

impl Permission for ManageMail {
    fn check(&self, who: &Principal) -> Result<(), Denied> {
        admin(who)
    }
}

impl Permission for LeaveOrganization {
    fn check(&self, who: &Principal) -> Result<(), Denied> {
        match who {
            Principal::User { id, .. } if *id == self.user => Ok(()),
            Principal::User { .. }
            | Principal::PlatformKey { .. }
            | Principal::DeploymentKey { .. }
            | Principal::OrganizationKey { .. } => admin(who),
        }
    }
}

impl Permission for Infer {
    fn check(&self, who: &Principal) -> Result<(), Denied> {
        scope(who, "inference:write")
    }
}

impl Permission for ReadModels {
    fn check(&self, who: &Principal) -> Result<(), Denied> {
        scope(who, "inference:read")
    }
}

impl Permission for Execute {
    fn check(&self, who: &Principal) -> Result<(), Denied> {
        match who {
            Principal::DeploymentKey { deployment, .. } if *deployment == self.deployment => Ok(()),
            Principal::DeploymentKey { .. } => Err(Denied::Hidden),
            Principal::User { .. }
            | Principal::PlatformKey { .. }
            | Principal::OrganizationKey { .. } => Err(Denied::DeploymentKeyRequired),
        }
    }
}

/// A person is no agent, and a key that stands alone does not call deployments.
impl Permission for CallTools {
    fn check(&self, who: &Principal) -> Result<(), Denied> {
        match who {
            Principal::PlatformKey { .. } | Principal::DeploymentKey { .. } => Ok(()),
            Principal::User { .. } | Principal::OrganizationKey { .. } => {
                Err(Denied::KeyKindNotAllowed)
            }
        }
    }
}

/// Its own key calls it, and whoever manages it reads what they would have it tell.
impl Permission for ReadDocumentation {
    fn check(&self, who: &Principal) -> Result<(), Denied> {
        match who {
            Principal::DeploymentKey { .. } => Execute { deployment: self.deployment }.check(who),
            Principal::User { .. }
            | Principal::PlatformKey { .. }
            | Principal::OrganizationKey { .. } => {
                ManageDeployments.check(who).map_err(|_| Denied::DeploymentKeyRequired)
            }
        }
    }
}

/// Whoever runs the binary on this machine. There is no operator over HTTP: only the command line
/// makes this value.
#[derive(Debug, Clone, Copy)]
pub struct Operator(());

impl Operator {
    /// For the command line alone.
    pub fn at_the_command_line() -> Self {
        Self(())
    }
}

#[cfg(test)]
mod tests;
