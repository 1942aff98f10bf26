//! The component as a file: what it needs, what it weighs, and what it says about itself.

use servicenow_host::COMPONENT;
use servicenow_host::inspection::{inspect, interface};
use std::collections::BTreeSet;
use wit_parser::TypeDefKind;

/// What the component may import: HTTP, its streams and clocks, randomness, and credentials.
const ALLOWED_IMPORTS: [&str; 9] = [
    "servicenow:plugin/credentials",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:http/outgoing-handler",
    "wasi:http/types",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:random/random",
];

/// The component's budget: it is fetched, checked and compiled by every engine that loads it.
const MAX_BYTES: usize = 200_000;

#[test]
fn it_imports_nothing_but_what_it_needs() {
    let imports: BTreeSet<String> = inspect(COMPONENT)
        .unwrap()
        .imports
        .into_iter()
        .map(|import| import.split('@').next().unwrap_or_default().to_string())
        .collect();
    assert_eq!(imports, ALLOWED_IMPORTS.map(str::to_string).into());
}

#[test]
fn it_exports_the_interfaces_of_its_world() {
    let exports = inspect(COMPONENT).unwrap().exports;
    let expected =
        ["types", "incidents", "authorization", "manifest"].map(|name| format!("servicenow:plugin/{name}@0.1.0"));
    assert_eq!(BTreeSet::from_iter(exports), BTreeSet::from(expected));
}

#[test]
fn it_stays_within_its_budget() {
    assert!(COMPONENT.len() <= MAX_BYTES, "{} bytes, {MAX_BYTES} allowed", COMPONENT.len());
}

#[test]
fn the_readme_shows_the_example_that_is_compiled() {
    let example = include_str!("../../examples/embed.rs").split_once("\n\n").unwrap().1;
    assert!(include_str!("../../../README.md").contains(example));
}

#[test]
fn no_path_of_the_machine_that_built_it_is_in_it() {
    let home = std::env::var("HOME").unwrap();
    for path in [env!("CARGO_MANIFEST_DIR").trim_end_matches("/host-test"), &home] {
        // A home of `/` would be found anywhere.
        let found = COMPONENT.windows(path.len()).any(|window| window == path.as_bytes());
        assert!(path.len() < 4 || !found, "{path}");
    }
}

#[test]
fn every_item_of_the_interface_is_documented_in_the_component() {
    let (resolve, package) = interface(COMPONENT).unwrap();
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
