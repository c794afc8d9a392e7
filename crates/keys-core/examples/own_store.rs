//! Keys in a store of one's own, which a web service would ask over the network: here a table that
//! answers at once. `auth-tower` and `auth-actix` guard services by such a checker.

use std::{
    collections::HashMap,
    convert::Infallible,
    error::Error,
    pin::pin,
    task::{Context, Poll, Waker},
};

use keys_core::{
    Checker, Denial, Digest, Key, KeyCheck as _, KeyId, KeyRequest, KeyStore, KnownKey, OsEntropy,
    Pattern, Pepper, Scope, Scopes, Timestamp, Verdict, mint,
};

/// Whom keys speak for here.
#[derive(Debug, Clone, PartialEq)]
struct Customer(u32);

struct Table(HashMap<[u8; 32], KnownKey<Customer>>);

impl KeyStore for Table {
    type Owner = Customer;
    type Error = Infallible;

    async fn find(&self, digest: &Digest) -> Result<Option<KnownKey<Customer>>, Infallible> {
        Ok(self.0.get(digest.as_bytes()).cloned())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let pepper = Pepper::new(b"thirty-two random bytes or more, from a file")?;
    let minted = mint(Pattern::Token, &pepper, &OsEntropy::open()?);
    let scopes = Scopes::new(["orders:read".parse()?])?;
    let key = Key { scopes, ..Key::new(Customer(7)) };
    let row = (*minted.stored.digest.as_bytes(), KnownKey { id: KeyId::from_u128(1), key });
    let shown = minted.secret.reveal_once();

    let checker = Checker::new(Table(HashMap::from([row])), pepper, || Timestamp::UNIX_EPOCH);
    let ask = |scope: &str| -> Result<_, Box<dyn Error>> {
        let scopes: [Scope; 1] = [scope.parse()?];
        let request = KeyRequest { scopes: &scopes, address: None };
        at_once(checker.check(&shown, &request, 1))
    };
    let checked = ask("orders:read")?;
    assert_eq!(checked.verdict, Verdict::Valid);
    assert_eq!(checked.key.map(|key| key.owner), Some(Customer(7)));
    assert_eq!(ask("orders:write")?.verdict, Verdict::Denied(Denial::InsufficientScope));
    Ok(())
}

/// What a runtime is for, where nothing waits.
fn at_once<T, E: Error + 'static>(
    asking: impl Future<Output = Result<T, E>>,
) -> Result<T, Box<dyn Error>> {
    match pin!(asking).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => Ok(answer?),
        Poll::Pending => Err("this table never waits".into()),
    }
}
