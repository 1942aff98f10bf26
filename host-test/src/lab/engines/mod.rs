//! The component in engines that nobody here wrote: each installs what it needs, runs its own tests against the simulator, and
//! is timed.

mod activities;
mod engine_case;
mod http;
mod mcp;
mod node;
mod node_red;
mod port;
mod python;
mod temporal;
mod wasmtime;
mod wasmtime_cli;

use crate::components;
use anyhow::{Context, bail, ensure};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use servicenow_artifacts::Artifact;
use servicenow_simulator::Simulator;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Where the engines' own files are.
const ENGINES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../engines");

/// Where what they need is installed.
const INSTALLED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/engines");

/// An engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Engine {
    /// Node.js, by jco
    Node,
    /// Python, by wasmtime-py
    Python,
    /// The wasmtime command line, which has WASI alone
    Wasmtime,
    /// The server component, in wasmtime's own HTTP server
    Http,
    /// A second implementation of the world, in JavaScript, in this host
    Port,
    /// Node-RED, by the Node.js host, with its editor in Chromium
    NodeRed,
    /// Temporal, by the Python host
    Temporal,
    /// Agents, by the server of the command `mcp`
    Mcp,
}

/// How an engine did.
#[derive(Debug, Serialize)]
pub struct Ran {
    /// What ran it.
    pub with: String,
    /// What was run.
    pub what: &'static str,
    /// From the start of the host to its first outcome, in milliseconds.
    pub first_ms: f64,
    /// A create after that, in milliseconds: half of them are faster.
    pub call_ms: f64,
    /// How many creates a second end where 64 are made at once, where that was measured.
    pub per_second: Option<f64>,
}

/// What a host prints of its time.
#[derive(Deserialize)]
struct Measured {
    version: String,
    first_ms: f64,
    #[serde(flatten)]
    timed: Timed,
}

/// What a client prints of its creates.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Timed {
    /// The median of creates one after the other, in microseconds.
    pub p50_us: f64,
    /// Creates a second, 64 at once.
    pub per_second: f64,
}

/// What every host is given.
struct Given<'a> {
    simulator: &'a Simulator,
    /// What the simulator prints of itself.
    access: String,
    over_transport: PathBuf,
    env_component: PathBuf,
    http_component: PathBuf,
    obelisk_component: PathBuf,
}

impl Engine {
    /// Its name for a person.
    pub fn name(self) -> &'static str {
        match self {
            Engine::Node => "Node.js",
            Engine::Python => "Python",
            Engine::Wasmtime => "wasmtime",
            Engine::Http => "wasi:http server",
            Engine::Port => "a port in JavaScript",
            Engine::NodeRed => "Node-RED",
            Engine::Temporal => "Temporal",
            Engine::Mcp => "agents (MCP)",
        }
    }

    /// Runs an engine's tests. An error is a test that failed, or something that is missing.
    pub fn run(self, simulator: &Simulator) -> anyhow::Result<Ran> {
        // What a host has beside its own component: event sync, what checks it, and the flavour that it refuses.
        for other in [Artifact::SyncOverTransport, Artifact::HostCheckOverTransport, Artifact::Node] {
            written(other)?;
        }
        let given = Given {
            simulator,
            access: serde_json::to_string(simulator.access())?,
            over_transport: written(Artifact::NodeOverTransport)?,
            env_component: written(Artifact::Env)?,
            http_component: written(Artifact::Http)?,
            obelisk_component: written(Artifact::Obelisk)?,
        };
        match self {
            Engine::Node => node::run(&given),
            Engine::Python => python::run(&given),
            Engine::Wasmtime => wasmtime::run(&given),
            Engine::Http => http::run(&given),
            Engine::Port => port::run(),
            Engine::NodeRed => node_red::run(&given),
            Engine::Temporal => temporal::run(&given),
            Engine::Mcp => mcp::run(&given),
        }
    }
}

/// The hosts of other languages, by name, with what has each time itself and print a [`Timed`]. `access` is what a simulator prints
/// of itself. One whose runtime is absent is named on standard error.
pub fn timed(access: &str) -> anyhow::Result<Vec<(&'static str, Command)>> {
    written(Artifact::SyncOverTransport)?;
    let over_transport = written(Artifact::NodeOverTransport)?;
    let hosts = [
        ("this host in Node.js", node::built().and_then(|()| node::timing(access))),
        ("this host in Python", python::installed().and_then(|bin| python::timing(&bin, access, &over_transport))),
    ];
    let ready = |(name, host): (&'static str, anyhow::Result<Command>)| match host {
        Ok(command) => Some((name, command)),
        Err(problem) => {
            eprintln!("no {name}: {problem:#}");
            None
        }
    };
    Ok(hosts.into_iter().filter_map(ready).collect())
}

/// Writes a component into the folder that the engines read.
fn written(artifact: Artifact) -> anyhow::Result<PathBuf> {
    let installed = Path::new(INSTALLED);
    fs::create_dir_all(installed).with_context(|| format!("cannot make {INSTALLED}"))?;
    let path = installed.canonicalize()?.join(artifact.file_name());
    fs::write(&path, components::load(artifact)?)?;
    Ok(path)
}

/// A command in a host's folder, told where the components and the simulator's program are.
fn command(program: impl AsRef<std::ffi::OsStr>, folder: &str) -> anyhow::Result<Command> {
    let mut command = Command::new(program);
    command.current_dir(folder).env("SERVICENOW_DIST", Path::new(INSTALLED).canonicalize()?);
    command.env("HOST_TEST", std::env::current_exe()?);
    Ok(command)
}

/// Whether a runtime is there: its version, or what to install.
fn runtime(program: &str, install: &str) -> anyhow::Result<String> {
    match Command::new(program).arg("--version").output() {
        Ok(output) if output.status.success() => Ok(String::from_utf8_lossy(&output.stdout).trim().to_string()),
        _ => bail!("this engine needs {program}, which is not here: {install}"),
    }
}

/// The same, of this version or a later one.
fn runtime_since(program: &str, least: (u32, u32), install: &str) -> anyhow::Result<String> {
    let version = runtime(program, install)?;
    ensure!(number(&version) >= Some(least), "this engine needs a later {program} than {version}: {install}");
    Ok(version)
}

/// The first two numbers of a version, whatever stands around them: `v20.20.2`, `Python 3.11.7`.
fn number(version: &str) -> Option<(u32, u32)> {
    let digits = version.trim_start_matches(|letter: char| !letter.is_ascii_digit());
    let mut numbers = digits.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// Runs a command to its end. What it printed is shown where it failed.
fn finish(command: &mut Command, what: &str) -> anyhow::Result<Output> {
    let output = command.output().with_context(|| format!("{what} cannot be started"))?;
    if !output.status.success() {
        eprint!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        bail!("{what} failed; its words are above");
    }
    Ok(output)
}

/// Has a host time itself.
fn measured(timing: &mut Command) -> anyhow::Result<Measured> {
    let output = finish(timing, "the host's script that times it")?;
    let last = output.stdout.trim_ascii_end().rsplit(|&byte| byte == b'\n').next().unwrap_or_default();
    serde_json::from_slice(last).context("the host did not print its times in a last line")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_out_of_what_programs_print() {
        for (printed, expected) in [
            ("v20.20.2", Some((20, 20))),
            ("Python 3.11.7", Some((3, 11))),
            ("10.8.2", Some((10, 8))),
            ("none", None),
            ("v20", None),
        ] {
            assert_eq!(number(printed), expected, "{printed}");
        }
    }
}
