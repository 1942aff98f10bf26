//! The components are the same wherever they are built.

use host_test::components;
use servicenow_artifacts::{Artifact, workspace};
use std::fs;
use std::path::Path;

/// What is not of the sources.
const LEFT_OUT: [&str; 6] = [".git", ".venv", "dist", "fuzz", "node_modules", "target"];

#[test]
#[ignore = "it builds every component once more, which takes minutes; `.ci/run` runs it"]
fn the_components_have_the_same_bytes_when_they_are_built_in_another_folder() {
    let elsewhere = tempfile::tempdir().unwrap();
    copy(&workspace(), elsewhere.path());
    for artifact in Artifact::ALL {
        let built = artifact.build(elsewhere.path(), &elsewhere.path().join("target")).unwrap();
        assert!(*built == *components::load(artifact).unwrap(), "{} is another one", artifact.file_name());
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
