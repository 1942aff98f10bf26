//! Bindings generated from `wit/`. The records and variants of the interface are the types of the whole crate: there is
//! no second set to convert from and to.

#![allow(missing_docs, reason = "generated; wit/ has the documentation")]
#![allow(clippy::all, reason = "generated")]

wit_bindgen::generate!({
    path: "../wit",
    world: "plugin",
    additional_derives: [PartialEq],
    // The world's exports are then asked of those alone who export it, and not of another component with this core.
    pub_export_macro: true,
});

pub use exports::servicenow::plugin::{authorization, incidents, manifest, types};
pub use servicenow::plugin::credentials;

#[cfg(all(target_arch = "wasm32", feature = "incident-node"))]
export!(Component);

#[cfg(all(target_arch = "wasm32", feature = "incident-node"))]
use crate::Component;
