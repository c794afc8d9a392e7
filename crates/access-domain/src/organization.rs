//! Organizations: the tenants, and how one comes into being.

use std::{fmt, sync::Arc};

use keys_core::{Entropy, Id, KeyId, Pattern, Peppers, Secret, Timestamp, mint};

use crate::{
    Act, Action, Actor, Clock, Email, Fault, NewKey, Operator, OrganizationStore, Origin,
    PasswordCost, PasswordHash, StoreError, User, UserId, Username, fault::check_text, password,
    password::random_secret,
};

/// The id of an organization.
pub type OrganizationId = Id<Organization>;

/// First path segments of the server; an organization of such a slug could not be addressed beside
/// them. A test holds this list against the route table.
pub const RESERVED_SLUGS: &[&str] = &[
    "account",
    "api",
    "assets",
    "deployment",
    "docs",
    "healthz",
    "invitations",
    "log-in",
    "log-out",
    "mcp",
    "metrics",
    "readyz",
    "unstract",
    "v1",
];

/// A tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// Its id.
    pub id: OrganizationId,
    /// Its name in addresses, fixed.
    pub slug: Slug,
    /// Its name for people.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What every row and principal needs to name an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganizationName {
    /// Its id.
    pub id: OrganizationId,
    /// Its slug.
    pub slug: String,
}

impl OrganizationName {
    /// Whether a path or header means this organization, by id or by slug.
    pub(crate) fn answers_to(&self, reference: &OrganizationRef) -> bool {
        match reference {
            OrganizationRef::Id(id) => self.id == *id,
            OrganizationRef::Slug(slug) => self.slug == *slug,
        }
    }
}

/// How a path or header names an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrganizationRef {
    /// By id.
    Id(OrganizationId),
    /// By slug; perhaps one that nobody has.
    Slug(String),
}

impl From<&str> for OrganizationRef {
    /// A UUID is an id (too long for a slug), everything else a slug.
    fn from(text: &str) -> Self {
        text.parse().map_or_else(|_| Self::Slug(text.into()), Self::Id)
    }
}

/// An organization's name in addresses: `^[a-z0-9_-]{1,30}$` and none of [`RESERVED_SLUGS`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slug(String);

impl Slug {
    /// # Errors
    /// When the text is no slug, or a reserved one.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let allowed =
            |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
        if !(1..=30).contains(&text.len()) || !text.bytes().all(allowed) {
            return Err(Fault::invalid(
                "/slug",
                "a slug has 1 to 30 lower-case letters, digits, '_' or '-'",
            ));
        }
        if RESERVED_SLUGS.contains(&text) {
            return Err(Fault::invalid(
                "/slug",
                format!("'{text}' is an address of the server itself"),
            ));
        }
        Ok(Self(text.into()))
    }

    /// The slug.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What an operator says to create an organization.
pub struct CreateOrganization {
    /// Its slug.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// The user name of its first administrator.
    pub admin_username: String,
    /// Their mail address.
    pub admin_email: Option<String>,
    /// Their password; one is made when none is given.
    pub admin_password: Option<Secret>,
    /// Whether the administrator has an account already.
    pub existing_user: bool,
}

/// An organization as storage is asked to save it.
#[derive(Debug, Clone)]
pub struct NewOrganization {
    /// The organization.
    pub organization: Organization,
    /// Who administers it.
    pub admin: AdminAccount,
    /// "Key #1", active.
    pub platform_key: NewKey,
}

/// The first administrator of a new organization.
#[derive(Debug, Clone)]
pub enum AdminAccount {
    /// A new account.
    New(User, PasswordHash),
    /// An account that is there.
    Existing(Username),
}

/// A new organization with the secrets that are shown this once.
pub struct CreatedOrganization {
    /// The organization.
    pub organization: Organization,
    /// The administrator's user name.
    pub admin_username: Username,
    /// The administrator's password, where one was made for them.
    pub admin_password: Option<Secret>,
    /// The platform key "Key #1".
    pub platform_key: Secret,
}

/// Why an organization was not created.
#[derive(Debug, thiserror::Error)]
pub enum CreateOrganizationError {
    /// Something that was said is wrong.
    #[error("{}", faults.iter().map(|fault| fault.detail.as_str()).collect::<Vec<_>>().join("; "))]
    Faults {
        /// All of it.
        faults: Vec<Fault>,
    },
    /// The slug belongs to another organization.
    #[error("the slug is taken")]
    SlugTaken,
    /// A user of this name exists; `--existing-user` means them.
    #[error("the user name is taken (say --existing-user to make that user the administrator)")]
    UsernameTaken,
    /// A user with this mail address exists.
    #[error("the mail address is taken")]
    EmailTaken,
    /// There is no user of this name.
    #[error("there is no such user")]
    UnknownUser,
    /// The password could not be hashed.
    #[error("the password could not be hashed")]
    Hashing(#[source] password::HashingFailed),
    /// Storage failed.
    #[error("the organization was not saved")]
    Store(#[source] StoreError),
}

/// The use cases of an operator.
pub struct Organizations {
    /// Where organizations are kept.
    pub store: Arc<dyn OrganizationStore>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness for ids and secrets.
    pub entropy: Arc<dyn Entropy>,
    /// What keys are digested under.
    pub peppers: Arc<Peppers>,
    /// What a guess at a password costs.
    pub password_cost: PasswordCost,
}

impl Organizations {
    /// Creates an organization with its administrator and an active platform key "Key #1".
    ///
    /// # Errors
    /// When a name is malformed or taken, or storage fails; nothing is created then.
    pub fn create(
        &self,
        _: Operator,
        wanted: CreateOrganization,
    ) -> Result<CreatedOrganization, CreateOrganizationError> {
        let now = self.clock.now();
        let (slug, admin_username, email) =
            check(&wanted).map_err(|faults| CreateOrganizationError::Faults { faults })?;
        let organization = Organization {
            id: Id::generate(now, &*self.entropy),
            slug,
            name: wanted.name,
            created_at: now,
        };
        // 144 bits in 24 characters: a password manager holds it, and nobody has to remember it.
        let made = wanted.admin_password.is_none() && !wanted.existing_user;
        let password = wanted.admin_password.unwrap_or_else(|| random_secret::<18>(&*self.entropy));
        let admin = if wanted.existing_user {
            AdminAccount::Existing(admin_username.clone())
        } else {
            let id: UserId = Id::generate(now, &*self.entropy);
            let hash = PasswordHash::of(&password, self.password_cost, &*self.entropy)
                .map_err(CreateOrganizationError::Hashing)?;
            AdminAccount::New(
                User { id, username: admin_username.clone(), email, created_at: now },
                hash,
            )
        };
        let minted = mint(Pattern::Uuid, self.peppers.current(), &*self.entropy);
        let id: KeyId = Id::generate(now, &*self.entropy);
        let platform_key = NewKey { id, secret: minted.stored, created_by: None, created_at: now };
        let new = NewOrganization { organization: organization.clone(), admin, platform_key };
        let (who, from) = (Actor::command_line(), Origin::default());
        let act = Act::new(Action::OrganizationCreated, who, from, now, &*self.entropy);
        self.store.create(&new, &act)?;
        Ok(CreatedOrganization {
            organization,
            admin_username,
            admin_password: made.then_some(password),
            platform_key: minted.secret,
        })
    }

    /// Every organization of the server.
    ///
    /// # Errors
    /// When storage fails.
    pub fn list(&self, _: Operator) -> Result<Vec<Organization>, StoreError> {
        self.store.list_organizations()
    }
}

fn check(wanted: &CreateOrganization) -> Result<(Slug, Username, Option<Email>), Vec<Fault>> {
    let mut faults = Vec::new();
    check_text(&mut faults, "/name", &wanted.name, 1, 100);
    if let Some(password) = &wanted.admin_password {
        faults.extend(password::check_chosen("/admin_password", password));
    }
    let slug = Slug::parse(&wanted.slug).map_err(|fault| faults.push(fault));
    let username = Username::parse(&wanted.admin_username).map_err(|fault| faults.push(fault));
    let email = wanted
        .admin_email
        .as_deref()
        .map(Email::parse)
        .transpose()
        .map_err(|fault| faults.push(fault));
    match (slug, username, email) {
        (Ok(slug), Ok(username), Ok(email)) if faults.is_empty() => Ok((slug, username, email)),
        _ => Err(faults),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_short_plain_and_not_the_servers_own() {
        for good in ["mock_org", "a", "0-9", &"x".repeat(30)] {
            assert!(Slug::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "Mock", "a b", "a/b", "v1", "deployment", &"x".repeat(31)] {
            assert!(Slug::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_organization_answers_to_its_id_and_its_slug() {
        let id = uuid::Uuid::from_u128(7);
        let name = OrganizationName { id: id.into(), slug: "acme".into() };
        assert!(name.answers_to(&"acme".into()));
        assert!(name.answers_to(&id.to_string().as_str().into()));
        assert!(!name.answers_to(&"other".into()));
    }

    #[test]
    fn all_faults_of_a_new_organization_are_told_at_once() {
        let wanted = CreateOrganization {
            slug: "Not A Slug".into(),
            name: String::new(),
            admin_username: "a b".into(),
            admin_email: Some("nowhere".into()),
            admin_password: Some(Secret::new("short".into())),
            existing_user: false,
        };
        let pointers: Vec<_> =
            check(&wanted).unwrap_err().into_iter().map(|fault| fault.pointer).collect();
        assert_eq!(pointers, ["/name", "/admin_password", "/slug", "/username", "/email"]);
    }
}
