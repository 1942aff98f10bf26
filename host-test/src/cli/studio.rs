//! `studio`: a page that draws the node and runs it.

use super::print;
use crate::mcp::random;
use crate::studio::events::Events;
use crate::studio::{Listening, Studio, limits};
use anyhow::{Context, ensure};
use clap::Args;
use servicenow_host::types::Call;
use servicenow_host::{Authorizations, Host};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

/// Options of `studio`.
#[derive(Args)]
pub struct StudioPage {
    /// Where to listen, on loopback; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// The instance, in place of a simulator: an id such as dev12345, a host name, or an origin
    #[arg(long, requires_all = ["authorization", "authorizations"])]
    instance: Option<String>,
    /// The name of an authorization in the file
    #[arg(long, value_name = "NAME", requires = "instance")]
    authorization: Option<String>,
    /// The authorizations file
    #[arg(long, value_name = "FILE", requires = "instance")]
    authorizations: Option<PathBuf>,
    /// Create and update incidents of a real instance too
    #[arg(long, requires = "instance")]
    allow_writes: bool,
    /// Open the page in the browser
    #[arg(long)]
    open: bool,
}

impl StudioPage {
    /// Serves until interrupted.
    pub async fn run(self, events: Events) -> anyhow::Result<bool> {
        let Self { listen, instance, authorization, authorizations, allow_writes, open } = self;
        ensure!(listen.ip().is_loopback(), "--listen {listen}: give an address of loopback, such as 127.0.0.1:0");
        let studio = match (instance, authorization, authorizations) {
            (Some(instance), Some(authorization), Some(file)) => {
                let authorizations = Authorizations::from_file(&file)?;
                let host = Host::builder().authorizations(authorizations).limits(limits()).build()?;
                Studio::on_instance(host, Call::new(authorization, instance), allow_writes, events).await?
            }
            _ => Studio::on_simulator(events).await?,
        };
        let listening = Listening::start(studio, listen, &random()?).await;
        let listening = listening.with_context(|| format!("--listen {listen}: give an address of this machine"))?;
        let url = listening.url();
        print(&url);
        if open {
            let opened = Command::new("xdg-open").arg(&url).spawn();
            opened.with_context(|| format!("--open: xdg-open cannot be run; open {url} yourself"))?;
        }
        tokio::select! {
            never = listening.run() => match never {},
            interrupted = tokio::signal::ctrl_c() => interrupted.map(|()| true).map_err(Into::into),
        }
    }
}
