//! What the server of a test counts, and its worker, which counts too.

use std::sync::Arc;

use access_domain::{Flush, Models, Organizations, ReachedLimits, Uses};
use deployments_domain::{FileStore, Usage};
use outbound::{Ends, HttpClient, NetworkPolicy};
use storage_diesel::Storage;
use workflow_runtime::{EtlPorts, Sandbox, Worker, WorkerConfig, WorkerPorts};

use super::TestApp;

#[derive(Clone)]
pub(super) struct Counts {
    pub(super) usage: Arc<Usage>,
    pub(super) uses: Arc<Uses>,
    pub(super) limits: Arc<ReachedLimits>,
    pub(super) storage: Arc<dyn Storage>,
}

impl Counts {
    pub(super) fn of(storage: &Arc<dyn Storage>, tools: &Organizations) -> Self {
        let usage = Usage::new(storage.clone(), tools.clock.clone(), &*tools.entropy);
        Self {
            usage: Arc::new(usage),
            uses: Arc::default(),
            limits: Arc::default(),
            storage: storage.clone(),
        }
    }

    pub(super) fn start_worker(
        &self,
        tools: &Organizations,
        sandbox: &Arc<Sandbox>,
        models: &Arc<Models>,
        files: &Arc<dyn FileStore>,
    ) -> Arc<Worker> {
        let ports = WorkerPorts {
            store: self.storage.clone(),
            log: self.usage.clone(),
            clock: tools.clock.clone(),
            sandbox: sandbox.clone(),
            http: HttpClient::new(NetworkPolicy::guarded(vec![
                "127.0.0.0/8".parse().expect("a network"),
            ])),
            models: models.clone(),
            secrets: Arc::new(super::secrets(&self.storage, tools)),
            files: files.clone(),
        };
        let policy = NetworkPolicy::guarded(vec!["127.0.0.0/8".parse().expect("a network")]);
        let etl = EtlPorts {
            ends: Ends::new(policy, None, None),
            records: self.storage.clone(),
            schedules: self.storage.clone(),
            entropy: tools.entropy.clone(),
        };
        let config = WorkerConfig { etl: Some(etl), ..WorkerConfig::default() };
        Arc::new(Worker::start(config, ports).expect("a worker"))
    }
}

impl TestApp {
    /// A minute closes: what was counted, and what is noted of the use of keys, is stored.
    pub fn close_minute(&self) {
        self.counts.usage.flush(Flush::All).expect("what was counted is stored");
        self.counts.uses.flush(&*self.counts.storage).expect("the uses are stored");
    }
}
