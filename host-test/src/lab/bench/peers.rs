//! The same create by clients of other languages, against the same server.

use super::canned::Addresses;
use crate::lab::python::{CLIENTS, INSTALLED, with_clients};
use anyhow::{Context, ensure};
use std::path::Path;
use std::process::Command;

/// The library that the goal is named for.
pub const PYSNOW: &str = "pysnow";

/// The clients that can be run here, with the median time of a create in microseconds. A runtime that is absent is named on
/// standard error.
pub fn run(addresses: &Addresses) -> anyhow::Result<Vec<(String, f64)>> {
    let mut times = Vec::new();
    std::fs::create_dir_all(INSTALLED)?;
    match with_clients(Path::new(INSTALLED)) {
        Ok(python) => {
            let time = time(Command::new(python).arg(format!("{CLIENTS}/python/time_pysnow.py")), addresses)?;
            times.push((PYSNOW.to_string(), time));
        }
        Err(problem) => eprintln!("no Python: {problem:#}"),
    }
    if Command::new("node").arg("--version").output().is_ok_and(|output| output.status.success()) {
        let time = time(Command::new("node").arg(format!("{CLIENTS}/node/time_fetch.mjs")), addresses)?;
        times.push(("fetch of Node.js".to_string(), time));
    } else {
        eprintln!("no Node.js: install it to time its fetch");
    }
    Ok(times)
}

fn time(command: &mut Command, addresses: &Addresses) -> anyhow::Result<f64> {
    let output = command.arg(&addresses.http).output()?;
    let printed = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "{command:?} failed: {}", String::from_utf8_lossy(&output.stderr));
    printed.trim().parse().with_context(|| format!("{command:?} printed {printed:?} and not a time"))
}
