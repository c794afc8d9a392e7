//! Who may do what, kind of caller by kind of caller.

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
    check(ManageSecrets, [YES, ADMINS, ADMINS, ADMINS, ADMINS, ADMINS]);
    check(ManageOrganization, [YES, ADMINS, ADMINS, ADMINS, ADMINS, ADMINS]);
    check(ManageMail, [YES, ADMINS, ADMINS, ADMINS, ADMINS, ADMINS]);
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
    check(ManageWebhooks, [YES, ADMINS, YES, YES, SCOPE, KIND]);
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
fn tools_are_called_with_a_platform_key_or_a_deployments_and_by_nobody_else() {
    check(CallTools, [KIND, KIND, YES, KIND, KIND, YES]);
}

#[test]
fn a_deployments_documentation_is_for_its_keys_and_for_those_who_manage_it() {
    let no = Err(Denied::DeploymentKeyRequired);
    let own = ReadDocumentation { deployment: Uuid::from_u128(5).into() };
    check(own, [YES, YES, YES, YES, no, YES]);
    let other = ReadDocumentation { deployment: Uuid::from_u128(6).into() };
    check(other, [YES, YES, YES, YES, no, Err(Denied::Hidden)]);
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
    assert_eq!(seen(user(Role::User)), Ok(Visibility::Member(Uuid::from_u128(2))));
    assert_eq!(seen(user(Role::Admin)), Ok(Visibility::Organization));
    assert_eq!(seen(platform_key()), Ok(Visibility::Organization));
    assert_eq!(seen(key_with("admin")), Ok(Visibility::Organization));
}

#[test]
fn what_is_shared_with_a_user_is_their_owners_to_change() {
    let (own, others) = (Uuid::from_u128(2), Uuid::from_u128(3));
    assert_eq!(Visibility::Member(own).owns(own), Ok(()));
    assert_eq!(Visibility::Member(own).owns(others), Err(OwnerRequired));
    assert_eq!(Visibility::Organization.owns(others), Ok(()));
}

#[test]
fn members_are_managed_by_admins_alone_and_everybody_may_leave() {
    check(ManageMembers, [YES, ADMINS, ADMINS, ADMINS, ADMINS, ADMINS]);
    let somebody = LeaveOrganization { user: Uuid::from_u128(9).into() };
    check(somebody, [YES, ADMINS, ADMINS, ADMINS, ADMINS, ADMINS]);
    let themselves = LeaveOrganization { user: Uuid::from_u128(2).into() };
    check(themselves, [YES, YES, ADMINS, ADMINS, ADMINS, ADMINS]);
    // No key is a person, whatever its id.
    let key = LeaveOrganization { user: Uuid::from_u128(3).into() };
    check(key, [YES, ADMINS, ADMINS, ADMINS, ADMINS, ADMINS]);
}
