//! What a new process pays: compiling the component or loading it compiled, and the first call.

use super::canned::Addresses;
use super::figures::Figures;
use super::measure::median;
use super::plan::Plan;
use servicenow_host::bench::{compile, pool};
use servicenow_host::{COMPONENT, Limits};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

impl Plan {
    /// Compiling, loading, and the first call of a new process.
    pub(super) fn loading(&self, figures: &mut Figures, addresses: &Addresses) -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let build = |cache: Option<&Path>| -> anyhow::Result<f64> {
            let engine = pool::engine(&Limits::default())?;
            let started = Instant::now();
            compile(&engine, COMPONENT, cache)?;
            Ok(started.elapsed().as_secs_f64() * 1e3)
        };
        let rounds = self.rounds.min(5);
        let repeat = |times: usize, measured: &dyn Fn() -> anyhow::Result<f64>| -> anyhow::Result<f64> {
            let mut samples = (0..times).map(|_| measured()).collect::<anyhow::Result<Vec<f64>>>()?;
            Ok(median(&mut samples))
        };
        figures.load_wasm_ms = repeat(rounds, &|| build(None))?;
        build(Some(folder.path()))?;
        figures.load_precompiled_ms = repeat(rounds * 3, &|| build(Some(folder.path())))?;
        let file = folder.path().join("authorizations.toml");
        let text = format!(
            "[authorizations.main]\ninstance = {:?}\ngrant = \"client-credentials\"\nclient-id = \"c\"\nclient-secret = \"s\"\nallow-http-loopback = true\n",
            addresses.http
        );
        std::fs::write(&file, text)?;
        figures.first_call_ms = repeat(rounds * 3, &|| {
            let started = Instant::now();
            let status = Command::new(std::env::current_exe()?)
                .args([
                    "call",
                    "get",
                    "--number",
                    "INC0010001",
                    "--authorization",
                    "main",
                    "--instance",
                    &addresses.http,
                ])
                .arg("--authorizations")
                .arg(&file)
                .arg("--cache")
                .arg(folder.path())
                .stdout(Stdio::null())
                .status()?;
            anyhow::ensure!(status.success(), "the first call of a new process failed");
            Ok(started.elapsed().as_secs_f64() * 1e3)
        })?;
        Ok(())
    }
}
