//! Traces, recorded by OpenTelemetry and sent to a collector by OTLP. The only place that knows of
//! either. Sending happens on a thread of its own: what cannot be sent is dropped, and delays nobody.

mod collector;

use std::{
    num::{NonZeroU64, NonZeroU128},
    sync::Arc,
    time::Duration,
};

use access_domain::{OpenSpan, SpanKind, SpanValue, TraceContext, Tracer};
use opentelemetry::{
    Context, KeyValue, SpanId, TraceFlags, TraceId,
    trace::{
        Span as _, SpanBuilder, SpanContext, SpanKind as Kind, Status, TraceContextExt as _,
        TraceState, Tracer as _, TracerProvider as _,
    },
};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{
    Resource,
    trace::{BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracer, SdkTracerProvider, Span},
};

use self::collector::Collector;
use crate::{configuration::Configuration, failure::Failure};

/// Spans that wait to be sent; further ones are dropped.
const MAX_WAITING: usize = 4096;
const SENT_EVERY: Duration = Duration::from_secs(2);
/// What is not sent by then at a stop is dropped.
const CLOSING: Duration = Duration::from_secs(3);

/// Records the spans of this process.
#[derive(Debug)]
pub(crate) struct Traces {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

impl Traces {
    /// Starts recording, if a collector is configured.
    pub(crate) fn start(configuration: &Configuration) -> Result<Option<Arc<Self>>, Failure> {
        let settings = &configuration.tracing;
        let Some(address) = settings.spans_address() else { return Ok(None) };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Collector::new()?)
            .with_endpoint(address)
            .build()
            .map_err(|error| Failure::failed(&error))?;
        let batches = BatchConfigBuilder::default()
            .with_max_queue_size(MAX_WAITING)
            .with_scheduled_delay(SENT_EVERY)
            .build();
        let ratio = Sampler::TraceIdRatioBased(settings.sample_ratio);
        let resource = Resource::builder_empty()
            .with_service_name(settings.service_name.clone())
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
        let provider = SdkTracerProvider::builder()
            .with_span_processor(
                BatchSpanProcessor::builder(exporter).with_batch_config(batches).build(),
            )
            .with_sampler(Sampler::ParentBased(Box::new(ratio)))
            .with_resource(resource.build())
            .build();
        let tracer = provider.tracer("keywright");
        Ok(Some(Arc::new(Self { provider, tracer })))
    }

    /// Sends what waits, for as long as [`CLOSING`] allows.
    pub(crate) fn close(&self) {
        if let Err(error) = self.provider.shutdown_with_timeout(CLOSING) {
            tracing::warn!(%error, "the last spans were not sent");
        }
    }
}

impl Tracer for Traces {
    fn begin(&self, kind: SpanKind, parent: Option<TraceContext>) -> Box<dyn OpenSpan> {
        let (name, kind) = match kind {
            SpanKind::Request => ("request", Kind::Server),
            SpanKind::Execution => ("execution", Kind::Consumer),
        };
        let parent = parent.map_or_else(Context::new, |parent| {
            Context::new().with_remote_span_context(remote(parent))
        });
        let span = SpanBuilder::from_name(name).with_kind(kind);
        Box::new(Recorded(self.tracer.build_with_context(span, &parent)))
    }
}

fn remote(context: TraceContext) -> SpanContext {
    SpanContext::new(
        TraceId::from_bytes(context.trace_id.get().to_be_bytes()),
        SpanId::from_bytes(context.span_id.get().to_be_bytes()),
        TraceFlags::new(context.flags),
        true,
        TraceState::default(),
    )
}

/// A span that OpenTelemetry records, or has decided not to.
struct Recorded(Span);

impl OpenSpan for Recorded {
    fn context(&self) -> TraceContext {
        let context = self.0.span_context();
        // Never zero: OpenTelemetry makes valid ids, for what is not recorded too.
        let trace_id = NonZeroU128::new(u128::from_be_bytes(context.trace_id().to_bytes()));
        let span_id = NonZeroU64::new(u64::from_be_bytes(context.span_id().to_bytes()));
        TraceContext {
            trace_id: trace_id.unwrap_or(NonZeroU128::MIN),
            span_id: span_id.unwrap_or(NonZeroU64::MIN),
            flags: context.trace_flags().to_u8(),
        }
    }

    fn note(&mut self, name: &'static str, value: SpanValue) {
        self.0.set_attribute(match value {
            SpanValue::Text(text) => KeyValue::new(name, text),
            SpanValue::Number(number) => KeyValue::new(name, number),
        });
    }

    fn end(mut self: Box<Self>, name: String, is_failed: bool) {
        self.0.update_name(name);
        if is_failed {
            self.0.set_status(Status::error(""));
        }
        self.0.end();
    }
}
