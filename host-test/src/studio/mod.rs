//! `studio`: a page that draws the node, runs it, and shows what happens.
//!
//! The page is `assets/`, and is served as it stands. It asks this server by JSON under `/api/`: `server.rs` has the addresses.
//! What happens while calls run is told by the host's own spans (`events.rs`).

mod assets;
mod calls;
pub mod events;
mod faults;
mod instance;
mod payloads;
mod server;
mod ways;

pub use server::Listening;

use crate::components;
use events::Events;
use faults::Active;
use serde_json::{Value, json};
use servicenow_artifacts::Artifact;
use servicenow_host::event_sync::{EventSync, MemoryLedger};
use servicenow_host::json::to_json;
use servicenow_host::types::Call;
use servicenow_host::{Authorizations, Host, Limits};
use servicenow_simulator::Simulator;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use ways::Ways;

/// How many calls run at once: a page has one visitor.
const CALLS: usize = 16;

/// What the page works on.
pub struct Studio {
    host: Host,
    sync: Mutex<Arc<EventSync>>,
    /// The call that every method is given.
    call: Call,
    /// Whether methods that write may be called.
    writes: bool,
    /// The simulator, and what stood in it at the start.
    simulator: Option<(Simulator, String)>,
    ways: Ways,
    faults: Active,
    events: Events,
    manifest: Value,
}

impl Studio {
    /// On a simulator of its own, where everything may be done.
    pub async fn on_simulator(events: Events) -> anyhow::Result<Self> {
        let simulator = Simulator::start(Default::default()).await?;
        let file = simulator.authorizations_file();
        let authorizations = Authorizations::parse(&file, Path::new("authorizations.toml"))?;
        let host = Host::builder().authorizations(authorizations).limits(limits()).build()?;
        let call = Call::new("main", simulator.access().base_url.clone());
        let start = simulator.snapshot();
        Self::new(host, call, true, Some((simulator, start)), events).await
    }

    /// On an instance, read-only unless it may be written to.
    pub async fn on_instance(host: Host, call: Call, writes: bool, events: Events) -> anyhow::Result<Self> {
        Self::new(host, call, writes, None, events).await
    }

    async fn new(
        host: Host,
        call: Call,
        writes: bool,
        simulator: Option<(Simulator, String)>,
        events: Events,
    ) -> anyhow::Result<Self> {
        let manifest = to_json(&host.describe().await.map_err(anyhow::Error::from)?);
        let (sync, ways, faults) = (Mutex::new(event_sync(&host)?), Ways::default(), Active::default());
        Ok(Self { host, sync, call, writes, simulator, ways, faults, events, manifest })
    }

    /// Event sync, with what it remembers.
    fn sync(&self) -> Arc<EventSync> {
        Arc::clone(&self.sync.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes the simulator back to its start: its tables, its faults, what was set up in it, and what is remembered of it.
    async fn reset(&self, simulator: &Simulator) -> Result<(), String> {
        let _changing = self.ways.changing().await;
        let sync = event_sync(&self.host).map_err(|error| format!("{error:#}"))?;
        *self.sync.lock().unwrap_or_else(PoisonError::into_inner) = sync;
        self.faults.clear(simulator);
        self.ways.clear();
        simulator.load(self.simulator.as_ref().map_or("", |(_, start)| start))?;
        self.events.forget();
        self.events.tell(&json!({"kind": "reset"}));
        Ok(())
    }

    /// What the page is told once.
    fn about(&self) -> Value {
        json!({
            "manifest": self.manifest,
            "instance": self.call.instance,
            "authorization": self.call.authorization,
            "simulator": self.simulator.is_some(),
            "writes": self.writes,
            "faults": faults::all(),
            "active_faults": self.faults.names(),
            "payloads": payloads::all(),
        })
    }
}

/// Event sync that remembers nothing yet.
fn event_sync(host: &Host) -> anyhow::Result<Arc<EventSync>> {
    let component = components::load(Artifact::SyncOverTransport)?;
    Ok(Arc::new(host.event_sync_with(&component, MemoryLedger::default())?))
}

/// What the calls of a page may use.
pub fn limits() -> Limits {
    Limits { max_calls: CALLS, ..Limits::default() }
}
