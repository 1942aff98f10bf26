//! Figures for Prometheus and spans for OpenTelemetry, of an embedder's own exporters.
//!
//! `cargo run -p servicenow-host --example telemetry -- INSTANCE authorizations.toml` prints both. In place of the exporter that
//! prints spans take `opentelemetry-otlp`; serve what the recorder renders at an address of yours, and call its `run_upkeep` every
//! few seconds. With `trace-context = true`
//! in the authorization, requests to the instance carry the trace.

use anyhow::Context;
use metrics_exporter_prometheus::PrometheusBuilder;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanExporter};
use servicenow_host::incidents::FindOutcome;
use servicenow_host::telemetry::{TraceContext, TraceHeaders};
use servicenow_host::{Authorizations, Host, telemetry, types::Call};
use std::collections::HashMap;
use tracing::{Instrument, Span, Subscriber, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// What sends spans to an exporter, and what flushes it at the end.
fn spans_to(exporter: impl SpanExporter + 'static) -> (impl Subscriber + Send + Sync, SdkTracerProvider) {
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("servicenow"));
    // Spans alone: the host's log names the paths of requests that it denied, which a component chose.
    let spans = layer.with_filter(filter_fn(|metadata| metadata.is_span()));
    (tracing_subscriber::registry().with(spans), provider)
}

/// The place of the current span in its trace, as W3C Trace Context writes it.
fn trace_context() -> TraceContext {
    TraceContext::new(|| {
        let mut headers = HashMap::new();
        TraceContextPropagator::new().inject_context(&Span::current().context(), &mut headers);
        let mut header = |name: &str| headers.remove(name);
        Some(TraceHeaders { traceparent: header("traceparent")?, tracestate: header("tracestate").unwrap_or_default() })
    })
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (instance, file) =
        arguments.next().zip(arguments.next()).context("give an instance and an authorizations file")?;
    let (subscriber, provider) = spans_to(opentelemetry_stdout::SpanExporter::default());
    subscriber.init();
    let figures = PrometheusBuilder::new().install_recorder()?;
    telemetry::describe();
    let host = Host::builder()
        .authorizations(Authorizations::from_file(file.as_ref())?)
        .trace_context(trace_context())
        .build()?;
    // The span of whatever the embedder does.
    let step = info_span!("step", flow = "nightly");
    let found = host.find(Call::new("main", instance), "active=true".into(), 5, 0).instrument(step).await;
    if let FindOutcome::FindSuccess(found) = &found.outcome {
        println!("{} incidents", found.incidents.len());
    }
    provider.force_flush()?;
    println!("{}", figures.render());
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "in a test an unwrap is an assertion")]
mod tests {
    use super::*;
    use opentelemetry_sdk::trace::{InMemorySpanExporter, SpanData};
    use servicenow_host::Limits;
    use servicenow_host::Outcome;
    use servicenow_host::incidents::{CreateOptions, IncidentRef, RequestBody, UpdateOptions};
    use servicenow_simulator::{Effect, Fault, Simulator};

    /// A simulator, and a host whose authorization `main` has these settings besides.
    async fn started(more: &str) -> (Simulator, Host, Call) {
        let simulator = Simulator::start(Default::default()).await.unwrap();
        // The last entry is `main`.
        let file = format!("{}{more}", simulator.authorizations_file());
        let authorizations = Authorizations::parse(&file, "a.toml".as_ref()).unwrap();
        // An instance that is kept for the next call holds no span of the last open.
        let limits = Limits { kept_instances: 1, ..Limits::default() };
        let host = Host::builder().authorizations(authorizations).limits(limits).trace_context(trace_context());
        let host = host.build().unwrap();
        let call = Call::new("main", simulator.access().base_url.clone());
        (simulator, host, call)
    }

    fn attribute(span: &SpanData, name: &str) -> String {
        let found = span.attributes.iter().find(|attribute| attribute.key.as_str() == name);
        found.map(|attribute| attribute.value.to_string()).unwrap_or_default()
    }

    /// The header of the last read of incidents.
    fn traceparent(simulator: &Simulator) -> Option<String> {
        let requests = simulator.whole_requests();
        let read = requests.iter().rfind(|request| request["address"].to_string().contains("/incident?")).unwrap();
        let headers = read["headers"].as_array().unwrap();
        let header = headers.iter().find(|header| header[0] == "traceparent")?;
        header[1].as_str().map(str::to_string)
    }

    fn by_number(value: &str) -> IncidentRef {
        IncidentRef { kind: "number".to_string(), value: value.to_string() }
    }

    // On one thread: recorder and subscriber are those of this test alone.
    #[tokio::test]
    async fn spans_nest_and_the_instance_is_told_of_the_trace_where_that_is_allowed() {
        for (more, is_told) in [("trace-context = true\n", true), ("", false)] {
            let exporter = InMemorySpanExporter::default();
            let (subscriber, provider) = spans_to(exporter.clone());
            let _here = tracing::subscriber::set_default(subscriber);
            let (simulator, host, call) = started(more).await;
            let step = info_span!("step");
            host.get(call, by_number("INC9999999")).instrument(step.clone()).await;
            drop(step);
            provider.force_flush().unwrap();
            let spans = exporter.get_finished_spans().unwrap();
            let named = |name: &str| spans.iter().find(|span| span.name == name).unwrap();
            let (step, call, exchange) = (named("step"), named("get"), named("GET /api/now/table/incident"));
            assert_eq!(
                (call.parent_span_id, exchange.parent_span_id),
                (step.span_context.span_id(), call.span_context.span_id())
            );
            assert_eq!(attribute(call, "servicenow.outcome"), "incident-not-found");
            assert_eq!(attribute(exchange, "http.response.status_code"), "200");
            assert_eq!(attribute(exchange, "url.template"), "/api/now/table/incident");
            let context = &exchange.span_context;
            let expected = format!("00-{}-{}-01", context.trace_id(), context.span_id());
            assert_eq!(traceparent(&simulator), is_told.then_some(expected));
        }
    }

    #[tokio::test]
    async fn what_happened_is_counted_and_nothing_of_a_record_or_a_secret_is_in_it() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let figures = recorder.handle();
        let _here = metrics::set_default_local_recorder(&recorder);
        let exporter = InMemorySpanExporter::default();
        let (subscriber, provider) = spans_to(exporter.clone());
        let _spans = tracing::subscriber::set_default(subscriber);
        let (simulator, host, call) = started("").await;
        let sys_id = "a".repeat(32);
        host.get(call.clone(), by_number("INC-A-CANARY")).await;
        let urgent = RequestBody::Fields(vec![("urgency".into(), "1".into())]);
        host.update(call.clone(), sys_id.clone(), urgent, UpdateOptions::default()).await;
        simulator.inject(Fault::once("GET", "/api/now/table/", Effect::status(429).header("retry-after", "3")));
        host.get(Call { timeout_ms: Some(500), ..call.clone() }, by_number("INC1")).await;
        // One whose caller went away.
        let asked = || simulator.requests().iter().filter(|line| line.starts_with("POST /api/now/table/")).count();
        simulator.inject(Fault::once("POST", "/api/now/table/", Effect::Hang));
        let body = RequestBody::Fields(vec![("urgency".into(), "1".into())]);
        tokio::select! {
            ended = host.create(call.clone(), body, CreateOptions::default()) => panic!("{ended:?}"),
            () = async { while asked() == 0 { tokio::task::yield_now().await } } => {}
        }
        let unknown = Call { authorization: "A-CANARY-OF-A-CALLER".into(), ..call };
        assert_eq!(host.get(unknown, by_number("INC1")).await.outcome.case(), "error");
        let figures = figures.render();
        for line in [
            r#"servicenow_call_duration_count{method="get",outcome="incident-not-found",ended_by="component"} 1"#,
            r#"servicenow_call_duration_count{method="update",outcome="incident-not-found",ended_by="component"} 1"#,
            r#"servicenow_call_duration_count{method="get",outcome="error",ended_by="component"} 1"#,
            r#"servicenow_call_duration_count{method="create",outcome="cancelled",ended_by="caller"} 1"#,
            r#"url_template="/api/now/table/incident",error_type="cancelled"} 1"#,
            "servicenow_calls_active 0",
            "servicenow_calls_waiting 0",
            r#"servicenow_budget_used{budget="memory"} 0"#,
            r#"servicenow_token_fetches{result="issued"} 1"#,
            r#"servicenow_rate_limit_pauses{authorization="main"} 1"#,
            r#"url_template="/api/now/table/incident/{key}",http_response_status_code="404",error_type="404"} 1"#,
            r#"http_response_status_code="429",error_type="429"} 1"#,
        ] {
            assert!(figures.contains(line), "{line} is not in\n{figures}");
        }
        provider.force_flush().unwrap();
        let spans = format!("{:?}", exporter.get_finished_spans().unwrap());
        for secret in [&*sys_id, "INC-A-CANARY", &simulator.access().client_secret, "Bearer"] {
            assert!(!figures.contains(secret) && !spans.contains(secret), "{secret}");
        }
        assert!(!figures.contains("A-CANARY-OF-A-CALLER"));
    }
}
