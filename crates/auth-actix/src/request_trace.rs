//! The trace that a request is a part of: taken over from its caller, told in the log, and handed on
//! to what the request starts. Knows nothing of who collects traces.

use std::cell::LazyCell;

use access_domain::{OpenSpan, SpanKind, SpanValue, TraceContext};
use actix_web::{
    HttpMessage, HttpRequest, dev::ServiceRequest, http::StatusCode, http::header::HeaderName, web,
};

use crate::AccessContext;

const HEADER: HeaderName = HeaderName::from_static("traceparent");

/// What the request hands on.
#[derive(Clone, Copy)]
struct Traced(TraceContext);

/// The trace of the request that is being answered.
pub(crate) fn trace_of(request: &HttpRequest) -> Option<TraceContext> {
    request.extensions().get::<Traced>().map(|traced| traced.0)
}

/// A request as a part of its trace. One whose caller hung up ends when this is dropped.
pub(crate) struct RequestTrace {
    context: Option<TraceContext>,
    span: Option<Box<dyn OpenSpan>>,
}

impl RequestTrace {
    pub(crate) fn begin(request: &ServiceRequest, request_id: &str) -> Self {
        let parent = sent(request);
        let access = request.app_data::<web::Data<AccessContext>>();
        let tracer = access.and_then(|access| access.tracer.as_ref());
        let span = tracer.map(|tracer| {
            let mut span = tracer.begin(SpanKind::Request, parent);
            span.note("keywright.request_id", SpanValue::Text(request_id.into()));
            span
        });
        // Where nothing is recorded here, the caller's own place in the trace is handed on.
        let context = span.as_ref().map(|span| span.context()).or(parent);
        if let Some(context) = context {
            request.extensions_mut().insert(Traced(context));
        }
        Self { context, span }
    }

    /// The trace, as logs and collectors write it.
    pub(crate) fn id(&self) -> Option<String> {
        self.context.map(|context| format!("{:032x}", context.trace_id))
    }

    /// `path`: as it may be logged.
    pub(crate) fn end(
        self,
        request: &HttpRequest,
        path: &LazyCell<String, impl FnOnce() -> String>,
        status: StatusCode,
    ) {
        let Some(mut span) = self.span else { return };
        let route = request.match_pattern();
        let method = request.method().as_str();
        span.note("http.request.method", SpanValue::Text(method.into()));
        span.note("url.path", SpanValue::Text(path.as_str().into()));
        span.note("http.response.status_code", SpanValue::Number(status.as_u16().into()));
        let name = match route {
            Some(route) => {
                let name = format!("{method} {route}");
                span.note("http.route", SpanValue::Text(route));
                name
            }
            None => method.into(),
        };
        span.end(name, status.is_server_error());
    }
}

/// The place in a trace that the caller sent. Whoever sends two has none.
fn sent(request: &ServiceRequest) -> Option<TraceContext> {
    let mut sent = request.headers().get_all(&HEADER);
    let only = sent.next().filter(|_| sent.next().is_none())?;
    only.to_str().ok()?.parse().ok()
}
