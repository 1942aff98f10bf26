//! Node.js: the component as JavaScript, made by jco.

use super::{ENGINES, Given, Measured, Ran, Timed, command, finish, measured, runtime, runtime_since};
use std::process::Command;

pub fn run(given: &Given<'_>) -> anyhow::Result<Ran> {
    installed()?;
    npm(&["test"])?;
    let Measured { version, first_ms, timed: Timed { p50_us, per_second } } = measured(&mut timing(&given.access)?)?;
    let with = format!("Node.js {version}, jco {}", jco(&folder())?);
    Ok(Ran { with, what: "npm test", first_ms, call_ms: p50_us / 1000.0, per_second: Some(per_second) })
}

/// Builds the host.
pub fn built() -> anyhow::Result<()> {
    installed()?;
    npm(&["run", "build"])
}

/// What has a host that is built time its creates.
pub fn timing(access: &str) -> anyhow::Result<Command> {
    let mut timing = command("node", &folder())?;
    timing.args(["measure.js", access]);
    Ok(timing)
}

fn installed() -> anyhow::Result<()> {
    runtime_since("node", (20, 0), "install Node.js 20 or later")?;
    runtime("npm", "install npm, which comes with Node.js")?;
    npm(&["ci", "--no-audit", "--no-fund"])
}

fn npm(arguments: &[&str]) -> anyhow::Result<()> {
    finish(command("npm", &folder())?.args(arguments), &format!("npm {}", arguments.join(" ")))?;
    Ok(())
}

fn folder() -> String {
    format!("{ENGINES}/node")
}

/// The version of jco that the lock file names.
fn jco(folder: &str) -> anyhow::Result<String> {
    let lock: serde_json::Value = serde_json::from_slice(&std::fs::read(format!("{folder}/package-lock.json"))?)?;
    let version = &lock["packages"]["node_modules/@bytecodealliance/jco"]["version"];
    Ok(version.as_str().unwrap_or_default().to_string())
}
