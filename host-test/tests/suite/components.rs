//! The components as files: what they need, what they weigh, and what they say about themselves.

use host_test::components::load;
use host_test::lab::inspection::inspect;
use servicenow_artifacts::guest::MAX_MEMORY_BYTES;
use servicenow_artifacts::{Artifact, interface, workspace};
use servicenow_host::limits::MAX_MEMORY;
use std::collections::BTreeSet;
use wit_parser::TypeDefKind;

/// What components import that reach ServiceNow through WASI: HTTP, its streams and clocks, and randomness.
const WASI: [&str; 8] = [
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:http/outgoing-handler",
    "wasi:http/types",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:random/random",
];

/// What components import that reach it through a host's own HTTP client.
const TRANSPORT: [&str; 1] = ["servicenow:plugin/transport"];

const NODE: [&str; 4] = ["types", "incidents", "authorization", "manifest"];
const SYNC: [&str; 6] = ["types", "mapping", "push", "callbacks", "changes", "provisioning"];

/// What is expected of a component.
struct Expected {
    artifact: Artifact,
    /// What its world imports beside credentials and the way out.
    own: Option<&'static str>,
    way_out: &'static [&'static str],
    exports: &'static [&'static str],
}

const COMPONENTS: [Expected; 4] = [
    Expected { artifact: Artifact::Node, own: None, way_out: &WASI, exports: &NODE },
    Expected { artifact: Artifact::Sync, own: Some("ledger"), way_out: &WASI, exports: &SYNC },
    Expected { artifact: Artifact::NodeOverTransport, own: None, way_out: &TRANSPORT, exports: &NODE },
    Expected { artifact: Artifact::SyncOverTransport, own: Some("ledger"), way_out: &TRANSPORT, exports: &SYNC },
];

/// Sizes in bytes by file name. A commit that makes a component larger raises its figure and says why.
const SIZES: &str = include_str!("sizes.json");

/// What `servicenow.wasm` may never exceed: every engine that loads it fetches, checks and compiles it.
const CEILING: usize = 262_144;

#[test]
fn they_import_nothing_but_what_they_need() {
    for Expected { artifact, own, way_out, .. } in COMPONENTS {
        let imports = inspect(&load(artifact).unwrap()).unwrap().imports;
        let names = imports.iter().map(|import| import.split('@').next().unwrap_or_default().to_string());
        let own = [Some("credentials"), own].into_iter().flatten().map(|name| format!("servicenow:plugin/{name}"));
        let allowed = way_out.iter().map(ToString::to_string).chain(own);
        assert_eq!(names.collect::<BTreeSet<_>>(), allowed.collect());
    }
}

#[test]
fn they_export_the_interfaces_of_their_worlds() {
    for Expected { artifact, exports, .. } in COMPONENTS {
        let expected = exports.iter().map(|name| format!("servicenow:plugin/{name}@0.2.0"));
        assert_eq!(BTreeSet::from_iter(inspect(&load(artifact).unwrap()).unwrap().exports), expected.collect());
    }
}

#[test]
fn they_declare_as_much_memory_as_a_call_may_have() {
    assert_eq!(MAX_MEMORY_BYTES as usize, MAX_MEMORY);
}

#[test]
fn they_are_no_larger_than_the_committed_figures() {
    let sizes: serde_json::Map<String, serde_json::Value> = serde_json::from_str(SIZES).unwrap();
    let larger: Vec<_> = COMPONENTS
        .iter()
        .filter_map(|Expected { artifact, .. }| {
            let (name, size) = (artifact.file_name(), load(*artifact).unwrap().len());
            let committed = usize::try_from(sizes[name].as_u64().unwrap()).unwrap();
            (size > committed).then(|| format!("{name}: {size} bytes, {} more than sizes.json has", size - committed))
        })
        .collect();
    assert!(larger.is_empty(), "{larger:#?}");
    assert!(sizes["servicenow.wasm"].as_u64().is_some_and(|size| size <= CEILING as u64));
}

#[test]
fn the_readme_shows_lines_of_the_example_that_is_compiled() {
    let readme = include_str!("../../../README.md");
    let shown = readme.split_once("```rust\n").and_then(|(_, rest)| rest.split_once("```")).unwrap().0;
    assert!(shown.lines().count() > 5);
    for line in shown.lines() {
        assert!(include_str!("../../../host/examples/embed.rs").contains(line.trim()), "{line}");
    }
}

#[test]
fn no_path_of_the_machine_that_built_them_is_in_them() {
    let home = std::env::var("HOME").unwrap();
    let checkout = workspace().canonicalize().unwrap().display().to_string();
    // A home of `/` would be found anywhere.
    for path in [checkout, home].iter().filter(|path| path.len() >= 4) {
        for Expected { artifact, .. } in COMPONENTS {
            let component = load(artifact).unwrap();
            let is_in = component.windows(path.len()).any(|window| window == path.as_bytes());
            assert!(!is_in, "{}: {path}", artifact.file_name());
        }
    }
}

#[test]
fn every_item_of_the_interfaces_is_documented_in_the_components() {
    for Expected { artifact, .. } in COMPONENTS {
        documents_itself(&load(artifact).unwrap());
    }
}

fn documents_itself(component: &[u8]) {
    let (resolve, package) = interface(component).unwrap();
    for (name, interface) in &resolve.packages[package].interfaces {
        let interface = &resolve.interfaces[*interface];
        let documented = |docs: &wit_parser::Docs, item: String| {
            assert!(docs.contents.as_deref().is_some_and(|text| !text.trim().is_empty()), "{name}: {item}");
        };
        documented(&interface.docs, "the interface".to_string());
        for (function, item) in &interface.functions {
            documented(&item.docs, format!("function {function}"));
        }
        for (type_name, id) in &interface.types {
            let item = &resolve.types[*id];
            // A type taken over from another interface is documented there.
            if matches!(item.kind, TypeDefKind::Type(_)) {
                continue;
            }
            documented(&item.docs, format!("type {type_name}"));
            match &item.kind {
                TypeDefKind::Record(record) => {
                    record.fields.iter().for_each(|f| documented(&f.docs, format!("{type_name}.{}", f.name)));
                }
                TypeDefKind::Variant(variant) => {
                    variant.cases.iter().for_each(|c| documented(&c.docs, format!("{type_name}.{}", c.name)));
                }
                TypeDefKind::Enum(cases) => {
                    cases.cases.iter().for_each(|c| documented(&c.docs, format!("{type_name}.{}", c.name)));
                }
                other => panic!("{type_name}: {other:?}"),
            }
        }
    }
}
