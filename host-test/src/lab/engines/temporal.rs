//! Temporal: the component in a worker's activities, with the development server.

use super::{ENGINES, Given, INSTALLED, Measured, Ran, Timed, command, finish, measured, runtime_since};
use crate::lab::python::with;
use std::path::Path;
use std::process::Command;

/// How often the proof kills a worker, and how many workflows it has. The whole proof, of 200 and ten, is
/// `engines/temporal/prove.py`.
const PROOF: [&str; 4] = ["--workflows", "40", "--kills", "5"];

pub fn run(_: &Given<'_>) -> anyhow::Result<Ran> {
    let python = runtime_since("python3", (3, 11), "install Python 3.11 or later")?;
    let environment = Path::new(INSTALLED).canonicalize()?.join("temporal");
    with(&environment, &format!("{ENGINES}/temporal/requirements.lock"))?;
    let bin = environment.join("bin");
    let run = |program: &str, arguments: &[&str]| finish(in_folder(&bin, program)?.args(arguments), program);
    run("ruff", &["format", "--check", "."])?;
    run("ruff", &["check", "."])?;
    run("mypy", &[])?;
    run("pytest", &["-q"])?;
    finish(in_folder(&bin, "python")?.arg("prove.py").args(PROOF), "the proof that nothing is lost")?;
    let measured = measured(in_folder(&bin, "python")?.arg("measure.py"))?;
    let Measured { version, first_ms, timed: Timed { p50_us, per_second } } = measured;
    Ok(Ran {
        with: format!("{python}, temporalio {version}"),
        what: "mypy, pytest, 5 kills",
        first_ms,
        call_ms: p50_us / 1000.0,
        per_second: Some(per_second),
    })
}

fn in_folder(bin: &Path, program: &str) -> anyhow::Result<Command> {
    let mut command = command(bin.join(program), &format!("{ENGINES}/temporal"))?;
    command.env("PYTHONPATH", "src:../python/src");
    Ok(command)
}
