//! `mcp`: the node for agents.

use super::connection::Target;
use super::metrics::Metrics;
use super::print;
use super::token::token;
use crate::mcp::Server;
use crate::mcp::http::Listening;
use anyhow::{Context, ensure};
use clap::Args;
use serde_json::json;
use servicenow_host::COMPONENT;
use std::net::SocketAddr;
use std::path::PathBuf;

/// How many calls run at once; more wait, inside their deadlines.
const CALLS: usize = 64;

/// Options of `mcp`.
#[derive(Args)]
pub struct Mcp {
    #[command(flatten)]
    target: Target,
    /// Offer the tools that write as well: creating and updating
    #[arg(long)]
    allow_writes: bool,
    /// Listen for streamable HTTP on this address of loopback, in place of standard input and output; port 0 takes a free one. The
    /// address and the token are printed
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// The token that clients have to give over HTTP is in this file; one is made where it is absent
    #[arg(long, value_name = "FILE", requires = "listen")]
    token_file: Option<PathBuf>,
    /// Ask for no token: every program of this machine may call
    #[arg(long, requires = "listen", conflicts_with = "token_file")]
    no_token: bool,
    #[command(flatten)]
    metrics: Metrics,
}

impl Mcp {
    /// Serves until the client leaves, or until interrupted.
    pub async fn run(self) -> anyhow::Result<bool> {
        let token = self.token()?;
        self.metrics.start().await?;
        let host = self.target.host_for(CALLS)?;
        let server = Server::new(host, COMPONENT, self.target.call(), self.allow_writes).await?;
        let Some(address) = self.listen else { return server.serve_stdio().await.map(|()| true) };
        let listening = Listening::start(server, address, token.as_deref()).await;
        let listening = listening.with_context(|| format!("--listen {address}: give an address of this machine"))?;
        // The operator's own token is theirs to know: what is printed goes to logs.
        let made = token.filter(|_| self.token_file.is_none());
        print(&json!({"url": listening.url(), "token": made}).to_string());
        tokio::select! {
            never = listening.run() => match never {},
            interrupted = tokio::signal::ctrl_c() => interrupted.map(|()| true).map_err(Into::into),
        }
    }

    fn token(&self) -> anyhow::Result<Option<String>> {
        let Some(address) = self.listen else { return Ok(None) };
        ensure!(address.ip().is_loopback(), "--listen {address}: give an address of loopback, such as 127.0.0.1:0");
        if self.no_token {
            return Ok(None);
        }
        token(self.token_file.as_deref()).map(Some)
    }
}
