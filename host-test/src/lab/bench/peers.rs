//! The same create by clients of other languages, and by the component in hosts of other languages, against the same server.

use super::canned::Addresses;
use super::figures::Peer;
use super::measure::median;
use crate::lab::engines::{self, Timed};
use crate::lab::python::{CLIENTS, INSTALLED, with_clients};
use anyhow::{Context, ensure};
use serde_json::json;
use std::path::Path;
use std::process::Command;

/// The library that the goal is named for.
pub const PYSNOW: &str = "pysnow";

/// The clients that can be run here.
pub struct Peers(Vec<Client>);

struct Client {
    name: &'static str,
    command: Command,
    rounds: Vec<Timed>,
}

impl Peers {
    /// Installs them. A runtime that is absent is named on standard error.
    pub fn install(addresses: &Addresses) -> anyhow::Result<Self> {
        let mut clients = Vec::new();
        let mut add = |name: &'static str, program: &Path, script: &str| {
            let mut command = Command::new(program);
            command.arg(format!("{CLIENTS}/{script}")).arg(&addresses.http);
            clients.push(Client { name, command, rounds: Vec::new() });
        };
        std::fs::create_dir_all(INSTALLED)?;
        match with_clients(Path::new(INSTALLED)) {
            Ok(python) => {
                add(PYSNOW, &python, "python/time_pysnow.py");
                add("aiosnow", &python, "python/time_aiosnow.py");
            }
            Err(problem) => eprintln!("no Python: {problem:#}"),
        }
        if Command::new("node").arg("--version").output().is_ok_and(|output| output.status.success()) {
            add("fetch of Node.js", Path::new("node"), "node/time_fetch.mjs");
        } else {
            eprintln!("no Node.js: install it to time its fetch");
        }
        // The canned server takes any credential.
        let access = json!({"base_url": addresses.http, "username": "bench", "password": "bench"}).to_string();
        let hosts = engines::timed(&access)?;
        clients.extend(hosts.into_iter().map(|(name, command)| Client { name, command, rounds: Vec::new() }));
        Ok(Self(clients))
    }

    /// Has each client measure once.
    pub fn round(&mut self) -> anyhow::Result<()> {
        for Client { command, rounds, .. } in &mut self.0 {
            let output = command.output()?;
            let printed = String::from_utf8_lossy(&output.stdout);
            ensure!(output.status.success(), "{command:?} failed: {}", String::from_utf8_lossy(&output.stderr));
            let round = serde_json::from_str(&printed);
            rounds.push(round.with_context(|| format!("{command:?} printed {printed:?} and not its times"))?);
        }
        Ok(())
    }

    /// The medians of the rounds.
    pub fn medians(self) -> Vec<Peer> {
        let of =
            |rounds: &[Timed], figure: fn(&Timed) -> f64| median(&mut rounds.iter().map(figure).collect::<Vec<_>>());
        let peer = |Client { name, rounds, .. }: Client| Peer {
            name: name.to_string(),
            create_p50_us: of(&rounds, |round| round.p50_us),
            throughput_per_s: of(&rounds, |round| round.per_second),
        };
        self.0.into_iter().map(peer).collect()
    }
}
