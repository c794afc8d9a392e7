//! The bell that wakes other processes, and this one's own follower.

use std::{
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread,
    time::Duration,
};

use access_domain::{Bell, KeyChanges, OrganizationId, StoreError, Topic};
use deployments_domain::{ExecutionId, Seat, WorkflowRunner};
use http_actix::KeyEpochs;

use super::listening::Wake;

/// However much there is to tell, nobody is woken more often.
const NO_SOONER_THAN: Duration = Duration::from_millis(50);

/// One way to reach others.
pub(crate) type Way = Box<dyn Fn(Topic) -> Result<(), StoreError> + Send>;

/// What this process has to tell. Whoever rings does not wait.
#[derive(Default)]
pub(crate) struct NodeBell {
    /// In the order of [`Topic::ALL`].
    rung: Mutex<[bool; Topic::ALL.len()]>,
    is_rung: Condvar,
}

impl Bell for NodeBell {
    fn ring(&self, topic: Topic) {
        let mut rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        for (known, rung) in Topic::ALL.iter().zip(rung.iter_mut()) {
            *rung |= *known == topic;
        }
        self.is_rung.notify_one();
    }
}

impl NodeBell {
    /// Rings as long as the process lives: `here` first, then by every way to others.
    pub(crate) fn start(self: &Arc<Self>, here: Wake, ways: Vec<Way>) -> std::io::Result<()> {
        let bell = Arc::clone(self);
        thread::Builder::new()
            .name("bell".into())
            .spawn(move || bell.keep_ringing(&here, &ways))?;
        Ok(())
    }

    fn keep_ringing(&self, here: &Wake, ways: &[Way]) {
        let mut is_away = false;
        loop {
            for topic in self.wait() {
                here(topic);
                // Each is tried, whatever became of the others.
                let failed: Vec<_> = ways.iter().filter_map(|way| way(topic).err()).collect();
                match failed.into_iter().next() {
                    None => is_away = false,
                    Some(error) if !std::mem::replace(&mut is_away, true) => {
                        tracing::warn!(%error, "others were not woken; they look by themselves");
                    }
                    Some(_) => {}
                }
            }
            thread::park_timeout(NO_SOONER_THAN);
        }
    }

    /// What was rung since the last time, once something is.
    fn wait(&self) -> Vec<Topic> {
        let mut rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        while !rung.contains(&true) {
            rung = self.is_rung.wait(rung).unwrap_or_else(PoisonError::into_inner);
        }
        let topics = Topic::ALL.into_iter().zip(std::mem::take(&mut *rung));
        topics.filter(|(_, rung)| *rung).map(|(topic, _)| topic).collect()
    }
}

/// Tells this node's memory of what its storage changes, and then the others.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) epochs: Arc<KeyEpochs>,
    pub(crate) bell: Arc<NodeBell>,
}

impl KeyChanges for Told {
    fn raise(&self, organization: OrganizationId, number: Option<u64>) {
        self.epochs.raise(organization, number);
        self.bell.ring(Topic::Keys);
    }
}

/// Carries out runs as another does, and wakes workers elsewhere for those that wait.
pub(crate) struct Ringing {
    pub(crate) runner: Arc<dyn WorkflowRunner>,
    pub(crate) bell: Arc<NodeBell>,
}

impl WorkflowRunner for Ringing {
    fn reserve(&self) -> Option<Box<dyn Seat>> {
        self.runner.reserve()
    }

    fn wake(&self) {
        self.runner.wake();
        self.bell.ring(Topic::Runs);
    }

    fn abort(&self, id: ExecutionId) {
        self.runner.abort(id);
    }

    fn watch(&self, id: ExecutionId, notify: Box<dyn FnOnce() + Send>) -> Box<dyn Send> {
        self.runner.watch(id, notify)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn what_is_rung_is_told_here_and_by_every_way_and_no_more_often_than_need_be() {
        let bell = Arc::new(NodeBell::default());
        let (tell, told) = mpsc::channel();
        let way = |name: &'static str, tell: mpsc::Sender<_>| -> Way {
            Box::new(move |topic| {
                let _ = tell.send((name, topic));
                Err(StoreError::Repeated { doing: "being away" })
            })
        };
        let here = {
            let tell = tell.clone();
            move |topic| tell.send(("here", topic)).unwrap()
        };
        for _ in 0..1000 {
            bell.ring(Topic::Keys);
        }
        bell.start(Arc::new(here), vec![way("one", tell.clone())]).unwrap();
        let next = || told.recv_timeout(Duration::from_secs(10)).unwrap();
        assert_eq!([next(), next()], [("here", Topic::Keys), ("one", Topic::Keys)]);
        bell.ring(Topic::Runs);
        assert_eq!([next(), next()], [("here", Topic::Runs), ("one", Topic::Runs)]);
    }
}
