//! A Python with ServiceNow clients that others wrote, in an environment of its own.

use anyhow::bail;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the scripts are, and what the clients are installed into.
pub const CLIENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/clients");

/// Where they are installed.
pub const INSTALLED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/clients");

/// The interpreter, with the clients installed.
pub fn with_clients(installed: &Path) -> anyhow::Result<PathBuf> {
    let environment = installed.join("python");
    let python = environment.join("bin/python");
    let mut make = Command::new("python3");
    make.args(["-m", "venv"]).arg(&environment);
    if !python.exists() && !make.status().is_ok_and(|status| status.success()) {
        bail!("these clients need Python: install python3 and its venv module (on Debian: python3-venv)");
    }
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
    let installed = install.arg(format!("{CLIENTS}/python/requirements.txt")).status()?;
    if !installed.success() {
        bail!("pip could not install {CLIENTS}/python/requirements.txt; its words are above");
    }
    Ok(python)
}
