//! What is published: the components, the interface, the manifest, and how to push them to a registry.

use crate::components;
use anyhow::Context;
use ring::digest::{SHA256, digest};
use serde_json::json;
use servicenow_artifacts::{Artifact, package as interface_package};
use servicenow_host::Host;
use servicenow_host::json::to_json;
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

/// A file to publish.
pub struct File {
    /// Its name.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// A component to publish.
struct Component {
    name: &'static str,
    description: &'static str,
    artifact: Artifact,
}

const COMPONENTS: [Component; 9] = [
    Component {
        name: "servicenow",
        description: "Create, get, update and find ServiceNow incidents",
        artifact: Artifact::Node,
    },
    Component {
        name: "servicenow-sync",
        description: "Events become ServiceNow incidents, and changes come back",
        artifact: Artifact::Sync,
    },
    Component {
        name: "servicenow-over-transport",
        description: "The same as servicenow, for hosts that bring their own HTTP client",
        artifact: Artifact::NodeOverTransport,
    },
    Component {
        name: "servicenow-sync-over-transport",
        description: "The same as servicenow-sync, for hosts that bring their own HTTP client",
        artifact: Artifact::SyncOverTransport,
    },
    Component {
        name: "servicenow-env",
        description: "The same as servicenow, with credentials from environment variables",
        artifact: Artifact::Env,
    },
    Component {
        name: "servicenow-http",
        description: "The methods of servicenow as JSON over HTTP, and deliveries forwarded as CloudEvents",
        artifact: Artifact::Http,
    },
    Component {
        name: "servicenow-obelisk",
        description: "Create, get and update ServiceNow incidents as activities of Obelisk",
        artifact: Artifact::Obelisk,
    },
    Component {
        name: "servicenow-host-check",
        description: "Checks whether a host does its duties, from inside the sandbox",
        artifact: Artifact::HostCheck,
    },
    Component {
        name: "servicenow-host-check-over-transport",
        description: "The same as servicenow-host-check, for hosts that bring their own HTTP client",
        artifact: Artifact::HostCheckOverTransport,
    },
];

const VERSION: &str = env!("CARGO_PKG_VERSION");

const LICENSES: &str = "Apache-2.0 OR MIT";

/// All files, with their checksums. `wit` is the folder of the interface.
pub async fn files(wit: &Path) -> anyhow::Result<Vec<File>> {
    files_of(wit, components::load).await
}

async fn files_of(wit: &Path, component: impl Fn(Artifact) -> anyhow::Result<Arc<[u8]>>) -> anyhow::Result<Vec<File>> {
    let file = |name: String, bytes: Vec<u8>| File { name, bytes };
    let mut files = Vec::new();
    for Component { artifact, .. } in COMPONENTS {
        files.push(file(artifact.file_name().to_string(), component(artifact)?.to_vec()));
    }
    files.push(file(
        format!("servicenow-plugin-{VERSION}.wasm"),
        interface_package(wit).context("run this in a checkout")?,
    ));
    let node = Host::builder().build()?.describe().await?;
    files.push(file("manifest.json".to_string(), text(serde_json::to_string_pretty(&to_json(&node))?)));
    files.push(file("publish.sh".to_string(), script().into_bytes()));
    let sums = files.iter().fold(String::new(), |mut sums, file| {
        let sum = digest(&SHA256, &file.bytes);
        let hex = sum.as_ref().iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        let _ = writeln!(sums, "{hex}  {}", file.name);
        sums
    });
    files.push(file("SHA256SUMS".to_string(), sums.into_bytes()));
    Ok(files)
}

fn text(mut text: String) -> Vec<u8> {
    text.push('\n');
    text.into_bytes()
}

/// The annotations that registries show.
fn annotations(name: &str, description: &str) -> serde_json::Value {
    json!({
        "org.opencontainers.image.title": name,
        "org.opencontainers.image.description": description,
        "org.opencontainers.image.version": VERSION,
        "org.opencontainers.image.licenses": LICENSES,
    })
}

/// Ends the script where a version is published already.
const REFUSES_EXISTING: &str = "\
refuse_existing() {
    if wkg oci pull \"$1\" --output /dev/null >/dev/null 2>&1; then
        echo \"$1 exists already; versions are never replaced\" >&2
        exit 1
    fi
}
";

/// The commands that push all of it.
fn script() -> String {
    let mut script = "\
#!/bin/sh
# Pushes everything to a registry of OCI artifacts: ./publish.sh REGISTRY/FOLDER
# It takes wkg (`cargo install wkg`), logged in as with `docker login`.
set -eu
to=\"${1:?name the registry and folder, such as ghcr.io/example/servicenow}\"
cd \"$(dirname \"$0\")\"
sha256sum --check --quiet SHA256SUMS
"
    .to_string();
    script.push_str(REFUSES_EXISTING);
    let interface =
        ("plugin-wit", "The interface of the ServiceNow plugin", format!("servicenow-plugin-{VERSION}.wasm"));
    let components = COMPONENTS.iter().map(|known| (known.name, known.description, format!("{}.wasm", known.name)));
    let all: Vec<_> = components.chain([interface]).collect();
    // Before anything is pushed: a published version is never replaced.
    for (name, ..) in &all {
        let _ = writeln!(script, "refuse_existing \"$to/{name}:{VERSION}\"");
    }
    for (name, description, file) in all {
        let _ = write!(script, "wkg oci push \"$to/{name}:{VERSION}\" {file}");
        for (key, value) in annotations(name, description).as_object().into_iter().flatten() {
            let _ = write!(script, " \\\n    --annotation {key}={value}");
        }
        script.push('\n');
    }
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interface_and_every_component_are_pushed_with_what_registries_show() {
        let script = script();
        for name in [
            "servicenow:",
            "servicenow-sync:",
            "servicenow-env:",
            "servicenow-http:",
            "servicenow-obelisk:",
            "plugin-wit:",
        ] {
            assert_eq!(script.matches(&format!("wkg oci push \"$to/{name}{VERSION}\"")).count(), 1, "{name}");
        }
        assert!(script.contains("--annotation org.opencontainers.image.licenses=\"Apache-2.0 OR MIT\""), "{script}");
    }

    #[test]
    fn a_version_that_exists_is_not_published_again() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("publish.sh"), script()).unwrap();
        std::fs::write(path("SHA256SUMS"), "").unwrap();
        // It knows the versions that `there` names, and notes what is pushed.
        let wkg = "#!/bin/sh\n[ $2 = push ] && echo $3 >> pushed\n[ $2 = push ] || grep -q \"$3\" there\n";
        for (name, text) in [("wkg", wkg), ("sha256sum", "#!/bin/sh\n")] {
            std::fs::write(path(name), text).unwrap();
            std::fs::set_permissions(path(name), std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        let publish = |there: &str| {
            std::fs::write(path("there"), there).unwrap();
            let _ = std::fs::remove_file(path("pushed"));
            let mut command = std::process::Command::new("sh");
            let search = format!("{}:/usr/bin:/bin", folder.path().display());
            let ended = command.arg(path("publish.sh")).arg("registry/x").env("PATH", search).output().unwrap();
            (ended.status.success(), std::fs::read_to_string(path("pushed")).unwrap_or_default().lines().count())
        };
        assert_eq!(publish("registry/x/servicenow:0.0.1"), (true, COMPONENTS.len() + 1));
        assert_eq!(publish(&format!("registry/x/servicenow-http:{VERSION}")), (false, 0));
    }

    #[tokio::test]
    async fn checksums_are_of_every_other_file_and_the_interface_is_whole() {
        let wit = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../wit"));
        // What each component is made of is of no account here.
        let files = files_of(wit, |artifact| Ok(artifact.file_name().as_bytes().into())).await.unwrap();
        let sums = String::from_utf8(files.last().unwrap().bytes.clone()).unwrap();
        assert_eq!(sums.lines().count(), files.len() - 1);
        let package = files.iter().find(|file| file.name.starts_with("servicenow-plugin")).unwrap();
        let wit_component::DecodedWasm::WitPackage(resolve, package) = wit_component::decode(&package.bytes).unwrap()
        else {
            panic!("it is a component")
        };
        assert_eq!(resolve.packages[package].worlds.len(), 5);
        assert!(resolve.packages[package].interfaces.contains_key("incidents"));
    }
}
