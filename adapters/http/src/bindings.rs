//! Bindings generated from `wit/`. `wasi:http` is the `wasip2` crate's.

#![allow(missing_docs, reason = "generated; wit/ has the documentation")]
#![allow(clippy::all, reason = "generated")]

wit_bindgen::generate!({
    inline: "
        package servicenow:http;
        world methods {
            import servicenow:plugin/types@0.2.0;
            import servicenow:plugin/incidents@0.2.0;
            import servicenow:plugin/authorization@0.2.0;
            import servicenow:plugin/manifest@0.2.0;
            import servicenow:plugin/push@0.2.0;
            import servicenow:plugin/mapping@0.2.0;
            import servicenow:plugin/callbacks@0.2.0;
            import servicenow:plugin/credentials@0.2.0;
        }
    ",
    path: "../../wit",
    additional_derives: [PartialEq, serde::Serialize],
    generate_all,
});

pub use servicenow::plugin::{authorization, callbacks, credentials, incidents, manifest, mapping, push, types};
