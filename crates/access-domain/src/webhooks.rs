//! Managing webhooks and looking into what became of notices.

use std::{sync::Arc, time::Duration};

use keys_core::{Entropy, Id, Secret, Timestamp};

use crate::{
    Act, Action, ChangeError, Clock, Delivery, DeliveryDetail, DeliveryFilter, DeliveryId,
    DeliveryScope, DeliveryStore, EncryptionKeys, Event, EventType, Fault, Granted, ManageMail,
    ManageWebhooks, OrganizationId, Page, PageRequest, Repeatable, Sealed, StoreError, Webhook,
    WebhookDraft, WebhookEdit, WebhookId,
    webhook::{new_secret, place},
};

/// How many webhooks an organization may have.
const MAX_WEBHOOKS: usize = 50;
/// How long both secrets sign after a rotation, unless it is said, and at most.
const OVERLAP_SECONDS: u32 = 24 * 3600;
const MAX_OVERLAP_SECONDS: u32 = 7 * 24 * 3600;

/// Judges the addresses of webhooks when they are saved. Each delivery judges again.
pub trait WebhookTargets: Send + Sync {
    /// # Errors
    /// Why this address can never be called from here, for whoever wrote it.
    fn check(&self, url: &str) -> Result<(), String>;
}

/// A webhook as it is to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewWebhook {
    /// What is told of it.
    pub webhook: Webhook,
    /// Its secret.
    pub secret: Sealed,
}

/// A delivery of `webhook.test` that somebody asks for.
#[derive(Debug, Clone)]
pub struct NewTest {
    /// The event, which is nobody else's.
    pub event: Event,
    /// To whom.
    pub webhook: WebhookId,
    /// The request, where it may be sent again.
    pub repeatable: Option<Repeatable>,
}

/// Asked under the lock of a webhook what it is to be.
pub type WebhookRule<'a> = dyn Fn(&Webhook) -> Result<Webhook, WebhookRefusal> + 'a;

/// Where webhooks are kept.
pub trait WebhookStore: DeliveryStore {
    /// The organization's webhooks, newest first.
    ///
    /// # Errors
    /// When storage fails.
    fn list_webhooks(
        &self,
        organization: OrganizationId,
        page: PageRequest,
    ) -> Result<Page<Webhook>, StoreError>;

    /// One of them.
    ///
    /// # Errors
    /// When storage fails.
    fn find_webhook(
        &self,
        organization: OrganizationId,
        id: WebhookId,
    ) -> Result<Option<Webhook>, StoreError>;

    /// Saves a new one, unless it were one more than `most`.
    ///
    /// # Errors
    /// `TooMany`, or that storage failed.
    fn create_webhook(
        &self,
        new: &NewWebhook,
        most: usize,
        act: &Act,
    ) -> Result<(), ChangeError<WebhookRefusal>>;

    /// Locks a webhook, asks `rule` what it is to be, and saves that.
    ///
    /// # Errors
    /// What `rule` refused, `NotFound`, or that storage failed.
    fn change_webhook(
        &self,
        organization: OrganizationId,
        id: WebhookId,
        rule: &WebhookRule<'_>,
        act: &Act,
    ) -> Result<Webhook, ChangeError<WebhookRefusal>>;

    /// Puts `secret` in place of the present one, which signs as well until `until`.
    ///
    /// # Errors
    /// `NotFound`, or that storage failed.
    fn rotate_webhook(
        &self,
        organization: OrganizationId,
        id: WebhookId,
        secret: &Sealed,
        until: Timestamp,
        act: &Act,
    ) -> Result<Webhook, ChangeError<WebhookRefusal>>;

    /// Deletes a webhook with its deliveries.
    ///
    /// # Errors
    /// `NotFound`, or that storage failed.
    fn delete_webhook(
        &self,
        organization: OrganizationId,
        id: WebhookId,
        act: &Act,
    ) -> Result<(), ChangeError<WebhookRefusal>>;

    /// Saves the event and its only delivery, due at once.
    ///
    /// # Errors
    /// `NotFound`, or that storage failed.
    fn test_webhook(&self, test: &NewTest) -> Result<Delivery, ChangeError<WebhookRefusal>>;
}

/// Why something was not done with a webhook or a delivery.
#[derive(Debug, thiserror::Error)]
pub enum WebhookRefusal {
    /// There is none of this id.
    #[error("there is no such webhook or delivery")]
    NotFound,
    /// Something that was sent is wrong.
    #[error("what was sent has {} faults", faults.len())]
    Faults {
        /// All of it.
        faults: Vec<Fault>,
    },
    /// The organization has as many as it may.
    #[error("an organization has at most {MAX_WEBHOOKS} webhooks")]
    TooMany,
    /// The operator gave no key to seal with.
    #[error(
        "this server has no key to encrypt secrets with: its operator sets secrets.encryption_key"
    )]
    NoKey,
}

/// The use cases of webhooks and of the log of deliveries.
#[derive(Clone)]
pub struct WebhookDesk {
    /// Where they are kept.
    pub store: Arc<dyn WebhookStore>,
    /// What secrets are sealed with; without it, no webhook can be made.
    pub keys: Option<Arc<EncryptionKeys>>,
    /// Which addresses may be called.
    pub targets: Arc<dyn WebhookTargets>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness for secrets, for sealing and for ids.
    pub entropy: Arc<dyn Entropy>,
}

impl WebhookDesk {
    /// The organization's webhooks, newest first.
    ///
    /// # Errors
    /// When storage fails.
    pub fn list(
        &self,
        granted: &Granted<ManageWebhooks>,
        page: PageRequest,
    ) -> Result<Page<Webhook>, StoreError> {
        self.store.list_webhooks(granted.organization(), page)
    }

    /// One of them.
    ///
    /// # Errors
    /// When there is none of this id.
    pub fn get(
        &self,
        granted: &Granted<ManageWebhooks>,
        id: WebhookId,
    ) -> Result<Webhook, ChangeError<WebhookRefusal>> {
        found(self.store.find_webhook(granted.organization(), id))
    }

    /// Makes a webhook, and tells its secret this once.
    ///
    /// # Errors
    /// What is wrong with it, that there are enough, or that nothing can be sealed here.
    pub fn create(
        &self,
        granted: &Granted<ManageWebhooks>,
        draft: WebhookDraft,
    ) -> Result<(Webhook, Secret), ChangeError<WebhookRefusal>> {
        let (organization, now) = (granted.organization(), self.clock.now());
        let edit = WebhookEdit::from(draft);
        self.check(&edit)?;
        let id = Id::generate(now, &*self.entropy);
        let (secret, sealed) = self.new_secret(organization, id)?;
        let blank = Webhook {
            id,
            organization,
            url: String::new(),
            description: String::new(),
            events: Vec::new(),
            is_active: false,
            disabled: None,
            failing_since: None,
            previous_secret_until: None,
            created_by: granted.who().actor(),
            created_at: now,
            modified_at: now,
        };
        let new = NewWebhook { webhook: edit.apply(&blank, now), secret: sealed };
        let act = granted.act(Action::WebhookCreated, now, &*self.entropy);
        self.store.create_webhook(&new, MAX_WEBHOOKS, &act)?;
        Ok((new.webhook, secret))
    }

    /// Changes what `edit` names.
    ///
    /// # Errors
    /// What is wrong with it, or that there is none of this id.
    pub fn change(
        &self,
        granted: &Granted<ManageWebhooks>,
        id: WebhookId,
        edit: &WebhookEdit,
    ) -> Result<Webhook, ChangeError<WebhookRefusal>> {
        self.check(edit)?;
        let now = self.clock.now();
        let act = granted.act(Action::WebhookChanged, now, &*self.entropy);
        let rule = |old: &Webhook| Ok(edit.apply(old, now));
        self.store.change_webhook(granted.organization(), id, &rule, &act)
    }

    /// Deletes a webhook and what is kept of its deliveries.
    ///
    /// # Errors
    /// When there is none of this id.
    pub fn delete(
        &self,
        granted: &Granted<ManageWebhooks>,
        id: WebhookId,
    ) -> Result<(), ChangeError<WebhookRefusal>> {
        let act = granted.act(Action::WebhookDeleted, self.clock.now(), &*self.entropy);
        self.store.delete_webhook(granted.organization(), id, &act)
    }

    /// Gives a webhook a new secret, and tells it this once. For `overlap_seconds`, the present one
    /// signs as well; one from before that signs no longer.
    ///
    /// # Errors
    /// When that is too long, there is none of this id, or nothing can be sealed here.
    pub fn rotate(
        &self,
        granted: &Granted<ManageWebhooks>,
        id: WebhookId,
        overlap_seconds: Option<u32>,
    ) -> Result<(Webhook, Secret), ChangeError<WebhookRefusal>> {
        let overlap = overlap_seconds.unwrap_or(OVERLAP_SECONDS);
        if overlap > MAX_OVERLAP_SECONDS {
            let what = format!("must be from 0 to {MAX_OVERLAP_SECONDS}");
            return refuse(vec![Fault::invalid("/overlap_seconds", what)]);
        }
        let (organization, now) = (granted.organization(), self.clock.now());
        let (secret, sealed) = self.new_secret(organization, id)?;
        let until = now + Duration::from_secs(overlap.into());
        let act = granted.act(Action::WebhookRotated, now, &*self.entropy);
        let webhook = self.store.rotate_webhook(organization, id, &sealed, until, &act)?;
        Ok((webhook, secret))
    }

    /// Has `webhook.test` delivered to this webhook alone, active or not.
    ///
    /// # Errors
    /// When there is none of this id.
    pub fn test(
        &self,
        granted: &Granted<ManageWebhooks>,
        webhook: WebhookId,
    ) -> Result<Delivery, ChangeError<WebhookRefusal>> {
        let (organization, at) = (granted.organization(), self.clock.now());
        // Unlike other events each is another, however quickly one follows the other.
        let id = Id::generate(at, &*self.entropy);
        let event = Event { id, organization, kind: EventType::WebhookTest, at };
        self.store.test_webhook(&NewTest { event, webhook, repeatable: granted.repeatable() })
    }

    /// What became of what a webhook was told, newest first.
    ///
    /// # Errors
    /// When there is none of this id.
    pub fn deliveries(
        &self,
        granted: &Granted<ManageWebhooks>,
        webhook: WebhookId,
        filter: DeliveryFilter,
        page: PageRequest,
    ) -> Result<Page<Delivery>, ChangeError<WebhookRefusal>> {
        let scope = DeliveryScope::Webhook(webhook);
        found(self.store.list_deliveries(granted.organization(), scope, filter, page))
    }

    /// One of these, with its log and what was told.
    ///
    /// # Errors
    /// When there is none of these ids.
    pub fn delivery(
        &self,
        granted: &Granted<ManageWebhooks>,
        webhook: WebhookId,
        id: DeliveryId,
    ) -> Result<DeliveryDetail, ChangeError<WebhookRefusal>> {
        let scope = DeliveryScope::Webhook(webhook);
        found(self.store.find_delivery(granted.organization(), scope, id))
    }

    /// Has one of these begin anew, at once.
    ///
    /// # Errors
    /// When there is none of these ids.
    pub fn replay(
        &self,
        granted: &Granted<ManageWebhooks>,
        webhook: WebhookId,
        id: DeliveryId,
    ) -> Result<Delivery, ChangeError<WebhookRefusal>> {
        let act = granted.act(Action::DeliveryReplayed, self.clock.now(), &*self.entropy);
        let scope = DeliveryScope::Webhook(webhook);
        self.store.replay_delivery(granted.organization(), scope, id, &act)
    }

    /// What became of the organization's mail, newest first.
    ///
    /// # Errors
    /// When storage fails.
    pub fn mail_deliveries(
        &self,
        granted: &Granted<ManageMail>,
        filter: DeliveryFilter,
        page: PageRequest,
    ) -> Result<Page<Delivery>, ChangeError<WebhookRefusal>> {
        let organization = granted.organization();
        found(self.store.list_deliveries(organization, DeliveryScope::Mail, filter, page))
    }

    /// One of these, with its log and what was told.
    ///
    /// # Errors
    /// When there is none of this id.
    pub fn mail_delivery(
        &self,
        granted: &Granted<ManageMail>,
        id: DeliveryId,
    ) -> Result<DeliveryDetail, ChangeError<WebhookRefusal>> {
        found(self.store.find_delivery(granted.organization(), DeliveryScope::Mail, id))
    }

    /// Has one of these begin anew, at once.
    ///
    /// # Errors
    /// When there is none of this id, or it is an invitation: those are bounded by how often an address
    /// is invited.
    pub fn replay_mail(
        &self,
        granted: &Granted<ManageMail>,
        id: DeliveryId,
    ) -> Result<Delivery, ChangeError<WebhookRefusal>> {
        let mail = self.mail_delivery(granted, id)?;
        if mail.delivery.kind == EventType::MemberInvited {
            return refuse(vec![Fault::invalid("", "invite the address again instead")]);
        }
        let act = granted.act(Action::DeliveryReplayed, self.clock.now(), &*self.entropy);
        self.store.replay_delivery(granted.organization(), DeliveryScope::Mail, id, &act)
    }

    fn check(&self, edit: &WebhookEdit) -> Result<(), ChangeError<WebhookRefusal>> {
        let faults = edit.faults(&*self.targets);
        if faults.is_empty() { Ok(()) } else { refuse(faults) }
    }

    fn new_secret(
        &self,
        organization: OrganizationId,
        webhook: WebhookId,
    ) -> Result<(Secret, Sealed), ChangeError<WebhookRefusal>> {
        let keys = self.keys.as_ref().ok_or(ChangeError::Refused(WebhookRefusal::NoKey))?;
        let secret = new_secret(&*self.entropy);
        let sealed = keys.seal(&secret, &place(organization, webhook), &*self.entropy);
        Ok((secret, sealed))
    }
}

fn refuse<T>(faults: Vec<Fault>) -> Result<T, ChangeError<WebhookRefusal>> {
    Err(ChangeError::Refused(WebhookRefusal::Faults { faults }))
}

fn found<T>(looked: Result<Option<T>, StoreError>) -> Result<T, ChangeError<WebhookRefusal>> {
    let found = looked.map_err(ChangeError::Store)?;
    found.ok_or(ChangeError::Refused(WebhookRefusal::NotFound))
}
