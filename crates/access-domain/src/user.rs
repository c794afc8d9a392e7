//! People and their place in organizations.

use std::fmt;

use keys_core::{Id, Timestamp};

use crate::{Fault, OrganizationName, PasswordHash};

/// The id of a user.
pub type UserId = Id<User>;

/// A person. Users are global; [`Membership`] ties them to organizations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Their id.
    pub id: UserId,
    /// The name they log in by, unique on the server.
    pub username: Username,
    /// Where notices go, unique on the server where given.
    pub email: Option<Email>,
    /// When the account was made.
    pub created_at: Timestamp,
}

/// A user with what their log-in is checked against.
#[derive(Debug, Clone)]
pub struct UserRecord {
    /// The person.
    pub user: User,
    /// The hash of their password.
    pub password: PasswordHash,
    /// When they last chose another; none while it is their first.
    pub password_changed_at: Option<Timestamp>,
}

/// What a user may do in one organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Everything.
    Admin,
    /// Their own workflows, deployments and keys.
    User,
}

impl Role {
    /// The name in storage and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::User => "user",
        }
    }

    /// The role of a name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Admin, Self::User].into_iter().find(|role| role.as_str() == name)
    }
}

/// A user's place in one organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// The organization.
    pub organization: OrganizationName,
    /// The organization's name for people.
    pub name: String,
    /// The user's role in it.
    pub role: Role,
}

/// `^[a-zA-Z0-9._@-]{1,64}$`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Username(String);

impl Username {
    /// # Errors
    /// When the text is no user name.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'@' | b'-');
        if (1..=64).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.into()))
        } else {
            Err(Fault::invalid(
                "/username",
                "a user name has 1 to 64 letters, digits, '.', '_', '@' or '-'",
            ))
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An address for mail, in lower case. Only mail that arrives proves one, so the check is a coarse one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// # Errors
    /// When the text cannot be a mail address.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let parts = text
            .split_once('@')
            .filter(|(local, domain)| !local.is_empty() && domain.contains('.'));
        if parts.is_some()
            && text.len() <= 254
            && !text.contains(|c: char| c.is_whitespace() || c.is_control())
        {
            Ok(Self(text.to_lowercase()))
        } else {
            Err(Fault::invalid("/email", "not a mail address"))
        }
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_names_are_short_and_plain() {
        for good in ["u", "admin", "a.b-c_d@e", &"x".repeat(64)] {
            assert!(Username::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "a b", "ü", "a/b", &"x".repeat(65)] {
            assert!(Username::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn mail_addresses_are_kept_in_lower_case() {
        assert_eq!(
            Email::parse("A@B.example").map(|mail| mail.as_str().to_owned()),
            Ok("a@b.example".into())
        );
        for bad in ["", "a", "a@b", "@b.c", "a b@c.d"] {
            assert!(Email::parse(bad).is_err(), "{bad}");
        }
    }
}
