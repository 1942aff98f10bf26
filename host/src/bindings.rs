//! Bindings generated from `wit/`, for both components at once: they share their types and their imports. Which of the exports a
//! component has is looked up when it is loaded.

#![allow(missing_docs, reason = "generated; wit/ has the documentation")]
#![allow(clippy::all, reason = "generated")]

wasmtime::component::bindgen!({
    path: "../wit",
    inline: "
        package servicenow:host;
        world components {
            include servicenow:plugin/plugin@0.1.0;
            include servicenow:plugin/events@0.1.0;
        }
    ",
    world: "servicenow:host/components",
    imports: { default: async },
    exports: { default: async },
    require_store_data_send: true,
    additional_derives: [PartialEq, serde::Serialize],
});
