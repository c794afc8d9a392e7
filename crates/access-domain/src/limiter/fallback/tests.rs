//! A shared limiter that comes and goes, and what its callers are answered meanwhile.

use std::{
    pin::pin,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU32},
    },
    task::{Context, Poll, Waker},
};

use chrono::TimeDelta;
use keys_core::RateLimit;
use uuid::Uuid;

use super::*;
use crate::limiter::{Limited, MemoryLimiter, Quota, RateSubject};

struct Held(Mutex<Timestamp>);

impl Clock for Held {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

impl Held {
    fn pass(&self, milliseconds: i64) {
        *self.0.lock().unwrap() += TimeDelta::milliseconds(milliseconds);
    }
}

/// Fails while it is away, at once or later.
struct Shared {
    memory: MemoryLimiter,
    is_away: AtomicBool,
    is_slow: AtomicBool,
    asked: AtomicU32,
}

impl Shared {
    fn answer(&self, answer: impl FnOnce() -> Limiting) -> Limiting {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let answer = if self.is_away.load(Ordering::Relaxed) {
            Outcome::Ready(Err(LimiterFailed("away".into())))
        } else {
            answer()
        };
        if self.is_slow.load(Ordering::Relaxed) {
            return Outcome::Later(Box::pin(answer.wait()));
        }
        answer
    }
}

impl Limiter for Shared {
    fn take(&self, quotas: Quotas, cost: u32) -> Limiting {
        self.answer(|| self.memory.take(quotas, cost))
    }

    fn peek(&self, quotas: Quotas, cost: u32) -> Limiting {
        self.answer(|| self.memory.peek(quotas, cost))
    }
}

#[derive(Default)]
struct Heard(Mutex<Vec<&'static str>>);

impl LimiterWitness for Heard {
    fn hear(&self, news: LimiterNews<'_>) {
        self.0.lock().unwrap().push(match news {
            LimiterNews::Lost(_) => "lost",
            LimiterNews::Fallback(policy) => policy.name(),
            LimiterNews::Back => "back",
        });
    }
}

struct Scene {
    clock: Arc<Held>,
    shared: Arc<Shared>,
    heard: Arc<Heard>,
    limiter: FallbackLimiter,
}

impl Scene {
    fn of(policy: OnLimiterFailure) -> Self {
        let clock = Arc::new(Held(Mutex::new(Timestamp::UNIX_EPOCH)));
        let memory = || MemoryLimiter::new(clock.clone());
        let shared = Arc::new(Shared {
            memory: memory(),
            is_away: AtomicBool::new(false),
            is_slow: AtomicBool::new(false),
            asked: AtomicU32::new(0),
        });
        let heard = Arc::new(Heard::default());
        let limiter = FallbackLimiter::new(
            shared.clone(),
            Arc::new(memory()),
            policy,
            clock.clone(),
            heard.clone(),
        );
        Self { clock, shared, heard, limiter }
    }

    fn go(&self, is_away: bool) {
        self.shared.is_away.store(is_away, Ordering::Relaxed);
    }

    fn asked(&self) -> u32 {
        self.shared.asked.swap(0, Ordering::Relaxed)
    }

    fn heard(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.heard.0.lock().unwrap())
    }

    /// Takes one of three a minute: how many are left, or why nobody knows.
    fn take(&self) -> Result<Option<(bool, u32)>, ()> {
        self.told(self.limiter.take(quotas(), 1))
    }

    fn told(&self, answer: Limiting) -> Result<Option<(bool, u32)>, ()> {
        let told = |told: Limited| (told.decision.is_allowed, told.decision.remaining);
        wait(answer).map(|answer| answer.map(told)).map_err(drop)
    }
}

fn quotas() -> Quotas {
    let subject = RateSubject::Key(Uuid::from_u128(1).into());
    let limit = RateLimit::per_minute(3).unwrap();
    Some(Quota { organization: Uuid::nil().into(), subject, limit }).into()
}

/// What nothing waits for is there when it is first asked for.
fn wait<T>(outcome: Outcome<T>) -> T {
    let mut future = pin!(outcome.wait());
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("nothing here waits"),
    }
}

#[test]
fn while_it_answers_it_decides() {
    for is_slow in [false, true] {
        let scene = Scene::of(OnLimiterFailure::Local);
        scene.shared.is_slow.store(is_slow, Ordering::Relaxed);
        for expected in [(true, 2), (true, 1), (true, 0), (false, 0)] {
            assert_eq!(scene.take(), Ok(Some(expected)));
        }
        assert_eq!(scene.told(scene.limiter.peek(quotas(), 0)), Ok(Some((true, 0))));
        assert_eq!((scene.asked(), scene.heard()), (5, vec![]));
    }
}

#[test]
fn each_policy_answers_as_it_is_named() {
    for is_slow in [false, true] {
        let answers = |policy| {
            let scene = Scene::of(policy);
            scene.shared.is_slow.store(is_slow, Ordering::Relaxed);
            scene.go(true);
            let answers: [_; 5] = std::array::from_fn(|_| scene.take());
            assert_eq!(scene.asked(), 1, "the others do not wait for what is away");
            assert_eq!(scene.heard(), [&["lost"][..], &[policy.name(); 5]].concat());
            answers
        };
        let local = [(true, 2), (true, 1), (true, 0), (false, 0), (false, 0)];
        assert_eq!(answers(OnLimiterFailure::Local), local.map(|told| Ok(Some(told))));
        assert_eq!(answers(OnLimiterFailure::Deny), [Err(()); 5]);
        assert_eq!(answers(OnLimiterFailure::Allow), [Ok(None); 5]);
    }
}

#[test]
fn one_call_in_each_pause_asks_again_and_once_answered_all_do() {
    let scene = Scene::of(OnLimiterFailure::Allow);
    scene.go(true);
    for _ in 0..10 {
        for _ in 0..4 {
            assert_eq!(scene.take(), Ok(None));
        }
        assert_eq!(scene.asked(), 1);
        scene.clock.pass(499);
        assert_eq!((scene.take(), scene.asked()), (Ok(None), 0));
        scene.clock.pass(1);
    }
    scene.go(false);
    assert_eq!(scene.take(), Ok(Some((true, 2))));
    assert_eq!(scene.take(), Ok(Some((true, 1))));
    assert_eq!(scene.asked(), 2);
    let heard = scene.heard();
    assert_eq!((heard.first(), heard.last()), (Some(&"lost"), Some(&"back")));
    assert_eq!(heard.iter().filter(|news| ["lost", "back"].contains(news)).count(), 2);
}

#[test]
fn who_asks_again_and_never_comes_back_keeps_nobody_from_asking() {
    let scene = Scene::of(OnLimiterFailure::Allow);
    scene.go(true);
    assert_eq!(scene.take(), Ok(None));
    scene.clock.pass(500);
    scene.shared.is_slow.store(true, Ordering::Relaxed);
    drop(scene.limiter.take(quotas(), 1));
    assert_eq!(scene.take(), Ok(None));
    scene.go(false);
    scene.clock.pass(500);
    assert_eq!(scene.take(), Ok(Some((true, 2))));
}

#[test]
fn a_clock_that_was_set_back_prolongs_no_pause() {
    let scene = Scene::of(OnLimiterFailure::Allow);
    scene.clock.pass(120_000);
    scene.go(true);
    assert_eq!(scene.take(), Ok(None));
    scene.go(false);
    scene.clock.pass(-120_000);
    assert_eq!(scene.take(), Ok(Some((true, 2))));
}

#[test]
fn what_nothing_limits_needs_nobody() {
    let scene = Scene::of(OnLimiterFailure::Deny);
    scene.go(true);
    let answer = wait(scene.limiter.take(Quotas::default(), 1));
    assert!(matches!(answer, Ok(None)));
    assert_eq!((scene.asked(), scene.heard()), (0, vec![]));
}
