//! What an operator can do for people who are locked out, and what they are told first. Nobody but
//! whoever runs the command line: an administrator never touches another's password.

use std::sync::Arc;

use keys_core::{Entropy, Secret, Timestamp};

use crate::{
    Act, Action, Actor, Clock, Fault, HashingFailed, Membership, Operator, Organization,
    OrganizationId, OrganizationStore, Origin, PasswordCost, PasswordHash, StoreError, User,
    UserId, Username, password,
    password::random_secret,
    session::{IDLE, LONGEST},
};

/// Somebody's account, with what hangs on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The person.
    pub user: User,
    /// Where they belong, by slug.
    pub memberships: Vec<Membership>,
    /// How many of their sessions are not over.
    pub sessions: i64,
}

/// How many people belong to an organization.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MemberCounts {
    /// All of them.
    pub members: i64,
    /// Those who are administrators.
    pub admins: i64,
}

/// A password that was just reset.
pub struct ResetPassword {
    /// The new one, where one was made.
    pub password: Option<Secret>,
    /// How many sessions ended with it.
    pub sessions_ended: usize,
}

/// Why a password stayed as it was.
#[derive(Debug, thiserror::Error)]
pub enum ResetError {
    /// The password cannot be one.
    #[error("{}", fault.detail)]
    Fault {
        /// Why.
        fault: Fault,
    },
    /// The password could not be hashed.
    #[error("the password could not be hashed")]
    Hashing(#[source] HashingFailed),
    /// Storage failed.
    #[error("the password was not reset")]
    Store(#[source] StoreError),
}

/// Accounts as an operator sees them: across organizations.
pub trait AccountStore: Send + Sync {
    /// The account of this name, with its sessions that were begun after `begun` and used after `used`.
    ///
    /// # Errors
    /// When storage fails.
    fn find_account(
        &self,
        username: &Username,
        begun: Timestamp,
        used: Timestamp,
    ) -> Result<Option<Account>, StoreError>;

    /// Replaces the user's password and ends all their sessions; noted in each of their organizations.
    /// Returns how many sessions ended, those included that were over already.
    ///
    /// # Errors
    /// When storage fails; nothing is changed then.
    fn reset_password(
        &self,
        user: UserId,
        password: &PasswordHash,
        act: &Act,
    ) -> Result<usize, StoreError>;

    /// How many belong to each organization; those to which nobody belongs are left out.
    ///
    /// # Errors
    /// When storage fails.
    fn member_counts(&self) -> Result<Vec<(OrganizationId, MemberCounts)>, StoreError>;
}

/// The use cases of an operator that are about people.
pub struct Accounts {
    /// Where accounts are kept.
    pub store: Arc<dyn AccountStore>,
    /// Where organizations are kept.
    pub organizations: Arc<dyn OrganizationStore>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness for passwords and ids.
    pub entropy: Arc<dyn Entropy>,
    /// What a guess at a password costs.
    pub password_cost: PasswordCost,
}

impl Accounts {
    /// The account of this name, if there is one.
    ///
    /// # Errors
    /// When storage fails.
    pub fn find(&self, _: Operator, username: &str) -> Result<Option<Account>, StoreError> {
        let Ok(username) = Username::parse(username) else { return Ok(None) };
        let now = self.clock.now();
        self.store.find_account(&username, now - LONGEST, now - IDLE)
    }

    /// Gives somebody another password, and ends all their sessions. Without `chosen` one is made.
    ///
    /// # Errors
    /// When the chosen one cannot be a password, or storage fails; nothing is changed then.
    pub fn reset_password(
        &self,
        _: Operator,
        account: &Account,
        chosen: Option<Secret>,
    ) -> Result<ResetPassword, ResetError> {
        let is_made = chosen.is_none();
        let password = chosen.unwrap_or_else(|| random_secret::<18>(&*self.entropy));
        if let Some(fault) = password::check_chosen("/password", &password) {
            return Err(ResetError::Fault { fault });
        }
        let hash = PasswordHash::of(&password, self.password_cost, &*self.entropy)
            .map_err(ResetError::Hashing)?;
        let (who, from) = (Actor::command_line(), Origin::default());
        let act = Act::new(Action::PasswordReset, who, from, self.clock.now(), &*self.entropy);
        let ended = self.store.reset_password(account.user.id, &hash, &act);
        let sessions_ended = ended.map_err(ResetError::Store)?;
        Ok(ResetPassword { password: is_made.then_some(password), sessions_ended })
    }

    /// Every organization by slug, with how many belong to it.
    ///
    /// # Errors
    /// When storage fails.
    pub fn organizations(
        &self,
        _: Operator,
    ) -> Result<Vec<(Organization, MemberCounts)>, StoreError> {
        let counts = self.store.member_counts()?;
        let of = |id: OrganizationId| {
            counts.iter().find(|(counted, _)| *counted == id).map(|(_, counts)| *counts)
        };
        let organizations = self.organizations.list_organizations()?;
        let with_counts = |organization: Organization| {
            let counts = of(organization.id).unwrap_or_default();
            (organization, counts)
        };
        Ok(organizations.into_iter().map(with_counts).collect())
    }
}
