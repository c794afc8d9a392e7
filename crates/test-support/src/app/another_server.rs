//! A second server beside a test's own, as two of them stand over one PostgreSQL.

use std::sync::Arc;

use http_actix::KeyEpochs;

use super::{Counts, TestApp, audit, ports, serve, settings};

impl TestApp {
    /// Starts another server over the same database, by the same clock, and returns its address. It
    /// remembers and counts for itself; their executions are carried out together.
    pub async fn another_server(&self) -> String {
        let epochs = Arc::new(KeyEpochs::default());
        let storage = self.database.open_telling(epochs.clone());
        let audit = audit(&storage, &self.organizations);
        let sandbox = Arc::clone(&self.sandbox);
        let counts = Counts::of(&storage, &self.organizations);
        let tools = &self.organizations;
        let ports = ports(&storage, epochs, tools, &self.worker, sandbox, audit, counts);
        serve(ports, settings()).0
    }
}
