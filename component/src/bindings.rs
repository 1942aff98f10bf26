//! Bindings generated from `wit/`. The records and variants of the interface are the types of the whole crate: there is
//! no second set to convert from and to.

#![allow(missing_docs, reason = "generated; wit/ has the documentation")]
#![allow(clippy::all, reason = "generated")]

wit_bindgen::generate!({
    path: "../wit",
    world: "plugin",
    additional_derives: [PartialEq],
});

pub use exports::servicenow::plugin::{authorization, incidents, manifest, types};
pub use servicenow::plugin::credentials;

#[cfg(target_arch = "wasm32")]
export!(Component);

#[cfg(target_arch = "wasm32")]
use crate::Component;
