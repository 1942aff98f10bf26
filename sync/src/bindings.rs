//! Bindings generated from `wit/`. What both components share is the core's.

#![allow(missing_docs, reason = "generated; wit/ has the documentation")]
#![allow(clippy::all, reason = "generated")]

wit_bindgen::generate!({
    path: "../wit",
    world: "events",
    with: {
        "servicenow:plugin/credentials@0.1.0": servicenow_core::bindings::credentials,
    },
    additional_derives: [PartialEq],
});

pub use exports::servicenow::plugin::{callbacks, changes, mapping, provisioning, sync, types};

#[cfg(target_arch = "wasm32")]
export!(Component);

#[cfg(target_arch = "wasm32")]
use crate::Component;
