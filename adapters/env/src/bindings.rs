//! Bindings generated from `wit/`.

#![allow(missing_docs, reason = "generated; wit/ has the documentation")]
#![allow(clippy::all, reason = "generated")]

wit_bindgen::generate!({
    inline: "package servicenow:env; world adapter { export servicenow:plugin/credentials@0.2.0; export servicenow:plugin/ledger@0.2.0; }",
    path: "../../wit",
    additional_derives: [PartialEq],
    generate_all,
});

#[cfg(target_arch = "wasm32")]
export!(Adapter);

#[cfg(target_arch = "wasm32")]
use crate::Adapter;
