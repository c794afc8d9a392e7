//! Many events to receivers of every kind: those that hang, fail or lead elsewhere hold up nobody.

use std::{collections::HashSet, time::Duration};

use serde_json::{Value, json};
use test_support::{
    app::Caller,
    databases::Database,
    webhook_receiver::{Behaviour, WebhookReceiver},
};
use tokio::time::{interval, timeout};

use crate::process::Settings;

const EVENTS: usize = 1000;
/// Of a debug build that verifies nothing else meanwhile, which begins with some 60 MiB.
const MAX_RESIDENT_KIB: u64 = 256 << 10;
/// For all that is waited for: a few seconds, and much for a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
const MANAGED: &str = "/unstract/acme/api/v2";

fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

/// What `look` finds, as soon as it finds something.
async fn when<T>(what: &str, look: impl AsyncFn() -> Option<T>) -> T {
    let mut again = interval(Duration::from_millis(100));
    let found = timeout(PATIENCE, async {
        loop {
            again.tick().await;
            if let Some(found) = look().await {
                return found;
            }
        }
    });
    found.await.expect(what)
}

/// A receiver with its webhook.
struct Told {
    receiver: WebhookReceiver,
    deliveries: String,
}

impl Told {
    async fn of(platform: &Caller, behaviour: &Behaviour) -> Self {
        let receiver = WebhookReceiver::start(behaviour);
        let wanted = json!({"url": receiver.url, "events": ["key.created"]});
        let webhook = platform.post(&format!("{MANAGED}/webhooks/"), wanted).await.created();
        receiver.trust(text(&webhook["secret"]));
        let deliveries = format!("{MANAGED}/webhooks/{}/deliveries/", text(&webhook["id"]));
        Self { receiver, deliveries }
    }

    /// All deliveries in this state.
    async fn deliveries(&self, platform: &Caller, state: &str) -> Vec<Value> {
        let (mut all, mut cursor) = (Vec::new(), String::new());
        loop {
            let path = format!("{}?limit=200&state={state}{cursor}", self.deliveries);
            let page = platform.get(&path).await.ok();
            all.extend(page["items"].as_array().expect("items").iter().cloned());
            let Some(next) = page["next_cursor"].as_str() else { return all };
            cursor = format!("&cursor={next}");
        }
    }

    /// What is said of those that were tried and did not arrive.
    async fn failures(&self, platform: &Caller) -> Vec<String> {
        let waiting = self.deliveries(platform, "PENDING").await;
        let tried = waiting.iter().filter(|one| one["attempts"] != 0);
        tried.map(|one| text(&one["last_error"]).to_owned()).collect()
    }
}

#[actix_web::test]
async fn who_is_good_is_told_of_a_thousand_events_whatever_the_others_do() {
    let database = Database::postgres();
    let settings = Settings::over(&database)
        .with("SECRETS__ENCRYPTION_KEY", "an encryption key of tests, so long")
        .with("OUTBOUND__ALLOWED_NETWORKS", "127.0.0.0/8")
        .with("NOTICES__TIMEOUT_SECONDS", 5)
        .with("LOG__LEVEL", "info");
    assert!(settings.run(&["migrate", "run"]).status.success());
    let (platform_key, _) = settings.given_organization("acme");
    let servers = [settings.serve(&[]), settings.serve(&[])];
    let platform = Caller::new(&servers[0].base).bearer(&platform_key);

    let inner = WebhookReceiver::start(&Behaviour::Good);
    let hangs = Told::of(&platform, &Behaviour::Hang).await;
    let fails = Told::of(&platform, &Behaviour::Status(500)).await;
    let leads = Told::of(&platform, &Behaviour::RedirectTo(inner.url.clone())).await;
    let good = Told::of(&platform, &Behaviour::Good).await;

    let rows: Vec<_> = (0..EVENTS)
        .map(|number| {
            json!({"name": format!("key {number}"), "algorithm": "sha256",
                "hash": format!("{number:064x}")})
        })
        .collect();
    let imported = platform.post("/v1/api-keys/import", json!({"keys": rows})).await.ok();
    assert_eq!(imported["imported"], EVENTS, "{imported}");

    let told = timeout(PATIENCE, good.receiver.received_when(EVENTS)).await;
    told.expect("all that is good arrives");
    // The last answer is noted a moment after it was given.
    let delivered = when("all that arrived is known", async || {
        let delivered = good.deliveries(&platform, "DELIVERED").await;
        (delivered.len() == EVENTS).then_some(delivered)
    });
    let attempts =
        delivered.await.iter().map(|one| one["attempts"].as_u64().expect("a number")).sum();
    let told = good.receiver.received();
    let ids: HashSet<_> = told.iter().map(|told| told.id.clone()).collect();
    assert_eq!(ids.len(), EVENTS, "each came");
    // One that a busy machine answered too late comes again.
    assert!(
        u64::try_from(told.len()).is_ok_and(|told| told <= attempts),
        "each came once an attempt"
    );
    assert!(told.iter().all(|told| told.why_not.is_none()), "every signature holds");

    for (bad, why) in [(&fails, "500"), (&leads, "redirect"), (&hangs, "in time")] {
        let failed = async || {
            let failures = bad.failures(&platform).await;
            failures.iter().any(|failure| failure.contains(why)).then_some(())
        };
        when(why, failed).await;
        assert!(bad.deliveries(&platform, "DELIVERED").await.is_empty());
    }
    assert!(inner.received().is_empty(), "a redirect leads nowhere");
    for server in &servers {
        let peak = server.peak_resident_kib();
        assert!(peak < MAX_RESIDENT_KIB, "{peak} KiB");
    }
}
