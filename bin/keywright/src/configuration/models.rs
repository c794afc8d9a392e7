//! The sections `[models.NAME]` and `[models.aliases]`: what can be asked at `/v1/inference` and by
//! workflows.

use std::{collections::BTreeMap, fmt, fs, path::PathBuf, sync::Arc, time::Duration};

use access_domain::{Echo, ModelPrice, ModelProvider, Models};
use keys_core::Entropy;
use outbound::{ChatModel, ChatModelConfig};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{MapAccess, Visitor},
};

use crate::{failure::Failure, hidden::SecretText};

/// Where the aliases stand among the models.
const ALIASES: &str = "aliases";
/// A million tokens for a million: beyond any price, and far from what can be added up.
const MAX_PRICE: f64 = 1_000_000.0;
const MICROS: f64 = 1_000_000.0;

/// What can be asked.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct ModelSettings {
    /// Other names for models.
    pub(crate) aliases: BTreeMap<String, String>,
    /// Models that other servers answer for.
    #[serde(flatten)]
    pub(crate) upstreams: BTreeMap<String, UpstreamModel>,
}

/// A model at an endpoint that speaks the protocol of `/chat/completions`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpstreamModel {
    /// What comes before `/chat/completions`.
    pub(crate) base_url: String,
    pub(crate) api_key: Option<SecretText>,
    pub(crate) api_key_file: Option<PathBuf>,
    /// The name that the endpoint has for it; by default, its own.
    pub(crate) upstream_model: Option<String>,
    /// What a million tokens that it reads cost, in the operator's unit of money.
    #[serde(default)]
    pub(crate) prompt_price: f64,
    /// The same of tokens that it writes.
    #[serde(default)]
    pub(crate) completion_price: f64,
    /// How long a question may take, asking again included.
    #[serde(default = "UpstreamModel::default_timeout_seconds")]
    pub(crate) timeout_seconds: u64,
    /// How often it is asked again when it is overloaded or away.
    #[serde(default = "UpstreamModel::default_retries")]
    pub(crate) retries: u32,
    /// How many questions may be open at the same time.
    #[serde(default = "UpstreamModel::default_max_concurrent")]
    pub(crate) max_concurrent: usize,
}

impl ModelSettings {
    /// What types cannot say; the message names the setting.
    pub(super) fn check(&self) -> Result<(), String> {
        for (name, model) in &self.upstreams {
            model.check().map_err(|what| format!("models.{name}.{what}"))?;
        }
        let anything = |name: &String| (name.clone(), Arc::new(Echo) as Arc<dyn ModelProvider>);
        self.named(self.upstreams.keys().map(anything).collect()).map(drop)
    }

    /// The models under all their names, their keys read.
    pub(crate) fn open(&self, entropy: &Arc<dyn Entropy>) -> Result<Models, Failure> {
        let mut providers = BTreeMap::new();
        for (name, model) in &self.upstreams {
            let config = model.config(name)?;
            let provider: Arc<dyn ModelProvider> =
                Arc::new(ChatModel::new(config, Arc::clone(entropy)));
            providers.insert(name.clone(), provider);
        }
        self.named(providers).map_err(Failure::Configuration)
    }

    fn named(&self, providers: BTreeMap<String, Arc<dyn ModelProvider>>) -> Result<Models, String> {
        Models::new(providers, &self.aliases).map_err(|invalid| {
            let section = if invalid.is_alias { "models.aliases" } else { "models" };
            format!("{section}.{invalid}")
        })
    }
}

impl UpstreamModel {
    fn default_timeout_seconds() -> u64 {
        60
    }

    fn default_retries() -> u32 {
        2
    }

    fn default_max_concurrent() -> usize {
        64
    }

    fn check(&self) -> Result<(), String> {
        let url = self.base_url.parse::<reqwest::Url>().ok().filter(|url| {
            matches!(url.scheme(), "http" | "https")
                && url.username().is_empty()
                && url.password().is_none()
                && url.query().is_none()
                && url.fragment().is_none()
        });
        if url.is_none() {
            return Err("base_url: must be an address as https://api.example.com/v1".into());
        }
        if self.api_key.is_some() && self.api_key_file.is_some() {
            return Err("api_key and api_key_file: give one of them".into());
        }
        for (name, price) in
            [("prompt_price", self.prompt_price), ("completion_price", self.completion_price)]
        {
            if !(0.0..=MAX_PRICE).contains(&price) {
                return Err(format!("{name}: must be from 0 to {MAX_PRICE}, for a million tokens"));
            }
        }
        let ranges = [
            ("timeout_seconds", self.timeout_seconds, 1, 3600),
            ("retries", self.retries.into(), 0, 10),
            ("max_concurrent", self.max_concurrent as u64, 1, 10_000),
        ];
        match ranges.iter().find(|(_, value, least, most)| value < least || value > most) {
            Some((name, _, least, most)) => Err(format!("{name}: must be from {least} to {most}")),
            None => Ok(()),
        }
    }

    fn config(&self, name: &str) -> Result<ChatModelConfig, Failure> {
        Ok(ChatModelConfig {
            base_url: self.base_url.clone(),
            api_key: self.key(name)?.map(Into::into),
            upstream_model: self.upstream_model.clone().unwrap_or_else(|| name.to_owned()),
            price: ModelPrice {
                prompt_micros: micros(self.prompt_price),
                completion_micros: micros(self.completion_price),
            },
            timeout: Duration::from_secs(self.timeout_seconds),
            retries: self.retries,
            max_concurrent: self.max_concurrent,
        })
    }

    /// The key that the endpoint wants, if it wants one; `name` is the model's.
    pub(crate) fn key(&self, name: &str) -> Result<Option<String>, Failure> {
        let wrong = |what: String| Failure::Configuration(format!("models.{name}.{what}"));
        let (setting, key) = match (&self.api_key, &self.api_key_file) {
            (Some(key), _) => ("api_key", key.0.clone()),
            (None, Some(path)) => {
                let read = fs::read_to_string(path);
                let read = read
                    .map_err(|error| wrong(format!("api_key_file: {}: {error}", path.display())))?;
                ("api_key_file", read.trim().to_owned())
            }
            (None, None) => return Ok(None),
        };
        let is_sendable = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_graphic());
        let what = "must hold a key of visible ASCII characters";
        if is_sendable { Ok(Some(key)) } else { Err(wrong(format!("{setting}: {what}"))) }
    }
}

/// A price as it is reckoned with. It was checked: neither below zero nor beyond what an integer holds.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a checked price is from 0 to a million"
)]
fn micros(price: f64) -> u64 {
    (price * MICROS).round() as u64
}

impl<'de> Deserialize<'de> for ModelSettings {
    /// By hand, since a derived one with room for names of models would neither refuse unknown
    /// settings nor read numbers from the environment.
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Sections;
        impl<'de> Visitor<'de> for Sections {
            type Value = ModelSettings;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("models by their names, or aliases")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ModelSettings, A::Error> {
                let mut read = ModelSettings::default();
                while let Some(name) = map.next_key::<String>()? {
                    if name == ALIASES {
                        read.aliases = map.next_value()?;
                    } else {
                        read.upstreams.insert(name, map.next_value()?);
                    }
                }
                Ok(read)
            }
        }
        from.deserialize_map(Sections)
    }
}
