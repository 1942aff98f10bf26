//! Python: the component in wasmtime-py.

use super::{ENGINES, Given, INSTALLED, Measured, Ran, finish, measured, runtime_since};
use crate::lab::python::with;
use std::path::Path;

pub fn run(given: &Given<'_>) -> anyhow::Result<Ran> {
    let python = runtime_since("python3", (3, 11), "install Python 3.11 or later")?;
    let folder = format!("{ENGINES}/python");
    let environment = Path::new(INSTALLED).canonicalize()?.join("python");
    with(&environment, &format!("{folder}/requirements.lock"))?;
    let bin = environment.join("bin");
    let run = |program: &str, arguments: &[&str]| {
        let mut command = given.command(bin.join(program), &folder)?;
        finish(command.args(arguments).env("PYTHONPATH", "src"), program)
    };
    // The other engines' scripts too.
    run("ruff", &["format", "--config", "pyproject.toml", "--check", ".", "../http"])?;
    run("ruff", &["check", "--config", "pyproject.toml", ".", "../http"])?;
    run("mypy", &[])?;
    run("pytest", &["-q"])?;
    let output = run("python", &["measure.py", &given.access, &given.over_transport.to_string_lossy()])?;
    let Measured { version, first_ms, call_ms, per_second } = measured(&output)?;
    let tools = format!("{python}, wasmtime-py {version}");
    Ok(Ran { with: tools, what: "mypy, pytest", first_ms, call_ms, per_second: Some(per_second) })
}
