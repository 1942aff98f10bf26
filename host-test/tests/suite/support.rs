//! What several tests need.

use host_test::components::load;
use servicenow_artifacts::Artifact;
use servicenow_host::{Authorizations, Exchange, Host, Limits, Proxy};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// Long enough for any answer on loopback.
pub const PATIENT_MS: u32 = 10_000;

/// How many exchanges used a method.
pub fn count(exchanges: &[Exchange], method: &str) -> usize {
    exchanges.iter().filter(|exchange| exchange.method == method).count()
}

/// A host with the authorizations of a file's text. The component is compiled once for all tests: compiling it beside
/// them would take the time from those that measure time.
pub fn host(authorizations: &str) -> Host {
    host_with(Authorizations::parse(authorizations, Path::new("a.toml")).unwrap(), Limits::default())
}

/// A host with authorizations and limits.
pub fn host_with(authorizations: Authorizations, limits: Limits) -> Host {
    static LOADED: LazyLock<Host> =
        LazyLock::new(|| host_test::components::builder().unwrap().proxy(Proxy::default()).build().unwrap());
    LOADED.with(authorizations, limits).unwrap()
}

/// A folder with the components that commands load, built once. A command would ask cargo for them each time.
pub fn components() -> &'static Path {
    static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("components");
        std::fs::create_dir_all(&folder).unwrap();
        for artifact in [Artifact::Node, Artifact::NodeOverTransport, Artifact::SyncOverTransport] {
            std::fs::write(folder.join(artifact.file_name()), load(artifact).unwrap()).unwrap();
        }
        folder
    });
    &FOLDER
}
