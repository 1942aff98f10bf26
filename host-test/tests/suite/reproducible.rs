//! The components are the same wherever they are built.

use crate::guests;
use servicenow_host::{COMPONENT, ENV_COMPONENT, EVENTS_COMPONENT, HTTP_COMPONENT, OBELISK_COMPONENT};
use std::fs;
use std::path::Path;

/// What the guests are made of, and the manifests of the packages that cargo wants to see beside them.
const SOURCES: [&str; 8] = ["Cargo.toml", "Cargo.lock", "adapters", "component", "host-test", "json", "sync", "wit"];

/// What is not of the sources.
const LEFT_OUT: [&str; 4] = ["target", "node_modules", "dist", ".venv"];

#[test]
fn the_components_have_the_same_bytes_when_they_are_built_in_another_folder() {
    let workspace = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let elsewhere = tempfile::tempdir().unwrap();
    for name in SOURCES {
        copy(&workspace.join(name), &elsewhere.path().join(name));
    }
    for built in guests::build(elsewhere.path(), &elsewhere.path().join("target")).unwrap() {
        let here = match built.file {
            "servicenow.wasm" => COMPONENT,
            "servicenow-sync.wasm" => EVENTS_COMPONENT,
            "servicenow-env.wasm" => ENV_COMPONENT,
            "servicenow-http.wasm" => HTTP_COMPONENT,
            "servicenow-obelisk.wasm" => OBELISK_COMPONENT,
            other => panic!("{other} is not compared"),
        };
        assert!(built.bytes == here, "{} is another one", built.file);
    }
}

fn copy(from: &Path, to: &Path) {
    if from.is_file() {
        fs::copy(from, to).unwrap();
        return;
    }
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let name = entry.unwrap().file_name();
        if !LEFT_OUT.iter().any(|left_out| name == *left_out) {
            copy(&from.join(&name), &to.join(&name));
        }
    }
}
