//! How people come into an organization: an administrator invites an address, whoever has the link
//! accepts it, with the account that they have or a new one.

use std::sync::Arc;

use chrono::TimeDelta;
use keys_core::{Entropy, Id, Peppers, Secret, Timestamp};

use crate::{
    Act, Action, Actor, ActorKind, ChangeError, Clock, Closed, Denied, Email, Fault, Granted,
    HashingFailed, Invitation, InvitationId, ManageMembers, Membership, OrganizationId, Origin,
    Page, PageRequest, PasswordCost, PasswordHash, ReadOrganization, Role, StoreError, User,
    UserId, Username, invitation_token,
    members::{parse_role, still_admin},
    password, read_invitation_token,
};

/// How many invitations of an organization may be open.
const MOST_OPEN: i64 = 1000;
/// How many an organization may make an hour, for one address and altogether: each may cause a mail,
/// and nobody's mailbox shall be filled by way of this server.
const MOST_OF_ADDRESS: i64 = 5;
const MOST_AN_HOUR: i64 = 200;
/// Over how long those are counted.
const WINDOW: TimeDelta = TimeDelta::hours(1);

/// Who invites, and how many invitations the organization has and made of late, the one in question left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct InvitationFacts {
    /// Open ones, for other addresses.
    pub open: i64,
    /// Made within the window.
    pub made: i64,
    /// Those of them for the same address.
    pub made_for_address: i64,
    /// What whoever invites is by now.
    pub actor_role: Option<Role>,
}

/// Why nobody was invited, or joined.
#[derive(Debug, thiserror::Error)]
pub enum InvitationRefusal {
    /// There is none of this id, or no token of ours was sent.
    #[error("there is no such invitation; look whether the link is whole")]
    NotFound,
    /// Whoever invites may not, by now.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// It is over.
    #[error(transparent)]
    Closed(#[from] Closed),
    /// What was sent is wrong.
    #[error("what was sent has {} faults", faults.len())]
    Faults {
        /// All of it.
        faults: Vec<Fault>,
    },
    /// The organization has as many open ones as it may.
    #[error("an organization has at most {MOST_OPEN} open invitations: withdraw some")]
    TooManyOpen,
    /// The organization made as many as it may for now.
    #[error("an organization makes at most {MOST_AN_HOUR} invitations an hour; try again later")]
    TooMany,
    /// The same for one address.
    #[error("an address is invited at most {MOST_OF_ADDRESS} times an hour; try again later")]
    TooManyForAddress,
    /// Whoever accepts it belongs to the organization.
    #[error("this user is a member of the organization already, and the role stays as it is")]
    AlreadyMember,
    /// Another account has the address that was invited.
    #[error("there is an account with the invited mail address: accept with that one")]
    EmailTaken,
    /// Somebody made an account of this name in the meantime.
    #[error("the user name or the password is wrong")]
    UsernameTaken,
    /// The password could not be hashed.
    #[error("the password could not be hashed")]
    Hashing(#[source] HashingFailed),
}

type Changed<T> = Result<T, ChangeError<InvitationRefusal>>;

/// What somebody with the link is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownInvitation {
    /// The invitation.
    pub invitation: Invitation,
    /// The organization's name in addresses.
    pub slug: String,
    /// Its name for people.
    pub name: String,
}

/// An invitation that was just made.
pub struct CreatedInvitation {
    /// The invitation.
    pub invitation: Invitation,
    /// The token of its link, where the link goes to whoever made it.
    pub token: Option<Secret>,
}

/// Who accepts.
#[derive(Debug, Clone)]
pub enum Joining {
    /// An account that is there.
    Existing(User),
    /// One that is made now.
    New(User, PasswordHash),
}

impl Joining {
    /// The person.
    pub fn user(&self) -> &User {
        match self {
            Self::Existing(user) | Self::New(user, _) => user,
        }
    }
}

/// Where invitations are kept.
pub trait InvitationStore: Send + Sync {
    /// Locks the organization's invitations, asks `rule`, withdraws the open one for the same address,
    /// where there is one, and saves `new`. What was made after `since` counts as made of late.
    ///
    /// # Errors
    /// What `rule` refused, or that storage failed.
    fn invite(
        &self,
        new: &Invitation,
        since: Timestamp,
        rule: &dyn Fn(&InvitationFacts) -> Result<(), InvitationRefusal>,
        act: &Act,
    ) -> Changed<()>;

    /// The organization's invitations that can be accepted at `now`, newest first.
    ///
    /// # Errors
    /// When storage fails.
    fn list_invitations(
        &self,
        organization: OrganizationId,
        now: Timestamp,
        page: PageRequest,
    ) -> Result<Page<Invitation>, StoreError>;

    /// An invitation, whatever became of it. Without a tenant: its link names none.
    ///
    /// # Errors
    /// When storage fails.
    fn find_invitation(&self, id: InvitationId) -> Result<Option<ShownInvitation>, StoreError>;

    /// Locks the invitation, and withdraws it, if `rule` lets it.
    ///
    /// # Errors
    /// `NotFound`, what `rule` refused, or that storage failed.
    fn withdraw_invitation(
        &self,
        organization: OrganizationId,
        id: InvitationId,
        rule: &dyn Fn(&Invitation) -> Result<(), InvitationRefusal>,
        act: &Act,
    ) -> Changed<()>;

    /// Locks the invitation, and has `joining` join by it, if `rule` lets it: the membership, the new
    /// account and the end of the invitation, or none of them. Returns what the user then belongs to.
    ///
    /// # Errors
    /// `NotFound`, what `rule` refused, `AlreadyMember`, that a name or an address of a new account is
    /// taken, or that storage failed.
    fn accept_invitation(
        &self,
        id: InvitationId,
        joining: &Joining,
        rule: &dyn Fn(&Invitation) -> Result<(), InvitationRefusal>,
        act: &Act,
    ) -> Changed<Vec<Membership>>;

    /// Deletes up to `limit` invitations that ended before `before`; returns how many.
    ///
    /// # Errors
    /// When storage fails.
    fn delete_old_invitations(&self, before: Timestamp, limit: i64) -> Result<usize, StoreError>;

    /// Whether there is an account of this name.
    ///
    /// # Errors
    /// When storage fails.
    fn is_username_taken(&self, username: &Username) -> Result<bool, StoreError>;
}

/// The use cases of invitations.
pub struct Invitations {
    /// Where they are kept.
    pub store: Arc<dyn InvitationStore>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness for ids and hashes.
    pub entropy: Arc<dyn Entropy>,
    /// What tokens are derived from.
    pub peppers: Arc<Peppers>,
    /// What a guess at a password costs.
    pub password_cost: PasswordCost,
    /// Whether links go out by mail.
    pub mails: bool,
}

impl Invitations {
    /// Invites an address. An open invitation of the same address is withdrawn. Whether the address is
    /// known to this server makes no difference.
    ///
    /// # Errors
    /// When address or role are none, or the organization invited too many.
    pub fn invite(
        &self,
        granted: &Granted<ManageMembers>,
        email: &str,
        role: &str,
    ) -> Changed<CreatedInvitation> {
        let now = self.clock.now();
        let (email, role) = match (check_email(email), parse_role(role)) {
            (Ok(email), Ok(role)) => (email, role),
            (email, role) => {
                let faults = email.err().into_iter().chain(role.err()).collect();
                return Err(ChangeError::Refused(InvitationRefusal::Faults { faults }));
            }
        };
        let act = granted.act(Action::MemberInvited, now, &*self.entropy);
        let invitation = Invitation {
            id: Id::generate(now, &*self.entropy),
            organization: granted.organization(),
            email,
            role,
            is_mailed: self.mails,
            created_by: granted.who().actor(),
            created_by_name: act.actor.name.clone(),
            created_at: now,
            expires_at: now + Invitation::LIFETIME,
            accepted_at: None,
            withdrawn_at: None,
        };
        self.store.invite(&invitation, now - WINDOW, &may_invite, &act)?;
        let token = (!self.mails).then(|| invitation_token(self.peppers.current(), invitation.id));
        Ok(CreatedInvitation { invitation, token })
    }

    /// The open invitations of the organization, newest first.
    ///
    /// # Errors
    /// When storage fails.
    pub fn list(
        &self,
        granted: &Granted<ReadOrganization>,
        page: PageRequest,
    ) -> Result<Page<Invitation>, StoreError> {
        self.store.list_invitations(granted.organization(), self.clock.now(), page)
    }

    /// An open invitation of the organization.
    ///
    /// # Errors
    /// When there is none of this id.
    pub fn get(&self, granted: &Granted<ManageMembers>, id: InvitationId) -> Changed<Invitation> {
        let found = self.store.find_invitation(id).map_err(ChangeError::Store)?;
        found
            .map(|found| found.invitation)
            .filter(|found| found.organization == granted.organization())
            .filter(|found| found.check_open(self.clock.now()).is_ok())
            .ok_or(ChangeError::Refused(InvitationRefusal::NotFound))
    }

    /// Takes an invitation back: its link leads nowhere from now on.
    ///
    /// # Errors
    /// When there is no open one of this id.
    pub fn withdraw(&self, granted: &Granted<ManageMembers>, id: InvitationId) -> Changed<()> {
        let now = self.clock.now();
        let act = granted.act(Action::InvitationWithdrawn, now, &*self.entropy);
        // What is not listed any more is not there.
        let rule = |invitation: &Invitation| {
            invitation.check_open(now).map_err(|_| InvitationRefusal::NotFound)
        };
        self.store.withdraw_invitation(granted.organization(), id, &rule, &act)
    }

    /// The id in a token, if this server made it. Asks no storage.
    pub fn read_token(&self, token: &str) -> Option<InvitationId> {
        read_invitation_token(&self.peppers, token)
    }

    /// What the link is an invitation to.
    ///
    /// # Errors
    /// When it leads nowhere any more.
    pub fn show(&self, id: InvitationId) -> Changed<ShownInvitation> {
        let found = self.store.find_invitation(id).map_err(ChangeError::Store)?;
        // Its token is ours: it was there once.
        let shown = found.ok_or(ChangeError::Refused(Closed::Expired.into()))?;
        let open = shown.invitation.check_open(self.clock.now());
        open.map_err(|closed| ChangeError::Refused(closed.into()))?;
        Ok(shown)
    }

    /// Whether this name means an account, which then has to be logged in to.
    ///
    /// # Errors
    /// When storage fails.
    pub fn is_account(&self, username: &str) -> Result<bool, StoreError> {
        match Username::parse(username) {
            Ok(username) => self.store.is_username_taken(&username),
            Err(_) => Ok(false),
        }
    }

    /// Somebody who is logged in accepts, and is then a member. Returns what they belong to.
    ///
    /// # Errors
    /// When the invitation is over, or they belong to the organization already.
    pub fn accept(&self, id: InvitationId, user: User, from: Origin) -> Changed<Vec<Membership>> {
        self.join(id, &Joining::Existing(user), from)
    }

    /// Makes an account, with the invited address where the link was mailed there, and makes it a member. Takes tens of milliseconds of
    /// CPU for the password.
    ///
    /// # Errors
    /// When the invitation is over, the name or the password cannot be, or the name or the address is
    /// taken. Nothing was made then.
    pub fn accept_with_new_account(
        &self,
        id: InvitationId,
        username: &str,
        password: &Secret,
        from: Origin,
    ) -> Changed<UserId> {
        let invitation = self.show(id)?.invitation;
        // Whoever got the link by mail has the address. Of anybody else nobody knows: they must neither
        // take another's, nor find out by this whether it has an account.
        let email = invitation.is_mailed.then_some(invitation.email);
        let username = Username::parse(username);
        let fault = password::check_chosen("/password", password);
        let username = match (username, fault) {
            (Ok(username), None) => username,
            (username, fault) => {
                let faults = username.err().into_iter().chain(fault).collect();
                return Err(ChangeError::Refused(InvitationRefusal::Faults { faults }));
            }
        };
        let hash = PasswordHash::of(password, self.password_cost, &*self.entropy)
            .map_err(|failed| ChangeError::Refused(InvitationRefusal::Hashing(failed)))?;
        let now = self.clock.now();
        let user_id: UserId = Id::generate(now, &*self.entropy);
        let user = User { id: user_id, username, email, created_at: now };
        self.join(id, &Joining::New(user, hash), from)?;
        Ok(user_id)
    }

    fn join(&self, id: InvitationId, joining: &Joining, from: Origin) -> Changed<Vec<Membership>> {
        let now = self.clock.now();
        let User { id: user, username, .. } = joining.user();
        let name = username.as_str().to_owned();
        let actor = Actor { kind: ActorKind::User, id: Some(user.uuid()), name };
        let act = Act::new(Action::MemberJoined, actor, from, now, &*self.entropy);
        let rule = |invitation: &Invitation| Ok(invitation.check_open(now)?);
        self.store.accept_invitation(id, joining, &rule, &act)
    }
}

/// Deletes up to `limit` invitations that are over for long; returns how many.
///
/// # Errors
/// When storage fails.
pub fn sweep_invitations(
    store: &dyn InvitationStore,
    clock: &dyn Clock,
    limit: i64,
) -> Result<usize, StoreError> {
    store.delete_old_invitations(clock.now() - Invitation::REMEMBERED, limit)
}

fn may_invite(counts: &InvitationFacts) -> Result<(), InvitationRefusal> {
    still_admin(counts.actor_role)?;
    if counts.made_for_address >= MOST_OF_ADDRESS {
        return Err(InvitationRefusal::TooManyForAddress);
    }
    if counts.made >= MOST_AN_HOUR {
        return Err(InvitationRefusal::TooMany);
    }
    if counts.open >= MOST_OPEN {
        return Err(InvitationRefusal::TooManyOpen);
    }
    Ok(())
}

/// An address that mail may be sent to: one, and nothing beside it.
fn check_email(text: &str) -> Result<Email, Fault> {
    let is_one = text.matches('@').count() == 1 && !text.contains(['<', '>', ',', ';', '"']);
    if is_one { Email::parse(text) } else { Err(Fault::invalid("/email", "not a mail address")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_organization_invites_so_many_and_no_more() {
        let told = |open, made, made_for_address| {
            let actor_role = Some(Role::Admin);
            may_invite(&InvitationFacts { open, made, made_for_address, actor_role })
        };
        assert!(told(MOST_OPEN - 1, MOST_AN_HOUR - 1, MOST_OF_ADDRESS - 1).is_ok());
        assert!(matches!(told(MOST_OPEN, 0, 0), Err(InvitationRefusal::TooManyOpen)));
        assert!(matches!(told(0, MOST_AN_HOUR, 0), Err(InvitationRefusal::TooMany)));
        assert!(matches!(told(0, 9, MOST_OF_ADDRESS), Err(InvitationRefusal::TooManyForAddress)));
        for actor_role in [None, Some(Role::User)] {
            let told = may_invite(&InvitationFacts { actor_role, ..InvitationFacts::default() });
            assert!(matches!(told, Err(InvitationRefusal::Denied(Denied::AdminRequired))));
        }
    }

    #[test]
    fn an_invitation_is_for_one_address() {
        assert_eq!(check_email("Ada@Acme.example").unwrap().as_str(), "ada@acme.example");
        for bad in ["", "ada", "a@b.c,d@e.f", "a@b.c@d.e", "<a@b.c>", "a@b.c\r\nBcc: x@y.z"] {
            assert!(check_email(bad).is_err(), "{bad}");
        }
    }
}
