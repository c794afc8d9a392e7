//! Sharing: who of an organization sees a workflow or a deployment beside its owner and the administrators. They see it and
//! what came of it, try a workflow and deploy it; to change it, its schedule or its keys stays its owner's.

use std::sync::Arc;

use access_domain::{
    Act, Action, ChangeError, Clock, DeploymentId, Fault, FaultCode, Granted, ManageDeployments,
    ManageWorkflows, OrganizationId, OwnerRequired, Page, StoreError, User, UserId, Username,
    Visibility,
};
use keys_core::Entropy;
use uuid::Uuid;

use crate::{Deployment, Workflow, WorkflowId};

/// Something is shared with so many people at most; with more, it is shared with everyone.
const MOST_USERS: usize = 500;

/// With whom something is shared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sharing {
    /// With these members, by id.
    pub users: Vec<UserId>,
    /// With every member there is or will be.
    pub everyone: bool,
}

/// What can be shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shareable {
    /// A workflow.
    Workflow(WorkflowId),
    /// A deployment.
    Deployment(DeploymentId),
}

/// With whom something is to be shared, as its owner says it.
#[derive(Debug, Clone, Default)]
pub struct SharingDraft {
    /// Members, each by id or by user name. What has the form of an id is one.
    pub users: Vec<String>,
    /// Every member.
    pub everyone: bool,
}

impl SharingDraft {
    /// What is wrong before anybody is looked up.
    fn check(&self) -> Result<(), Vec<Fault>> {
        if self.users.len() <= MOST_USERS {
            return Ok(());
        }
        let detail = format!("must name at most {MOST_USERS} members; share it with everyone");
        Err(vec![Fault::invalid("/users", detail)])
    }

    /// The ids that the draft names.
    pub fn ids(&self) -> impl Iterator<Item = UserId> {
        self.users.iter().filter_map(|named| id(named))
    }

    /// The user names that the draft names; what can be nobody's is left out.
    pub fn usernames(&self) -> impl Iterator<Item = Username> {
        self.users
            .iter()
            .filter(|named| id(named).is_none())
            .filter_map(|name| Username::parse(name).ok())
    }

    /// What is meant, where `members` are those of the organization that the draft names.
    ///
    /// # Errors
    /// Each name that is no member's, whether it is somebody's elsewhere or not.
    pub fn resolve(&self, members: &[User]) -> Result<Sharing, Vec<Fault>> {
        let (mut users, mut faults) = (Vec::new(), Vec::new());
        for (place, named) in self.users.iter().enumerate() {
            let is_meant = |member: &&User| match id(named) {
                Some(id) => member.id == id,
                None => member.username.as_str() == named,
            };
            match members.iter().find(is_meant) {
                Some(member) => users.push(member.id),
                None => {
                    let detail = "names no member of the organization";
                    let pointer = format!("/users/{place}");
                    faults.push(Fault::new(pointer, FaultCode::UnknownReference, detail));
                }
            }
        }
        users.sort_by_key(|user| user.uuid());
        users.dedup();
        if faults.is_empty() { Ok(Sharing { users, everyone: self.everyone }) } else { Err(faults) }
    }
}

/// Only as ids are written: a user name may have 32 hexadecimal digits.
fn id(named: &str) -> Option<UserId> {
    named.parse().ok().filter(|_| named.len() == 36)
}

/// Why something was not shared.
#[derive(Debug, thiserror::Error)]
pub enum SharingRefusal {
    /// There is no such thing for this caller.
    #[error("there is no such thing for this caller")]
    NotFound,
    /// The caller sees it and did not make it.
    #[error(transparent)]
    NotOwner(#[from] OwnerRequired),
    /// Something that was sent is wrong.
    #[error("what was sent has {} faults", faults.len())]
    Faults {
        /// All of it.
        faults: Vec<Fault>,
    },
}

/// Where it is kept who sees what. What somebody is shared goes with their membership.
pub trait SharingStore: Send + Sync {
    /// Locks what is shared, and saves that it is shared as the draft says, and no otherwise.
    ///
    /// # Errors
    /// `NotFound` when it is not visible, `NotOwner` when it is another's, `Faults` for whoever is no
    /// member, or that storage failed.
    fn share(
        &self,
        organization: OrganizationId,
        visibility: Visibility,
        what: Shareable,
        draft: &SharingDraft,
        act: &Act,
    ) -> Result<Sharing, ChangeError<SharingRefusal>>;

    /// With whom it is shared, and who made it, if it is visible.
    ///
    /// # Errors
    /// When storage fails.
    fn find_sharing(
        &self,
        organization: OrganizationId,
        visibility: Visibility,
        what: Shareable,
    ) -> Result<Option<(Uuid, Sharing)>, StoreError>;

    /// With whom each is shared, in their order. However many there are, they cost two reads for each kind.
    ///
    /// # Errors
    /// When storage fails.
    fn sharings(
        &self,
        organization: OrganizationId,
        what: &[Shareable],
    ) -> Result<Vec<Sharing>, StoreError>;

    /// Those of these users who are members still.
    ///
    /// # Errors
    /// When storage fails.
    fn members_named(
        &self,
        organization: OrganizationId,
        users: &[UserId],
    ) -> Result<Vec<User>, StoreError>;
}

/// What somebody made and may share.
pub trait Owned {
    /// Who made it.
    fn owner(&self) -> Uuid;
    /// What it is shared as.
    fn shareable(&self) -> Shareable;
}

impl Owned for Workflow {
    fn owner(&self) -> Uuid {
        self.created_by
    }

    fn shareable(&self) -> Shareable {
        Shareable::Workflow(self.id)
    }
}

impl Owned for Deployment {
    fn owner(&self) -> Uuid {
        self.created_by
    }

    fn shareable(&self) -> Shareable {
        Shareable::Deployment(self.id)
    }
}

/// Something as its caller may see it.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown<T> {
    /// It.
    pub thing: T,
    /// With whom it is shared; told to whoever may change it.
    pub sharing: Option<Sharing>,
}

impl<T> Shown<T> {
    /// Something that its caller has just made.
    pub fn new(thing: T) -> Self {
        Self { thing, sharing: Some(Sharing::default()) }
    }
}

/// The use cases of sharing.
pub struct SharingDesk {
    /// Where it is kept who sees what.
    pub store: Arc<dyn SharingStore>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness for the ids of audit entries.
    pub entropy: Arc<dyn Entropy>,
}

type Done = Result<Sharing, ChangeError<SharingRefusal>>;

impl SharingDesk {
    /// Shares a workflow as the draft says, and no otherwise.
    ///
    /// # Errors
    /// When it is not there for the caller or not theirs to share, or somebody is no member.
    pub fn share_workflow(
        &self,
        granted: &Granted<ManageWorkflows>,
        id: WorkflowId,
        draft: &SharingDraft,
    ) -> Done {
        self.share(granted, Shareable::Workflow(id), Action::WorkflowShared, draft)
    }

    /// The same for a deployment.
    ///
    /// # Errors
    /// As of a workflow.
    pub fn share_deployment(
        &self,
        granted: &Granted<ManageDeployments>,
        id: DeploymentId,
        draft: &SharingDraft,
    ) -> Done {
        self.share(granted, Shareable::Deployment(id), Action::DeploymentShared, draft)
    }

    /// With whom a workflow is shared, for whoever may share it.
    ///
    /// # Errors
    /// When it is not there for the caller or not theirs to share.
    pub fn of_workflow(&self, granted: &Granted<ManageWorkflows>, id: WorkflowId) -> Done {
        self.find(granted, Shareable::Workflow(id))
    }

    /// The same for a deployment.
    ///
    /// # Errors
    /// As of a workflow.
    pub fn of_deployment(&self, granted: &Granted<ManageDeployments>, id: DeploymentId) -> Done {
        self.find(granted, Shareable::Deployment(id))
    }

    /// Who those are with whom something is shared that the caller may share: they named them, or were told their ids.
    ///
    /// # Errors
    /// When storage fails.
    pub fn people<P>(
        &self,
        granted: &Granted<P>,
        sharing: &Sharing,
    ) -> Result<Vec<User>, StoreError> {
        if sharing.users.is_empty() {
            return Ok(Vec::new());
        }
        self.store.members_named(granted.organization(), &sharing.users)
    }

    /// What the caller sees, with whom it is shared where that is theirs to know.
    ///
    /// # Errors
    /// When storage fails.
    pub fn show<P, T: Owned>(
        &self,
        granted: &Granted<P>,
        things: Vec<T>,
    ) -> Result<Vec<Shown<T>>, StoreError> {
        let visibility = granted.visibility();
        let is_own = |thing: &T| visibility.owns(thing.owner()).is_ok();
        let own: Vec<_> =
            things.iter().filter(|thing| is_own(thing)).map(Owned::shareable).collect();
        let mut sharings = self.store.sharings(granted.organization(), &own)?.into_iter();
        let shown = |thing: T| {
            let sharing = if is_own(&thing) { sharings.next() } else { None };
            Shown { thing, sharing }
        };
        Ok(things.into_iter().map(shown).collect())
    }

    /// [`SharingDesk::show`] of one thing.
    ///
    /// # Errors
    /// When storage fails.
    pub fn show_one<P, T: Owned>(
        &self,
        granted: &Granted<P>,
        thing: T,
    ) -> Result<Shown<T>, StoreError> {
        let own = granted.visibility().owns(thing.owner()).is_ok();
        let what = if own { vec![thing.shareable()] } else { Vec::new() };
        let sharing = self.store.sharings(granted.organization(), &what)?.pop();
        Ok(Shown { thing, sharing })
    }

    /// [`SharingDesk::show`] of a page.
    ///
    /// # Errors
    /// When storage fails.
    pub fn show_page<P, T: Owned>(
        &self,
        granted: &Granted<P>,
        page: Page<T>,
    ) -> Result<Page<Shown<T>>, StoreError> {
        Ok(Page { items: self.show(granted, page.items)?, next: page.next })
    }

    fn share<P>(
        &self,
        granted: &Granted<P>,
        what: Shareable,
        action: Action,
        draft: &SharingDraft,
    ) -> Done {
        let wrong = |faults| ChangeError::Refused(SharingRefusal::Faults { faults });
        draft.check().map_err(wrong)?;
        let act = granted.act(action, self.clock.now(), &*self.entropy);
        self.store.share(granted.organization(), granted.visibility(), what, draft, &act)
    }

    fn find<P>(&self, granted: &Granted<P>, what: Shareable) -> Done {
        let visibility = granted.visibility();
        let found = self.store.find_sharing(granted.organization(), visibility, what);
        let found = found.map_err(ChangeError::Store)?;
        let (owner, sharing) = found.ok_or(ChangeError::Refused(SharingRefusal::NotFound))?;
        visibility.owns(owner).map_err(|refusal| ChangeError::Refused(refusal.into()))?;
        Ok(sharing)
    }
}

#[cfg(test)]
mod tests {
    use access_domain::Username;
    use keys_core::Timestamp;

    use super::*;

    fn member(id: u128, name: &str) -> User {
        User {
            id: Uuid::from_u128(id).into(),
            username: Username::parse(name).unwrap(),
            email: None,
            created_at: Timestamp::UNIX_EPOCH,
        }
    }

    fn draft(users: &[&str]) -> SharingDraft {
        SharingDraft { users: users.iter().map(ToString::to_string).collect(), everyone: true }
    }

    #[test]
    fn members_are_named_by_id_or_user_name_and_each_counts_once() {
        let members = [member(2, "bea"), member(1, "ada")];
        let one = Uuid::from_u128(1).to_string();
        let sharing = draft(&["bea", &one, "ada", "bea"]).resolve(&members).unwrap();
        let ids = [1, 2].map(|id| Uuid::from_u128(id).into());
        assert_eq!(sharing, Sharing { users: ids.to_vec(), everyone: true });
    }

    #[test]
    fn whoever_is_no_member_is_told_by_their_place() {
        let three = Uuid::from_u128(3).to_string();
        let faults = draft(&["ada", "bea", &three]).resolve(&[member(1, "ada")]).unwrap_err();
        let places: Vec<_> = faults.into_iter().map(|fault| fault.pointer).collect();
        assert_eq!(places, ["/users/1", "/users/2"]);
    }

    #[test]
    fn a_user_name_that_looks_like_an_id_is_not_taken_for_it() {
        let victim = Uuid::from_u128(1).to_string();
        let members = [member(2, &victim)];
        assert!(draft(&[&victim]).resolve(&members).is_err());
    }

    #[test]
    fn nobody_is_asked_for_who_are_too_many() {
        assert!(draft(&["x"; MOST_USERS]).check().is_ok());
        assert!(draft(&["x"; MOST_USERS + 1]).check().is_err());
    }
}
