//! Who may do what. One table per permission, asked through [`authorize`] alone.

use keys_core::{Entropy, Scope, Timestamp};
use uuid::Uuid;

use crate::{
    Act, Action, Actor, DeploymentId, OrganizationId, Origin, Principal, Repeatable, Role,
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

    /// Which workflows and deployments the caller may see and change: administrators and the keys
    /// that do their work all of the organization's, everybody else what they made.
    pub fn visibility(&self) -> Visibility {
        if self.who.is_administrative_key()
            || matches!(self.who, Principal::User { role: Role::Admin, .. })
        {
            Visibility::Organization
        } else {
            Visibility::MadeBy(self.who.actor())
        }
    }
}

/// The part of an organization's rows that a caller may see; finders take it beside the tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visibility {
    /// All of them.
    Organization,
    /// Those that this user made.
    MadeBy(Uuid),
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
mod tests {
    use keys_core::{Scopes, Slot};

    use super::*;
    use crate::{CallBounds, OrganizationName, Username};

    fn organization() -> OrganizationName {
        OrganizationName { id: Uuid::from_u128(1).into(), slug: "acme".into() }
    }

    fn user(role: Role) -> Principal {
        let username = Username::parse("u").unwrap();
        let id = Uuid::from_u128(2).into();
        Principal::User { id, username, organization: organization(), role }
    }

    fn platform_key() -> Principal {
        let (id, slot, expires_at) = (Uuid::from_u128(3).into(), Slot::One, None);
        Principal::PlatformKey { id, organization: organization(), slot, expires_at }
    }

    fn deployment_key() -> Principal {
        let (id, name, expires_at) = (Uuid::from_u128(4).into(), String::new(), None);
        let (deployment, bounds) = (Uuid::from_u128(5).into(), CallBounds::default());
        let organization = organization();
        Principal::DeploymentKey { id, organization, deployment, name, expires_at, bounds }
    }

    fn key_with(scope: &str) -> Principal {
        let (id, name, expires_at) = (Uuid::from_u128(6).into(), String::new(), None);
        let scopes = Scopes::new([scope.parse().unwrap()]).unwrap();
        Principal::OrganizationKey { id, organization: organization(), name, scopes, expires_at }
    }

    /// The answers to an administrator, a user, a platform key, a key with `admin`, one with
    /// `orders:read`, and a deployment's.
    #[track_caller]
    fn check<P: Permission + Copy>(permission: P, expected: [Result<(), Denied>; 6]) {
        let callers = [
            user(Role::Admin),
            user(Role::User),
            platform_key(),
            key_with("admin"),
            key_with("orders:read"),
            deployment_key(),
        ];
        assert_eq!(callers.map(|who| authorize(who, permission).map(drop)), expected);
    }

    const YES: Result<(), Denied> = Ok(());
    const ADMINS: Result<(), Denied> = Err(Denied::AdminRequired);
    const KIND: Result<(), Denied> = Err(Denied::KeyKindNotAllowed);
    const SCOPE: Result<(), Denied> = Err(Denied::InsufficientScope(Scope::ADMIN));

    #[test]
    fn platform_keys_and_settings_are_managed_by_admins_alone() {
        check(ManagePlatformKeys, [YES, ADMINS, ADMINS, ADMINS, ADMINS, ADMINS]);
        check(ManageOrganization, [YES, ADMINS, ADMINS, ADMINS, ADMINS, ADMINS]);
    }

    #[test]
    fn platform_keys_are_refreshed_by_admins_and_by_platform_keys() {
        check(RefreshPlatformKey, [YES, ADMINS, YES, ADMINS, ADMINS, ADMINS]);
    }

    #[test]
    fn workflows_and_deployments_are_managed_by_members_and_administrative_keys() {
        check(ManageWorkflows, [YES, YES, YES, YES, SCOPE, KIND]);
        check(ManageDeployments, [YES, YES, YES, YES, SCOPE, KIND]);
    }

    #[test]
    fn keys_audit_and_explanations_are_for_admins_and_administrative_keys() {
        check(ManageKeys, [YES, ADMINS, YES, YES, SCOPE, KIND]);
        check(ReadAudit, [YES, ADMINS, YES, YES, SCOPE, KIND]);
        check(ReadOrganization, [YES, ADMINS, YES, YES, SCOPE, KIND]);
        check(ExplainKeys, [YES, ADMINS, YES, YES, SCOPE, KIND]);
    }

    #[test]
    fn a_scope_opens_what_it_names() {
        let lacks = |scope| Err(Denied::InsufficientScope(scope));
        check(VerifyKeys, [YES, ADMINS, YES, YES, lacks("keys:verify"), KIND]);
        check(Infer, [YES, ADMINS, KIND, YES, lacks("inference:write"), KIND]);
        check(ReadUsage, [YES, YES, YES, YES, lacks("analytics:read"), KIND]);
        check(ReadModels, [YES, ADMINS, KIND, YES, lacks("inference:read"), KIND]);
        assert!(authorize(key_with("keys:verify"), VerifyKeys).is_ok());
        assert!(authorize(key_with("analytics:read"), ReadUsage).is_ok());
        assert!(authorize(key_with("inference:write"), Infer).is_ok());
        assert!(authorize(key_with("inference:write"), ReadModels).is_err());
    }

    #[test]
    fn only_the_deployments_own_key_executes_and_a_foreign_one_sees_nothing() {
        let no = Err(Denied::DeploymentKeyRequired);
        check(Execute { deployment: Uuid::from_u128(5).into() }, [no, no, no, no, no, YES]);
        let hidden = Err(Denied::Hidden);
        check(Execute { deployment: Uuid::from_u128(6).into() }, [no, no, no, no, no, hidden]);
    }

    #[test]
    fn nobody_gives_what_they_have_not() {
        let may_give = |who: Principal, scope: &str| who.may_give(&scope.parse().unwrap());
        assert!(may_give(user(Role::Admin), "admin"));
        assert!(may_give(platform_key(), "admin"));
        assert!(may_give(key_with("admin"), "orders:read"));
        assert!(may_give(key_with("orders:read"), "orders:read"));
        assert!(!may_give(key_with("orders:read"), "admin"));
        assert!(!may_give(user(Role::User), "orders:read"));
        assert!(!may_give(deployment_key(), "orders:read"));
    }

    #[test]
    fn a_user_sees_what_they_made_and_an_admin_everything() {
        let seen = |who| authorize(who, ManageWorkflows).map(|granted| granted.visibility());
        assert_eq!(seen(user(Role::User)), Ok(Visibility::MadeBy(Uuid::from_u128(2))));
        assert_eq!(seen(user(Role::Admin)), Ok(Visibility::Organization));
        assert_eq!(seen(platform_key()), Ok(Visibility::Organization));
        assert_eq!(seen(key_with("admin")), Ok(Visibility::Organization));
    }
}
