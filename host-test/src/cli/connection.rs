//! What every command takes that calls an instance: where it is, as whom, and for how long.

use super::limits::LimitOptions;
use super::show;
use crate::components;
use crate::lab::invocation::Finished;
use anyhow::Context;
use clap::Args;
use servicenow_artifacts::Artifact;
use servicenow_host::Host;
use servicenow_host::Limits;
use servicenow_host::authorizations::Authorizations;
use servicenow_host::event_sync::{EventSync, MemoryLedger, SqliteLedger};
use servicenow_host::types::Call;
use servicenow_host::usual_folder;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// An instance, an authorization and a deadline.
#[derive(Args)]
pub struct Target {
    /// The instance: an id such as dev12345, a host name, or an origin
    #[arg(long)]
    instance: String,
    /// The name of an authorization in the file
    #[arg(long, value_name = "NAME")]
    pub authorization: String,
    /// The authorizations file
    #[arg(long, value_name = "FILE")]
    authorizations: PathBuf,
    /// The deadline, such as 800ms or 30s; 5s where absent, --max-timeout at most
    #[arg(long, value_parser = humantime::parse_duration)]
    timeout: Option<Duration>,
    /// Keep the compiled component in this folder, for the next call; the user's own cache folder where absent
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    #[command(flatten)]
    limits: LimitOptions,
}

/// The same, and how what comes of it is shown.
#[derive(Args)]
pub struct Connection {
    #[command(flatten)]
    pub target: Target,
    /// Show each HTTP exchange that the component makes
    #[arg(long)]
    pub trace: bool,
    /// Print JSON instead of text
    #[arg(long)]
    pub json: bool,
}

impl Target {
    /// A host with the file's authorizations, for one call at a time.
    pub fn host(&self) -> anyhow::Result<Host> {
        self.host_for(1)
    }

    /// A host for so many calls at once. A thousand places for calls take their time to be made.
    pub fn host_for(&self, max_calls: usize) -> anyhow::Result<Host> {
        let authorizations = Authorizations::from_file(&self.authorizations)?;
        let asked = self.limits.limits();
        let limits = Limits { max_calls: max_calls.min(asked.max_calls), ..asked };
        let host = Host::builder().authorizations(authorizations).limits(limits);
        let host = match self.folder() {
            Some(folder) => host.cache(&folder),
            None => host,
        };
        Ok(host.build()?)
    }

    /// Two-way event sync beside such a host, with what is remembered in a file, or nowhere.
    pub fn event_sync(&self, host: &Host, ledger: Option<&Path>) -> anyhow::Result<EventSync> {
        let component = components::load(Artifact::SyncOverTransport)?;
        Ok(match ledger {
            Some(path) => {
                let expected = || format!("{}: give the path of a ledger, or of a file to make", path.display());
                host.event_sync_with(&component, SqliteLedger::open(path).with_context(expected)?)?
            }
            None => host.event_sync_with(&component, MemoryLedger::default())?,
        })
    }

    /// The call.
    pub fn call(&self) -> Call {
        let timeout_ms = self.timeout.map(|timeout| u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX));
        Call { authorization: self.authorization.clone(), instance: self.instance.clone(), timeout_ms }
    }

    /// How long the call may take.
    pub fn patience(&self) -> Duration {
        self.timeout.unwrap_or(servicenow_host::limits::DEFAULT_TIMEOUT)
    }

    fn folder(&self) -> Option<PathBuf> {
        self.cache.clone().or_else(usual_folder)
    }
}

impl Connection {
    /// Prints how a call ended. `edge` is its name in the original node, where it has one.
    pub fn show(&self, finished: &Finished, edge: &str) -> anyhow::Result<()> {
        show::outcome(finished, edge, self.json, self.trace)
    }

    /// Prints the exchanges of a call whose outcome is shown in another way, where they are asked for.
    pub fn trace(&self, finished: &Finished) {
        match (self.trace, self.json) {
            (false, _) => {}
            (true, false) => show::exchanges(finished),
            (true, true) => super::print(&serde_json::json!({"exchanges": finished.exchanges}).to_string()),
        }
    }
}
