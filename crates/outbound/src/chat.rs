//! A model behind an endpoint that speaks the protocol `/chat/completions`. Asks again where it
//! may help, never past the time for the answer. What was asked and answered is never logged.

mod wire;

use std::{sync::Arc, time::Duration};

use access_domain::{
    Completion, ModelFailure, ModelFailureKind, ModelPrice, ModelProvider, Question,
};
use keys_core::{Entropy, Outcome};
use tokio::{
    sync::Semaphore,
    time::{Instant, sleep_until},
};
use zeroize::Zeroizing;

use crate::{HttpAnswer, HttpCall, HttpClient, NetworkPolicy, OutboundError};

/// Larger than the longest answer that may be asked for.
const MAX_ANSWER_BYTES: usize = 16 << 20;
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// How a model is asked.
pub struct ChatModelConfig {
    /// What comes before `/chat/completions`, as `https://api.openai.com/v1`.
    pub base_url: String,
    /// What is sent as a bearer token.
    pub api_key: Option<Zeroizing<String>>,
    /// The name that the endpoint knows the model by.
    pub upstream_model: String,
    /// What its tokens cost.
    pub price: ModelPrice,
    /// How long one question may take, asking again included.
    pub timeout: Duration,
    /// How often it is asked again when it is busy or away.
    pub retries: u32,
    /// How many questions may be open at the same time; beyond them, it is overloaded.
    pub max_concurrent: usize,
}

/// A model that the operator configured. Its address may lie anywhere; redirects are not followed.
pub struct ChatModel(Arc<Upstream>);

struct Upstream {
    client: HttpClient,
    config: ChatModelConfig,
    entropy: Arc<dyn Entropy>,
    places: Semaphore,
}

impl ChatModel {
    /// A model without connections yet; `entropy` spreads what is asked again.
    pub fn new(config: ChatModelConfig, entropy: Arc<dyn Entropy>) -> Self {
        let client = HttpClient::new(NetworkPolicy::anywhere());
        let places = Semaphore::new(config.max_concurrent.min(Semaphore::MAX_PERMITS));
        Self(Arc::new(Upstream { client, config, entropy, places }))
    }
}

impl ModelProvider for ChatModel {
    fn complete(&self, question: &Question) -> Outcome<Result<Completion, ModelFailure>> {
        let (upstream, question) = (Arc::clone(&self.0), question.clone());
        Outcome::Later(Box::pin(async move { upstream.ask(&question).await }))
    }
}

/// Why one attempt came to nothing.
struct Miss {
    failure: ModelFailure,
    /// Whether asking again may help, and after how long, if it was said.
    again: Option<Option<Duration>>,
}

/// What a model's server answered instead of an answer.
#[derive(Debug, thiserror::Error)]
#[error("the model's server answered with status {status} ({code})")]
struct UpstreamStatus {
    status: u16,
    code: String,
}

impl Upstream {
    async fn ask(&self, question: &Question) -> Result<Completion, ModelFailure> {
        let place = self.places.try_acquire();
        let _place = place.map_err(|full| ModelFailure::new(ModelFailureKind::Overloaded, full))?;
        let timeout = self.config.timeout.min(question.timeout.unwrap_or(Duration::MAX));
        let deadline = Instant::now() + timeout;
        let retries = question.retries.unwrap_or(self.config.retries);
        let body = wire::request(&self.config.upstream_model, question);
        let mut attempt = 0;
        loop {
            let miss = match self.attempt(question, body.clone(), deadline).await {
                Ok(completion) => return Ok(completion),
                Err(miss) => miss,
            };
            let Some(told) = miss.again.filter(|_| attempt < retries) else {
                return Err(miss.failure);
            };
            let at = Instant::now() + pause(attempt, told, &*self.entropy);
            // An answer that would come too late is not asked for.
            if at >= deadline {
                return Err(miss.failure);
            }
            sleep_until(at).await;
            attempt += 1;
        }
    }

    async fn attempt(
        &self,
        question: &Question,
        body: Vec<u8>,
        deadline: Instant,
    ) -> Result<Completion, Miss> {
        let mut headers = vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            ("accept".to_owned(), "application/json".to_owned()),
        ];
        if let Some(key) = &self.config.api_key {
            headers.push(("authorization".to_owned(), format!("Bearer {}", key.as_str())));
        }
        let call = HttpCall {
            method: "POST".into(),
            url: format!("{}/chat/completions", self.config.base_url.trim_end_matches('/')),
            headers,
            body,
            timeout: deadline.saturating_duration_since(Instant::now()),
            max_response_bytes: MAX_ANSWER_BYTES,
            max_redirects: 0,
        };
        let answer = self.client.send(call).await.map_err(unreached)?;
        if answer.status != 200 {
            return Err(refused(&answer));
        }
        let read = wire::read(&answer.body).map_err(|unreadable| Miss {
            failure: ModelFailure::new(ModelFailureKind::Unusable, unreadable),
            again: None,
        })?;
        let (read_tokens, written_tokens) = read.tokens.unwrap_or_else(|| {
            (
                estimate(question.messages.iter().map(|said| said.content.len())),
                estimate([read.output.len()].into_iter()),
            )
        });
        let usage = self.config.price.usage(read_tokens, written_tokens);
        Ok(Completion { output: read.output, usage })
    }
}

/// For servers that do not count: a token is about four bytes of English.
fn estimate(bytes: impl Iterator<Item = usize>) -> u64 {
    let bytes: usize = bytes.sum();
    u64::try_from(bytes.div_ceil(4)).unwrap_or(u64::MAX)
}

fn unreached(error: OutboundError) -> Miss {
    // The time that is over is that of the whole question.
    let is_late = matches!(error, OutboundError::TimedOut { .. });
    let kind = if is_late { ModelFailureKind::TimedOut } else { ModelFailureKind::Unusable };
    let again = (error.is_transient() && !is_late).then_some(None);
    Miss { failure: ModelFailure::new(kind, error), again }
}

fn refused(answer: &HttpAnswer) -> Miss {
    let (kind, may_help) = match answer.status {
        429 => (ModelFailureKind::Overloaded, true),
        408 | 500 | 502 | 503 | 504 | 529 => (ModelFailureKind::Unusable, true),
        400 | 413 | 422 => (ModelFailureKind::Refused, false),
        _ => (ModelFailureKind::Unusable, false),
    };
    let status = UpstreamStatus { status: answer.status, code: wire::error_code(&answer.body) };
    let after = answer.headers.iter().find(|(name, _)| name == "retry-after");
    let after = after.and_then(|(_, seconds)| seconds.trim().parse().ok());
    Miss {
        failure: ModelFailure::new(kind, status),
        again: may_help.then_some(after.map(Duration::from_secs)),
    }
}

/// How long to wait before attempt number `attempt` + 1: what the server told, else twice as long each
/// time; of that a random part between half and all, lest everybody comes back at once.
fn pause(attempt: u32, told: Option<Duration>, entropy: &dyn Entropy) -> Duration {
    if let Some(told) = told {
        return told;
    }
    let doubled = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(attempt)).min(LONGEST_PAUSE);
    let mut chance = [0];
    entropy.fill(&mut chance);
    doubled.mul_f64(0.5 + f64::from(chance[0]) / 510.0)
}

#[cfg(test)]
mod tests;
