//! Agents: the server of `host-test mcp`, by the official Python client, the protocol's conformance suite and its inspector.

use super::{ENGINES, Given, INSTALLED, Measured, Ran, Timed, command, finish, measured, runtime, runtime_since};
use crate::lab::python::with;
use std::path::Path;

pub fn run(_: &Given<'_>) -> anyhow::Result<Ran> {
    let folder = format!("{ENGINES}/mcp");
    let python = runtime_since("python3", (3, 11), "install Python 3.11 or later")?;
    runtime("npm", "install npm, which comes with Node.js")?;
    let environment = Path::new(INSTALLED).canonicalize()?.join("mcp");
    with(&environment, &format!("{folder}/requirements.lock"))?;
    finish(command("npm", &folder)?.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]), "npm ci")?;
    let program = |name: &str| command(environment.join("bin").join(name), &folder);
    for (name, arguments) in
        [("ruff", &["format", "--check", "."][..]), ("ruff", &["check", "."]), ("mypy", &[]), ("pytest", &["-q"])]
    {
        finish(program(name)?.args(arguments), name)?;
    }
    let Measured { version, first_ms, timed: Timed { p50_us, per_second } } =
        measured(program("python")?.arg("measure.py"))?;
    Ok(Ran {
        with: format!("{python}, protocol {version}"),
        what: "client, conformance, inspector",
        first_ms,
        call_ms: p50_us / 1000.0,
        per_second: Some(per_second),
    })
}
