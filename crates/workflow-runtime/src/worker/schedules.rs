//! Begins the runs that schedules are due to start. Every worker of every process asks; storage sees to
//! it that each due time begins one run.

use std::{sync::Arc, time::Duration};

use deployments_domain::begin_due;
use tokio::{task::spawn_blocking, time::sleep};

use super::{engine::Engine, outage::Outage};
use crate::tools::about;

const EVERY: Duration = Duration::from_secs(1);

pub(super) async fn serve(engine: Arc<Engine>) {
    let Some(ports) = engine.config.etl.clone() else { return };
    let mut outage = Outage::new("beginning the runs of schedules");
    loop {
        sleep(about(EVERY)).await;
        let ports = ports.clone();
        let begun = spawn_blocking(move || begin_due(&*ports.schedules, &*ports.entropy)).await;
        match begun {
            Ok(Ok(begun)) => {
                outage.succeeded();
                if begun > 0 {
                    engine.wake();
                }
            }
            Ok(Err(error)) => sleep(outage.failed(&error)).await,
            // It is asked again; the panic was told of where it happened.
            Err(_) => {}
        }
    }
}
