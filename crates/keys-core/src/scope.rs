//! What a key may be used for: names that its maker chose from the server's and from its own.

use std::{fmt, str::FromStr};

/// What a key may be used for: `^[a-z0-9_.-]{1,32}(:[a-z0-9_.-]{1,32}){0,3}$`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope(Box<str>);

/// Why a text is no scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidScope {
    /// It is not of the form.
    #[error(
        "a scope is 1 to 4 parts, joined by ':', of 1 to 32 lower-case letters, digits, '_', '.' or '-'"
    )]
    Malformed,
    /// It begins like the scopes of the server, and is none of them.
    #[error("scopes of this name are the server's own, and this is none of them")]
    Reserved,
}

impl Scope {
    /// Includes every other scope.
    pub const ADMIN: &'static str = "admin";
    /// The scopes that mean something to the server itself.
    pub const RESERVED: [&'static str; 5] =
        [Self::ADMIN, "analytics:read", "inference:read", "inference:write", "keys:verify"];

    /// The scope, as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Scope {
    type Err = InvalidScope;

    fn from_str(text: &str) -> Result<Self, InvalidScope> {
        let is_part = |part: &str| {
            (1..=32).contains(&part.len())
                && part.bytes().all(|b| {
                    b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'.' | b'-')
                })
        };
        // Four parts and three colons: what is longer need not be looked at.
        if text.len() > 4 * 32 + 3 || text.split(':').count() > 4 || !text.split(':').all(is_part) {
            return Err(InvalidScope::Malformed);
        }
        let namespace = |scope: &str| scope.split(':').next().map(str::to_owned);
        let is_reserved = Self::RESERVED.iter().any(|scope| namespace(scope) == namespace(text));
        if is_reserved && !Self::RESERVED.contains(&text) {
            return Err(InvalidScope::Reserved);
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The scopes of a key. Invariant: sorted, each once, at most [`Scopes::MAX`].
///
/// ```
/// use keys_core::{Scope, Scopes};
///
/// let scopes = Scopes::new(["orders:read".parse()?])?;
/// assert!(scopes.include("orders:read") && !scopes.include("orders:write"));
/// assert!(Scopes::new([Scope::ADMIN.parse()?])?.include("orders:write"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scopes(Box<[Scope]>);

/// There are more scopes than a key may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key has at most {} scopes", Scopes::MAX)]
pub struct TooManyScopes;

impl Scopes {
    /// How many scopes a key may have.
    pub const MAX: usize = 50;

    /// # Errors
    /// When there are more than [`Scopes::MAX`] different ones.
    pub fn new(scopes: impl IntoIterator<Item = Scope>) -> Result<Self, TooManyScopes> {
        let mut scopes: Vec<Scope> = scopes.into_iter().collect();
        scopes.sort();
        scopes.dedup();
        if scopes.len() > Self::MAX { Err(TooManyScopes) } else { Ok(Self(scopes.into())) }
    }

    /// Whether a key with these scopes may do what needs `scope`: it has it, or `admin`.
    pub fn include(&self, scope: &str) -> bool {
        let has = |wanted: &str| self.0.iter().any(|scope| scope.as_str() == wanted);
        has(scope) || has(Scope::ADMIN)
    }

    /// Each of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Scope> {
        self.0.iter()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scopes(of: &[&str]) -> Scopes {
        Scopes::new(of.iter().map(|scope| scope.parse().unwrap())).unwrap()
    }

    #[test]
    fn a_scope_has_one_to_four_parts() {
        for text in ["a", "orders:read", "a:b:c:d", "x-1.y_2", "inference:write", "admin"] {
            assert_eq!(text.parse::<Scope>().as_ref().map(Scope::as_str), Ok(text));
        }
        let long = "a".repeat(33);
        for text in
            ["", ":", "a:", ":a", "a:b:c:d:e", "A", "a b", "é", "a\0", &long, &"a".repeat(1000)]
        {
            assert_eq!(text.parse::<Scope>(), Err(InvalidScope::Malformed), "{text:?}");
        }
    }

    #[test]
    fn the_servers_own_names_are_taken_as_they_are() {
        for text in
            ["inference", "inference:admin", "keys:verify:all", "admin:x", "analytics:write"]
        {
            assert_eq!(text.parse::<Scope>(), Err(InvalidScope::Reserved), "{text}");
        }
        assert!("administration".parse::<Scope>().is_ok());
    }

    #[test]
    fn admin_includes_every_scope_and_nothing_else_does() {
        assert!(scopes(&["admin"]).include("orders:read"));
        assert!(scopes(&["orders:read"]).include("orders:read"));
        assert!(!scopes(&["orders"]).include("orders:read"));
        assert!(!scopes(&["orders:read"]).include("admin"));
        assert!(!Scopes::default().include("orders:read"));
    }

    #[test]
    fn scopes_are_sorted_once_each_and_at_most_fifty() {
        let names: Vec<_> = scopes(&["b", "a", "b"]).iter().map(ToString::to_string).collect();
        assert_eq!(names, ["a", "b"]);
        let many = |n: usize| Scopes::new((0..n).map(|i| format!("s{i}").parse().unwrap()));
        assert!(many(50).is_ok());
        assert_eq!(many(51), Err(TooManyScopes));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_and_what_is_taken_is_kept(text in ".*") {
            if let Ok(scope) = text.parse::<Scope>() {
                prop_assert_eq!(scope.as_str(), text);
            }
        }
    }
}
