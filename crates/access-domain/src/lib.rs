//! Who is calling and what they may do: organizations, users, sessions, platform keys, permissions.
//!
//! Rules and use cases over ports; no actix, SQL, runtime, clock or random source. Permission is a
//! value: [`authorize`] gives a [`Granted`], and use cases take one, so that no edge can forget to ask.

mod authentication;
mod fault;
mod organization;
mod password;
mod permission;
mod platform_keys;
mod ports;
mod principal;
mod session;
mod user;

pub use self::{
    authentication::{
        Authentication, AuthenticationError, Csrf, RequestedOrganization, principal_of_session,
    },
    fault::{Fault, FaultCode, check_text, pointer_segment},
    organization::{
        AdminAccount, CreateOrganization, CreateOrganizationError, CreatedOrganization,
        NewOrganization, Organization, OrganizationId, OrganizationName, OrganizationRef,
        Organizations, RESERVED_SLUGS, Slug,
    },
    password::{HashingFailed, PasswordCost, PasswordHash},
    permission::{
        Denied, Execute, Granted, ManageDeployments, ManagePlatformKeys, ManageWorkflows, Operator,
        Permission, RefreshPlatformKey, SeeSelf, Visibility, authorize,
    },
    platform_keys::{PlatformKey, PlatformKeyChange, PlatformKeyRefusal, PlatformKeysUseCases},
    ports::{
        ChangeError, Clock, KeyLookup, KeySource, OrganizationStore, PlatformKeyStore,
        SessionStore, StoreError,
    },
    principal::{DeploymentId, DeploymentTag, KeyOwner, KeyRecord, NewKey, Principal},
    session::{LogInError, LoggedIn, Session, SessionId, SessionRecord, Sessions, sweep_sessions},
    user::{Email, Membership, Role, User, UserId, UserRecord, Username},
};
