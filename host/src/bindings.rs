//! Bindings generated from `wit/`, for both components at once: they share their types and their imports. Which of the exports a
//! component has is looked up when it is loaded.

#![allow(missing_docs, reason = "generated; wit/ has the documentation")]
#![allow(clippy::all, reason = "generated")]

macro_rules! bindings {
    ($worlds:literal, { $($more:tt)* }) => {
        wasmtime::component::bindgen!({
            path: "../wit",
            inline: $worlds,
            world: "servicenow:host/components",
            imports: {
                "servicenow:plugin/credentials": async,
                "servicenow:plugin/transport.send": async,
                "servicenow:plugin/transport.wait-ms": async,
                "servicenow:plugin/transport.random": trappable,
                $($more)*
            },
            exports: { default: async },
            require_store_data_send: true,
            additional_derives: [PartialEq, serde::Serialize],
        });
    };
}

#[cfg(not(feature = "sync"))]
bindings!("package servicenow:host; world components { include servicenow:plugin/plugin-over-transport@0.2.0; }", {});

#[cfg(feature = "sync")]
bindings!(
    "
    package servicenow:host;
    world components {
        include servicenow:plugin/plugin-over-transport@0.2.0;
        include servicenow:plugin/sync-over-transport@0.2.0;
    }",
    { "servicenow:plugin/ledger": async | trappable }
);
