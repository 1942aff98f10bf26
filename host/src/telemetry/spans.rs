//! The spans of a call and of an exchange, and what is measured of them.

use super::{CALL_DURATION, EXCHANGE_DURATION};
use crate::json::to_json;
use crate::outcome::Outcome;
use crate::runner::{EndedBy, Report};
use crate::transport::reason_of;
use http::{Method, Uri};
use metrics::Label;
use serde::Serialize;
use std::time::Instant;
use tracing::field::Empty;
use tracing::{Span, info_span};
use wasmtime_wasi_http::Error;

/// A call.
pub struct CallSpan(pub Span);

impl CallSpan {
    /// A call of a method begins.
    pub fn begin(method: &'static str, authorization: &str) -> Self {
        Self(info_span!(
            "servicenow.call",
            "otel.kind" = "internal",
            "otel.name" = method,
            "otel.status_code" = Empty,
            "servicenow.method" = method,
            "servicenow.authorization" = authorization,
            "servicenow.outcome" = Empty,
            "servicenow.ended_by" = Empty,
            "servicenow.write_happened" = Empty,
            "error.type" = Empty,
        ))
    }

    /// It ended.
    pub fn end<T: Outcome>(&self, report: &Report<T>) {
        let outcome = report.outcome.case();
        let ended_by = match report.ended_by {
            EndedBy::Component => "component",
            EndedBy::Host => "host",
        };
        self.0.record("servicenow.outcome", outcome);
        self.0.record("servicenow.ended_by", ended_by);
        if let Some(failure) = report.outcome.failure() {
            self.0.record("otel.status_code", "ERROR");
            self.0.record("error.type", name(&failure.reason));
            self.0.record("servicenow.write_happened", name(&failure.write_happened));
        }
        metrics::histogram!(CALL_DURATION, "method" => T::METHOD, "outcome" => outcome, "ended_by" => ended_by)
            .record(report.elapsed.as_secs_f64());
    }
}

/// A request on its way, and its answer.
pub struct ExchangeSpan {
    /// The span, which is the call's child.
    pub span: Span,
    began: Instant,
    labels: Vec<Label>,
}

impl ExchangeSpan {
    /// A request begins. `route` is its path without what names a record.
    pub fn begin(parent: &Span, method: &Method, uri: &Uri, route: String) -> Self {
        let server = uri.host().unwrap_or_default().to_string();
        let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("http") { 80 } else { 443 });
        let span = info_span!(
            parent: parent,
            "http.client",
            "otel.kind" = "client",
            "otel.name" = format!("{method} {route}"),
            "otel.status_code" = Empty,
            "http.request.method" = %method,
            "server.address" = server,
            "server.port" = port,
            "url.template" = route,
            "http.response.status_code" = Empty,
            "error.type" = Empty,
        );
        let labels = vec![
            Label::new("http.request.method", method.to_string()),
            Label::new("server.address", server),
            Label::new("server.port", port.to_string()),
            Label::new("url.template", route),
        ];
        Self { span, began: Instant::now(), labels }
    }

    /// The answer came whole, or why it did not.
    pub fn end(mut self, answer: Result<u16, &Error>) {
        let failed = match answer {
            Ok(status) => {
                self.span.record("http.response.status_code", status);
                self.labels.push(Label::new("http.response.status_code", status.to_string()));
                (status >= 400).then(|| status.to_string())
            }
            Err(error) => Some(name(&reason_of(error))),
        };
        if let Some(kind) = failed {
            self.span.record("otel.status_code", "ERROR");
            self.span.record("error.type", &*kind);
            self.labels.push(Label::new("error.type", kind));
        }
        metrics::histogram!(EXCHANGE_DURATION, self.labels).record(self.began.elapsed().as_secs_f64());
    }
}

/// The name of an enum's case, as in `wit/`.
fn name(case: &impl Serialize) -> String {
    to_json(case).as_str().unwrap_or_default().to_string()
}
