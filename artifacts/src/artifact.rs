//! The components, and what each is made of.

#[cfg(feature = "compose")]
use crate::composition::compose;
use crate::encode::{append_docs, encode};
use crate::guest::{self, Guest};
use anyhow::Result;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// What guests are made of, in the workspace. A change of one of them builds them again.
pub const INPUTS: [&str; 9] =
    ["adapters", "artifacts", "component", "core", "json", "sync", "wit", "Cargo.lock", "Cargo.toml"];

/// The incident node. Its stack needs a fraction of this.
const INCIDENT_NODE: Guest =
    Guest { package: "servicenow-component", features: &[], stack_bytes: 64 * 1024, memory_bytes: 512 * 1024 };

/// The same for an engine that puts secrets in place of placeholders.
#[cfg(feature = "compose")]
const INCIDENT_NODE_WITH_PLACEHOLDERS: Guest = Guest { features: &["placeholders"], ..INCIDENT_NODE };

/// The same for a host that brings its own HTTP client.
const INCIDENT_NODE_OVER_TRANSPORT: Guest = Guest { features: &["transport"], ..INCIDENT_NODE };

/// Two-way event sync. Templates and JSON are parsed by calls within calls: some 400 levels of them fit.
const SYNC: Guest =
    Guest { package: "servicenow-sync", features: &[], stack_bytes: 1024 * 1024, memory_bytes: 4 * 1024 * 1024 };

/// The same for a host that brings its own HTTP client.
const SYNC_OVER_TRANSPORT: Guest = Guest { features: &["transport"], ..SYNC };

/// Credentials from the environment.
#[cfg(feature = "compose")]
const ENV: Guest = Guest { package: "servicenow-env", features: &[], stack_bytes: 32 * 1024, memory_bytes: 128 * 1024 };

/// The server. An answer of some megabytes is text and JSON at once.
#[cfg(feature = "compose")]
const HTTP: Guest =
    Guest { package: "servicenow-http", features: &[], stack_bytes: 256 * 1024, memory_bytes: 1024 * 1024 };

/// Activities of Obelisk.
#[cfg(feature = "compose")]
const OBELISK: Guest =
    Guest { package: "servicenow-obelisk", features: &[], stack_bytes: 64 * 1024, memory_bytes: 512 * 1024 };

/// What checks its host.
const HOST_CHECK: Guest = Guest { package: "servicenow-host-check", ..INCIDENT_NODE };

/// The same for a host that brings its own HTTP client.
const HOST_CHECK_OVER_TRANSPORT: Guest = Guest { features: &["transport"], ..HOST_CHECK };

/// A component that this workspace publishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Artifact {
    /// The incident node.
    Node,
    /// Two-way event sync.
    Sync,
    /// The incident node for a host that brings its own HTTP client.
    NodeOverTransport,
    /// Two-way event sync for a host that brings its own HTTP client.
    SyncOverTransport,
    /// The incident node with credentials from environment variables: it needs nothing but WASI.
    #[cfg(feature = "compose")]
    Env,
    /// The methods as JSON over HTTP, with credentials from environment variables, for whatever serves `wasi:http`.
    #[cfg(feature = "compose")]
    Http,
    /// The incident node as activities of Obelisk.
    #[cfg(feature = "compose")]
    Obelisk,
    /// What checks its host: the world of the incident node.
    HostCheck,
    /// What checks a host that brings its own HTTP client.
    HostCheckOverTransport,
}

impl Artifact {
    /// All components.
    #[cfg(feature = "compose")]
    pub const ALL: [Self; 9] = [
        Self::Node,
        Self::Sync,
        Self::NodeOverTransport,
        Self::SyncOverTransport,
        Self::Env,
        Self::Http,
        Self::Obelisk,
        Self::HostCheck,
        Self::HostCheckOverTransport,
    ];

    /// The name of its file.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Node => "servicenow.wasm",
            Self::Sync => "servicenow-sync.wasm",
            Self::NodeOverTransport => "servicenow-over-transport.wasm",
            Self::SyncOverTransport => "servicenow-sync-over-transport.wasm",
            #[cfg(feature = "compose")]
            Self::Env => "servicenow-env.wasm",
            #[cfg(feature = "compose")]
            Self::Http => "servicenow-http.wasm",
            #[cfg(feature = "compose")]
            Self::Obelisk => "servicenow-obelisk.wasm",
            Self::HostCheck => "servicenow-host-check.wasm",
            Self::HostCheckOverTransport => "servicenow-host-check-over-transport.wasm",
        }
    }

    /// Builds the component from the sources in `workspace`. What is compiled in between goes to `target_dir`.
    ///
    /// # Errors
    ///
    /// If a guest does not compile; the compiler's messages are on standard error then.
    pub fn build(self, workspace: &Path, target_dir: &Path) -> Result<Vec<u8>> {
        let guest = |guest: &Guest| encode(&fs::read(guest::compile(workspace, guest, target_dir)?)?);
        // In a folder of its own: the other flavour has the same file name.
        let over_transport =
            |guest: &Guest| encode(&fs::read(guest::compile(workspace, guest, &target_dir.join("transport"))?)?);
        let documented = |mut bytes: Vec<u8>| {
            append_docs(&mut bytes, &workspace.join("wit"))?;
            Ok(bytes)
        };
        match self {
            Self::Node => documented(guest(&INCIDENT_NODE)?),
            Self::Sync => documented(guest(&SYNC)?),
            Self::NodeOverTransport => documented(over_transport(&INCIDENT_NODE_OVER_TRANSPORT)?),
            Self::SyncOverTransport => documented(over_transport(&SYNC_OVER_TRANSPORT)?),
            Self::HostCheck => documented(guest(&HOST_CHECK)?),
            Self::HostCheckOverTransport => documented(over_transport(&HOST_CHECK_OVER_TRANSPORT)?),
            #[cfg(feature = "compose")]
            Self::Env => documented(compose(&guest(&INCIDENT_NODE)?, &[&guest(&ENV)?])?),
            #[cfg(feature = "compose")]
            Self::Http => {
                let env = guest(&ENV)?;
                let node_with_env = compose(&guest(&INCIDENT_NODE)?, &[&env])?;
                // One after the other, because both have the interface `types`.
                let with_node = compose(&guest(&HTTP)?, &[&node_with_env])?;
                let with_sync = compose(&with_node, &[&compose(&guest(&SYNC)?, &[&env])?])?;
                compose(&with_sync, &[&env])
            }
            #[cfg(feature = "compose")]
            Self::Obelisk => {
                // In a folder of its own: the incident node itself has the same file name.
                let variant = target_dir.join("placeholders");
                let node = encode(&fs::read(guest::compile(workspace, &INCIDENT_NODE_WITH_PLACEHOLDERS, &variant)?)?)?;
                let node = compose(&node, &[&guest(&ENV)?])?;
                compose(&guest(&OBELISK)?, &[&node])
            }
        }
    }
}

/// The workspace that this crate was compiled in.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The folder that guests are compiled into at run time: in the target folder, apart from the outer build, which locks its
/// own. Build scripts pass a folder of their own target folder, which is the same one unless cargo is told another.
pub fn target_dir() -> PathBuf {
    workspace().join(env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into())).join("guests")
}
