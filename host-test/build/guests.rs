//! What is built of the guests. The build script builds it for this crate, and a test once more, somewhere else.

use crate::component::{append_docs, compose, encode};
use crate::guest::{self, Guest};
use anyhow::Result;
use std::fs;
use std::path::Path;

/// The incident node. Its stack needs a fraction of this.
const INCIDENT_NODE: Guest =
    Guest { package: "servicenow-component", features: &[], stack_bytes: 64 * 1024, memory_bytes: 512 * 1024 };

/// The same for an engine that puts secrets in place of placeholders.
const INCIDENT_NODE_WITH_PLACEHOLDERS: Guest = Guest { features: &["placeholders"], ..INCIDENT_NODE };

/// Events both ways. Templates and JSON are parsed by calls within calls: some 400 levels of them fit.
const EVENTS: Guest =
    Guest { package: "servicenow-sync", features: &[], stack_bytes: 1024 * 1024, memory_bytes: 4 * 1024 * 1024 };

/// Credentials from the environment.
const ENV: Guest = Guest { package: "servicenow-env", features: &[], stack_bytes: 32 * 1024, memory_bytes: 128 * 1024 };

/// The server. An answer of some megabytes is text and JSON at once.
const HTTP: Guest =
    Guest { package: "servicenow-http", features: &[], stack_bytes: 256 * 1024, memory_bytes: 1024 * 1024 };

/// Activities of Obelisk.
const OBELISK: Guest =
    Guest { package: "servicenow-obelisk", features: &[], stack_bytes: 64 * 1024, memory_bytes: 512 * 1024 };

/// A component.
pub struct Built {
    /// The name of its file.
    pub file: &'static str,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Builds all components from the sources in `workspace`. What is compiled in between goes to `target_dir`.
pub fn build(workspace: &Path, target_dir: &Path) -> Result<Vec<Built>> {
    let guest = |guest: &Guest| encode(&fs::read(guest::compile(workspace, guest, target_dir)?)?);
    let (node, events, env, http) = (guest(&INCIDENT_NODE)?, guest(&EVENTS)?, guest(&ENV)?, guest(&HTTP)?);
    let node_with_env = compose(&node, &[&env])?;
    let node_with_placeholders = compose(&guest(&INCIDENT_NODE_WITH_PLACEHOLDERS)?, &[&env])?;
    let activities = compose(&guest(&OBELISK)?, &[&node_with_placeholders])?;
    // One after the other, because both have the interface `types`.
    let with_node = compose(&http, &[&node_with_env])?;
    let with_events = compose(&with_node, &[&compose(&events, &[&env])?])?;
    let served = compose(&with_events, &[&env])?;
    let documented = |file, mut bytes: Vec<u8>| {
        append_docs(&mut bytes, &workspace.join("wit"))?;
        anyhow::Ok(Built { file, bytes })
    };
    Ok(vec![
        documented("servicenow-env.wasm", node_with_env)?,
        Built { file: "servicenow-http.wasm", bytes: served },
        Built { file: "servicenow-obelisk.wasm", bytes: activities },
        documented("servicenow.wasm", node)?,
        documented("servicenow-sync.wasm", events)?,
    ])
}
