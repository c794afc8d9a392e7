//! What answers callers over the adapters of a node, and whether it can.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use access_domain::{
    Nodes, OnLimiterFailure, PasswordCost, PasswordHash, StoreError, Tracer, WatchedLimiter,
};
use deployments_domain::{Elsewhere, UseCasePorts, WorkflowRunner};
use http_actix::{App, KeyCacheConfig, MetricsDoor, Ports, Readiness, Settings, Uploads};
use keys_core::Secret;
use workflow_runtime::{Sandbox, Worker};

use super::{Node, lacking_peppers};
use crate::{
    encryption_key,
    failure::Failure,
    metrics::{Metrics, find_token},
    nodes::Ringing,
    redis,
};

const PEPPERS_CHECKED_EVERY: Duration = Duration::from_secs(30);

impl Node {
    fn limiter(&self) -> WatchedLimiter {
        let policy = self.configuration.redis.on_limiter_failure.into();
        WatchedLimiter {
            limiter: redis::limiter(self.redis.as_deref(), policy, &self.clock),
            reached: Arc::clone(&self.limits),
            clock: Arc::clone(&self.clock),
        }
    }

    fn use_case_ports(
        &self,
        sandbox: Arc<Sandbox>,
        worker: Option<Arc<Worker>>,
    ) -> Result<UseCasePorts, Failure> {
        let runner: Arc<dyn WorkflowRunner> = match worker {
            Some(worker) => worker,
            None => Arc::new(Elsewhere),
        };
        let runner = Arc::new(Ringing { runner, bell: Arc::clone(&self.told.bell) });
        let nobody =
            PasswordHash::of(&Secret::new(String::new()), PasswordCost::STANDARD, &*self.entropy)
                .map_err(|error| Failure::failed(&error))?;
        Ok(UseCasePorts {
            sessions: self.storage.clone(),
            members: self.storage.clone(),
            invitations: self.storage.clone(),
            platform_keys: self.storage.clone(),
            workflows: self.storage.clone(),
            schedules: self.storage.clone(),
            deployments: self.storage.clone(),
            sharing: self.storage.clone(),
            managed_keys: self.storage.clone(),
            key_feed: self.storage.clone(),
            nodes: Nodes { store: self.storage.clone(), bell: self.told.bell.clone() },
            organizations: self.storage.clone(),
            secrets: self.secrets(),
            webhooks: self.webhooks(),
            audit: Arc::clone(&self.audit.log),
            imports: self.storage.clone(),
            executions: self.storage.clone(),
            history: self.storage.clone(),
            usage: Arc::clone(&self.counts.usage),
            uses: Arc::clone(&self.counts.uses),
            runner,
            files: Arc::clone(&self.files),
            compiler: sandbox.clone(),
            schemas: sandbox,
            models: Arc::clone(&self.models),
            clock: Arc::clone(&self.clock),
            entropy: Arc::clone(&self.entropy),
            peppers: Arc::clone(&self.peppers),
            mails: self.mailer.is_some(),
            nobody,
            password_cost: PasswordCost::STANDARD,
            lease: self.lease(),
        })
    }

    /// The HTTP edge over these adapters.
    pub(crate) fn app(
        &self,
        sandbox: Arc<Sandbox>,
        worker: Option<Arc<Worker>>,
        metrics: Option<&Arc<Metrics>>,
    ) -> Result<App, Failure> {
        let use_cases = self.use_case_ports(sandbox, worker)?;
        let ports = Ports {
            use_cases,
            keys: self.storage.clone(),
            refusals: self.audit.refusals.clone(),
            limiter: Arc::new(self.limiter()),
            idempotency: self.storage.clone(),
            older_peppers: self.older_peppers.clone(),
            key_epochs: Arc::clone(&self.told.epochs),
            readiness: self.readiness(),
            tracer: self.tracer(),
            metrics: self.metrics_door(metrics)?,
        };
        Ok(App::new(ports, self.settings()?))
    }

    /// How the edge behaves.
    fn settings(&self) -> Result<Settings, Failure> {
        let base_url = self.configuration.base_url();
        let keys = &self.configuration.keys;
        Ok(Settings {
            keys: KeyCacheConfig {
                max_keys: keys.max_cached,
                max_staleness: Duration::from_millis(keys.max_staleness_ms),
            },
            guesses: self.configuration.guessing.limit()?,
            log_ins: self.configuration.log_in.settings()?,
            secure_cookies: base_url.starts_with("https://"),
            base_url,
            max_body_bytes: self.configuration.server.max_body_bytes,
            body_timeout: Duration::from_secs(self.configuration.server.body_seconds),
            uploads: Uploads {
                max_bytes: self.configuration.files.max_call_bytes,
                within: Duration::from_secs(self.configuration.files.upload_seconds),
            },
            key_in_url: self.configuration.deployment.key_in_url,
            forward_auth_organization: self.configuration.forward_auth.organization(),
            trusted_proxies: self.configuration.server.trusted_networks(),
        })
    }

    pub(super) fn tracer(&self) -> Option<Arc<dyn Tracer>> {
        self.traces.clone().map(|traces| traces as Arc<dyn Tracer>)
    }

    /// For whoever has the token.
    fn metrics_door(&self, metrics: Option<&Arc<Metrics>>) -> Result<Option<MetricsDoor>, Failure> {
        let token = find_token(&self.configuration)?;
        let door = metrics.zip(token).map(|(metrics, token)| {
            let metrics = Arc::clone(metrics);
            MetricsDoor::new(&token, move || Arc::clone(&metrics).text())
        });
        Ok(door)
    }

    /// Ready: the database answers, every pepper and encryption key that it needs is here, and Redis
    /// answers where nothing that is limited passes without it. Where something does, a server that is
    /// taken out of service for it would serve nobody.
    pub(crate) fn readiness(&self) -> Readiness {
        let (storage, peppers) = (Arc::clone(&self.storage), Arc::clone(&self.peppers));
        let keys = self.encryption_keys.clone();
        let needed = OnLimiterFailure::from(self.configuration.redis.on_limiter_failure)
            == OnLimiterFailure::Deny;
        let redis = self.redis.clone().filter(|_| needed);
        // Which peppers are needed is read from all keys, and anybody may ask whether a server is
        // ready: so it is read now and then, not each time.
        let good_until: Mutex<Option<Instant>> = Mutex::new(None);
        Box::new(move || {
            storage.check()?;
            if let Some(Err(away)) = redis.as_ref().map(|redis| redis.check()) {
                return Err(unready(away.into()));
            }
            let mut good_until = good_until.lock().unwrap_or_else(PoisonError::into_inner);
            if good_until.is_some_and(|until| Instant::now() < until) {
                return Ok(());
            }
            let lacking = lacking_peppers(&*storage, &peppers)?;
            let sealed = encryption_key::lacking(&*storage, keys.as_deref())?;
            if lacking.is_empty() && sealed.is_empty() {
                *good_until = Some(Instant::now() + PEPPERS_CHECKED_EVERY);
                return Ok(());
            }
            let sealed: Vec<_> = sealed.into_iter().map(|(name, _)| name).collect();
            let source = format!(
                "this node lacks what keys or secrets need: the peppers [{}], the encryption keys [{}]",
                lacking.join(", "),
                sealed.join(", ")
            );
            Err(unready(source.into()))
        })
    }
}

fn unready(source: Box<dyn std::error::Error + Send + Sync>) -> StoreError {
    StoreError::Unavailable { doing: "checking readiness", source }
}
