//! Why a host cannot be built.

use crate::egress::{BadProxy, TlsFile};
use std::io;
use std::path::PathBuf;

/// Why a host cannot be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A certificate or key file cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsFile),
    /// The file of a rotated refresh token cannot be used. The token of the authorizations file is not taken in its place: the
    /// service gave another since, and may revoke both when it sees the older one.
    #[error(
        "authorization {authorization:?}: rotated-token-file {path}: {error}; give a path that this process may read, or remove \
         the file after connecting anew", path = .path.display()
    )]
    RotatedToken {
        /// The authorization.
        authorization: String,
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: io::Error,
    },
    /// The proxy cannot be used.
    #[error(transparent)]
    Proxy(#[from] BadProxy),
    /// The bytes are no component, or one of another world.
    #[error("this is not a component of the world servicenow:plugin/{world}@0.2.0: {error:#}")]
    Component {
        /// The world that is expected.
        world: &'static str,
        /// What is wrong.
        error: wasmtime::Error,
    },
    /// No component was given, and none is built into this crate without its feature `bundled`.
    #[error("no component: give one with `Builder::component`, or turn on the feature `bundled` of servicenow-host")]
    NoComponent,
}
