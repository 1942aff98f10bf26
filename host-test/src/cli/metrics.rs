//! `--metrics`: the figures of a command that runs on, for Prometheus.

use super::token::token;
use crate::http_server::{Answer, plain, refused, serve};
use anyhow::{Context, ensure};
use clap::Args;
use http::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use servicenow_host::telemetry;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::sleep;

/// Where the figures are.
const PATH: &str = "/metrics";

/// Seconds: what OpenTelemetry advises for HTTP, and the longest deadline.
const BUCKETS: [f64; 15] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 60.0];

/// How often what was counted is put together: until then each sample is kept, whether anybody reads the figures or not.
const UPKEEP: Duration = Duration::from_secs(5);

/// The text format of Prometheus.
const TEXT_FORMAT: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4");

/// Options of a command that runs on.
#[derive(Args)]
pub struct Metrics {
    /// Serve figures in the format of Prometheus on this address of loopback; port 0 takes a free one. The address is said on standard
    /// error
    #[arg(long, value_name = "ADDRESS")]
    metrics: Option<SocketAddr>,
    /// The token that who reads the figures has to give is in this file; one is made and said where it is absent
    #[arg(long, value_name = "FILE", requires = "metrics")]
    metrics_token_file: Option<PathBuf>,
}

impl Metrics {
    /// Begins to count, and to serve what is counted, where that is wanted.
    pub async fn start(&self) -> anyhow::Result<()> {
        let Some(address) = self.metrics else { return Ok(()) };
        ensure!(address.ip().is_loopback(), "--metrics {address}: give an address of loopback, such as 127.0.0.1:0");
        let token = token(self.metrics_token_file.as_deref())?;
        let listener = TcpListener::bind(address).await;
        let listener = listener.with_context(|| format!("--metrics {address}: give an address of this machine"))?;
        let counted = PrometheusBuilder::new().set_buckets(&BUCKETS)?.install_recorder()?;
        telemetry::describe();
        let made = if self.metrics_token_file.is_some() { "" } else { &format!(", Authorization: Bearer {token}") };
        eprintln!("metrics: http://{}{PATH}{made}", listener.local_addr()?);
        let token: Arc<[u8]> = token.as_bytes().into();
        let kept = counted.clone();
        tokio::spawn(async move {
            loop {
                sleep(UPKEEP).await;
                kept.run_upkeep();
            }
        });
        tokio::spawn(serve(listener, move |request| {
            let answer = answer(&counted, &token, &request);
            async move { answer }
        }));
        Ok(())
    }
}

fn answer(counted: &PrometheusHandle, token: &[u8], request: &Request<Incoming>) -> Answer {
    if request.uri().path() != PATH {
        return plain(StatusCode::NOT_FOUND, "the figures are at /metrics\n");
    }
    if request.method() != Method::GET {
        let mut refusal = plain(StatusCode::METHOD_NOT_ALLOWED, "figures are read by GET\n");
        refusal.headers_mut().insert(ALLOW, HeaderValue::from_static("GET"));
        return refusal;
    }
    if let Some(refusal) = refused(request.headers(), token) {
        return refusal;
    }
    let mut response = Response::new(Full::from(counted.render()).boxed());
    response.headers_mut().insert(CONTENT_TYPE, TEXT_FORMAT);
    response
}
