//! Makes a key, keeps its digest in memory, and checks what is shown.

use std::{collections::HashMap, error::Error, time::SystemTime};

use keys_core::{
    Key, KeyEnvironment, KeyId, KeyPrefix, KeyRequest, KnownKey, MemoryLimits, OsEntropy, Pattern,
    Pepper, Peppers, Timestamp, Verdict, check, mint,
};

#[expect(clippy::disallowed_methods, reason = "a program of its own has a clock")]
fn now() -> Timestamp {
    SystemTime::now().into()
}

fn main() -> Result<(), Box<dyn Error>> {
    let entropy = OsEntropy::open()?;
    // From a file or the environment, never from the database beside the digests.
    let peppers = Peppers::from(Pepper::new(b"thirty-two random bytes or more, from a file")?);
    let prefix = KeyPrefix::parse("acme")?;

    let pattern = Pattern::Checksummed { prefix: &prefix, environment: KeyEnvironment::Live };
    let minted = mint(pattern, peppers.current(), &entropy);
    let id = KeyId::generate(now(), &entropy);
    let known = KnownKey { id, key: Key::new("the order service") };
    let table = HashMap::from([(*minted.stored.digest.as_bytes(), known)]);
    // In the one answer that made it; nobody sees it again.
    let shown = minted.secret.reveal_once();
    assert!(shown.starts_with("acme_live_"));

    let limits = MemoryLimits::default();
    let ask = |shown: &str| {
        let found = peppers.digests(shown).find_map(|digest| table.get(digest.as_bytes()).cloned());
        check(found, &KeyRequest::default(), 1, &limits, now())
    };
    let checked = ask(&shown);
    assert_eq!(checked.verdict, Verdict::Valid);
    assert_eq!(checked.key.map(|key| key.owner), Some("the order service"));
    assert_eq!(ask("acme_live_nobody").verdict, Verdict::NotFound);
    Ok(())
}
