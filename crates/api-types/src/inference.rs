//! Questions to models, and their answers.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// `POST /v1/inference`. Exactly one of `prompt` and `messages` must be given.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AskModel {
    /// Which model, by a name of `GET /v1/models`.
    pub model: String,
    /// The question: 1 byte to 1 MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// A conversation: 1 to 1000 messages of 1 MiB together, one of them from the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub messages: Option<Vec<ModelMessage>>,
    /// How many tokens the answer may have: 1 to 1000000; absent or `null`: as many as it takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    /// From 0, always the likeliest word, to 2; absent or `null`: as the model has it. `echo` has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
}

/// One turn of a conversation.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ModelMessage {
    /// `system`, `user` or `assistant`.
    pub role: String,
    /// What was said.
    pub content: String,
}

/// A model's answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct InferenceView {
    /// Names this answer.
    pub id: Uuid,
    /// The model, as it was asked for.
    pub model: String,
    /// The answer.
    pub output: String,
    /// What it took.
    pub usage: TokenUsageView,
}

/// How much a model read and wrote, in its own tokens. Those of `echo` are words.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TokenUsageView {
    /// What was read.
    pub prompt_tokens: u64,
    /// What was written.
    pub completion_tokens: u64,
}

/// A name under which a model can be asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ModelView {
    /// The name.
    pub id: String,
    /// The model that it means; absent where it is the model's own name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias_of: Option<String>,
}

#[cfg(feature = "from-domain")]
mod from_domain {
    use access_domain::{Inference, InferenceDraft, ModelName};

    use super::{AskModel, InferenceView, ModelView, TokenUsageView};

    impl From<AskModel> for InferenceDraft {
        fn from(body: AskModel) -> Self {
            let messages = body.messages.map(|messages| {
                messages.into_iter().map(|message| (message.role, message.content)).collect()
            });
            let AskModel { model, prompt, max_tokens, temperature, .. } = body;
            Self { model, prompt, messages, max_tokens, temperature }
        }
    }

    impl From<Inference> for InferenceView {
        fn from(inference: Inference) -> Self {
            let access_domain::Completion { output, usage } = inference.completion;
            Self {
                id: inference.id.uuid(),
                model: inference.model,
                output,
                usage: TokenUsageView {
                    prompt_tokens: usage.prompt_tokens,
                    completion_tokens: usage.completion_tokens,
                },
            }
        }
    }

    impl From<ModelName> for ModelView {
        fn from(name: ModelName) -> Self {
            Self { id: name.id, alias_of: name.alias_of }
        }
    }
}
