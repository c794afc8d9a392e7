//! The members of an organization: who they are, what they may become, and how they go. The last
//! administrator stays one, or nobody could let anybody in any more.

use std::sync::Arc;

use keys_core::{Entropy, Timestamp};

use crate::{
    Act, Action, ChangeError, Clock, Denied, Fault, Granted, LeaveOrganization, ManageMembers,
    OrganizationId, Page, PageRequest, ReadOrganization, Role, StoreError, User, UserId,
};

/// A user in one organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The person.
    pub user: User,
    /// What they may do there.
    pub role: Role,
    /// Since when they belong to it.
    pub since: Timestamp,
}

/// A member, and what a rule must know of the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberFacts {
    /// The member.
    pub member: Member,
    /// How many administrators the organization has beside them.
    pub other_admins: i64,
    /// What whoever asks for the change is by now: between the head of a request and the end of its
    /// body, they may have been demoted or removed.
    pub actor_role: Option<Role>,
}

/// How much somebody made that is there still. It belongs to the organization.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Made {
    /// Workflows.
    pub workflows: i64,
    /// Deployments.
    pub deployments: i64,
    /// Keys of deployments and of the organization, revoked ones left out.
    pub keys: i64,
}

/// Somebody who belongs to the organization no longer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemovedMember {
    /// Who they were.
    pub member: Member,
    /// What stays of them.
    pub made: Made,
}

/// Why a member stayed as they were.
#[derive(Debug, thiserror::Error)]
pub enum MemberRefusal {
    /// Nobody of this id belongs to the organization.
    #[error("there is no such member")]
    NotFound,
    /// Whoever asks may not, by now.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// They are the only administrator.
    #[error(
        "this is the organization's last administrator: make somebody else an administrator first"
    )]
    LastAdmin,
    /// What was sent is wrong.
    #[error("what was sent has {} faults", faults.len())]
    Faults {
        /// All of it.
        faults: Vec<Fault>,
    },
}

type Changed<T> = Result<T, ChangeError<MemberRefusal>>;

/// Where memberships are kept.
pub trait MemberStore: Send + Sync {
    /// The organization's members, newest accounts first.
    ///
    /// # Errors
    /// When storage fails.
    fn list_members(
        &self,
        organization: OrganizationId,
        page: PageRequest,
    ) -> Result<Page<Member>, StoreError>;

    /// One of them.
    ///
    /// # Errors
    /// When storage fails.
    fn find_member(
        &self,
        organization: OrganizationId,
        user: UserId,
    ) -> Result<Option<Member>, StoreError>;

    /// Locks the organization's memberships, asks `rule` for the member's role, and saves that.
    ///
    /// # Errors
    /// `NotFound`, what `rule` refused, or that storage failed.
    fn change_role(
        &self,
        organization: OrganizationId,
        user: UserId,
        rule: &dyn Fn(&MemberFacts) -> Result<Role, MemberRefusal>,
        act: &Act,
    ) -> Changed<Member>;

    /// Locks the organization's memberships, and ends that of the member, if `rule` lets it. What they
    /// made stays.
    ///
    /// # Errors
    /// `NotFound`, what `rule` refused, or that storage failed.
    fn remove_member(
        &self,
        organization: OrganizationId,
        user: UserId,
        rule: &dyn Fn(&MemberFacts) -> Result<(), MemberRefusal>,
        act: &Act,
    ) -> Changed<RemovedMember>;
}

/// The use cases of members.
pub struct Members {
    /// Where they are kept.
    pub store: Arc<dyn MemberStore>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness for the ids of audit entries.
    pub entropy: Arc<dyn Entropy>,
}

impl Members {
    /// Everybody who belongs to the organization.
    ///
    /// # Errors
    /// When storage fails.
    pub fn list(
        &self,
        granted: &Granted<ReadOrganization>,
        page: PageRequest,
    ) -> Result<Page<Member>, StoreError> {
        self.store.list_members(granted.organization(), page)
    }

    /// One member.
    ///
    /// # Errors
    /// When nobody of this id belongs to the organization.
    pub fn get(&self, granted: &Granted<ReadOrganization>, user: UserId) -> Changed<Member> {
        let found =
            self.store.find_member(granted.organization(), user).map_err(ChangeError::Store)?;
        found.ok_or(ChangeError::Refused(MemberRefusal::NotFound))
    }

    /// Gives a member another role, which holds from their next request on.
    ///
    /// # Errors
    /// When there is no such role or member, or the last administrator would be none.
    pub fn change_role(
        &self,
        granted: &Granted<ManageMembers>,
        user: UserId,
        role: &str,
    ) -> Changed<Member> {
        let role = parse_role(role)
            .map_err(|fault| ChangeError::Refused(MemberRefusal::Faults { faults: vec![fault] }))?;
        let rule = |facts: &MemberFacts| {
            still_admin(facts.actor_role)?;
            if role != Role::Admin {
                may_cease_to_be_admin(facts)?;
            }
            Ok(role)
        };
        let act = granted.act(Action::MemberRoleChanged, self.clock.now(), &*self.entropy);
        self.store.change_role(granted.organization(), user, &rule, &act)
    }

    /// Ends a membership, one's own or somebody else's. Their sessions open nothing of the organization
    /// from the next request on; what they made stays with it.
    ///
    /// # Errors
    /// When there is no such member, or they are the last administrator.
    pub fn remove(&self, granted: &Granted<LeaveOrganization>) -> Changed<RemovedMember> {
        let user = granted.permission().user;
        let is_own = granted.who().actor() == user.uuid();
        let action = if is_own { Action::MemberLeft } else { Action::MemberRemoved };
        let act = granted.act(action, self.clock.now(), &*self.entropy);
        let rule = |facts: &MemberFacts| {
            if !is_own {
                still_admin(facts.actor_role)?;
            }
            may_cease_to_be_admin(facts)
        };
        self.store.remove_member(granted.organization(), user, &rule, &act)
    }
}

/// Only an administrator of this very moment says who belongs to an organization.
pub(crate) fn still_admin(role: Option<Role>) -> Result<(), Denied> {
    if role == Some(Role::Admin) { Ok(()) } else { Err(Denied::AdminRequired) }
}

fn may_cease_to_be_admin(facts: &MemberFacts) -> Result<(), MemberRefusal> {
    match facts.member.role {
        Role::Admin if facts.other_admins == 0 => Err(MemberRefusal::LastAdmin),
        Role::Admin | Role::User => Ok(()),
    }
}

/// A role as a body names it.
pub(crate) fn parse_role(name: &str) -> Result<Role, Fault> {
    Role::parse(name).ok_or_else(|| Fault::invalid("/role", "must be 'admin' or 'user'"))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::Username;

    #[track_caller]
    fn check(role: Role, other_admins: i64, may_go: bool) {
        let at = Timestamp::UNIX_EPOCH;
        let username = Username::parse("ada").unwrap();
        let user = User { id: Uuid::from_u128(1).into(), username, email: None, created_at: at };
        let member = Member { user, role, since: at };
        let facts = MemberFacts { member, other_admins, actor_role: Some(Role::Admin) };
        let told = may_cease_to_be_admin(&facts);
        assert_eq!(told.is_ok(), may_go, "{told:?}");
    }

    #[test]
    fn the_last_administrator_stays_one() {
        check(Role::Admin, 0, false);
        check(Role::Admin, 1, true);
        check(Role::User, 0, true);
        check(Role::User, 1, true);
    }
}
