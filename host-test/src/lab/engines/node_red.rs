//! Node-RED: a node by the Node.js host, in its test helper and in its editor in a browser.

use super::{ENGINES, Given, Measured, Ran, Timed, command, finish, measured, node};
use anyhow::ensure;
use std::path::Path;

/// Where Debian's package has the browser; `CHROMIUM` names another.
const CHROMIUM: &str = "/usr/bin/chromium";

pub fn run(_: &Given<'_>) -> anyhow::Result<Ran> {
    let chromium = std::env::var("CHROMIUM").unwrap_or_else(|_| CHROMIUM.to_string());
    ensure!(
        Path::new(&chromium).exists(),
        "this engine's editor is tested in Chromium, which is not at {chromium}: install it (on Debian: chromium) or name its \
         program in CHROMIUM"
    );
    node::built()?;
    let folder = format!("{ENGINES}/node-red");
    let npm =
        |arguments: &[&str]| finish(command("npm", &folder)?.args(arguments), &format!("npm {}", arguments.join(" ")));
    npm(&["ci", "--no-audit", "--no-fund"])?;
    npm(&["test"])?;
    let Measured { version, first_ms, timed: Timed { p50_us, per_second } } =
        measured(command("node", &folder)?.arg("measure.cjs"))?;
    Ok(Ran {
        with: format!("Node-RED {version}"),
        what: "npm test, its editor",
        first_ms,
        call_ms: p50_us / 1000.0,
        per_second: Some(per_second),
    })
}
