//! Bindings generated from `wit/`. The records and variants of the interface are the types of the whole crate: there is
//! no second set to convert from and to.

#![allow(missing_docs, reason = "generated; wit/ has the documentation")]
#![allow(clippy::all, reason = "generated")]

wit_bindgen::generate!({
    path: "../wit",
    // What a flavour does not call is no import of it.
    world: "plugin-over-transport",
    additional_derives: [PartialEq],
    // The exports belong to the component, which is a crate of its own.
    pub_export_macro: true,
    default_bindings_module: "servicenow_core::bindings",
});

pub use exports::servicenow::plugin::{authorization, incidents, manifest, types};
pub use servicenow::plugin::{credentials, transport};
