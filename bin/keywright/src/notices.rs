//! Notices of this process: carries out what is to be delivered, by webhook and by mail, and lets go of what was.

use std::sync::Arc;

use access_domain::{StoreError, WebhookDesk};
use outbound::{Dispatcher, DispatcherPorts, HttpClient};

use crate::node::Node;

/// So many deliveries are let go of at once, and so often in a row.
const SWEEP_LIMIT: u32 = 1000;
const SWEEPS_IN_A_ROW: usize = 100;

impl Node {
    /// Whoever makes webhooks and looks into what became of them.
    pub(crate) fn webhooks(&self) -> WebhookDesk {
        WebhookDesk {
            store: self.storage.clone(),
            keys: self.encryption_keys.clone(),
            targets: Arc::new(self.configuration.outbound.policy()),
            clock: Arc::clone(&self.clock),
            entropy: Arc::clone(&self.entropy),
        }
    }

    /// Begins to carry out deliveries.
    pub(crate) fn start_dispatcher(&self) -> Dispatcher {
        let config = &self.configuration;
        let ports = DispatcherPorts {
            store: self.storage.clone(),
            http: HttpClient::new(config.outbound.policy()),
            mailer: self.mailer.clone(),
            keys: self.encryption_keys.clone(),
            clock: Arc::clone(&self.clock),
            entropy: Arc::clone(&self.entropy),
        };
        Dispatcher::start(config.notices.dispatcher(config.mail.timeout_seconds), ports)
    }

    /// Lets go of deliveries that ended long ago. Blocks.
    pub(crate) fn sweep_deliveries(&self) -> Result<(), StoreError> {
        let before = self.clock.now() - self.configuration.notices.retention();
        for _ in 0..SWEEPS_IN_A_ROW {
            if self.storage.delete_old_deliveries(before, SWEEP_LIMIT)? < SWEEP_LIMIT as usize {
                break;
            }
        }
        Ok(())
    }
}
