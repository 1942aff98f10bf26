//! A second implementation of the world `incident-node`, in JavaScript: it has to pass the conformance suite in this host.

use super::{Ran, command, finish, runtime, runtime_since};
use crate::lab::conformance::check;
use crate::lab::scenarios::{TestBed, authorizations, columns, create};
use anyhow::{Context, bail, ensure};
use servicenow_host::Host;
use servicenow_host::incidents::CreateOutcome;
use std::time::Instant;
use tokio::runtime::Handle;

const PORT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../engines/incident-node-js");

/// How many creates are timed.
const CALLS: usize = 20;

const TIMEOUT_MS: u32 = 5_000;

pub fn run() -> anyhow::Result<Ran> {
    let node = runtime_since("node", (20, 0), "install Node.js 20 or later")?;
    runtime("npm", "install npm, which comes with Node.js")?;
    finish(command("npm", PORT)?.args(["ci", "--no-audit", "--no-fund"]), "npm ci")?;
    finish(command("npm", PORT)?.args(["run", "build"]), "npm run build")?;
    let bytes = std::fs::read(format!("{PORT}/incident-node.wasm")).context("npm run build made no component")?;
    let started = Instant::now();
    let loaded = Host::builder().component(bytes).build()?;
    let load_ms = started.elapsed().as_secs_f64() * 1000.0;
    let checks = Handle::current().block_on(check(&loaded))?;
    if let Some(failed) = checks.iter().find(|check| check.problem.is_some()) {
        bail!("{} {}: {}", failed.method, failed.name, failed.problem.as_deref().unwrap_or_default());
    }
    let mut times = Handle::current().block_on(creates(&loaded))?;
    let first_ms = load_ms + times[0];
    times.sort_by(f64::total_cmp);
    let call_ms = times[CALLS / 2];
    let with = format!("this host, ComponentizeJS on Node.js {}", node.trim_start_matches('v'));
    Ok(Ran { with, what: "conformance", first_ms, call_ms, per_second: None })
}

/// How long creates take, in milliseconds.
async fn creates(loaded: &Host) -> anyhow::Result<Vec<f64>> {
    let bed = TestBed::set_for(loaded, authorizations).await?;
    let mut times = Vec::new();
    for _ in 0..CALLS {
        let report = bed.host.create(bed.call(TIMEOUT_MS), columns(&[("urgency", "2")]), create()).await;
        ensure!(matches!(report.outcome, CreateOutcome::IncidentCreated(_)), "a create ended in {:?}", report.outcome);
        times.push(report.elapsed.as_secs_f64() * 1000.0);
    }
    Ok(times)
}
