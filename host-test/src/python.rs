//! A Python with what others wrote, in an environment of its own.

use anyhow::bail;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the scripts of ServiceNow clients are.
pub const CLIENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/clients");

/// Where the clients are installed.
pub const INSTALLED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/clients");

/// The interpreter, with the clients installed.
pub fn with_clients(installed: &Path) -> anyhow::Result<PathBuf> {
    with(&installed.join("python"), &format!("{CLIENTS}/python/requirements.txt"))
}

/// The interpreter of an environment, with what a file of requirements names installed.
pub fn with(environment: &Path, requirements: &str) -> anyhow::Result<PathBuf> {
    let python = environment.join("bin/python");
    let mut make = Command::new("python3");
    make.args(["-m", "venv"]).arg(environment);
    if !python.exists() && !make.status().is_ok_and(|status| status.success()) {
        bail!("this needs Python: install python3 and its venv module (on Debian: python3-venv)");
    }
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
    if !install.arg(requirements).status()?.success() {
        bail!("pip could not install {requirements}; its words are above");
    }
    Ok(python)
}
