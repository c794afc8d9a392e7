//! `Idempotency-Key`: a request that is sent again is done once. Looked at when it is known who asks
//! for what and before anything is spent, so that whoever was answered before is answered again.
//!
//! That a thing is made once is storage's to hold, on however many servers. What is kept here of the
//! requests that are under way only spares the second of two the trouble of finding that out.

use std::{
    collections::{HashMap, hash_map::Entry},
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use access_domain::{
    BodyIdentity, Granted, Idempotency, IdempotencyKey, IdempotencyRecord, OrganizationId,
    Repeatable, RequestName, StoreError,
};
use actix_web::{
    FromRequest, HttpMessage, HttpRequest,
    dev::{Payload, ServiceResponse},
    http::header::{HeaderName, HeaderValue},
    web::Bytes,
};
use api_types::ErrorCode;
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

use crate::{
    ApiError, FromCall,
    blocking::run_blocking,
    caller::{context_of, granted_to},
    rate_limit::spend,
};

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// How long a request waits for another of its name.
const PATIENCE: Duration = Duration::from_secs(30);
/// Requests with a key that are under way at once; each has a connection of its own.
const MAX_UNDER_WAY: usize = 20_000;
/// Larger bodies are identified off the event loop.
const IDENTIFIED_IN_PLACE_BYTES: usize = 64 * 1024;

/// The requests that may be sent again, as an edge knows them.
pub struct Repeats {
    idempotency: Arc<Idempotency>,
    under_way: Arc<UnderWay>,
}

/// A caller who was granted `P` for a request that may be sent again, as [`crate::Caller`] is for
/// every other. Spends of the caller's limits only what has not been done before.
pub struct RepeatableCaller<P> {
    /// The proof. For use cases that make something it comes from [`RepeatableCaller::with_body`].
    pub granted: Granted<P>,
    request: HttpRequest,
    repetition: Repetition,
}

/// What is known of a request when its body is not.
enum Repetition {
    /// It has no key.
    None,
    /// None of its name was done, and no other of this process is under way.
    First(First),
    /// One of its name was done.
    Again(Arc<Idempotency>, IdempotencyRecord),
}

struct First {
    idempotency: Arc<Idempotency>,
    organization: OrganizationId,
    name: RequestName,
    _turn: Turn,
}

/// A request that is about to be done, or was done before.
pub struct Attempt {
    request: HttpRequest,
    state: State,
}

enum State {
    Unrepeatable,
    First(First, BodyIdentity),
    Replay(IdempotencyRecord),
}

/// What became of an [`Attempt`].
pub enum Done<T> {
    /// It was done now.
    Now(T),
    /// It was done before; this it has made.
    Before(IdempotencyRecord),
}

/// An answer to a request that was done before.
struct Replayed;

impl<P: FromCall + 'static> FromRequest for RepeatableCaller<P> {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let (granted, quotas) = granted_to::<P>(&request).await?;
            let repetition = match sent_key(&request)? {
                None => Repetition::None,
                Some(key) => {
                    let address = granted.permission().address(&request);
                    let method = request.method().as_str();
                    let name = RequestName::of(granted.who(), method, &address, &key);
                    context_of(&request)?.repeats.enter(granted.organization(), name).await?
                }
            };
            if !matches!(repetition, Repetition::Again(..)) {
                spend(&request, quotas, 1).await?;
            }
            Ok(Self { granted, request, repetition })
        })
    }
}

/// The key that the request names itself by, if it has one.
fn sent_key(request: &HttpRequest) -> Result<Option<IdempotencyKey<'_>>, ApiError> {
    let mut sent = request.headers().get_all(&KEY);
    let (first, second) = (sent.next(), sent.next());
    let Some(first) = first else { return Ok(None) };
    let key = IdempotencyKey::parse(first.as_bytes()).filter(|_| second.is_none());
    key.map(Some).ok_or_else(|| {
        let most = IdempotencyKey::MAX_BYTES;
        let what = format!("send one Idempotency-Key of 1 to {most} visible ASCII characters");
        ApiError::new(ErrorCode::InvalidParameter, what)
    })
}

impl<P> RepeatableCaller<P> {
    /// The proof, and what is to be done, now that the body is read.
    ///
    /// # Errors
    /// When the key was used for a request with another body.
    pub async fn with_body(self, body: &Bytes) -> Result<(Granted<P>, Attempt), ApiError> {
        let Self { granted, request, repetition } = self;
        let (granted, state) = match repetition {
            Repetition::None => (granted, State::Unrepeatable),
            Repetition::Again(idempotency, record) => {
                let identity = identify(&idempotency, body).await?;
                (granted, State::Replay(same(record, &identity)?))
            }
            Repetition::First(first) => {
                let identity = identify(&first.idempotency, body).await?;
                let repeatable = Repeatable { name: first.name, body: identity.to_keep() };
                (granted.once(repeatable), State::First(first, identity))
            }
        };
        Ok((granted, Attempt { request, state }))
    }
}

async fn identify(idempotency: &Arc<Idempotency>, body: &Bytes) -> Result<BodyIdentity, ApiError> {
    if body.len() <= IDENTIFIED_IN_PLACE_BYTES {
        return Ok(idempotency.identify(body));
    }
    let (idempotency, body) = (Arc::clone(idempotency), body.clone());
    run_blocking(move || Ok::<_, ApiError>(idempotency.identify(&body))).await
}

/// What was done before, if it was the same request.
fn same(record: IdempotencyRecord, body: &BodyIdentity) -> Result<IdempotencyRecord, ApiError> {
    if body.is_of(&record) {
        return Ok(record);
    }
    let what = "this Idempotency-Key was used for a request with another body; use a new one";
    Err(ApiError::new(ErrorCode::IdempotencyKeyReused, what))
}

impl Attempt {
    /// Does `make`, unless it was done before. Others of its name wait until this returns.
    ///
    /// # Errors
    /// What `make` answers.
    pub async fn once<T>(
        self,
        make: impl Future<Output = Result<T, ApiError>>,
    ) -> Result<Done<T>, ApiError> {
        let record = match self.state {
            State::Unrepeatable => return make.await.map(Done::Now),
            State::Replay(record) => record,
            State::First(first, body) => match make.await {
                Ok(made) => return Ok(Done::Now(made)),
                // Another server may have been quicker with the same request, and what it made is in
                // the way of this one: a name that is taken, a slot that is filled.
                Err(refused) => {
                    match find(&first.idempotency, first.organization, first.name).await {
                        Ok(Some(record)) => same(record, &body)?,
                        Ok(None) | Err(_) => return Err(refused),
                    }
                }
            },
        };
        self.request.extensions_mut().insert(Replayed);
        Ok(Done::Before(record))
    }
}

/// Says so in an answer to a request that was done before.
pub(crate) fn tell<B>(response: &mut ServiceResponse<B>) {
    let is_replayed = response.request().extensions().get::<Replayed>().is_some();
    if is_replayed {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
}

async fn find(
    idempotency: &Arc<Idempotency>,
    organization: OrganizationId,
    name: RequestName,
) -> Result<Option<IdempotencyRecord>, ApiError> {
    let idempotency = Arc::clone(idempotency);
    run_blocking::<_, StoreError, _>(move || idempotency.find(organization, &name)).await
}

impl Repeats {
    /// None is under way.
    pub fn new(idempotency: Idempotency) -> Self {
        Self { idempotency: Arc::new(idempotency), under_way: Arc::default() }
    }

    /// Waits until no other request of this name is under way, or one was done.
    async fn enter(
        &self,
        organization: OrganizationId,
        name: RequestName,
    ) -> Result<Repetition, ApiError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            // Asked when the turn is had: what was done before is stored by then.
            let turn = self.under_way.turn(name, deadline).await?;
            let idempotency = Arc::clone(&self.idempotency);
            if let Some(record) = find(&idempotency, organization, name).await? {
                return Ok(Repetition::Again(idempotency, record));
            }
            if let Some(turn) = turn {
                let first = First { idempotency, organization, name, _turn: turn };
                return Ok(Repetition::First(first));
            }
        }
    }
}

/// The requests of this process that are under way, by their names.
#[derive(Default)]
struct UnderWay(Mutex<HashMap<RequestName, watch::Sender<()>>>);

/// The only request of its name that is under way. Whoever waits for it goes on when it is dropped,
/// which happens also where its caller hangs up.
struct Turn {
    under_way: Arc<UnderWay>,
    name: RequestName,
}

impl UnderWay {
    /// The turn, if no other has it; else none, once that other has ended.
    async fn turn(
        self: &Arc<Self>,
        name: RequestName,
        deadline: Instant,
    ) -> Result<Option<Turn>, ApiError> {
        let mut ended = match self.enter(name)? {
            Ok(turn) => return Ok(Some(turn)),
            Err(ended) => ended,
        };
        // It never changes; its sender goes.
        match timeout_at(deadline, ended.changed()).await {
            Ok(_) => Ok(None),
            Err(_) => {
                let what = "a request with this Idempotency-Key is still under way; ask again";
                Err(ApiError::new(ErrorCode::IdempotencyInProgress, what))
            }
        }
    }

    fn enter(
        self: &Arc<Self>,
        name: RequestName,
    ) -> Result<Result<Turn, watch::Receiver<()>>, ApiError> {
        let mut names = self.names();
        let is_full = names.len() >= MAX_UNDER_WAY;
        match names.entry(name) {
            Entry::Occupied(other) => Ok(Err(other.get().subscribe())),
            Entry::Vacant(_) if is_full => {
                Err(ApiError::unavailable("too many requests with a key are under way"))
            }
            Entry::Vacant(place) => {
                place.insert(watch::Sender::new(()));
                Ok(Ok(Turn { under_way: Arc::clone(self), name }))
            }
        }
    }

    fn names(&self) -> MutexGuard<'_, HashMap<RequestName, watch::Sender<()>>> {
        // No panic leaves a name half entered.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.under_way.names().remove(&self.name);
    }
}

#[cfg(test)]
mod tests {
    use actix_web::{rt, test::TestRequest};

    use super::*;

    #[track_caller]
    fn check(sent: &[&[u8]], is_read: bool) {
        let request = sent.iter().fold(TestRequest::default(), |request, value| {
            request.append_header((KEY, HeaderValue::from_bytes(value).unwrap()))
        });
        let request = request.to_http_request();
        match sent_key(&request) {
            Ok(key) => assert_eq!(key.is_some(), is_read, "{sent:?}"),
            Err(error) => {
                assert!(!is_read, "{sent:?}");
                assert_eq!(error.code(), ErrorCode::InvalidParameter);
            }
        }
    }

    #[test]
    fn a_key_is_one_header_of_visible_characters() {
        check(&[b"k"], true);
        check(&[b"\"8e03978e-40d5-43e8-bc93-6894a57f9324\""], true);
        check(&[&[b'~'; 255]], true);
        check(&[], false);
        check(&[b""], false);
        check(&[&[b'~'; 256]], false);
        check(&[b"two words"], false);
        check(&["é".as_bytes()], false);
        check(&[b"k", b"k"], false);
    }

    #[test]
    fn a_request_waits_for_another_of_its_name_and_for_no_longer_than_its_patience() {
        paused(async {
            let under_way = Arc::new(UnderWay::default());
            let (name, other) = ([1; 32].into(), [2; 32].into());
            let deadline = || Instant::now() + PATIENCE;
            let first = under_way.turn(name, deadline()).await.unwrap().unwrap();
            assert!(under_way.turn(other, deadline()).await.unwrap().is_some());
            let began = Instant::now();
            let late = under_way.turn(name, deadline()).await;
            assert_eq!(
                late.err().map(|error| error.code()),
                Some(ErrorCode::IdempotencyInProgress)
            );
            assert_eq!(began.elapsed().as_secs(), 30);
            let waiting = {
                let under_way = Arc::clone(&under_way);
                rt::spawn(async move { under_way.turn(name, deadline()).await.unwrap().is_none() })
            };
            tokio::time::sleep(Duration::from_secs(29)).await;
            drop(first);
            assert!(waiting.await.unwrap());
            assert!(under_way.turn(name, deadline()).await.unwrap().is_some());
            assert!(under_way.names().is_empty());
        });
    }

    #[test]
    fn no_more_requests_are_under_way_than_there_is_room_for() {
        let under_way = Arc::new(UnderWay::default());
        let name = |number: usize| {
            let mut name = [0; 32];
            name[..8].copy_from_slice(&number.to_be_bytes());
            RequestName::from(name)
        };
        let turns: Vec<_> =
            (0..MAX_UNDER_WAY).map(|number| under_way.enter(name(number)).unwrap()).collect();
        let code = |number| under_way.enter(name(number)).err().map(|error| error.code());
        assert_eq!(code(MAX_UNDER_WAY), Some(ErrorCode::Unavailable));
        assert!(under_way.enter(name(0)).unwrap().is_err(), "it waits for the one under way");
        drop(turns);
        assert_eq!(code(MAX_UNDER_WAY), None);
    }

    /// Time passes only where everybody waits.
    fn paused(test: impl Future<Output = ()>) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        tokio::task::LocalSet::new().block_on(&runtime, test);
    }
}
