//! The components that commands and tests load: the incident node is compiled into `servicenow-host`, and the others are
//! built when something asks for them.

use anyhow::Context;
use servicenow_artifacts::{Artifact, target_dir, workspace};
use servicenow_host::{Builder, Host};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Names a folder whose components are taken as they are, such as the one that `package` writes. Where it is not set, they
/// are built from this checkout.
pub const FOLDER: &str = "SERVICENOW_COMPONENTS";

/// Set to `wasi-http`, tests and checks run the components of WASI in place of those of the host's own HTTP client.
pub const FLAVOUR: &str = "SERVICENOW_FLAVOUR";

/// The two components of one flavour.
#[derive(Clone, Copy, Debug)]
pub struct Flavour {
    /// The incident node.
    pub node: Artifact,
    /// Two-way event sync.
    pub sync: Artifact,
}

/// The flavour that is asked for.
///
/// # Panics
///
/// If it is none.
pub fn flavour() -> Flavour {
    match std::env::var(FLAVOUR).as_deref() {
        Ok("wasi-http") => Flavour { node: Artifact::Node, sync: Artifact::Sync },
        Err(_) => Flavour { node: Artifact::NodeOverTransport, sync: Artifact::SyncOverTransport },
        Ok(other) => panic!("{FLAVOUR} is {other:?}; expected is wasi-http, or none"),
    }
}

/// A host with the incident node of that flavour.
pub fn builder() -> anyhow::Result<Builder> {
    Ok(Host::builder().component(load(flavour().node)?.to_vec()))
}

/// The bytes of a component, built once in a process.
pub fn load(artifact: Artifact) -> anyhow::Result<Arc<[u8]>> {
    static LOADED: Mutex<Option<HashMap<Artifact, Arc<[u8]>>>> = Mutex::new(None);
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    let loaded = loaded.get_or_insert_default();
    if let Some(bytes) = loaded.get(&artifact) {
        return Ok(Arc::clone(bytes));
    }
    let bytes: Arc<[u8]> = read(artifact)?.into();
    loaded.insert(artifact, Arc::clone(&bytes));
    Ok(bytes)
}

fn read(artifact: Artifact) -> anyhow::Result<Vec<u8>> {
    if let Some(folder) = std::env::var_os(FOLDER) {
        let path = PathBuf::from(folder).join(artifact.file_name());
        return std::fs::read(&path).with_context(|| format!("{FOLDER} is set, and {} cannot be read", path.display()));
    }
    if artifact == Artifact::NodeOverTransport {
        return Ok(servicenow_host::COMPONENT.to_vec());
    }
    let built = artifact.build(&workspace(), &target_dir());
    built.with_context(|| format!("{} is built from a checkout with cargo; that failed", artifact.file_name()))
}
