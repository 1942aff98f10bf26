//! The spans of a call and of an exchange, and what is measured of them.

use super::{CALL_DURATION, EXCHANGE_DURATION};
use crate::json::to_json;
use crate::outcome::Outcome;
use crate::runner::{EndedBy, Report};
use crate::transport::reason_of;
use http::{Method, Uri};
use metrics::Label;
use serde::Serialize;
use std::time::{Duration, Instant};
use tracing::field::Empty;
use tracing::{Span, info_span};
use wasmtime_wasi_http::Error;

/// How a call or an exchange ended that nobody waited for.
const CANCELLED: &str = "cancelled";

/// A call. One that is dropped before its end was cancelled.
pub struct CallSpan {
    /// The span.
    pub span: Span,
    method: &'static str,
    began: Instant,
    ended: bool,
}

impl CallSpan {
    /// A call of a method begins.
    pub fn begin(method: &'static str, authorization: &str) -> Self {
        let span = info_span!(
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
        );
        Self { span, method, began: Instant::now(), ended: false }
    }

    /// It ended.
    pub fn end<T: Outcome>(mut self, report: &Report<T>) {
        self.ended = true;
        let ended_by = match report.ended_by {
            EndedBy::Component => "component",
            EndedBy::Host => "host",
        };
        let outcome = report.outcome.case();
        if let Some(failure) = report.outcome.failure() {
            self.span.record("error.type", name(&failure.reason));
            self.span.record("servicenow.write_happened", name(&failure.write_happened));
        }
        // The other outcomes are answers: a record that is not there, inputs that are refused.
        if ["timeout", "error"].contains(&outcome) {
            self.span.record("otel.status_code", "ERROR");
        }
        self.record(outcome, ended_by, report.elapsed);
    }

    fn record(&self, outcome: &'static str, ended_by: &'static str, elapsed: Duration) {
        self.span.record("servicenow.outcome", outcome);
        self.span.record("servicenow.ended_by", ended_by);
        metrics::histogram!(CALL_DURATION, "method" => self.method, "outcome" => outcome, "ended_by" => ended_by)
            .record(elapsed.as_secs_f64());
    }
}

impl Drop for CallSpan {
    fn drop(&mut self) {
        if !self.ended {
            self.record(CANCELLED, "caller", self.began.elapsed());
        }
    }
}

/// A request on its way, and its answer. One that is dropped before its end was cancelled.
pub struct ExchangeSpan {
    /// The span, which is the call's child.
    pub span: Span,
    began: Instant,
    method: Method,
    server: String,
    port: u16,
    route: String,
    ended: bool,
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
        Self { span, began: Instant::now(), method: method.clone(), server, port, route, ended: false }
    }

    /// The answer came whole, or why it did not.
    pub fn end(mut self, answer: Result<u16, &Error>) {
        match answer {
            Ok(status) => self.record(Some(status), (status >= 400).then(|| status.to_string())),
            Err(error) => self.record(None, Some(name(&reason_of(error)))),
        }
    }

    fn record(&mut self, status: Option<u16>, failed: Option<String>) {
        self.ended = true;
        let mut labels = vec![
            Label::new("http.request.method", self.method.to_string()),
            Label::new("server.address", std::mem::take(&mut self.server)),
            Label::new("server.port", self.port.to_string()),
            Label::new("url.template", std::mem::take(&mut self.route)),
        ];
        if let Some(status) = status {
            self.span.record("http.response.status_code", status);
            labels.push(Label::new("http.response.status_code", status.to_string()));
        }
        if let Some(kind) = failed {
            self.span.record("otel.status_code", "ERROR");
            self.span.record("error.type", &*kind);
            labels.push(Label::new("error.type", kind));
        }
        metrics::histogram!(EXCHANGE_DURATION, labels).record(self.began.elapsed().as_secs_f64());
    }
}

impl Drop for ExchangeSpan {
    fn drop(&mut self) {
        if !self.ended {
            self.record(None, Some(CANCELLED.to_string()));
        }
    }
}

/// The name of an enum's case, as in `wit/`.
fn name(case: &impl Serialize) -> String {
    to_json(case).as_str().unwrap_or_default().to_string()
}
