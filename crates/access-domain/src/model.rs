//! A model as the domain sees it: what it is asked, what it answers, what that costs. What answers
//! stands behind [`ModelProvider`]; one is built in: [`Echo`], which answers what it was asked, so that
//! keys, scopes and limits can be tried with nothing else running.

use std::{error::Error, time::Duration};

use keys_core::Outcome;

/// What answers a model's callers.
pub trait ModelProvider: Send + Sync {
    /// The answer to `question`, or why there is none.
    fn complete(&self, question: &Question) -> Outcome<Result<Completion, ModelFailure>>;
}

/// What a model is asked, once it is known to be sound.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Question {
    /// The conversation so far, whose last word from the user is to be answered.
    pub messages: Vec<Message>,
    /// How long the answer may be.
    pub max_tokens: Option<u32>,
    /// From 0, always the likeliest word, to 2; `None`: as the model has it.
    pub temperature: Option<f64>,
    /// Whether the answer must be a JSON object. Not every model knows how to promise that.
    pub json: bool,
    /// How long to wait for the answer, where that is less than the model's own time.
    pub timeout: Option<Duration>,
    /// How often to ask again where the model is busy or away; `None`: as it is configured.
    pub retries: Option<u32>,
}

/// One turn of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Who says it.
    pub role: MessageRole,
    /// What.
    pub content: String,
}

/// Who says a [`Message`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageRole {
    /// Whoever set the conversation up.
    System,
    /// Whoever asks.
    User,
    /// The model.
    Assistant,
}

impl MessageRole {
    /// Every role.
    pub const ALL: [Self; 3] = [Self::System, Self::User, Self::Assistant];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }
}

/// What a model answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// The answer.
    pub output: String,
    /// What was read and written for it.
    pub usage: TokenUsage,
}

/// How much a model read and wrote, in tokens of its own, and what that costs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TokenUsage {
    /// What was read.
    pub prompt_tokens: u64,
    /// What was written.
    pub completion_tokens: u64,
    /// What both cost by the prices that the operator gave, in millionths of their unit of money.
    pub cost_micros: u64,
}

impl TokenUsage {
    /// The usage of both.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            prompt_tokens: self.prompt_tokens.saturating_add(other.prompt_tokens),
            completion_tokens: self.completion_tokens.saturating_add(other.completion_tokens),
            cost_micros: self.cost_micros.saturating_add(other.cost_micros),
        }
    }
}

/// What a million tokens of a model cost, in millionths of the operator's unit of money.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ModelPrice {
    /// Of what is read.
    pub prompt_micros: u64,
    /// Of what is written.
    pub completion_micros: u64,
}

impl ModelPrice {
    /// The usage of so many tokens, with what they cost: rounded to the nearest millionth.
    pub fn usage(self, prompt_tokens: u64, completion_tokens: u64) -> TokenUsage {
        const MILLION: u128 = 1_000_000;
        let of = |tokens: u64, price: u64| u128::from(tokens).saturating_mul(price.into());
        let sum = of(prompt_tokens, self.prompt_micros)
            .saturating_add(of(completion_tokens, self.completion_micros));
        let cost = sum.saturating_add(MILLION / 2) / MILLION;
        let cost_micros = u64::try_from(cost).unwrap_or(u64::MAX);
        TokenUsage { prompt_tokens, completion_tokens, cost_micros }
    }
}

/// Why a model did not answer. `Display` may be told to callers; the source, which may be what the
/// model's server said, may not.
#[derive(Debug, thiserror::Error)]
#[error("{kind}")]
pub struct ModelFailure {
    /// What happened, as far as it is the caller's business.
    pub kind: ModelFailureKind,
    /// What is known of it, for the log.
    pub source: Box<dyn Error + Send + Sync>,
}

impl ModelFailure {
    /// A failure with what is behind it.
    pub fn new(kind: ModelFailureKind, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind, source: source.into() }
    }
}

/// What kept a model from answering.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ModelFailureKind {
    /// The time was over first.
    #[error("the model did not answer in time")]
    TimedOut,
    /// It has too much to do, also after it was asked again.
    #[error("the model is overloaded; try again later")]
    Overloaded,
    /// It does not take the question: too long, or against its rules.
    #[error("the model does not take this question")]
    Refused,
    /// It is away, or answers nothing that can be understood.
    #[error("the model cannot be asked now")]
    Unusable,
}

/// The built-in model: answers the last word of the user. Its tokens are words: what stands between
/// white space.
#[derive(Debug, Clone, Copy)]
pub struct Echo;

impl ModelProvider for Echo {
    fn complete(&self, question: &Question) -> Outcome<Result<Completion, ModelFailure>> {
        let mut from_user =
            question.messages.iter().rev().filter(|message| message.role == MessageRole::User);
        let asked = from_user.next().map_or("", |message| message.content.as_str());
        let output = first_words(asked, question.max_tokens);
        let read = question.messages.iter().map(|message| count_words(&message.content)).sum();
        let usage = ModelPrice::default().usage(read, count_words(output));
        Outcome::Ready(Ok(Completion { output: output.to_owned(), usage }))
    }
}

fn count_words(text: &str) -> u64 {
    text.split_whitespace().fold(0, |count, _| count + 1)
}

/// `text` up to the end of its word number `most`; all of it where it has no more.
fn first_words(text: &str, most: Option<u32>) -> &str {
    let Some(most) = most else { return text };
    let (mut words, mut is_in_word) = (0, false);
    for (at, c) in text.char_indices() {
        let begins_word = !is_in_word && !c.is_whitespace();
        if begins_word && words == most {
            return text.get(..at).unwrap_or(text).trim_end();
        }
        words += u32::from(begins_word);
        is_in_word = !c.is_whitespace();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_for_a_million_tokens() {
        // 2.50 for a million that are read, 10.00 for a million that are written.
        let price = ModelPrice { prompt_micros: 2_500_000, completion_micros: 10_000_000 };
        assert_eq!(price.usage(1_000_000, 0).cost_micros, 2_500_000);
        assert_eq!(price.usage(1000, 100).cost_micros, 3500);
        assert_eq!(price.usage(1, 0).cost_micros, 3);
        assert_eq!(price.usage(0, 0).cost_micros, 0);
        assert_eq!(price.usage(u64::MAX, u64::MAX).cost_micros, u64::MAX);
        assert_eq!(ModelPrice::default().usage(7, 8).cost_micros, 0);
    }

    #[test]
    fn usages_add_up() {
        let one = TokenUsage { prompt_tokens: 1, completion_tokens: 2, cost_micros: 3 };
        let most = TokenUsage { prompt_tokens: u64::MAX, ..one };
        let sum = TokenUsage { prompt_tokens: u64::MAX, completion_tokens: 4, cost_micros: 6 };
        assert_eq!(one.plus(most), sum);
    }
}
