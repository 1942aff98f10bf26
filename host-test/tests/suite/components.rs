//! The components as files: what they need, what they weigh, and what they say about themselves.

use servicenow_host::inspection::{inspect, interface};
use servicenow_host::{COMPONENT, EVENTS_COMPONENT};
use std::collections::BTreeSet;
use wit_parser::TypeDefKind;

/// What the components may import: HTTP, its streams and clocks, randomness, and credentials.
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

/// Each component, the interfaces of its world, and its budget: it is fetched, checked and compiled by every engine that loads
/// it. A template engine, time zones and regular expressions weigh what they weigh, and who needs none loads none.
const COMPONENTS: [(&[u8], &[&str], usize); 2] = [
    (COMPONENT, &["types", "incidents", "authorization", "manifest"], 200_000),
    (EVENTS_COMPONENT, &["types", "mapping", "sync", "callbacks", "changes", "provisioning"], 1_400_000),
];

#[test]
fn they_import_nothing_but_what_they_need() {
    for (component, ..) in COMPONENTS {
        let imports = inspect(component).unwrap().imports;
        let names = imports.iter().map(|import| import.split('@').next().unwrap_or_default().to_string());
        assert_eq!(names.collect::<BTreeSet<_>>(), ALLOWED_IMPORTS.map(str::to_string).into());
    }
}

#[test]
fn they_export_the_interfaces_of_their_worlds() {
    for (component, interfaces, _) in COMPONENTS {
        let expected = interfaces.iter().map(|name| format!("servicenow:plugin/{name}@0.1.0"));
        assert_eq!(BTreeSet::from_iter(inspect(component).unwrap().exports), expected.collect());
    }
}

#[test]
fn they_stay_within_their_budgets() {
    for (component, interfaces, max) in COMPONENTS {
        assert!(component.len() <= max, "{interfaces:?}: {} bytes, {max} allowed", component.len());
    }
}

#[test]
fn the_readme_shows_the_example_that_is_compiled() {
    let example = include_str!("../../examples/embed.rs").split_once("\n\n").unwrap().1;
    assert!(include_str!("../../../README.md").contains(example));
}

#[test]
fn no_path_of_the_machine_that_built_them_is_in_them() {
    let home = std::env::var("HOME").unwrap();
    for path in [env!("CARGO_MANIFEST_DIR").trim_end_matches("/host-test"), &home] {
        // A home of `/` would be found anywhere.
        let is_in = |component: &[u8]| component.windows(path.len()).any(|window| window == path.as_bytes());
        assert!(path.len() < 4 || !COMPONENTS.iter().any(|(component, ..)| is_in(component)), "{path}");
    }
}

#[test]
fn every_item_of_the_interfaces_is_documented_in_the_components() {
    for (component, ..) in COMPONENTS {
        documents_itself(component);
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
