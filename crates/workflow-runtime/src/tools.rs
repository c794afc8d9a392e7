//! What steps do. Each tool is told what its step may know, and puts out one value or the reason why
//! there is none. Must not know how a run is kept, tried again or ended.

mod extract_text;
mod http_request;
mod llm;
mod pause;
mod validate;

use std::{
    collections::BTreeMap,
    io,
    pin::Pin,
    sync::{Arc, OnceLock},
    time::Duration,
};

use access_domain::{Clock, Fault, Models, SecretValues, TokenUsage};
use deployments_domain::{ClaimedRun, FileStore, RunFile, TextFormat, Tool};
use outbound::HttpClient;
use serde::Serialize;
use serde_json::{Map, Value};
use tokio::time::Instant;

pub(crate) use self::pause::{about, longer_each_time};
use crate::{
    sandbox::{DocumentError, DocumentFormat, FilterOutput, Sandbox, SandboxError},
    secrets::{Secrets, SecretsUnknown},
    templates::{self, Scope},
};

/// Whoever runs strangers' code, apart from this process.
pub(crate) trait Confined: Send + Sync {
    /// Runs a filter. Ends by the deadline; dropping the future ends the filter.
    fn filter<'a>(
        &'a self,
        filter: &'a str,
        data: &'a StepData<'a>,
        deadline: Instant,
    ) -> Pin<Box<dyn Future<Output = Result<FilterOutput, SandboxError>> + Send + 'a>>;

    /// Where `value` breaks `schema`.
    fn hold_against<'a>(
        &'a self,
        schema: &'a Value,
        value: &'a Value,
        deadline: Instant,
    ) -> Pin<Box<dyn Future<Output = Result<Vec<Fault>, SandboxError>> + Send + 'a>>;

    /// The largest document whose text is extracted, in bytes.
    fn max_document_bytes(&self) -> usize;

    /// The text of a document.
    fn text_of<'a>(
        &'a self,
        format: DocumentFormat,
        content: &'a [u8],
        deadline: Instant,
    ) -> Pin<Box<dyn Future<Output = Result<String, DocumentError>> + Send + 'a>>;
}

impl Confined for Sandbox {
    fn filter<'a>(
        &'a self,
        filter: &'a str,
        data: &'a StepData<'a>,
        deadline: Instant,
    ) -> Pin<Box<dyn Future<Output = Result<FilterOutput, SandboxError>> + Send + 'a>> {
        Box::pin(self.run_until(filter, data, deadline))
    }

    fn hold_against<'a>(
        &'a self,
        schema: &'a Value,
        value: &'a Value,
        deadline: Instant,
    ) -> Pin<Box<dyn Future<Output = Result<Vec<Fault>, SandboxError>> + Send + 'a>> {
        Box::pin(self.validate_until(schema, value, deadline))
    }

    fn max_document_bytes(&self) -> usize {
        self.largest_document()
    }

    fn text_of<'a>(
        &'a self,
        format: DocumentFormat,
        content: &'a [u8],
        deadline: Instant,
    ) -> Pin<Box<dyn Future<Output = Result<String, DocumentError>> + Send + 'a>> {
        Box::pin(self.extract(format, content, deadline))
    }
}

/// What steps are carried out with.
pub(crate) struct Tools {
    pub(crate) confined: Arc<dyn Confined>,
    pub(crate) http: HttpClient,
    pub(crate) models: Arc<Models>,
    pub(crate) secrets: Arc<dyn SecretValues>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) files: Arc<dyn FileStore>,
}

/// What filters and templates run over.
#[derive(Serialize)]
pub(crate) struct StepData<'a> {
    pub(crate) input: &'a Value,
    pub(crate) parameters: &'a Map<String, Value>,
    pub(crate) files: &'a [Value],
    pub(crate) steps: BTreeMap<&'a str, StepOutput<'a>>,
}

impl StepData<'_> {
    /// All of it as templates see it.
    fn as_seen(&self) -> Vec<(&'static str, minijinja::Value)> {
        let steps = self.steps.iter().map(|(id, step)| {
            let told = [
                ("output", templates::value(step.output)),
                ("error", minijinja::Value::from(step.error)),
            ];
            ((*id).to_owned(), told.into_iter().collect::<BTreeMap<_, _>>().into())
        });
        vec![
            ("input", templates::value(self.input)),
            ("parameters", templates::object(self.parameters)),
            ("files", self.files.iter().map(templates::value).collect()),
            ("steps", steps.collect::<BTreeMap<String, minijinja::Value>>().into()),
        ]
    }
}

/// What is told of a step that has ended.
#[derive(Serialize)]
pub(crate) struct StepOutput<'a> {
    /// `null` of one that was skipped or failed.
    pub(crate) output: &'a Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<&'a str>,
}

/// What one try of a step is made with.
pub(crate) struct Scene<'a> {
    pub(crate) tools: &'a Tools,
    pub(crate) run: &'a ClaimedRun,
    pub(crate) data: &'a StepData<'a>,
    pub(crate) secrets: &'a Secrets,
    /// The files of the item.
    pub(crate) uploads: &'a [RunFile],
    /// The output of the step before, or the input of the run.
    pub(crate) last: &'a Value,
    pub(crate) last_bytes: usize,
    /// When the try must be over.
    pub(crate) deadline: Instant,
    /// Whether its maker wants it tried again; then nobody else needs to.
    pub(crate) is_retried: bool,
    /// The data as templates see them, made for the first that wants them: a try may have many.
    pub(crate) seen: OnceLock<Vec<(&'static str, minijinja::Value)>>,
}

/// What a try put out.
pub(crate) struct Done {
    pub(crate) value: Value,
    /// Its size as JSON.
    pub(crate) bytes: usize,
    pub(crate) tokens: TokenUsage,
}

impl Done {
    fn of(value: Value) -> Self {
        Self { bytes: json_bytes(&value), value, tokens: TokenUsage::default() }
    }
}

impl From<FilterOutput> for Done {
    fn from(FilterOutput { value, bytes }: FilterOutput) -> Self {
        Self { value, bytes, tokens: TokenUsage::default() }
    }
}

/// Why a try put out nothing.
#[derive(Debug, PartialEq)]
pub(crate) enum Trouble {
    /// For this reason.
    Failed {
        /// For whoever reads how the run ended.
        reason: String,
        /// Whether another try may do better.
        again: Again,
        /// What models read and wrote all the same.
        tokens: TokenUsage,
    },
    /// The time was over.
    TimedOut,
}

/// Whether a failed try may be repeated, where its step's maker wants that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Again {
    /// It would fail in the same way.
    Never,
    /// Nobody knows whether it was done: only where doing it twice does no harm.
    IfHarmless,
    /// Whoever was asked says that it was not done; perhaps after how long to ask again.
    After(Option<Duration>),
}

impl Trouble {
    pub(crate) fn failed(reason: impl Into<String>, again: Again) -> Self {
        Self::Failed { reason: reason.into(), again, tokens: TokenUsage::default() }
    }

    fn lasting(reason: impl Into<String>) -> Self {
        Self::failed(reason, Again::Never)
    }
}

/// Makes one try of a tool.
pub(crate) async fn make_try(tool: &Tool, scene: &Scene<'_>) -> Result<Done, Trouble> {
    match tool {
        Tool::Passthrough => Ok(scene.unchanged()),
        Tool::Transform { filter } => scene.filter(filter).await.map(Done::from),
        Tool::Template { template, format } => {
            let text = scene.render(template).await?;
            read_as(text, *format, "the template renders").map(Done::of)
        }
        Tool::HttpRequest(request) => http_request::call(request, scene).await.map(Done::of),
        Tool::Llm(question) => llm::ask(question, scene).await,
        Tool::ExtractText => extract_text::extract(scene).await,
        Tool::Validate { schema, value } => {
            validate::hold(schema, value.as_deref(), scene).await.map(Done::from)
        }
        Tool::Delay { seconds } => {
            tokio::time::sleep(Duration::from_secs_f64(*seconds)).await;
            Ok(scene.unchanged())
        }
    }
}

impl Scene<'_> {
    fn unchanged(&self) -> Done {
        let tokens = TokenUsage::default();
        Done { value: self.last.clone(), bytes: self.last_bytes, tokens }
    }

    /// A time that is over after the try's own: whoever ends the try says why.
    fn longer_than_the_try(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now()) + Duration::from_secs(1)
    }

    /// Runs a filter over the data.
    pub(crate) async fn filter(&self, filter: &str) -> Result<FilterOutput, Trouble> {
        let output = self.tools.confined.filter(filter, self.data, self.deadline).await;
        output.map_err(|error| self.sandbox_trouble(&error))
    }

    fn sandbox_trouble(&self, error: &SandboxError) -> Trouble {
        match error {
            // It may only use what is left of its time.
            SandboxError::TimedOut | SandboxError::Busy => Trouble::TimedOut,
            SandboxError::Unavailable(_) => {
                tracing::error!(
                    execution_id = %self.run.id,
                    attempt = self.run.state.attempt,
                    error = error as &dyn std::error::Error,
                    "the sandbox failed"
                );
                Trouble::failed(error.to_string(), Again::IfHarmless)
            }
            SandboxError::Died | SandboxError::Refused(_) => Trouble::lasting(error.to_string()),
        }
    }

    /// Renders a template over the data and the secrets that it names.
    async fn render(&self, template: &str) -> Result<String, Trouble> {
        // Most texts hold nothing to be rendered.
        if templates::is_plain(template) {
            return Ok(template.into());
        }
        let secrets = self.secrets.named(templates::secrets(template)).await;
        let secrets = secrets.map_err(|unknown| match unknown {
            SecretsUnknown::Named(name) => {
                Trouble::lasting(format!("the organization has no secret '{name}'"))
            }
            SecretsUnknown::Lost => {
                Trouble::failed("the secrets cannot be read", Again::After(None))
            }
            SecretsUnknown::Store(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "secrets were not read");
                Trouble::failed("the secrets cannot be read", Again::After(None))
            }
        })?;
        let seen = self.seen.get_or_init(|| self.data.as_seen()).iter().cloned();
        let scope = Scope::new(seen.chain([("secrets", secrets)]));
        templates::render(template, &scope).map_err(Trouble::lasting)
    }
}

/// A text as what it is to be read as.
fn read_as(text: String, format: TextFormat, what: &str) -> Result<Value, Trouble> {
    match format {
        TextFormat::Text => Ok(Value::String(text)),
        TextFormat::Json => serde_json::from_str(&text)
            .map_err(|_| Trouble::failed(format!("{what} no JSON"), Again::After(None))),
    }
}

/// The size of a value as JSON, which is written for that and kept nowhere.
pub(crate) fn json_bytes(value: &Value) -> usize {
    struct Counter(usize);
    impl io::Write for Counter {
        fn write(&mut self, part: &[u8]) -> io::Result<usize> {
            self.0 = self.0.saturating_add(part.len());
            Ok(part.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut counter = Counter(0);
    // A `Value` always serialises; if not, it is too large for anything.
    serde_json::to_writer(&mut counter, value).map_or(usize::MAX, |()| counter.0)
}
