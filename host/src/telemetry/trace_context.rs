//! The trace that a call belongs to, as the embedder knows it.

use http::{HeaderMap, HeaderName, HeaderValue};
use std::fmt;
use std::sync::Arc;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// A place in a trace, as W3C Trace Context writes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TraceHeaders {
    /// The header `traceparent`.
    pub traceparent: String,
    /// The header `tracestate`; empty where there is none.
    pub tracestate: String,
}

/// Tells the place in a trace of the current span. The host asks it within the span of an exchange, for authorizations with
/// `trace-context = true`, whose requests carry it.
#[derive(Clone)]
pub struct TraceContext(Arc<dyn Fn() -> Option<TraceHeaders> + Send + Sync>);

impl TraceContext {
    /// By this function. With `tracing-opentelemetry` it reads the context of `Span::current()`; the example `telemetry` has it.
    pub fn new(current: impl Fn() -> Option<TraceHeaders> + Send + Sync + 'static) -> Self {
        Self(Arc::new(current))
    }

    /// Adds the headers. What is no header's value is left out.
    pub(crate) fn add_to(&self, headers: &mut HeaderMap) {
        let Some(TraceHeaders { traceparent, tracestate }) = (self.0)() else { return };
        let Ok(parent) = HeaderValue::try_from(traceparent) else { return };
        headers.insert(TRACEPARENT, parent);
        if let Some(state) = HeaderValue::try_from(tracestate).ok().filter(|state| !state.is_empty()) {
            headers.insert(TRACESTATE, state);
        }
    }
}

impl fmt::Debug for TraceContext {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TraceContext")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_header_is_not_sent() {
        for (traceparent, tracestate, sent) in [
            ("00-1-2-01", "a=b", vec!["traceparent", "tracestate"]),
            ("00-1-2-01", "", vec!["traceparent"]),
            ("00-1-2-01", "a\nb", vec!["traceparent"]),
            ("00\r\nx: y", "a=b", vec![]),
        ] {
            let headers = TraceHeaders { traceparent: traceparent.into(), tracestate: tracestate.into() };
            let mut added = HeaderMap::new();
            TraceContext::new(move || Some(headers.clone())).add_to(&mut added);
            let mut names: Vec<_> = added.keys().map(HeaderName::as_str).collect();
            names.sort_unstable();
            assert_eq!(names, sent);
        }
    }
}
