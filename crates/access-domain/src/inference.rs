//! Asking a model: which there are, under which names, and what one is asked.
//!
//! What answers stands behind [`ModelProvider`]. One is built in: [`Echo`], which answers what it
//! was asked, so that keys, scopes and limits can be tried with nothing else running.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use keys_core::{Entropy, Id, Outcome};

use crate::{Clock, Fault, FaultCode, Granted, Infer, ReadModels};

const MAX_NAME: usize = 100;
const MAX_MESSAGES: usize = 1000;
const MAX_TEXT_BYTES: usize = 1 << 20;
const MAX_COMPLETION_TOKENS: u32 = 1_000_000;
/// More would only repeat the same mistake.
const MAX_FAULTS: usize = 20;

/// What answers a model's callers.
pub trait ModelProvider: Send + Sync {
    /// The answer to `question`.
    fn complete(&self, question: &Question) -> Outcome<Completion>;
}

/// What a model is asked, once it is known to be sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The conversation so far, whose last word from the user is to be answered.
    pub messages: Vec<Message>,
    /// How long the answer may be.
    pub max_tokens: Option<u32>,
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

    fn parse(name: &str) -> Option<Self> {
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

/// How much a model read and wrote, in tokens of its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TokenUsage {
    /// What was read.
    pub prompt_tokens: u64,
    /// What was written.
    pub completion_tokens: u64,
}

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
}

impl InferenceDraft {
    /// The question, if it is sound.
    fn question(self) -> Result<Question, Vec<Fault>> {
        let mut faults = Vec::new();
        if self.max_tokens.is_some_and(|most| !(1..=MAX_COMPLETION_TOKENS).contains(&most)) {
            let what = format!("must be from 1 to {MAX_COMPLETION_TOKENS}");
            faults.push(Fault::invalid("/max_tokens", what));
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
        let question = Question { messages, max_tokens: self.max_tokens };
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

/// The built-in model: answers the last word of the user. Its tokens are words: what stands between
/// white space.
#[derive(Debug, Clone, Copy)]
pub struct Echo;

impl ModelProvider for Echo {
    fn complete(&self, question: &Question) -> Outcome<Completion> {
        let mut from_user =
            question.messages.iter().rev().filter(|message| message.role == MessageRole::User);
        let asked = from_user.next().map_or("", |message| message.content.as_str());
        let output = first_words(asked, question.max_tokens);
        let read = question.messages.iter().map(|message| count_words(&message.content)).sum();
        let usage = TokenUsage { prompt_tokens: read, completion_tokens: count_words(output) };
        Outcome::Ready(Completion { output: output.to_owned(), usage })
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

/// The models of a server by their names, and other names for them.
pub struct Models {
    providers: BTreeMap<String, Arc<dyn ModelProvider>>,
    /// To the name that a provider stands under, however many aliases lie between.
    aliases: BTreeMap<String, String>,
}

/// A name under which a model can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelName {
    /// The name.
    pub id: String,
    /// The model that it means, where it is not the model's own.
    pub alias_of: Option<String>,
}

/// An alias that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{alias}: {fault}")]
pub struct InvalidAlias {
    /// The alias.
    pub alias: String,
    /// What is wrong with it.
    pub fault: AliasFault,
}

/// What can be wrong with an alias.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AliasFault {
    /// It is no name.
    #[error("must have 1 to {MAX_NAME} visible ASCII characters")]
    Malformed,
    /// A model has this name.
    #[error("is the name of a model itself")]
    Taken,
    /// It means something that is neither a model nor an alias.
    #[error("must name a model or another alias")]
    UnknownModel,
    /// It means itself, by way of others or at once.
    #[error("leads back to itself")]
    Cycle,
}

impl Models {
    /// The built-in model, and `aliases` for it.
    ///
    /// # Errors
    /// When an alias is no name, or leads to no model.
    pub fn built_in(aliases: &BTreeMap<String, String>) -> Result<Self, InvalidAlias> {
        let echo: Arc<dyn ModelProvider> = Arc::new(Echo);
        Self::new(BTreeMap::from([("echo".to_owned(), echo)]), aliases)
    }

    fn new(
        providers: BTreeMap<String, Arc<dyn ModelProvider>>,
        aliases: &BTreeMap<String, String>,
    ) -> Result<Self, InvalidAlias> {
        let resolve = |alias: &String| match follow(alias, &providers, aliases) {
            Ok(model) => Ok((alias.clone(), model)),
            Err(fault) => Err(InvalidAlias { alias: alias.clone(), fault }),
        };
        let aliases = aliases.keys().map(resolve).collect::<Result<_, _>>()?;
        Ok(Self { providers, aliases })
    }

    fn find(&self, name: &str) -> Option<&dyn ModelProvider> {
        let model = self.aliases.get(name).map_or(name, String::as_str);
        self.providers.get(model).map(|provider| &**provider)
    }

    /// Every name, in their order.
    fn names(&self) -> Vec<ModelName> {
        let models = self.providers.keys().map(|id| (id, None));
        let aliases = self.aliases.iter().map(|(id, model)| (id, Some(model)));
        let all: BTreeMap<_, _> = models.chain(aliases).collect();
        let name = |(id, alias_of): (&String, Option<&String>)| ModelName {
            id: id.clone(),
            alias_of: alias_of.cloned(),
        };
        all.into_iter().map(name).collect()
    }
}

/// The model that an alias comes to in the end.
fn follow(
    alias: &str,
    providers: &BTreeMap<String, Arc<dyn ModelProvider>>,
    aliases: &BTreeMap<String, String>,
) -> Result<String, AliasFault> {
    if !(1..=MAX_NAME).contains(&alias.len()) || !alias.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(AliasFault::Malformed);
    }
    if providers.contains_key(alias) {
        return Err(AliasFault::Taken);
    }
    let (mut name, mut seen) = (alias, BTreeSet::new());
    while !providers.contains_key(name) {
        if !seen.insert(name) {
            return Err(AliasFault::Cycle);
        }
        name = aliases.get(name).ok_or(AliasFault::UnknownModel)?;
    }
    Ok(name.to_owned())
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
    pub models: Models,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness for ids.
    pub entropy: Arc<dyn Entropy>,
}

impl Inferences {
    /// Asks a model.
    ///
    /// # Errors
    /// When the question is unsound or the model unknown; nobody was asked then.
    pub fn ask(
        &self,
        _: &Granted<Infer>,
        draft: InferenceDraft,
    ) -> Result<Outcome<Inference>, InferenceRefusal> {
        let model = draft.model.clone();
        let question = draft.question().map_err(|faults| InferenceRefusal::Faults { faults })?;
        let provider = self.models.find(&model).ok_or(InferenceRefusal::UnknownModel)?;
        let id = Id::generate(self.clock.now(), &*self.entropy);
        let answer = provider.complete(&question);
        Ok(answer.map(move |completion| Inference { id, model, completion }))
    }

    /// Every name that can be asked, in their order.
    pub fn list(&self, _: &Granted<ReadModels>) -> Vec<ModelName> {
        self.models.names()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let Outcome::Ready(completion) = Echo.complete(&draft.question().unwrap()) else {
            panic!("echo waits for nobody");
        };
        let usage = TokenUsage { prompt_tokens, completion_tokens };
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
        assert_eq!(said(&[("tool", "x"); 1000]).question().unwrap_err().len(), MAX_FAULTS);
        assert!(said(&[("user", "x"); MAX_MESSAGES]).question().is_ok());
        assert!(said(&[("user", "")]).question().is_ok());
    }

    fn models(aliases: &[(&str, &str)]) -> Result<Models, (String, AliasFault)> {
        let own = |(alias, model): &(&str, &str)| ((*alias).to_owned(), (*model).to_owned());
        Models::built_in(&aliases.iter().map(own).collect())
            .map_err(|InvalidAlias { alias, fault }| (alias, fault))
    }

    #[test]
    fn an_alias_leads_to_a_model_by_way_of_others_or_at_once() {
        let models = models(&[("gpt-4", "echo"), ("best", "gpt-4")]).unwrap();
        let names: Vec<_> =
            models.names().into_iter().map(|name| (name.id, name.alias_of)).collect();
        let echo = || Some("echo".to_owned());
        let expected = [("best".into(), echo()), ("echo".into(), None), ("gpt-4".into(), echo())];
        assert_eq!(names, expected);
        assert!(models.find("best").is_some() && models.find("gpt-5").is_none());
    }

    #[test]
    fn an_alias_that_leads_nowhere_is_named() {
        let refused = |aliases: &[(&str, &str)]| models(aliases).err().unwrap();
        let named = |alias: &str, fault| (alias.to_owned(), fault);
        assert_eq!(refused(&[("a", "b")]), named("a", AliasFault::UnknownModel));
        assert_eq!(refused(&[("a", "a")]), named("a", AliasFault::Cycle));
        assert_eq!(refused(&[("a", "b"), ("b", "a")]), named("a", AliasFault::Cycle));
        assert_eq!(refused(&[("echo", "echo")]), named("echo", AliasFault::Taken));
        assert_eq!(refused(&[("a b", "echo")]), named("a b", AliasFault::Malformed));
        assert_eq!(refused(&[("", "echo")]), named("", AliasFault::Malformed));
    }
}
