//! What a service is guarded by that lets in who shows a good key, whatever framework it is made of.
//! Knows no HTTP types: what a request presents comes as text, and what is answered goes as text.

use std::{net::IpAddr, sync::Arc};

use keys_core::{Checked, CheckedKey, KeyCheck, KeyRequest, Presented, Scope};

use crate::Refusal;

/// The longest request id that is handed on, in characters.
const MAX_REQUEST_ID: usize = 128;

/// What is asked of each request.
pub struct Guard<C> {
    keys: Arc<C>,
    scopes: Vec<Scope>,
    cost: u32,
}

/// Whether a request is let in.
pub struct Admission<O> {
    /// The key that it came with, or what its sender hears.
    pub key: Result<CheckedKey<O>, Refusal>,
    /// What belongs into the headers of the answer, let in or not: the limit of the key, and what
    /// a refusal needs.
    pub headers: Vec<(&'static str, String)>,
}

impl<C> Guard<C> {
    /// A guard that lets in who shows any good key, for one call of its limit.
    pub fn new(keys: C) -> Self {
        Self { keys: Arc::new(keys), scopes: Vec::new(), cost: 1 }
    }

    /// The same, for keys that have this scope as well.
    #[must_use]
    pub fn scope(mut self, scope: Scope) -> Self {
        self.scopes.push(scope);
        self
    }

    /// The same, where a request costs so many calls of the key's limit.
    #[must_use]
    pub fn cost(self, cost: u32) -> Self {
        Self { cost, ..self }
    }
}

impl<C: KeyCheck> Guard<C> {
    /// Whether a request is let in that presents this and comes from `address`, where that is known.
    pub async fn admit(
        &self,
        presented: Presented<'_>,
        address: Option<IpAddr>,
    ) -> Admission<C::Owner> {
        let key = match presented {
            Presented::Key(key) => key,
            Presented::Nothing => return Refusal::missing_credential().into(),
            Presented::Unreadable => return Refusal::invalid_credential().into(),
            Presented::Ambiguous => return Refusal::ambiguous_credentials().into(),
        };
        let request = KeyRequest { scopes: &self.scopes, address };
        match self.keys.check(key, &request, self.cost).await {
            Ok(checked) => checked.into(),
            // Nobody knows what the key is worth: that is neither a yes nor a no.
            Err(error) => Refusal::unavailable(error).into(),
        }
    }
}

impl<C> Clone for Guard<C> {
    fn clone(&self) -> Self {
        Self { keys: Arc::clone(&self.keys), scopes: self.scopes.clone(), cost: self.cost }
    }
}

impl<O> From<Refusal> for Admission<O> {
    fn from(refusal: Refusal) -> Self {
        Self { headers: refusal.header().into_iter().collect(), key: Err(refusal) }
    }
}

impl<O> From<Checked<O>> for Admission<O> {
    fn from(checked: Checked<O>) -> Self {
        let Checked { verdict, key, rate } = checked;
        let told = rate.iter().flat_map(|rate| rate.headers("key"));
        let key = match (Refusal::of_verdict(verdict, rate.as_ref()), key) {
            (None, Some(key)) => Ok(key),
            (Some(refusal), _) => Err(refusal),
            // A yes about no key is none.
            (None, None) => Err(Refusal::invalid_credential()),
        };
        let needed = key.as_ref().err().and_then(Refusal::header);
        Self { headers: told.chain(needed).collect(), key }
    }
}

/// The id of a request as its sender gave it, where it is one that may be handed on: at most 128
/// visible ASCII characters.
pub fn sane_request_id(sent: &[u8]) -> Option<&str> {
    let is_sane =
        (1..=MAX_REQUEST_ID).contains(&sent.len()) && sent.iter().all(u8::is_ascii_graphic);
    str::from_utf8(sent).ok().filter(|_| is_sane)
}
