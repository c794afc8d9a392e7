//! Takes deliveries that are due and has them sent, many at once and few of each lane. One task claims and saves;
//! each attempt is a task of its own, which no
//! other waits for.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use access_domain::{
    Addressee, AfterAttempt, Answer, ClaimedDelivery, Clock, Delivery, DeliveryAttempt,
    DeliveryEntry, DeliveryStore, EncryptionKeys, EndedAttempt, EventType, RetryPolicy,
    SettledAttempt, StoreError,
};
use keys_core::Entropy;
use metrics::{counter, gauge};
use tokio::{
    select,
    sync::{Mutex, mpsc, watch},
    task::{JoinHandle, spawn_blocking},
    time::{MissedTickBehavior, interval, timeout},
};

use super::{Mailer, Sent, lanes::Lanes, webhook};
use crate::HttpClient;

/// Beside the time that an attempt may take, for saving what became of it.
const LEASE_MARGIN: Duration = Duration::from_secs(30);
/// In polls: how often the age of what is due is measured.
const MEASURE_EVERY: u64 = 10;

const MAIL: &str = "mail";
const WEBHOOK: &str = "webhook";
const DELIVERED: &str = "delivered";
const FAILED: &str = "failed";
const DEAD: &str = "dead";

/// How deliveries are carried out.
pub struct DispatcherConfig {
    /// How often and after which pauses.
    pub retry: RetryPolicy,
    /// How long a webhook may take to answer.
    pub timeout: Duration,
    /// How long any attempt may take, mail too: claims hold for longer.
    pub longest: Duration,
    /// How many of one lane are under way here at the same time.
    pub per_lane: usize,
    /// How many are in all.
    pub most: usize,
    /// How often it is looked for what is due.
    pub poll: Duration,
    /// How long a stopping dispatcher waits for what is under way.
    pub shutdown_grace: Duration,
}

impl Default for DispatcherConfig {
    fn default() -> Self {
        Self {
            retry: RetryPolicy::default(),
            timeout: Duration::from_secs(15),
            longest: Duration::from_secs(30),
            per_lane: 4,
            most: 256,
            poll: Duration::from_secs(1),
            shutdown_grace: Duration::from_secs(10),
        }
    }
}

/// What it works with.
#[derive(Clone)]
pub struct DispatcherPorts {
    /// Where deliveries are claimed and settled.
    pub store: Arc<dyn DeliveryStore>,
    /// Calls webhooks, within the operator's policy.
    pub http: HttpClient,
    /// Sends mail; without it, mail is left to other servers.
    pub mailer: Option<Arc<Mailer>>,
    /// What secrets of webhooks open with.
    pub keys: Option<Arc<EncryptionKeys>>,
    /// The time that is signed and logged. When something is due goes by the database's clock.
    pub clock: Arc<dyn Clock>,
    /// Chance, which spreads what is tried again.
    pub entropy: Arc<dyn Entropy>,
}

/// A running dispatcher. Any number of them may share a database.
pub struct Dispatcher {
    stopping: watch::Sender<bool>,
    running: Mutex<Option<JoinHandle<()>>>,
}

impl Dispatcher {
    /// Begins, within the runtime of whoever calls.
    pub fn start(config: DispatcherConfig, ports: DispatcherPorts) -> Self {
        // Told from the start, so that a first failure shows as a change.
        for outcome in [DELIVERED, FAILED, DEAD] {
            [MAIL, WEBHOOK].into_iter().for_each(|channel| count(channel, outcome, 0));
        }
        gauge!("keywright_oldest_due_delivery_seconds").set(0.0);
        let (stopping, stop) = watch::channel(false);
        let (sender, ended) = mpsc::unbounded_channel();
        let lanes = Lanes::new(config.per_lane, config.most);
        let shared = Arc::new(Shared { config, ports });
        let work = Work { shared, lanes, sender, ended, unsaved: Vec::new(), is_away: false };
        let running = tokio::spawn(work.go_on(stop));
        Self { stopping, running: Mutex::new(Some(running)) }
    }

    /// Waits for what is under way as long as it may. The rest is another server's when its lease has
    /// run out.
    pub async fn shutdown(&self) {
        self.stopping.send_replace(true);
        if let Some(running) = self.running.lock().await.take() {
            let _ = running.await;
        }
    }
}

struct Shared {
    config: DispatcherConfig,
    ports: DispatcherPorts,
}

/// An attempt that ended, with what the dispatcher itself wants to know of it.
struct Ended {
    lane: String,
    attempt: EndedAttempt,
}

struct Work {
    shared: Arc<Shared>,
    lanes: Lanes,
    sender: mpsc::UnboundedSender<Ended>,
    /// As many as are under way at most.
    ended: mpsc::UnboundedReceiver<Ended>,
    /// Ended, and not saved yet. As long as that cannot be done, nothing can be claimed, so that
    /// there are never more of them than may be under way.
    unsaved: Vec<EndedAttempt>,
    is_away: bool,
}

impl Work {
    async fn go_on(mut self, mut stop: watch::Receiver<bool>) {
        let mut ticks = interval(self.shared.config.poll);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut polls = 0_u64;
        loop {
            let mut is_measured = false;
            select! {
                _ = stop.wait_for(|stopping| *stopping) => break,
                _ = ticks.tick() => {
                    is_measured = polls.is_multiple_of(MEASURE_EVERY);
                    polls = polls.wrapping_add(1);
                }
                Some(ended) = self.ended.recv() => self.note(ended),
            }
            self.settle().await;
            if self.unsaved.is_empty() {
                self.claim().await;
            }
            if is_measured {
                self.measure().await;
            }
        }
        self.finish().await;
    }

    fn note(&mut self, ended: Ended) {
        // What was not even tried, because its webhook is off, says nothing of it and goes quickly.
        let failed = ended.attempt.webhook.is_some() && ended.attempt.answer != Answer::Accepted;
        self.lanes.end(&ended.lane, failed);
        self.unsaved.push(ended.attempt);
    }

    /// Saves all that has ended, together.
    async fn settle(&mut self) {
        while let Ok(ended) = self.ended.try_recv() {
            self.note(ended);
        }
        if self.unsaved.is_empty() {
            return;
        }
        let mut ended = std::mem::take(&mut self.unsaved);
        match self.save(&ended).await {
            Ok(settled) => tell(&ended, &settled),
            Err(StoreError::Unavailable { .. }) => self.unsaved = ended,
            // One that can never be saved must not keep the others from being. Its lease runs out.
            Err(error) => {
                tracing::error!(%error, "what became of deliveries was not saved together");
                for one in ended.drain(..) {
                    if let Ok(settled) = self.save(std::slice::from_ref(&one)).await {
                        tell(std::slice::from_ref(&one), &settled);
                    }
                }
            }
        }
    }

    async fn save(&mut self, ended: &[EndedAttempt]) -> Result<Vec<SettledAttempt>, StoreError> {
        let (store, ended) = (Arc::clone(&self.shared.ports.store), ended.to_vec());
        let mails = self.shared.ports.mailer.is_some();
        self.ask(move || store.settle_deliveries(&ended, mails)).await
    }

    async fn claim(&mut self) {
        let most = self.lanes.room();
        if most == 0 {
            return;
        }
        let store = Arc::clone(&self.shared.ports.store);
        let lease = self.shared.config.longest + LEASE_MARGIN;
        // Nothing ends in them meanwhile.
        let (lanes, sends_mail) = (self.lanes.clone(), self.shared.ports.mailer.is_some());
        // Mail is left to servers that send it.
        let room = move |lane: &str| {
            if lane == Delivery::MAIL_LANE && !sends_mail { 0 } else { lanes.room_of(lane) }
        };
        let claimed = self.ask(move || store.claim_deliveries(most, &room, lease)).await;
        for delivery in claimed.unwrap_or_default() {
            self.lanes.begin(&delivery.lane);
            let (shared, sender) = (Arc::clone(&self.shared), self.sender.clone());
            tokio::spawn(async move {
                let lane = delivery.lane.clone();
                let attempt = shared.attempt(delivery).await;
                let _ = sender.send(Ended { lane, attempt });
            });
        }
    }

    async fn measure(&mut self) {
        let store = Arc::clone(&self.shared.ports.store);
        if let Ok(due) = self.ask(move || store.longest_due()).await {
            let seconds = due.unwrap_or_default().as_secs_f64();
            gauge!("keywright_oldest_due_delivery_seconds").set(seconds);
        }
    }

    /// Asks the store off the event loop.
    async fn ask<T: Send + 'static>(
        &mut self,
        call: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let asked = spawn_blocking(call).await;
        let asked = asked.unwrap_or_else(|error| {
            Err(StoreError::Unavailable { doing: "carrying deliveries out", source: error.into() })
        });
        self.heard(asked)
    }

    /// Tells of a store that is away once, and not each second.
    fn heard<T>(&mut self, asked: Result<T, StoreError>) -> Result<T, StoreError> {
        match &asked {
            Ok(_) => self.is_away = false,
            Err(error) if !self.is_away => {
                self.is_away = true;
                tracing::warn!(%error, "deliveries wait");
            }
            Err(_) => {}
        }
        asked
    }

    async fn finish(mut self) {
        let until = tokio::time::Instant::now() + self.shared.config.shutdown_grace;
        while self.lanes.under_way() > 0 {
            let left = until.saturating_duration_since(tokio::time::Instant::now());
            match timeout(left, self.ended.recv()).await {
                Ok(Some(ended)) => self.note(ended),
                Ok(None) | Err(_) => break,
            }
        }
        // What is still under way may arrive. Its lease gives it to another server.
        self.settle().await;
    }
}

impl Shared {
    async fn attempt(&self, delivery: ClaimedDelivery) -> EndedAttempt {
        let (began, stopwatch) = (self.ports.clock.now(), Instant::now());
        let sent = self.send(&delivery).await;
        let ClaimedDelivery { id, attempt, event, mut log, addressee, .. } = delivery;
        log.push(DeliveryEntry::Attempt(DeliveryAttempt {
            at: began,
            status: sent.status,
            error: sent.error,
            duration_ms: stopwatch.elapsed().as_millis().try_into().unwrap_or(u32::MAX),
        }));
        let mut chance = [0];
        self.ports.entropy.fill(&mut chance);
        let [chance] = chance;
        let made = log.present_attempts().count();
        let first_attempt = log.present_attempts().next().map_or(began, |attempt| attempt.at);
        let after = self.config.retry.after(event.kind, made, sent.answer, chance);
        EndedAttempt {
            delivery: id,
            attempt,
            organization: event.organization,
            webhook: match &addressee {
                Addressee::Webhook { id, .. } if !sent.is_our_fault => Some(*id),
                Addressee::Webhook { .. } | Addressee::Mail { .. } => None,
            },
            is_mail: matches!(addressee, Addressee::Mail { .. }),
            kind: event.kind,
            first_attempt,
            began,
            at: self.ports.clock.now(),
            answer: sent.answer,
            after,
            patience: self.config.retry.span(),
            log,
        }
    }

    async fn send(&self, delivery: &ClaimedDelivery) -> Sent {
        let now = self.ports.clock.now();
        match &delivery.addressee {
            Addressee::Webhook { is_active: false, .. }
                if delivery.event.kind != EventType::WebhookTest =>
            {
                let why = "the webhook is switched off; switch it on, and replay this";
                Sent { answer: Answer::Refused, ..Sent::not_tried(why) }
            }
            Addressee::Webhook { id, url, secrets, .. } => {
                let call = webhook::Call {
                    webhook: *id,
                    url,
                    secrets,
                    keys: self.ports.keys.as_deref(),
                    now,
                    timeout: self.config.timeout,
                };
                webhook::send(&self.ports.http, call, delivery).await
            }
            Addressee::Mail { to, organization } => match &self.ports.mailer {
                Some(mailer) => mailer.send(delivery, to, organization, now).await,
                None => Sent::not_tried("this server sends no mail"),
            },
        }
    }
}

fn count(channel: &'static str, outcome: &'static str, by: u64) {
    counter!("keywright_deliveries_total", "channel" => channel, "outcome" => outcome)
        .increment(by);
}

/// Counts what became of attempts, and logs what came to an end badly: with ids, and without
/// addresses.
fn tell(ended: &[EndedAttempt], settled: &[SettledAttempt]) {
    for settled in settled.iter().filter(|settled| settled.is_saved) {
        let one = ended.iter().find(|ended| ended.delivery == settled.delivery);
        let Some(one) = one else { continue };
        let channel = if one.is_mail { MAIL } else { WEBHOOK };
        let outcome = match one.after {
            AfterAttempt::Delivered => DELIVERED,
            AfterAttempt::Again { .. } => FAILED,
            AfterAttempt::Dead => DEAD,
        };
        count(channel, outcome, 1);
        if one.after == AfterAttempt::Dead {
            let (delivery, event) = (one.delivery, one.kind.as_str());
            tracing::warn!(%delivery, event, channel, "a delivery was given up");
        }
        if let (Some(reason), Some(webhook)) = (settled.disabled, one.webhook) {
            tracing::warn!(%webhook, reason = reason.as_str(), "a webhook was switched off");
        }
    }
}
