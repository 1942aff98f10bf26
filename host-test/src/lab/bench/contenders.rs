//! Who is timed: the component in the reference host, with its pool and without, and a native client that sends the same
//! requests over the same pool.

use super::canned::Addresses;
use anyhow::{Context, bail};
use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::BodyExt;
use rustix::process::{Resource, getrlimit};
use servicenow_host::Host;
use servicenow_host::authorizations::Authorizations;
use servicenow_host::bench::{Clients, Sent, Sockets};
use servicenow_host::incidents::{CreateOptions, CreateOutcome, RequestBody};
use servicenow_host::limits::{Limits, MAX_HEADER_BYTES};
use servicenow_host::types::Call;
use servicenow_host::{Connections, Proxy};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The column that each create writes.
const SUMMARY: &str = "Printer on fire";

/// Long enough for any answer of the canned server.
const TIMEOUT_MS: u32 = 30_000;

/// How many calls are held at once by a server that answers late.
pub const IN_FLIGHT: usize = 10_000;

/// How many calls are made at once where throughput is measured.
pub const AT_ONCE: usize = 64;

/// The descriptors of everything else in the process.
const OTHER_DESCRIPTORS: u64 = 500;

/// One of those who are timed.
pub trait Contender: Clone + Send + Sync + 'static {
    /// Creates an incident by one exchange.
    fn create(&self) -> impl Future<Output = anyhow::Result<()>> + Send;
}

/// The component in the reference host.
#[derive(Clone)]
pub struct Sandboxed {
    host: Arc<Host>,
    origin: String,
    authorizations: usize,
    next: Arc<std::sync::atomic::AtomicUsize>,
}

/// A client of hyper's, with the same pool and TLS as the host's.
#[derive(Clone)]
pub struct Native {
    clients: Clients,
    request: Request<Bytes>,
}

/// Authorizations for one of the server's origins, named `bench-0` and so on. A bearer token stands in for one that was
/// fetched before: a call is one exchange then.
pub fn authorizations(origin: &str, addresses: &Addresses, count: usize) -> anyhow::Result<Authorizations> {
    let ca = addresses.ca.display().to_string();
    let trust = if origin.starts_with("https") {
        format!("ca-files = [{ca:?}]\nallowed-addresses = [\"127.0.0.0/8\"]")
    } else {
        "allow-http-loopback = true".to_string()
    };
    let one = |at: usize| {
        format!(
            "[authorizations.bench-{at}]\ninstance = {origin:?}\ngrant = \"bearer\"\ntoken = \"canned-access-token\"\n{trust}\n"
        )
    };
    let text: String = (0..count).map(one).collect();
    Authorizations::parse(&text, Path::new("the benchmark's own file")).context("the benchmark's own authorizations")
}

/// Limits that hold nothing back: as many calls as are held in flight, where there are descriptors for them.
pub fn limits() -> Limits {
    let descriptors = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let has_room = descriptors > IN_FLIGHT as u64 + OTHER_DESCRIPTORS;
    Limits {
        max_calls: if has_room { IN_FLIGHT } else { Limits::default().max_calls },
        max_calls_per_authorization: usize::MAX,
        max_timeout: Duration::from_millis(TIMEOUT_MS.into()),
        ..Limits::default()
    }
}

/// The same, with instances kept for as many calls as are made at once where throughput is measured.
pub fn keeping() -> Limits {
    Limits { kept_instances: AT_ONCE, ..limits() }
}

impl Sandboxed {
    /// The host's component, called for one of the server's origins.
    pub fn new(host: Host, origin: &str, authorizations: usize) -> Self {
        Self { host: Arc::new(host), origin: origin.to_string(), authorizations, next: Arc::default() }
    }

    /// The host.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// A call in the name of one of the authorizations, each in its turn.
    pub fn call(&self) -> Call {
        let at = self.next.fetch_add(1, std::sync::atomic::Ordering::Relaxed) % self.authorizations;
        let (authorization, instance) = (format!("bench-{at}"), self.origin.clone());
        Call { authorization, instance, timeout_ms: Some(TIMEOUT_MS) }
    }
}

impl Contender for Sandboxed {
    async fn create(&self) -> anyhow::Result<()> {
        let body = RequestBody::Fields(vec![("short_description".to_string(), SUMMARY.to_string())]);
        let options = CreateOptions {
            correlation_id: Some("bench".to_string()),
            input_display_values: false,
            choice_check: None,
        };
        match self.host.create(self.call(), body, options).await.outcome {
            CreateOutcome::IncidentCreated(_) => Ok(()),
            other => bail!("a create ended in {other:?}"),
        }
    }
}

impl Native {
    /// Sends what the component sends: the same address, headers and body.
    pub fn new(origin: &str, addresses: &Addresses) -> anyhow::Result<Self> {
        let clients = Clients::new(
            &authorizations(origin, addresses, 1)?,
            &Proxy::default(),
            Sockets::new(IN_FLIGHT),
            MAX_HEADER_BYTES,
            Connections::Kept,
        )?;
        let key = servicenow_core::servicenow::sys_id::SysId::derive("bench-0", "bench");
        let body = format!("{{\"short_description\":{SUMMARY:?},\"correlation_id\":\"bench\",\"sys_id\":\"{key}\"}}");
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("{origin}/api/now/table/incident"))
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::CONTENT_LENGTH, body.len())
            .header(header::AUTHORIZATION, "Bearer canned-access-token")
            .body(Bytes::from(body))?;
        Ok(Self { clients, request })
    }
}

impl Contender for Native {
    async fn create(&self) -> anyhow::Result<()> {
        let sent = Sent::default();
        let deadline = Instant::now() + Duration::from_millis(TIMEOUT_MS.into());
        let answer = self.clients.send("bench-0", self.request.clone(), &sent, deadline).await?;
        let (response, connection) = answer.into_parts();
        let status = response.status();
        response.into_body().collect().await?;
        connection.keep();
        if status != 201 { bail!("the canned server answered {status}") } else { Ok(()) }
    }
}
