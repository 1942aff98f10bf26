//! Python: the component in wasmtime-py.

use super::{Given, HOSTS, INSTALLED, Measured, Ran, finish, measured, runtime_since};
use std::path::Path;
use std::process::Command;

pub fn run(given: &Given<'_>) -> anyhow::Result<Ran> {
    let python = runtime_since("python3", (3, 11), "install Python 3.11 or later")?;
    let folder = format!("{HOSTS}/python");
    let environment = Path::new(INSTALLED).canonicalize()?.join("python");
    let bin = environment.join("bin");
    if !bin.join("python").exists() {
        let made = Command::new("python3").args(["-m", "venv"]).arg(&environment).output();
        anyhow::ensure!(
            made.is_ok_and(|made| made.status.success()),
            "this engine needs Python's venv module: install it (on Debian: python3-venv)"
        );
    }
    let run = |program: &str, arguments: &[&str]| {
        let mut command = given.command(bin.join(program), &folder)?;
        finish(command.args(arguments).env("PYTHONPATH", "src"), program)
    };
    let quietly = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
    run("python", &[&quietly[..], &["requirements.lock"]].concat())?;
    run("ruff", &["format", "--check", "."])?;
    run("ruff", &["check", "."])?;
    run("mypy", &[])?;
    run("pytest", &["-q"])?;
    let output = run("python", &["measure.py", &given.access, &given.component.to_string_lossy()])?;
    let Measured { version, first_ms, call_ms } = measured(&output)?;
    let with = format!("{python}, wasmtime-py {version}");
    Ok(Ran { engine: "Python", with, what: "mypy, pytest", first_ms, call_ms })
}
