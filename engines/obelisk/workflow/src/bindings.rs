//! Bindings generated from this folder's interface and from that of the activities.

#![allow(missing_docs, reason = "generated; wit/ has the documentation")]
#![allow(clippy::all, reason = "generated")]

wit_bindgen::generate!({
    inline: "
        package servicenow:workflow;
        world workflow {
            import servicenow:obelisk/incidents@0.1.0;
            export servicenow:flow/alerts@0.1.0;
        }
    ",
    path: ["../../../adapters/obelisk/wit", "wit"],
    generate_all,
});

#[cfg(target_arch = "wasm32")]
export!(Alerts);

#[cfg(target_arch = "wasm32")]
use crate::Alerts;
