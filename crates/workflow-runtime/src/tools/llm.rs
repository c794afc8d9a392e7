//! Asks a model.

use access_domain::{Message, MessageRole, ModelFailureKind, Question, TokenUsage};
use deployments_domain::{Llm, TextFormat};

use super::{Again, Done, Scene, Trouble, read_as};

pub(super) async fn ask(llm: &Llm, scene: &Scene<'_>) -> Result<Done, Trouble> {
    let Some(model) = scene.tools.models.find(&llm.model) else {
        return Err(Trouble::lasting(format!("there is no model '{}'", llm.model)));
    };
    let mut messages = Vec::with_capacity(2);
    if let Some(system) = &llm.system {
        messages.push(Message { role: MessageRole::System, content: scene.render(system).await? });
    }
    let content = scene.render(&llm.prompt).await?;
    messages.push(Message { role: MessageRole::User, content });
    let question = Question {
        messages,
        max_tokens: llm.max_tokens,
        temperature: llm.temperature,
        json: llm.response_format == TextFormat::Json,
        timeout: Some(scene.longer_than_the_try()),
        // Two who try again would multiply.
        retries: scene.is_retried.then_some(0),
    };
    let completion = model.complete(&question).wait().await.map_err(|failure| {
        tracing::warn!(
            execution_id = %scene.run.id,
            model = llm.model,
            error = &failure as &dyn std::error::Error,
            "a model did not answer"
        );
        let again = match failure.kind {
            ModelFailureKind::Refused => Again::Never,
            ModelFailureKind::TimedOut
            | ModelFailureKind::Overloaded
            | ModelFailureKind::Unusable => Again::After(None),
        };
        Trouble::failed(failure.to_string(), again)
    })?;
    let tokens = completion.usage;
    match read_as(completion.output, llm.response_format, "the model's answer is") {
        Ok(value) => Ok(Done { tokens, ..Done::of(value) }),
        Err(trouble) => Err(with_tokens(trouble, tokens)),
    }
}

/// An answer that is of no use was paid for all the same.
fn with_tokens(trouble: Trouble, tokens: TokenUsage) -> Trouble {
    match trouble {
        Trouble::Failed { reason, again, .. } => Trouble::Failed { reason, again, tokens },
        Trouble::TimedOut => Trouble::TimedOut,
    }
}
