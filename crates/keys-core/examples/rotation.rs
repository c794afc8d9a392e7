//! A key gets a new secret, and the old one works until its grace is over.

use std::{collections::HashMap, error::Error, time::Duration};

use keys_core::{
    Denial, Key, KeyId, KeyRequest, KnownKey, MemoryLimits, OsEntropy, Pattern, Pepper, Peppers,
    Rotation, RotationRefusal, RotationState, Timestamp, Verdict, check, mint,
};

fn main() -> Result<(), Box<dyn Error>> {
    let (entropy, hour) = (OsEntropy::open()?, Duration::from_secs(3600));
    let peppers = Peppers::from(Pepper::new(b"thirty-two random bytes or more, from a file")?);
    let now: Timestamp = "2026-11-21T09:30:00Z".parse()?;
    let known = KnownKey { id: KeyId::from_u128(1), key: Key::new("orders") };

    let first = mint(Pattern::Token, peppers.current(), &entropy);
    let mut table = HashMap::from([(*first.stored.digest.as_bytes(), known.clone())]);

    // The id stays, and with it limits and usage; the old secret's row says until when it is good.
    let rotation = Rotation { grace: hour, force: false };
    let grace_until = rotation.grace_until(RotationState::default(), now)?;
    let second = mint(Pattern::Token, peppers.current(), &entropy);
    let key = Key { grace_until: Some(grace_until), ..known.key.clone() };
    table.insert(*first.stored.digest.as_bytes(), KnownKey { id: known.id, key });
    table.insert(*second.stored.digest.as_bytes(), known);

    let (old, new) = (first.secret.reveal_once(), second.secret.reveal_once());
    let limits = MemoryLimits::default();
    let verdict = |shown: &str, at: Timestamp| {
        let found = peppers.digests(shown).find_map(|digest| table.get(digest.as_bytes()).cloned());
        check(found, &KeyRequest::default(), 1, &limits, at).verdict
    };
    assert_eq!((verdict(&old, now), verdict(&new, now)), (Verdict::Valid, Verdict::Valid));
    assert_eq!(verdict(&old, now + hour), Verdict::Denied(Denial::Expired));
    assert_eq!(verdict(&new, now + hour), Verdict::Valid);

    // Another rotation within the grace would cut it short: only by force.
    let state = RotationState { is_revoked: false, grace_until: Some(grace_until) };
    let refused = rotation.grace_until(state, now);
    assert_eq!(refused, Err(RotationRefusal::InGrace { until: grace_until }));
    assert!(Rotation { force: true, ..rotation }.grace_until(state, now).is_ok());
    Ok(())
}
