//! `listen`: a receiver to try deliveries on.

use super::changes::{Selected, row};
use super::connection::Connection;
use super::input::read_file;
use super::metrics::Metrics;
use super::{print, show};
use crate::lab::invocation::Finished;
use anyhow::{Context, bail};
use bytes::Bytes;
use clap::Args;
use http::{Request, header};
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use servicenow_host::callbacks::{Change, Verdict};
use servicenow_host::event_sync::{ChangeHandler, NotDelivered, Outbox, Receiver, Reconciled};
use servicenow_host::json::to_json;
use servicenow_host::origin::Origin;
use servicenow_host::outcome::Outcome;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::select;
use tokio::signal::ctrl_c;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use url::Url;

/// How many deliveries are judged at once; more wait.
const CALLS: usize = 64;

/// How often it is read what deliveries missed, and how soon after one could not be taken in.
const RECONCILE_EVERY: Duration = Duration::from_secs(300);
const AFTER_A_MISS: Duration = Duration::from_secs(10);

/// Options of `listen`.
#[derive(Args)]
pub struct Listen {
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    selected: Selected,
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// The rules document
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    /// Where versions are remembered; what was missed since the last run is read at the start
    #[arg(long, value_name = "FILE")]
    ledger: PathBuf,
    /// Post each change to this address as a CloudEvent, in order for each record, until that is answered with success. The
    /// ledger keeps what waits; see the command outbox
    #[arg(long, value_name = "URL")]
    forward: Option<Url>,
    /// Write the address that is listened on to this file, once it is
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    #[command(flatten)]
    metrics: Metrics,
}

impl Listen {
    /// Runs until interrupted.
    pub async fn run(self) -> anyhow::Result<bool> {
        let rules = self.rules.as_ref().map(|path| read_file("--rules", path)).transpose()?;
        self.metrics.start().await?;
        let host = self.connection.target.host_for(CALLS)?;
        let sync = Arc::new(self.connection.target.event_sync(&host, Some(&self.ledger))?);
        let forward = self.forward.map(Forward::new).transpose()?.map(Arc::new);
        let outbox = forward.is_some().then(|| sync.outbox(&self.connection.target.authorization));
        let shown = Arc::new(Shown { json: self.connection.json, outbox: outbox.clone(), missed: Notify::new() });
        // Deliveries are taken in first: what they bring is known when the rest is read.
        let authorization = self.connection.target.authorization.clone();
        let started = Receiver::start(self.listen, Arc::clone(&sync), authorization, rules.clone(), Arc::clone(&shown));
        let receiver =
            started.await.with_context(|| format!("--listen {}: give an address of this machine", self.listen))?;
        let address = format!("http://{}", receiver.address());
        if let Some(path) = &self.ready_file {
            servicenow_host::files::replace(path, address.as_bytes(), |present| present.starts_with(b"http://"))
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        shown.say(&json!({"listening": address}), || format!("listening on {address}"));
        if let (Some(outbox), Some(forward)) = (outbox, forward) {
            tokio::spawn(outbox.run(move |event| {
                let forward = Arc::clone(&forward);
                async move { forward.post(event).await.inspect_err(|problem| eprintln!("warning: {problem}")) }
            }));
        }
        let call = self.connection.target.call();
        let handle = |change: Change| {
            let shown = Arc::clone(&shown);
            async move {
                let handled = shown.handle(&change).await;
                if handled.is_ok() {
                    shown.line("reconciled", &change);
                }
                handled
            }
        };
        let mut is_first = true;
        loop {
            match sync.reconcile(&call, &self.selected.selection(), rules.clone(), handle).await {
                Ok((report, _)) if !report.outcome.is_success() => {
                    eprintln!("warning: what was missed could not be read");
                    match self.connection.json {
                        true => print(&show::in_json(&Finished::from(report), "", self.connection.trace).to_string()),
                        false => self.connection.show(&Finished::from(report), "")?,
                    }
                }
                Ok((report, Reconciled { accepted, .. })) if is_first || accepted > 0 => {
                    self.connection.trace(&Finished::from(report));
                    shown.say(&json!({"missed": accepted}), || format!("{accepted} changes were missed"));
                }
                Ok(_) => {}
                Err(error) => eprintln!("warning: {error}"),
            }
            is_first = false;
            let missed = async {
                shown.missed.notified().await;
                sleep(AFTER_A_MISS).await;
            };
            select! {
                interrupted = ctrl_c() => return interrupted.map(|()| true).map_err(Into::into),
                _ = timeout(RECONCILE_EVERY, missed) => {}
            }
        }
    }
}

/// Shows each delivery, and has what is new forwarded.
struct Shown {
    json: bool,
    outbox: Option<Arc<Outbox>>,
    /// A delivery was not taken in, and the instance does not repeat it.
    missed: Notify,
}

impl Shown {
    /// What is no change: one JSON object a line, or a text.
    fn say(&self, object: &Value, text: impl FnOnce() -> String) {
        print(&if self.json { object.to_string() } else { text() });
    }

    fn line(&self, verdict: &str, change: &Change) {
        if self.json {
            print(&change.cloud_event);
        } else {
            print(&format!("{verdict:12} {}", row(change).join("  ").trim_end()));
        }
    }
}

impl ChangeHandler for Shown {
    async fn handle(&self, change: &Change) -> Result<(), String> {
        self.outbox.as_ref().map_or(Ok(()), |outbox| outbox.put(change)).map_err(|error| error.to_string())
    }

    fn judged(&self, verdict: &Result<Verdict, NotDelivered<String>>) {
        if verdict.is_err() {
            self.missed.notify_one();
        }
        match verdict {
            Ok(Verdict::Accepted(accepted)) => self.line("accepted", &accepted.change),
            Ok(Verdict::Late(accepted)) => self.line("late", &accepted.change),
            Ok(verdict) if self.json => {
                let verdict = to_json(verdict);
                // A case that carries nothing is its name.
                print(&if verdict.is_string() { json!({"case": verdict}) } else { verdict }.to_string());
            }
            Ok(Verdict::Duplicate) => print("duplicate"),
            Ok(Verdict::Stale) => print("stale"),
            Ok(Verdict::Echo) => print("echo"),
            Ok(Verdict::Ignored(why)) => print(&format!("{:12} {why}", "ignored")),
            Ok(Verdict::Unauthenticated) => print("unauthenticated"),
            Ok(Verdict::InvalidData(violations)) => {
                print("invalid-data");
                show::value(&to_json(violations));
            }
            Err(error) if self.json => print(&json!({"error": error.to_string()}).to_string()),
            Err(error) => eprintln!("warning: {error}"),
        }
    }
}

/// The way to a consumer.
struct Forward {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    url: Url,
}

impl Forward {
    fn new(url: Url) -> anyhow::Result<Self> {
        let is_loopback = Origin::of(&url).is_some_and(|origin| origin.is_loopback());
        if url.scheme() != "https" && !(url.scheme() == "http" && is_loopback) {
            bail!("--forward must be an https address; http is for loopback, since a change tells what is in a record");
        }
        let connector = HttpsConnectorBuilder::new().with_native_roots().context("no certificates of this machine")?;
        let connector = connector.https_or_http().enable_http1().build();
        Ok(Self { client: Client::builder(TokioExecutor::new()).build(connector), url })
    }

    /// The address without what may be secret in it: user, password and query.
    fn shown(&self) -> String {
        Origin::of(&self.url).map_or_else(String::new, |origin| format!("{origin}{}", self.url.path()))
    }

    /// Posts an event. The outbox ends it where it takes too long.
    async fn post(&self, event: String) -> Result<(), String> {
        let body = Full::from(event);
        let request = Request::post(self.url.as_str()).header(header::CONTENT_TYPE, "application/cloudevents+json");
        let request = request.body(body).map_err(|error| error.to_string())?;
        match self.client.request(request).await {
            Ok(response) if response.status().is_success() => Ok(()),
            Ok(response) => Err(format!("{} answered {}", self.shown(), response.status())),
            Err(error) => Err(format!("{}: {error}", self.shown())),
        }
    }
}
