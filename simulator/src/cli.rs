//! The command line: runs a simulator until interrupted.

use crate::{Options, Settings, Simulator};
use anyhow::{Context, anyhow, bail};
use clap::Args;
use std::fs::OpenOptions;
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The first line of an authorizations file that a simulator writes, by which the next one knows that it may replace it.
const MARK: &str = "# Written by the ServiceNow simulator, which replaces it at its next start.";

/// Options of the command.
#[derive(Args)]
pub struct Command {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Speak TLS, with a CA made now whose certificate is written to DIR/ca.pem
    #[arg(long, value_name = "DIR")]
    tls: Option<PathBuf>,
    /// Write the line that is printed to this file too, once the simulator is ready
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// Write an authorizations file for this simulator: main for incidents, events for events, setup for provisioning
    #[arg(long, value_name = "FILE")]
    authorizations_file: Option<PathBuf>,
    /// Make keys and times the same each time: the clock starts at 2026-01-01 and moves a second with each write
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    /// Let the faults of this JSON file go wrong, such as [{"method":"POST","effect":"close"}]
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
    /// Do not keep requests for GET /simulator/requests: memory then does not grow by them
    #[arg(long)]
    forget_requests: bool,
    /// Start with the tables of this file, as GET /simulator/snapshot gives them
    #[arg(long, value_name = "FILE")]
    snapshot: Option<PathBuf>,
}

impl Command {
    /// Runs until interrupted. Prints what a client needs as one line of JSON.
    pub async fn run(self) -> anyhow::Result<()> {
        if !self.listen.ip().is_loopback() {
            bail!(
                "--listen {}: a simulator takes any caller's word; give an address of this machine such as 127.0.0.1:0",
                self.listen
            );
        }
        let options = Options {
            listen: Some(self.listen),
            tls: self.tls.clone(),
            settings: Settings { keeps_requests: !self.forget_requests, ..Settings::default() },
            seed: self.seed,
        };
        let listening = format!("cannot listen on {} (is the port taken?) or write the CA", self.listen);
        let simulator = Simulator::start(options).await.context(listening)?;
        if let Some(path) = &self.snapshot {
            simulator.load(&read(path)?).map_err(|problem| anyhow!("{}: {problem}", path.display()))?;
        }
        if let Some(path) = &self.faults {
            simulator.script(&read(path)?).map_err(|problem| anyhow!("{}: {problem}", path.display()))?;
        }
        if let Some(path) = &self.authorizations_file {
            write(path, &format!("{MARK}\n{}", simulator.authorizations_file()), MARK)?;
        }
        let line = serde_json::to_string(simulator.access())?;
        if let Some(path) = &self.ready_file {
            write(path, &line, "{\"base_url\":")?;
        }
        // A reader that went away is no error.
        let _ = writeln!(std::io::stdout(), "{line}");
        tokio::signal::ctrl_c().await?;
        Ok(())
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("{}: give the path of a readable file", path.display()))
}

/// Writes a file that only its owner may read, at once, so that a reader that waits for it never sees half of it. What stands there
/// is replaced where it begins as such a file does: an operator's own file stays.
fn write(path: &Path, text: &str, start: &str) -> anyhow::Result<()> {
    match std::fs::symlink_metadata(path) {
        Ok(present) if !present.is_file() => bail!("{} is no regular file; give another path", path.display()),
        Ok(_) if !std::fs::read(path).is_ok_and(|text| text.is_empty() || text.starts_with(start.as_bytes())) => {
            bail!("{} was not written by a simulator, and is left as it is; give another path", path.display())
        }
        Ok(_) | Err(_) => {}
    }
    let half = path.with_extension(format!("{}.part", std::process::id()));
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&half);
    made.and_then(|mut file| file.write_all(text.as_bytes()))
        .and_then(|()| std::fs::rename(&half, path))
        .inspect_err(|_| drop(std::fs::remove_file(&half)))
        .with_context(|| format!("cannot write {}", path.display()))
}
