//! From the text that somebody shows to a verdict. Knows no HTTP; where keys are kept, and what time
//! it is, the embedding program says.

use std::error::Error;

use crate::{
    Digest, Key, KeyId, KeyRequest, MemoryLimits, Peppers, RateDecision, Scopes, Timestamp,
    Verdict, decide,
};

/// A key as a store finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(deny_unknown_fields)
)]
pub struct KnownKey<O> {
    /// What its limit is counted by. A store whose ids are numbers has [`Id::from_u128`](crate::Id::from_u128).
    pub id: KeyId,
    /// The facts that are decided by. Where the secret that was shown is one that was replaced, its
    /// `grace_until` must be set.
    pub key: Key<O>,
}

/// A key as those may know it who asked about it, whatever becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(deny_unknown_fields)
)]
pub struct CheckedKey<O> {
    /// Which.
    pub id: KeyId,
    /// Whom or what it speaks for.
    pub owner: O,
    /// What it may be used for.
    pub scopes: Scopes,
    /// Until when the secret that was shown is good, where it has an end ([`Key::good_until`]).
    pub expires_at: Option<Timestamp>,
}

/// What a check came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked<O> {
    /// What becomes of the key.
    pub verdict: Verdict,
    /// The key, good or not; `None` where there is none ([`Verdict::NotFound`]).
    pub key: Option<CheckedKey<O>>,
    /// What its limit said. `None` where it has no limit, and where it was refused before that.
    pub rate: Option<RateDecision>,
}

/// What becomes of a key that was looked up, used for `request` at `now` for `cost` calls of its
/// limit. Only a key that nothing else refuses spends: `limits` are asked last.
///
/// This is the whole of a check for a program that looks keys up without waiting:
///
/// ```
/// use std::collections::HashMap;
///
/// use keys_core::{
///     Key, KeyId, KeyRequest, KnownKey, MemoryLimits, Pepper, Peppers, Timestamp, Verdict, check,
/// };
///
/// let peppers = Peppers::from(Pepper::new(b"thirty-two random bytes or more, from a file")?);
/// let shown = "unst_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
/// let known = KnownKey { id: KeyId::from_u128(1), key: Key::new("the order service") };
/// let table = HashMap::from([(*peppers.current().digest(shown).as_bytes(), known)]);
/// let (limits, now) = (MemoryLimits::default(), Timestamp::UNIX_EPOCH);
///
/// let found = peppers.digests(shown).find_map(|digest| table.get(digest.as_bytes()).cloned());
/// let checked = check(found, &KeyRequest::default(), 1, &limits, now);
/// assert_eq!(checked.verdict, Verdict::Valid);
/// assert_eq!(checked.key.map(|key| key.owner), Some("the order service"));
/// # Ok::<(), keys_core::WeakPepper>(())
/// ```
pub fn check<O>(
    found: Option<KnownKey<O>>,
    request: &KeyRequest<'_>,
    cost: u32,
    limits: &MemoryLimits,
    now: Timestamp,
) -> Checked<O> {
    let Some(KnownKey { id, key }) = found else {
        return Checked { verdict: Verdict::NotFound, key: None, rate: None };
    };
    let decided = Verdict::from(decide(&key, request, now));
    let limit = key.rate_limit.filter(|_| decided == Verdict::Valid);
    let rate = limit.map(|limit| limits.take(id, limit, now, cost));
    let expires_at = key.good_until();
    let Key { owner, scopes, .. } = key;
    let key = Some(CheckedKey { id, owner, scopes, expires_at });
    Checked { verdict: decided.after(rate.as_ref()), key, rate }
}

/// Where an embedding program keeps its keys.
///
/// A look-up may wait, so it is written as an `async fn`; one that need not wait simply does not.
pub trait KeyStore: Send + Sync {
    /// Whom or what keys speak for.
    type Owner: Send;
    /// Why nobody can say whether there is such a key.
    type Error: Error + Send + Sync + 'static;

    /// The key that has a secret of this digest.
    ///
    /// It must be found whatever state it is in: a store that leaves out what is revoked makes of
    /// `REVOKED` a `NOT_FOUND`. Older secrets of a key find it as well, for as long as they are in
    /// their grace; `key.grace_until` then says until when.
    ///
    /// # Errors
    /// When the store cannot be asked. Such a check has no verdict; whoever guards something by it
    /// lets nobody in.
    fn find(
        &self,
        digest: &Digest,
    ) -> impl Future<Output = Result<Option<KnownKey<Self::Owner>>, Self::Error>> + Send;
}

/// Says what becomes of keys that are shown: by a store of one's own ([`Checker`]), or by asking a
/// Keywright server.
pub trait KeyCheck: Send + Sync {
    /// Whom or what keys speak for.
    type Owner: Clone + Send + Sync + 'static;
    /// Why nobody can say what becomes of a key.
    type Error: Error + Send + Sync + 'static;

    /// What becomes of the key that was `shown`, used for `request` for `cost` calls of its limit.
    ///
    /// # Errors
    /// When nobody can say. Whoever guards something by it lets nobody in.
    fn check(
        &self,
        shown: &str,
        request: &KeyRequest<'_>,
        cost: u32,
    ) -> impl Future<Output = Result<Checked<Self::Owner>, Self::Error>> + Send;
}

/// Checks keys of a [`KeyStore`]; their limits are kept in memory, exact for one process.
pub struct Checker<S, C> {
    store: S,
    peppers: Peppers,
    clock: C,
    limits: MemoryLimits,
}

impl<S: KeyStore, C: Fn() -> Timestamp + Send + Sync> Checker<S, C> {
    /// A checker of the keys in `store`, found by their digests under any of `peppers`. `clock` tells
    /// the time: `chrono::Utc::now`, or `|| SystemTime::now().into()`.
    pub fn new(store: S, peppers: impl Into<Peppers>, clock: C) -> Self {
        Self { store, peppers: peppers.into(), clock, limits: MemoryLimits::default() }
    }

    async fn find(&self, shown: &str) -> Result<Option<KnownKey<S::Owner>>, S::Error> {
        // What can be no key costs no look-up.
        for digest in self.peppers.digests(shown) {
            if let Some(found) = self.store.find(&digest).await? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}

impl<S, C> KeyCheck for Checker<S, C>
where
    S: KeyStore<Owner: Clone + Send + Sync + 'static>,
    C: Fn() -> Timestamp + Send + Sync,
{
    type Owner = S::Owner;
    type Error = S::Error;

    async fn check(
        &self,
        shown: &str,
        request: &KeyRequest<'_>,
        cost: u32,
    ) -> Result<Checked<S::Owner>, S::Error> {
        let found = self.find(shown).await?;
        // Asked after the store, which may have taken its time.
        Ok(check(found, request, cost, &self.limits, (self.clock)()))
    }
}

#[cfg(test)]
mod tests {
    use std::{
        pin::pin,
        sync::atomic::{AtomicUsize, Ordering},
        task::{Context, Poll, Waker},
    };

    use super::*;
    use crate::{Denial, Pepper, RateLimit};

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;
    const SHOWN: &str = "unst_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    struct OneKey {
        digest: Digest,
        key: Key<&'static str>,
        asked: AtomicUsize,
    }

    #[derive(Debug, thiserror::Error)]
    #[error("never")]
    struct Never;

    impl KeyStore for &OneKey {
        type Owner = &'static str;
        type Error = Never;

        async fn find(&self, digest: &Digest) -> Result<Option<KnownKey<&'static str>>, Never> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            let known = || KnownKey { id: KeyId::from_u128(7), key: self.key.clone() };
            Ok((*digest == self.digest).then(known))
        }
    }

    fn pepper(byte: u8) -> Pepper {
        Pepper::new(&[byte; 32]).unwrap()
    }

    fn store(key: Key<&'static str>) -> OneKey {
        OneKey { digest: pepper(1).digest(SHOWN), key, asked: AtomicUsize::new(0) }
    }

    fn checked(
        checker: &impl KeyCheck<Owner = &'static str>,
        shown: &str,
    ) -> Checked<&'static str> {
        let request = KeyRequest::default();
        let checking = pin!(checker.check(shown, &request, 1));
        match checking.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(checked) => checked.unwrap(),
            Poll::Pending => panic!("memory does not wait"),
        }
    }

    #[test]
    fn a_key_is_found_under_any_pepper_and_told() {
        let store = store(Key::new("orders"));
        let peppers = Peppers::new(pepper(2), vec![pepper(1)]);
        let told = checked(&Checker::new(&store, peppers, || NOW), SHOWN);
        assert_eq!(told.verdict, Verdict::Valid);
        assert_eq!(told.key.map(|key| (key.id, key.owner)), Some((KeyId::from_u128(7), "orders")));
        assert_eq!((told.rate, store.asked.into_inner()), (None, 2));
    }

    #[test]
    fn what_can_be_no_key_is_not_looked_up() {
        let store = store(Key::new("orders"));
        let checker = Checker::new(&store, pepper(1), || NOW);
        for shown in ["", "unst_", "x", &SHOWN[..47], &SHOWN.repeat(100)] {
            let told = checked(&checker, shown);
            assert_eq!((told.verdict, told.key), (Verdict::NotFound, None), "{shown}");
        }
        assert_eq!(store.asked.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_limit_is_spent_by_what_nothing_else_refuses() {
        let limited = Key { rate_limit: RateLimit::per_minute(1), ..Key::new("orders") };
        let mut store = store(Key { is_active: false, ..limited.clone() });
        let limits = MemoryLimits::default();
        let ask = |store: &OneKey| {
            let found = KnownKey { id: KeyId::from_u128(7), key: store.key.clone() };
            check(Some(found), &KeyRequest::default(), 1, &limits, NOW)
        };
        let refused = ask(&store);
        assert_eq!((refused.verdict, refused.rate), (Verdict::Denied(Denial::Inactive), None));
        store.key = limited;
        assert_eq!(ask(&store).verdict, Verdict::Valid);
        let refused = ask(&store);
        assert_eq!(refused.verdict, Verdict::RateLimited);
        assert!(refused.key.is_some() && refused.rate.is_some_and(|rate| !rate.is_allowed));
    }
}
