//! `third-party-clients`: ServiceNow clients that others wrote, against the simulator.

use super::{print, print_table, table};
use crate::lab::ansible;
use crate::lab::python::{CLIENTS, INSTALLED, with_clients};
use anyhow::Context;
use clap::Args;
use serde_json::json;
use servicenow_simulator::{Options, Simulator};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a check prints before the name of what it checked.
const PASSED: &str = "ok";

/// Options of `third-party-clients`.
#[derive(Args)]
pub struct Clients {
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
}

/// How one client did.
struct Result {
    client: &'static str,
    checks: Vec<(bool, String)>,
    ended_well: bool,
    /// Why it was not tried.
    not_run: Option<String>,
}

impl Clients {
    /// Whether every check of every client passed.
    pub async fn run(self) -> anyhow::Result<bool> {
        let installed = Path::new(INSTALLED);
        std::fs::create_dir_all(installed).with_context(|| format!("cannot make {INSTALLED}"))?;
        let (plain, secured) = (simulator(installed, false).await?, simulator(installed, true).await?);
        let (plain_ready, secured_ready) = (plain.1.clone(), secured.1.clone());
        // The simulators answer on this runtime's other threads.
        let results = tokio::task::spawn_blocking(move || check_all(installed, &plain_ready, &secured_ready)).await??;
        if self.json {
            let rows = results.iter().map(|result| {
                let checks = result.checks.iter().map(|(passed, what)| json!({"check": what, "passed": passed}));
                json!({"client": result.client, "passed": result.passed(), "not_run": result.not_run,
                    "checks": checks.collect::<Vec<_>>()})
            });
            print(&serde_json::to_string_pretty(&rows.collect::<Vec<_>>())?);
        } else {
            print_text(&results);
        }
        Ok(results.iter().all(|result| result.passed() || result.not_run.is_some()))
    }
}

fn check_all(installed: &Path, plain: &Path, secured: &Path) -> anyhow::Result<Vec<Result>> {
    let python = with_clients(installed)?;
    let script = |name: &str| format!("{CLIENTS}/python/{name}");
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_string());
    let mut rust = Command::new(cargo);
    rust.args(["run", "--quiet", "--locked", "--manifest-path"]).arg(format!("{CLIENTS}/rust/Cargo.toml"));
    rust.args(["--target-dir", INSTALLED, "--"]);
    let clients = [
        ("pysnow", with(&python, &script("check_pysnow.py")), plain),
        ("pysnc", with(&python, &script("check_pysnc.py")), secured),
        ("servicenow_rs", rust, plain),
    ];
    let checked = clients.into_iter().map(|(client, mut command, ready)| check(client, command.arg(ready)));
    checked.chain([check_ansible(installed, plain)]).collect()
}

fn check_ansible(installed: &Path, ready: &Path) -> anyhow::Result<Result> {
    let client = "servicenow.itsm";
    Ok(match ansible::play(installed, ready)? {
        Ok(played) => Result { client, checks: played.checks, ended_well: played.ended_well, not_run: None },
        Err(why) => Result { client, checks: Vec::new(), ended_well: true, not_run: Some(why) },
    })
}

impl Result {
    fn passed(&self) -> bool {
        self.not_run.is_none()
            && self.ended_well
            && !self.checks.is_empty()
            && self.checks.iter().all(|(passed, _)| *passed)
    }
}

/// A simulator, and the file that tells where it is.
async fn simulator(installed: &Path, secured: bool) -> anyhow::Result<(Simulator, PathBuf)> {
    let tls = secured.then(|| installed.join("tls"));
    let simulator =
        Simulator::start(Options { tls, ..Options::default() }).await.context("the simulator did not start")?;
    let ready = installed.join(if secured { "ready-tls.json" } else { "ready.json" });
    std::fs::write(&ready, serde_json::to_string(simulator.access())?)?;
    Ok((simulator, ready))
}

fn with(python: &Path, script: &str) -> Command {
    let mut command = Command::new(python);
    command.arg(script);
    command
}

fn check(client: &'static str, command: &mut Command) -> anyhow::Result<Result> {
    let output = command.output().with_context(|| format!("{client} cannot be started"))?;
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = |line: &str| line.split_once(' ').map(|(word, what)| (word == PASSED, what.trim().to_string()));
    Ok(Result {
        client,
        checks: printed.lines().filter_map(line).collect(),
        ended_well: output.status.success(),
        not_run: None,
    })
}

fn print_text(results: &[Result]) {
    let mut lines = table(&["client", "check", "result"]);
    for result in results {
        for (passed, what) in &result.checks {
            lines.add_row([result.client, what, if *passed { "passed" } else { "FAILED" }]);
        }
        if let Some(why) = &result.not_run {
            lines.add_row([result.client, why, "not run"]);
        }
        if !result.ended_well {
            lines.add_row([result.client, "ran to its end", "FAILED"]);
        }
    }
    print_table(&lines);
    let count = |is_counted: fn(&Result) -> bool| results.iter().filter(|result| is_counted(result)).count();
    let (passed, tried) = (count(Result::passed), count(|result| result.not_run.is_none()));
    print(&format!("\n{passed} of {tried} clients that were tried work against the simulator."));
}
