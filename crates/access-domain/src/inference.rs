//! Asking a model: what may be asked, and what becomes of it.

use std::sync::Arc;

use keys_core::{Entropy, Id, Outcome};

use crate::{
    Clock, Completion, Fault, FaultCode, Granted, Infer, Message, MessageRole, ModelFailure,
    ModelName, Models, Question, ReadModels,
};

const MAX_MESSAGES: usize = 1000;
const MAX_TEXT_BYTES: usize = 1 << 20;
const MAX_COMPLETION_TOKENS: u32 = 1_000_000;
const MAX_TEMPERATURE: f64 = 2.0;
/// More would only repeat the same mistake.
const MAX_FAULTS: usize = 20;

/// A question as it was sent.
#[derive(Debug, Clone, Default)]
pub struct InferenceDraft {
    /// The model's name, or an alias.
    pub model: String,
    /// A single word from the user.
    pub prompt: Option<String>,
    /// Or a whole conversation: roles and contents.
    pub messages: Option<Vec<(String, String)>>,
    /// How long the answer may be.
    pub max_tokens: Option<u32>,
    /// How far from the likeliest words it may stray.
    pub temperature: Option<f64>,
}

impl InferenceDraft {
    /// The question, if it is sound.
    fn question(self) -> Result<Question, Vec<Fault>> {
        let mut faults = Vec::new();
        if self.max_tokens.is_some_and(|most| !(1..=MAX_COMPLETION_TOKENS).contains(&most)) {
            let what = format!("must be from 1 to {MAX_COMPLETION_TOKENS}");
            faults.push(Fault::invalid("/max_tokens", what));
        }
        if self.temperature.is_some_and(|wanted| !(0.0..=MAX_TEMPERATURE).contains(&wanted)) {
            let what = format!("must be from 0 to {MAX_TEMPERATURE}");
            faults.push(Fault::invalid("/temperature", what));
        }
        let messages = match (self.prompt, self.messages) {
            (Some(prompt), None) => read_prompt(&mut faults, prompt),
            (None, Some(messages)) => read_messages(&mut faults, messages),
            (Some(_), Some(_)) => {
                faults.push(Fault::invalid("/messages", "give 'prompt' or 'messages', not both"));
                Vec::new()
            }
            (None, None) => {
                let what = "'prompt' or 'messages' must be given";
                faults.push(Fault::new("/prompt", FaultCode::MissingField, what));
                Vec::new()
            }
        };
        faults.truncate(MAX_FAULTS);
        let (max_tokens, temperature) = (self.max_tokens, self.temperature);
        let question = Question { messages, max_tokens, temperature, ..Question::default() };
        if faults.is_empty() { Ok(question) } else { Err(faults) }
    }
}

fn read_prompt(faults: &mut Vec<Fault>, content: String) -> Vec<Message> {
    if content.is_empty() || content.len() > MAX_TEXT_BYTES {
        let what = format!("must have 1 to {MAX_TEXT_BYTES} bytes");
        faults.push(Fault::invalid("/prompt", what));
    }
    vec![Message { role: MessageRole::User, content }]
}

fn read_messages(faults: &mut Vec<Fault>, sent: Vec<(String, String)>) -> Vec<Message> {
    let text_bytes: usize = sent.iter().map(|(_, content)| content.len()).sum();
    if !(1..=MAX_MESSAGES).contains(&sent.len()) || text_bytes > MAX_TEXT_BYTES {
        let what =
            format!("must be 1 to {MAX_MESSAGES} messages of {MAX_TEXT_BYTES} bytes together");
        faults.push(Fault::invalid("/messages", what));
        return Vec::new();
    }
    let (mut messages, count) = (Vec::with_capacity(sent.len()), sent.len());
    for (position, (role, content)) in sent.into_iter().enumerate() {
        match MessageRole::parse(&role) {
            Some(role) => messages.push(Message { role, content }),
            None => {
                let what = "must be 'system', 'user' or 'assistant'";
                faults.push(Fault::invalid(format!("/messages/{position}/role"), what));
            }
        }
    }
    let is_asked = messages.iter().any(|message| message.role == MessageRole::User);
    if messages.len() == count && !is_asked {
        faults.push(Fault::invalid("/messages", "must have a message of the role 'user'"));
    }
    messages
}

/// Why a question was not answered.
#[derive(Debug, thiserror::Error)]
pub enum InferenceRefusal {
    /// Something that was sent is wrong.
    #[error("what was sent has {} faults", faults.len())]
    Faults {
        /// All of it.
        faults: Vec<Fault>,
    },
    /// No model has this name.
    #[error("there is no model of this name")]
    UnknownModel,
}

/// An answer, as its caller is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inference {
    /// Names this answer.
    pub id: Id<Inference>,
    /// The model's name as it was asked for.
    pub model: String,
    /// What the model said.
    pub completion: Completion,
}

/// The use cases of models.
pub struct Inferences {
    /// Which there are.
    pub models: Arc<Models>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness for ids.
    pub entropy: Arc<dyn Entropy>,
}

impl Inferences {
    /// Asks a model. What comes later is the answer, or why the model gave none.
    ///
    /// # Errors
    /// When the question is unsound or the model unknown; nobody was asked then.
    pub fn ask(
        &self,
        _: &Granted<Infer>,
        draft: InferenceDraft,
    ) -> Result<Outcome<Result<Inference, ModelFailure>>, InferenceRefusal> {
        let model = draft.model.clone();
        let question = draft.question().map_err(|faults| InferenceRefusal::Faults { faults })?;
        let provider = self.models.find(&model).ok_or(InferenceRefusal::UnknownModel)?;
        let id = Id::generate(self.clock.now(), &*self.entropy);
        let answer = provider.complete(&question);
        Ok(answer.map(move |answer| answer.map(|completion| Inference { id, model, completion })))
    }

    /// Every name that can be asked, in their order.
    pub fn list(&self, _: &Granted<ReadModels>) -> Vec<ModelName> {
        self.models.names()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Echo, ModelProvider as _, TokenUsage};

    fn asked(text: &str) -> InferenceDraft {
        InferenceDraft { prompt: Some(text.into()), ..InferenceDraft::default() }
    }

    fn said(messages: &[(&str, &str)]) -> InferenceDraft {
        let own = |(role, content): &(&str, &str)| ((*role).to_owned(), (*content).to_owned());
        let messages = Some(messages.iter().map(own).collect());
        InferenceDraft { messages, ..InferenceDraft::default() }
    }

    #[track_caller]
    fn check(draft: InferenceDraft, output: &str, prompt_tokens: u64, completion_tokens: u64) {
        let Outcome::Ready(Ok(completion)) = Echo.complete(&draft.question().unwrap()) else {
            panic!("echo waits for nobody");
        };
        let usage = TokenUsage { prompt_tokens, completion_tokens, cost_micros: 0 };
        assert_eq!(completion, Completion { output: output.into(), usage });
    }

    #[track_caller]
    fn refuse(draft: InferenceDraft, expected: &[&str]) {
        let pointers: Vec<_> =
            draft.question().unwrap_err().into_iter().map(|fault| fault.pointer).collect();
        assert_eq!(pointers, expected);
    }

    #[test]
    fn echo_answers_the_prompt_or_the_last_word_of_the_user() {
        check(asked("Hello"), "Hello", 1, 1);
        check(asked(" two  words\n"), " two  words\n", 2, 2);
        let talk =
            [("system", "be brief"), ("user", "one"), ("user", "and two"), ("assistant", "x")];
        check(said(&talk), "and two", 6, 2);
    }

    #[test]
    fn echo_stops_after_as_many_words_as_are_wanted() {
        let most =
            |max_tokens| InferenceDraft { max_tokens: Some(max_tokens), ..asked("  äö  b\tc ") };
        check(most(1), "  äö", 3, 1);
        check(most(2), "  äö  b", 3, 2);
        check(most(3), "  äö  b\tc ", 3, 3);
        check(most(4), "  äö  b\tc ", 3, 3);
    }

    #[test]
    fn a_question_is_a_prompt_or_messages_and_has_its_bounds() {
        refuse(InferenceDraft::default(), &["/prompt"]);
        refuse(
            InferenceDraft { prompt: Some("x".into()), ..said(&[("user", "y")]) },
            &["/messages"],
        );
        refuse(asked(""), &["/prompt"]);
        refuse(asked(&"x".repeat(MAX_TEXT_BYTES + 1)), &["/prompt"]);
        refuse(said(&[]), &["/messages"]);
        refuse(said(&[("user", "x"); MAX_MESSAGES + 1]), &["/messages"]);
        refuse(said(&[("system", "x"), ("assistant", "y")]), &["/messages"]);
        refuse(said(&[("user", "x"), ("tool", "y")]), &["/messages/1/role"]);
        refuse(InferenceDraft { max_tokens: Some(0), ..asked("") }, &["/max_tokens", "/prompt"]);
        refuse(InferenceDraft { temperature: Some(2.1), ..asked("x") }, &["/temperature"]);
        refuse(InferenceDraft { temperature: Some(f64::NAN), ..asked("x") }, &["/temperature"]);
        assert!(InferenceDraft { temperature: Some(0.0), ..asked("x") }.question().is_ok());
        assert_eq!(said(&[("tool", "x"); 1000]).question().unwrap_err().len(), MAX_FAULTS);
        assert!(said(&[("user", "x"); MAX_MESSAGES]).question().is_ok());
        assert!(said(&[("user", "")]).question().is_ok());
    }
}
