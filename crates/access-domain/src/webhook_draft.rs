//! A webhook as somebody wants it, and what is wrong with that.

use keys_core::Timestamp;

use crate::{EventType, Fault, Webhook, WebhookTargets, check_text};

const MAX_URL: usize = 2048;
const MAX_DESCRIPTION: usize = 1000;
/// All types of events that there are now.
const EVERYTHING: &str = "*";

/// A webhook as somebody wants it.
#[derive(Debug, Clone, Default)]
pub struct WebhookDraft {
    /// Where it is called.
    pub url: String,
    /// What it is for.
    pub description: String,
    /// What it hears of, by name; `*` is everything.
    pub events: Vec<String>,
    /// Whether it hears of anything.
    pub is_active: bool,
}

/// What is to change of a webhook; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct WebhookEdit {
    /// Where it is called.
    pub url: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// What it hears of, by name.
    pub events: Option<Vec<String>>,
    /// Whether it hears of anything. Switched on, what is known of its failures is forgotten.
    pub is_active: Option<bool>,
}

impl From<WebhookDraft> for WebhookEdit {
    fn from(draft: WebhookDraft) -> Self {
        let WebhookDraft { url, description, events, is_active } = draft;
        Self {
            url: Some(url),
            description: Some(description),
            events: Some(events),
            is_active: Some(is_active),
        }
    }
}

impl WebhookEdit {
    /// What is wrong with it, all of it at once.
    pub(crate) fn faults(&self, targets: &dyn WebhookTargets) -> Vec<Fault> {
        let mut faults = Vec::new();
        if let Some(url) = &self.url {
            let told = if url.len() > MAX_URL {
                Err(format!("must have at most {MAX_URL} characters"))
            } else if url.contains(|c: char| c == '\\' || c.is_whitespace() || c.is_control()) {
                // Parsers bend such into another address than it reads as.
                Err("must have neither spaces nor backslashes".into())
            } else {
                targets.check(url)
            };
            faults.extend(told.err().map(|what| Fault::invalid("/url", what)));
        }
        if let Some(description) = &self.description {
            check_text(&mut faults, "/description", description, 0, MAX_DESCRIPTION);
        }
        if let Some(events) = &self.events {
            faults.extend(read_events(events).err().unwrap_or_default());
        }
        faults
    }

    /// The webhook with the changes. Those were checked.
    pub(crate) fn apply(&self, old: &Webhook, now: Timestamp) -> Webhook {
        let mut webhook = Webhook { modified_at: now, ..old.clone() };
        if let Some(url) = &self.url {
            webhook.url.clone_from(url);
        }
        if let Some(description) = &self.description {
            webhook.description.clone_from(description);
        }
        if let Some(events) = self.events.as_deref().and_then(|events| read_events(events).ok()) {
            webhook.events = events;
        }
        match self.is_active {
            Some(true) if !old.is_active => {
                webhook.is_active = true;
                webhook.disabled = None;
                webhook.failing_since = None;
            }
            Some(is_active) => webhook.is_active = is_active,
            None => {}
        }
        webhook
    }
}

/// The types of these names, in their own order.
fn read_events(names: &[String]) -> Result<Vec<EventType>, Vec<Fault>> {
    let subscribable = || EventType::ALL.into_iter().filter(|kind| kind.is_subscribable());
    if names.is_empty() {
        let what = "name at least one type of events, or '*' for all of them";
        return Err(vec![Fault::invalid("/events", what)]);
    }
    let is_known = |name: &str| name == EVERYTHING || subscribable().any(|k| k.as_str() == name);
    let mut faults = Vec::new();
    for (at, name) in names.iter().enumerate() {
        if !is_known(name) {
            let known: Vec<_> = subscribable().map(EventType::as_str).collect();
            let what = format!("must be '*' or one of {}", known.join(", "));
            faults.push(Fault::invalid(format!("/events/{at}"), what));
            // One tells what there is.
            break;
        }
    }
    let wants = |kind: &EventType| names.iter().any(|n| n == EVERYTHING || n == kind.as_str());
    if faults.is_empty() { Ok(subscribable().filter(wants).collect()) } else { Err(faults) }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    struct Anywhere;

    impl WebhookTargets for Anywhere {
        fn check(&self, url: &str) -> Result<(), String> {
            if url.starts_with("https://") { Ok(()) } else { Err("no".into()) }
        }
    }

    fn named(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_star_means_all_that_can_be_subscribed_to() {
        let all = read_events(&named(&["*"])).unwrap();
        assert_eq!(all.len(), EventType::ALL.len() - 1);
        assert!(!all.contains(&EventType::WebhookTest));
        let twice = named(&["key.expired", "key.created", "key.expired"]);
        assert_eq!(read_events(&twice).unwrap(), [EventType::KeyCreated, EventType::KeyExpired]);
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let edit = WebhookEdit {
            url: Some("ftp://example.com".into()),
            description: Some("x".repeat(1001)),
            events: Some(named(&["key.created", "key.lost"])),
            is_active: None,
        };
        let faults = edit.faults(&Anywhere);
        let at: Vec<_> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(at, ["/url", "/description", "/events/1"]);
        for wrong in [&[][..], &["webhook.test"], &[""]] {
            assert!(read_events(&named(wrong)).is_err(), "{wrong:?}");
        }
        let long = format!("https://example.com/{}", "x".repeat(MAX_URL));
        let edit = WebhookEdit { url: Some(long), ..WebhookEdit::default() };
        assert_eq!(edit.faults(&Anywhere).len(), 1);
    }

    #[test]
    fn switching_on_forgets_failures_and_other_changes_do_not() {
        let at = Timestamp::UNIX_EPOCH;
        let old = Webhook {
            id: Uuid::nil().into(),
            organization: Uuid::nil().into(),
            url: "https://example.com".into(),
            description: String::new(),
            events: vec![EventType::KeyCreated],
            is_active: false,
            disabled: Some(crate::DisabledReason::Failing),
            failing_since: Some(at),
            previous_secret_until: None,
            created_by: Uuid::nil(),
            created_at: at,
            modified_at: at,
        };
        let described = WebhookEdit { description: Some("x".into()), ..WebhookEdit::default() };
        assert_eq!(described.apply(&old, at), Webhook { description: "x".into(), ..old.clone() });
        let on = WebhookEdit { is_active: Some(true), ..WebhookEdit::default() }.apply(&old, at);
        assert!(on.is_active && on.disabled.is_none() && on.failing_since.is_none());
        let off = WebhookEdit { is_active: Some(false), ..WebhookEdit::default() }.apply(&old, at);
        assert_eq!(off, old);
    }
}
