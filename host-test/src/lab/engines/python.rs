//! Python: the component in wasmtime-py.

use super::{ENGINES, Given, INSTALLED, Measured, Ran, Timed, command, finish, measured, runtime_since};
use crate::lab::python::with;
use std::path::{Path, PathBuf};
use std::process::Command;

pub fn run(given: &Given<'_>) -> anyhow::Result<Ran> {
    let bin = installed()?;
    let run = |program: &str, arguments: &[&str]| finish(in_folder(&bin, program)?.args(arguments), program);
    // The other engines' scripts too.
    run("ruff", &["format", "--config", "pyproject.toml", "--check", ".", "../http"])?;
    run("ruff", &["check", "--config", "pyproject.toml", ".", "../http"])?;
    run("mypy", &[])?;
    run("pytest", &["-q"])?;
    let measured = measured(&mut timing(&bin, &given.access, &given.over_transport)?)?;
    let Measured { version, first_ms, timed: Timed { p50_us, per_second } } = measured;
    let tools = format!("{}, wasmtime-py {version}", python()?);
    Ok(Ran { with: tools, what: "mypy, pytest", first_ms, call_ms: p50_us / 1000.0, per_second: Some(per_second) })
}

/// Installs what the host needs: where its programs are.
pub fn installed() -> anyhow::Result<PathBuf> {
    python()?;
    let environment = Path::new(INSTALLED).canonicalize()?.join("python");
    with(&environment, &format!("{ENGINES}/python/requirements.lock"))?;
    Ok(environment.join("bin"))
}

/// What has the host time its creates.
pub fn timing(bin: &Path, access: &str, component: &Path) -> anyhow::Result<Command> {
    let mut timing = in_folder(bin, "python")?;
    timing.args(["measure.py", access]).arg(component);
    Ok(timing)
}

fn python() -> anyhow::Result<String> {
    runtime_since("python3", (3, 11), "install Python 3.11 or later")
}

fn in_folder(bin: &Path, program: &str) -> anyhow::Result<Command> {
    let mut command = command(bin.join(program), &format!("{ENGINES}/python"))?;
    command.env("PYTHONPATH", "src");
    Ok(command)
}
