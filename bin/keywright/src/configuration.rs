//! The settings: defaults, under a file, under the environment.

mod etl;
mod files;
mod log_in;
mod mail;
mod models;
mod notices;
mod outbound;
mod redis;
mod usage;

use std::{
    collections::HashMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use access_domain::OrganizationRef;
use config::{Config, Environment, File, FileFormat};
use keys_core::{Network, RateLimit};
use serde::{Deserialize, Serialize};

use self::{
    etl::EtlSettings, files::Files, log_in::LogIn, mail::MailSettings, models::ModelSettings,
    notices::NoticeSettings, outbound::Outbound, redis::RedisSection, usage::UsageSettings,
};
use crate::{
    arguments::ConfigCommand,
    failure::Failure,
    hidden::{DatabaseUrl, SecretText},
    list::List,
    networks::TrustedNetwork,
};

mod traces;

pub(crate) use self::{models::UpstreamModel, traces::Tracing};

const PREFIX: &str = "KEYWRIGHT_";

/// Every setting. What is unknown or ill-typed stops the start.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Configuration {
    pub(crate) server: Server,
    pub(crate) database: Database,
    pub(crate) redis: RedisSection,
    pub(crate) secrets: Secrets,
    pub(crate) keys: Keys,
    pub(crate) guessing: Guessing,
    pub(crate) log_in: LogIn,
    pub(crate) deployment: Deployment,
    pub(crate) forward_auth: ForwardAuth,
    pub(crate) worker: Worker,
    pub(crate) files: Files,
    pub(crate) audit: Audit,
    pub(crate) usage: UsageSettings,
    pub(crate) models: ModelSettings,
    pub(crate) outbound: Outbound,
    pub(crate) etl: EtlSettings,
    pub(crate) mail: MailSettings,
    pub(crate) notices: NoticeSettings,
    pub(crate) log: Log,
    pub(crate) tracing: Tracing,
}

/// How the server is reached.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Server {
    pub(crate) listen: SocketAddr,
    /// How callers reach it, as `https://api.example.com`; addresses in answers start with it.
    pub(crate) public_url: String,
    /// Proxies in front of it, whose `X-Forwarded-For` tells where a request comes from.
    pub(crate) trusted_proxies: List<TrustedNetwork>,
    pub(crate) max_body_bytes: usize,
    /// How long the head of a request may take to arrive.
    pub(crate) head_seconds: u64,
    /// How long a body may take to arrive, and how long what is answered may go untaken.
    pub(crate) body_seconds: u64,
    /// Where metrics and health are told without a credential, for whoever keeps it running.
    pub(crate) admin_listen: Option<SocketAddr>,
    /// With this, metrics are told where callers are answered, too.
    pub(crate) metrics_token: Option<SecretText>,
    pub(crate) metrics_token_file: Option<PathBuf>,
    /// How long a server goes on answering after it was told to stop, and is not ready any more.
    pub(crate) drain_seconds: u64,
    /// How long a stopping server waits for open requests.
    pub(crate) shutdown_seconds: u64,
}

/// Where everything is kept.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Database {
    /// `sqlite://path` or `postgres://…`; may carry a password.
    pub(crate) url: DatabaseUrl,
    pub(crate) pool_size: u32,
}

/// What must not be known.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Secrets {
    pub(crate) pepper: Option<SecretText>,
    pub(crate) pepper_file: Option<PathBuf>,
    /// Peppers that keys may still be under, from before the present one, or of the next one.
    pub(crate) accepted_peppers: List<SecretText>,
    pub(crate) accepted_pepper_files: List<PathBuf>,
    /// What secrets of organizations are sealed under.
    pub(crate) encryption_key: Option<SecretText>,
    pub(crate) encryption_key_file: Option<PathBuf>,
    /// What they may still be sealed under, from before the present one.
    pub(crate) accepted_encryption_keys: List<SecretText>,
    pub(crate) accepted_encryption_key_files: List<PathBuf>,
}

/// How keys are remembered between requests.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Keys {
    /// How many at most.
    pub(crate) max_cached: usize,
    /// How old what is remembered may be: how long a change by another process may go unnoticed.
    pub(crate) max_staleness_ms: u64,
}

/// How often keys may be guessed.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Guessing {
    /// How many wrong keys an address may try.
    pub(crate) per_minute: u32,
}

/// What is offered to callers of deployments.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Deployment {
    /// Whether `/deployment/{api_key}/…` is served.
    pub(crate) key_in_url: bool,
}

/// How reverse proxies ask whether a request may pass.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ForwardAuth {
    /// Whose keys pass, by id or slug, unless the request says so; empty: the only organization's.
    pub(crate) organization: String,
}

impl ForwardAuth {
    /// Whose keys pass.
    pub(crate) fn organization(&self) -> Option<OrganizationRef> {
        let named = self.organization.as_str();
        (!named.is_empty()).then(|| named.into())
    }
}

/// How executions are carried out.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Worker {
    /// How many at the same time.
    pub(crate) seats: usize,
    /// How long a worker may be silent before another takes its executions.
    pub(crate) lease_seconds: u64,
    /// How long a stopping worker goes on before it hands back what runs.
    pub(crate) shutdown_seconds: u64,
    /// How long inputs and results are kept.
    pub(crate) result_hours: u64,
    /// How long records of executions are kept after their end, in days.
    pub(crate) record_days: u64,
    pub(crate) max_result_bytes: usize,
    /// The memory of each child process that runs filters.
    pub(crate) filter_memory_bytes: u64,
}

/// What is noted of what callers do.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Audit {
    /// How long entries are kept.
    pub(crate) retention_days: u32,
}

/// What is logged.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Log {
    /// A level, or directives as `info,workflow_runtime=debug`.
    pub(crate) level: String,
    pub(crate) format: LogFormat,
}

#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    Pretty,
    Json,
}

impl Server {
    /// The proxies that are trusted.
    pub(crate) fn trusted_networks(&self) -> Vec<Network> {
        self.trusted_proxies.0.iter().map(|trusted| trusted.0).collect()
    }
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            public_url: String::new(),
            trusted_proxies: List::default(),
            max_body_bytes: 10 << 20,
            head_seconds: 10,
            body_seconds: 60,
            admin_listen: None,
            metrics_token: None,
            metrics_token_file: None,
            drain_seconds: 5,
            shutdown_seconds: 20,
        }
    }
}

impl Default for Database {
    fn default() -> Self {
        Self { url: DatabaseUrl("sqlite://data/keywright.db".into()), pool_size: 8 }
    }
}

impl Default for Keys {
    fn default() -> Self {
        Self { max_cached: 100_000, max_staleness_ms: 5000 }
    }
}

impl Default for Guessing {
    fn default() -> Self {
        Self { per_minute: 60 }
    }
}

impl Guessing {
    pub(crate) fn limit(&self) -> Result<RateLimit, Failure> {
        RateLimit::per_minute(self.per_minute)
            .ok_or_else(|| Failure::Configuration("guessing.per_minute: is out of range".into()))
    }
}

impl Default for Deployment {
    fn default() -> Self {
        Self { key_in_url: true }
    }
}

impl Default for Worker {
    fn default() -> Self {
        Self {
            seats: 8,
            lease_seconds: 30,
            shutdown_seconds: 10,
            result_hours: 24,
            record_days: 365,
            max_result_bytes: 10 << 20,
            filter_memory_bytes: 512 << 20,
        }
    }
}

impl Default for Audit {
    fn default() -> Self {
        Self { retention_days: 365 }
    }
}

impl Audit {
    pub(crate) fn retention(&self) -> Duration {
        Duration::from_secs(u64::from(self.retention_days) * 24 * 3600)
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info".into(), format: LogFormat::Pretty }
    }
}

/// The settings with where each came from.
pub(crate) struct Loaded {
    pub(crate) configuration: Configuration,
    layers: Config,
}

impl Loaded {
    /// Reads all layers.
    pub(crate) fn read(file: Option<&Path>) -> Result<Self, Failure> {
        // A value that is not UTF-8 is left as a sign that it is not, for its setting to complain of.
        let environment = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
        });
        Self::from_layers(file, environment)
    }

    fn from_layers(
        file: Option<&Path>,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, Failure> {
        // Orchestrators inject variables of our prefix for services of our name; only a variable
        // with a section is meant for us.
        let ours: HashMap<_, _> = environment
            .filter(|(name, _)| name.strip_prefix(PREFIX).is_some_and(|rest| rest.contains("__")))
            .collect();
        let environment = Environment::with_prefix("KEYWRIGHT")
            .prefix_separator("_")
            .separator("__")
            .source(Some(ours));
        let mut layers = Config::builder();
        if let Some(path) = file {
            layers = layers.add_source(File::from(path).format(FileFormat::Toml));
        }
        let read = layers.add_source(environment).build().and_then(|layers| {
            let configuration = layers.clone().try_deserialize()?;
            Ok(Self { configuration, layers })
        });
        let loaded =
            read.map_err(|error| Failure::Configuration(in_one_line(&error.to_string())))?;
        loaded.configuration.check().map_err(Failure::Configuration)?;
        Ok(loaded)
    }

    /// Where a setting's value came from.
    fn origin(&self, section: &str, name: &str) -> String {
        let within = |value: config::Value, name: &str| value.into_table().ok()?.remove(name);
        let found =
            within(self.layers.cache.clone(), section).and_then(|section| within(section, name));
        found.map_or_else(|| "default".into(), |value| value.origin().unwrap_or("file").to_owned())
    }
}

/// A message without the excerpts of the file that the TOML reader draws: the line that it cannot
/// read may be the one with a secret.
fn in_one_line(message: &str) -> String {
    let is_excerpt = |line: &&str| {
        line.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ').starts_with('|')
    };
    message.lines().filter(|line| !is_excerpt(line)).collect::<Vec<_>>().join(" ")
}

impl Configuration {
    /// What types cannot say; the message names the setting.
    fn check(&self) -> Result<(), String> {
        let url = &self.server.public_url;
        if !url.is_empty() && !url.starts_with("http://") && !url.starts_with("https://") {
            return Err("server.public_url: must start with http:// or https://".into());
        }
        let gibibyte = 1 << 30;
        let ranges = [
            ("server.max_body_bytes", self.server.max_body_bytes as u64, 1, gibibyte),
            ("server.head_seconds", self.server.head_seconds, 1, 3600),
            ("server.body_seconds", self.server.body_seconds, 1, 3600),
            ("server.drain_seconds", self.server.drain_seconds, 0, 3600),
            ("server.shutdown_seconds", self.server.shutdown_seconds, 0, 3600),
            ("database.pool_size", self.database.pool_size.into(), 1, 1000),
            ("keys.max_cached", self.keys.max_cached as u64, 1, 100_000_000),
            ("keys.max_staleness_ms", self.keys.max_staleness_ms, 0, 60_000),
            ("guessing.per_minute", self.guessing.per_minute.into(), 1, RateLimit::MAX.into()),
            ("worker.seats", self.worker.seats as u64, 1, 1000),
            ("worker.lease_seconds", self.worker.lease_seconds, 1, 3600),
            ("worker.shutdown_seconds", self.worker.shutdown_seconds, 0, 3600),
            ("worker.result_hours", self.worker.result_hours, 1, 24 * 366),
            ("worker.record_days", self.worker.record_days, 1, 36_500),
            ("audit.retention_days", self.audit.retention_days.into(), 1, 36_500),
            ("worker.max_result_bytes", self.worker.max_result_bytes as u64, 1, gibibyte),
            (
                "worker.filter_memory_bytes",
                self.worker.filter_memory_bytes,
                64 << 20,
                64 * gibibyte,
            ),
        ];
        self.tracing.check()?;
        self.mail.check(url)?;
        let (mail, notices) = (self.mail.ranges(), self.notices.ranges());
        let (usage, files, log_in) =
            (self.usage.ranges(), self.files.ranges(), self.log_in.ranges());
        match ranges
            .iter()
            .chain(&usage)
            .chain(&files)
            .chain(&mail)
            .chain(&notices)
            .chain(&log_in)
            .chain(&self.redis.ranges())
            .find(|(_, value, least, most)| value < least || value > most)
        {
            Some((setting, _, least, most)) => {
                Err(format!("{setting}: must be from {least} to {most}"))
            }
            None => self.models.check(),
        }
    }

    /// The file of the embedded database, where that is the one.
    pub(crate) fn embedded_database(&self) -> Option<PathBuf> {
        self.database.url.0.strip_prefix("sqlite://").map(PathBuf::from)
    }

    /// Whether keys that are sent to `address` may travel in the clear.
    pub(crate) fn is_exposed(&self, address: SocketAddr) -> bool {
        !address.ip().is_loopback() && !self.server.public_url.starts_with("https://")
    }

    /// What addresses in answers start with.
    pub(crate) fn base_url(&self) -> String {
        self.server.public_url.trim_end_matches('/').to_owned()
    }
}

/// `config show`
pub(crate) fn show(loaded: &Loaded, command: &ConfigCommand) -> Result<ExitCode, Failure> {
    let ConfigCommand::Show(output) = command;
    let effective =
        serde_json::to_value(&loaded.configuration).map_err(|error| Failure::failed(&error))?;
    let mut rows = Vec::new();
    for (section, settings) in effective.as_object().into_iter().flatten() {
        for (name, value) in settings.as_object().into_iter().flatten() {
            let origin = loaded.origin(section, name);
            rows.push(Row { setting: format!("{section}.{name}"), value, origin });
        }
    }
    if output.json {
        println!("{}", serde_json::to_string(&rows).map_err(|error| Failure::failed(&error))?);
    } else {
        for Row { setting, value, origin } in rows {
            println!("{setting} = {value}  ({origin})");
        }
    }
    Ok(ExitCode::SUCCESS)
}

#[derive(Serialize)]
struct Row<'a> {
    setting: String,
    value: &'a serde_json::Value,
    origin: String,
}

#[cfg(test)]
mod tests;
