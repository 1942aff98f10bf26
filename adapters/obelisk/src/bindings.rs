//! Bindings generated from `wit/` and from this folder's own interface.

#![allow(missing_docs, reason = "generated; wit/ has the documentation")]
#![allow(clippy::all, reason = "generated")]

wit_bindgen::generate!({
    inline: "
        package servicenow:activities;
        world activities {
            import servicenow:plugin/types@0.2.0;
            import servicenow:plugin/incidents@0.2.0;
            include servicenow:obelisk/activities@0.1.0;
        }
    ",
    path: ["../../wit", "wit"],
    additional_derives: [PartialEq, serde::Serialize],
    generate_all,
});

#[cfg(target_arch = "wasm32")]
export!(Activities);

#[cfg(target_arch = "wasm32")]
use crate::Activities;
