//! A Python with what others wrote, in an environment of its own.

use anyhow::{Context, bail, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the scripts of ServiceNow clients are.
pub const CLIENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../third-party-clients");

/// Where the clients are installed.
pub const INSTALLED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/third-party-clients");

/// The interpreter, with the clients installed.
pub fn with_clients(installed: &Path) -> anyhow::Result<PathBuf> {
    with(&installed.join("python"), &format!("{CLIENTS}/python/requirements.lock"))
}

/// The interpreter of an environment, with what a lock file names installed. Each file has to have a hash that the lock names.
pub fn with(environment: &Path, requirements: &str) -> anyhow::Result<PathBuf> {
    let (python, pip) = (environment.join("bin/python"), environment.join("bin/pip"));
    // Where the venv module is half there, as on Debian without python3-venv, it leaves a Python without pip.
    if !pip.exists() {
        let made = Command::new("python3").args(["-m", "venv"]).arg(environment).output();
        ensure!(
            made.is_ok_and(|made| made.status.success()) && pip.exists(),
            "this needs Python: install python3 and its venv module (on Debian: python3-venv)"
        );
    }
    let mut install = Command::new(&python);
    install.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--require-hashes",
        "--requirement",
    ]);
    let installed = install.arg(requirements).output().with_context(|| format!("{} does not run", python.display()))?;
    if !installed.status.success() {
        eprint!("{}{}", String::from_utf8_lossy(&installed.stdout), String::from_utf8_lossy(&installed.stderr));
        bail!("pip could not install {requirements}; its words are above");
    }
    Ok(python)
}
