//! Who may do what. One table per permission, asked through [`authorize`] alone.

use uuid::Uuid;

use crate::{DeploymentId, OrganizationId, Principal, Role};

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
}

/// May `who` do `permission`?
///
/// # Errors
/// Why not.
pub fn authorize<P: Permission>(who: Principal, permission: P) -> Result<Granted<P>, Denied> {
    permission.check(&who)?;
    Ok(Granted { who, permission })
}

impl<P> Granted<P> {
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

    /// Which workflows and deployments the caller may see and change: administrators and platform
    /// keys all of the organization's, everybody else what they made.
    pub fn visibility(&self) -> Visibility {
        match &self.who {
            Principal::User { role: Role::Admin, .. } | Principal::PlatformKey { .. } => {
                Visibility::Organization
            }
            who @ (Principal::User { role: Role::User, .. } | Principal::DeploymentKey { .. }) => {
                Visibility::MadeBy(who.actor())
            }
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

impl Permission for ManagePlatformKeys {
    fn check(&self, who: &Principal) -> Result<(), Denied> {
        match who {
            Principal::User { role: Role::Admin, .. } => Ok(()),
            Principal::User { role: Role::User, .. }
            | Principal::PlatformKey { .. }
            | Principal::DeploymentKey { .. } => Err(Denied::AdminRequired),
        }
    }
}

impl Permission for RefreshPlatformKey {
    fn check(&self, who: &Principal) -> Result<(), Denied> {
        match who {
            Principal::User { role: Role::Admin, .. } | Principal::PlatformKey { .. } => Ok(()),
            Principal::User { role: Role::User, .. } | Principal::DeploymentKey { .. } => {
                Err(Denied::AdminRequired)
            }
        }
    }
}

/// Managing workflows and deployments is open to members and platform keys; what of them they see
/// is [`Granted::visibility`].
fn member_or_platform_key(who: &Principal) -> Result<(), Denied> {
    match who {
        Principal::User { .. } | Principal::PlatformKey { .. } => Ok(()),
        Principal::DeploymentKey { .. } => Err(Denied::KeyKindNotAllowed),
    }
}

impl Permission for ManageWorkflows {
    fn check(&self, who: &Principal) -> Result<(), Denied> {
        member_or_platform_key(who)
    }
}

impl Permission for ManageDeployments {
    fn check(&self, who: &Principal) -> Result<(), Denied> {
        member_or_platform_key(who)
    }
}

impl Permission for Execute {
    fn check(&self, who: &Principal) -> Result<(), Denied> {
        match who {
            Principal::DeploymentKey { deployment, .. } if *deployment == self.deployment => Ok(()),
            Principal::DeploymentKey { .. } => Err(Denied::Hidden),
            Principal::User { .. } | Principal::PlatformKey { .. } => {
                Err(Denied::DeploymentKeyRequired)
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
mod tests {
    use keys_core::{Id, Slot};

    use super::*;
    use crate::OrganizationName;

    fn organization() -> OrganizationName {
        OrganizationName { id: Uuid::from_u128(1).into(), slug: "acme".into() }
    }

    fn user(role: Role) -> Principal {
        Principal::User { id: Uuid::from_u128(2).into(), organization: organization(), role }
    }

    fn platform_key() -> Principal {
        let id = Uuid::from_u128(3).into();
        Principal::PlatformKey {
            id,
            organization: organization(),
            slot: Slot::One,
            expires_at: None,
        }
    }

    fn deployment_key(deployment: DeploymentId) -> Principal {
        let (id, name) = (Uuid::from_u128(4).into(), String::new());
        Principal::DeploymentKey {
            id,
            organization: organization(),
            deployment,
            name,
            expires_at: None,
        }
    }

    #[track_caller]
    fn check<P: Permission + Copy>(permission: P, expected: [Result<(), Denied>; 4]) {
        let here: DeploymentId = Id::from(Uuid::from_u128(5));
        let callers = [user(Role::Admin), user(Role::User), platform_key(), deployment_key(here)];
        assert_eq!(callers.map(|who| authorize(who, permission).map(drop)), expected);
    }

    #[test]
    fn platform_keys_are_managed_by_admins_alone() {
        let no = Err(Denied::AdminRequired);
        check(ManagePlatformKeys, [Ok(()), no, no, no]);
    }

    #[test]
    fn platform_keys_are_refreshed_by_admins_and_by_platform_keys() {
        let no = Err(Denied::AdminRequired);
        check(RefreshPlatformKey, [Ok(()), no, Ok(()), no]);
    }

    #[test]
    fn workflows_and_deployments_are_managed_by_all_but_deployment_keys() {
        let expected = [Ok(()), Ok(()), Ok(()), Err(Denied::KeyKindNotAllowed)];
        check(ManageWorkflows, expected);
        check(ManageDeployments, expected);
    }

    #[test]
    fn only_the_deployments_own_key_executes_and_a_foreign_one_sees_nothing() {
        let no = Err(Denied::DeploymentKeyRequired);
        check(Execute { deployment: Uuid::from_u128(5).into() }, [no, no, no, Ok(())]);
        check(Execute { deployment: Uuid::from_u128(6).into() }, [no, no, no, Err(Denied::Hidden)]);
    }

    #[test]
    fn a_user_sees_what_they_made_and_an_admin_everything() {
        let seen = |who| authorize(who, ManageWorkflows).map(|granted| granted.visibility());
        assert_eq!(seen(user(Role::User)), Ok(Visibility::MadeBy(Uuid::from_u128(2))));
        assert_eq!(seen(user(Role::Admin)), Ok(Visibility::Organization));
        assert_eq!(seen(platform_key()), Ok(Visibility::Organization));
    }
}
