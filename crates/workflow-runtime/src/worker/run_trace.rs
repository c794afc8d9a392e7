//! A run as a part of the trace of the request that started it, whichever process that was.

use access_domain::{OpenSpan, SpanKind, SpanValue, Tracer};
use deployments_domain::{ClaimedRun, RunEnd};

use super::Stop;
use crate::items::Carried;

pub(super) struct RunTrace(Option<Box<dyn OpenSpan>>);

impl RunTrace {
    /// What the run calls from now on is a part of this span.
    pub(super) fn begin(tracer: Option<&dyn Tracer>, run: &mut ClaimedRun) -> Self {
        let Some(tracer) = tracer else { return Self(None) };
        let mut span = tracer.begin(SpanKind::Execution, run.trace);
        run.trace = Some(span.context());
        span.note("keywright.execution_id", SpanValue::Text(run.id.to_string()));
        span.note("keywright.attempt", SpanValue::Number(run.state.attempt.into()));
        Self(Some(span))
    }

    pub(super) fn end(self, outcome: &Result<Carried, Stop>) {
        let Some(mut span) = self.0 else { return };
        let ended = match outcome {
            Ok(Carried { end: RunEnd::Result(_), .. }) => "completed",
            Ok(Carried { end: RunEnd::Failure(failure), .. }) => failure.code.as_str(),
            Err(Stop::Cancelled) => "cancelled",
            Err(Stop::Lost) => "lost",
            Err(Stop::HandBack) => "handed_back",
        };
        span.note("keywright.outcome", SpanValue::Text(ended.into()));
        let is_failed = matches!(outcome, Ok(Carried { end: RunEnd::Failure(_), .. }));
        span.end("execution".into(), is_failed);
    }
}
