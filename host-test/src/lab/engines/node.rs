//! Node.js: the component as JavaScript, made by jco.

use super::{ENGINES, Given, Measured, Ran, finish, measured, runtime, runtime_since};

pub fn run(given: &Given<'_>) -> anyhow::Result<Ran> {
    runtime_since("node", (20, 0), "install Node.js 20 or later")?;
    runtime("npm", "install npm, which comes with Node.js")?;
    let folder = format!("{ENGINES}/node");
    finish(given.command("npm", &folder)?.args(["ci", "--no-audit", "--no-fund"]), "npm ci")?;
    finish(given.command("npm", &folder)?.arg("test"), "npm test")?;
    let output = finish(given.command("node", &folder)?.args(["measure.js", &given.access]), "node measure.js")?;
    let Measured { version, first_ms, call_ms, per_second } = measured(&output)?;
    let with = format!("Node.js {version}, jco {}", jco(&folder)?);
    Ok(Ran { with, what: "npm test", first_ms, call_ms, per_second: Some(per_second) })
}

/// The version of jco that the lock file names.
fn jco(folder: &str) -> anyhow::Result<String> {
    let lock: serde_json::Value = serde_json::from_slice(&std::fs::read(format!("{folder}/package-lock.json"))?)?;
    let version = &lock["packages"]["node_modules/@bytecodealliance/jco"]["version"];
    Ok(version.as_str().unwrap_or_default().to_string())
}
