//! What carries out the notices of a test's server: as many of these as a test wants, as several processes have them.

use std::{sync::Arc, time::Duration};

use access_domain::{Clock as _, KeyNotices, Organizations, RetryPolicy, WebhookDesk};
use actix_web::rt;
use outbound::{
    Dispatcher, DispatcherConfig, DispatcherPorts, HttpClient, MailConfig, MailTls, Mailer,
    NetworkPolicy,
};
use storage_diesel::Storage;

use super::{TestApp, encryption_keys};
use crate::smtp_server::{LOGIN, SmtpServer, SmtpTls};

/// What links in mail begin with.
pub const PUBLIC_URL: &str = "https://keys.example.com";

impl TestApp {
    /// Carries deliveries out from now on, until what is returned is dropped: webhooks on this machine,
    /// and mail by `mail`. What fails is tried three times, at once and without jitter worth telling; a
    /// receiver that hangs is cut off after a second.
    pub fn carry_out_notices(&self, mail: Option<&SmtpServer>) -> Dispatcher {
        self.carry_out_notices_with(mail, |_| ())
    }

    /// The same with a configuration that `set` changes.
    pub fn carry_out_notices_with(
        &self,
        mail: Option<&SmtpServer>,
        set: impl FnOnce(&mut DispatcherConfig),
    ) -> Dispatcher {
        let mut config = DispatcherConfig {
            retry: RetryPolicy { attempts: 3, pauses: vec![Duration::from_millis(20)] },
            timeout: Duration::from_secs(1),
            poll: Duration::from_millis(20),
            ..DispatcherConfig::default()
        };
        set(&mut config);
        let ports = DispatcherPorts {
            store: self.counts.storage.clone(),
            http: HttpClient::new(this_machine()),
            mailer: mail.map(|server| Arc::new(self.mailer(server))),
            keys: Some(encryption_keys()),
            clock: self.clock.clone(),
            entropy: self.organizations.entropy.clone(),
        };
        Dispatcher::start(config, ports)
    }

    /// From now on, mail to this user goes to `address`.
    pub fn give_address(&self, username: &str, address: &str) {
        let set = format!("UPDATE users SET email = '{address}' WHERE username = '{username}'");
        self.database.execute(&set);
    }

    /// Forgets deliveries that have ended by now; returns how many.
    pub fn forget_deliveries(&self) -> usize {
        let now = self.clock.now();
        self.counts.storage.delete_old_deliveries(now, 1000).expect("they are deleted")
    }

    /// Tells of ends of keys as `servers` do that look at the same moment, each over a store of its own; the
    /// first is the one of the test, and tells of limits that were reached there, too.
    pub async fn tell_of_keys_at_once(&self, servers: usize) {
        let looking: Vec<_> = (0..servers)
            .map(|server| {
                let limits = (server == 0).then(|| Arc::clone(&self.counts.limits));
                let notices = KeyNotices {
                    store: self.database.open(),
                    clock: self.clock.clone(),
                    limits: limits.unwrap_or_default(),
                    mails: true,
                };
                rt::task::spawn_blocking(move || notices.tell())
            })
            .collect();
        for looked in looking {
            looked.await.expect("no panic").expect("storage answers");
        }
    }

    fn mailer(&self, server: &SmtpServer) -> Mailer {
        let login = || Some((LOGIN.0.to_owned(), LOGIN.1.to_owned().into()));
        let ca = || Some(std::fs::read(server.ca_file()).expect("a certificate"));
        let (tls, login, ca) = match server.tls() {
            SmtpTls::None => (MailTls::None, None, None),
            SmtpTls::StartTls => (MailTls::StartTls, login(), ca()),
            SmtpTls::Implicit => (MailTls::Implicit, login(), ca()),
        };
        let config = MailConfig {
            host: "localhost".into(),
            port: server.port(),
            tls,
            login,
            from: "Keywright <keywright@example.com>".into(),
            ca,
            timeout: Duration::from_secs(5),
            public_url: PUBLIC_URL.into(),
            peppers: self.organizations.peppers.clone(),
        };
        Mailer::new(config).expect("a mailer")
    }
}

/// What may be called: the machine of the test.
fn this_machine() -> NetworkPolicy {
    NetworkPolicy::guarded(vec!["127.0.0.0/8".parse().expect("a network")])
}

/// Webhooks, for whoever manages them.
pub(super) fn webhooks(storage: &Arc<dyn Storage>, tools: &Organizations) -> WebhookDesk {
    WebhookDesk {
        store: storage.clone(),
        keys: Some(encryption_keys()),
        targets: Arc::new(this_machine()),
        clock: tools.clock.clone(),
        entropy: tools.entropy.clone(),
    }
}
