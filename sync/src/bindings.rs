//! Bindings generated from `wit/`. What both components share is the core's.

#![allow(missing_docs, reason = "generated; wit/ has the documentation")]
#![allow(clippy::all, reason = "generated")]

wit_bindgen::generate!({
    path: "../wit",
    world: "sync",
    with: {
        "servicenow:plugin/credentials@0.2.0": servicenow_core::bindings::credentials,
        "servicenow:plugin/types@0.2.0/call": servicenow_core::bindings::types::Call,
        "servicenow:plugin/types@0.2.0/failure": servicenow_core::bindings::types::Failure,
        "servicenow:plugin/types@0.2.0/reason": servicenow_core::bindings::types::Reason,
        "servicenow:plugin/types@0.2.0/retry": servicenow_core::bindings::types::Retry,
        "servicenow:plugin/types@0.2.0/violation": servicenow_core::bindings::types::Violation,
        "servicenow:plugin/types@0.2.0/write-happened": servicenow_core::bindings::types::WriteHappened,
    },
    additional_derives: [PartialEq],
});

pub use exports::servicenow::plugin::{callbacks, changes, mapping, provisioning, push};
pub use servicenow::plugin::ledger;

#[cfg(target_arch = "wasm32")]
export!(Component);

#[cfg(target_arch = "wasm32")]
use crate::Component;
