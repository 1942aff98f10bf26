//! Components that attack their host: of the plugin's world, and with the feature `sync` of the world `sync`. The test says
//! what to do in an input, and reads what the guest saw in the outcome.

#[cfg(target_arch = "wasm32")]
mod attacks;
#[cfg(all(target_arch = "wasm32", not(feature = "sync")))]
mod node;
#[cfg(all(target_arch = "wasm32", feature = "sync"))]
mod sync;

#[cfg(all(target_arch = "wasm32", not(feature = "sync")))]
mod bindings {
    //! Generated from `wit/`.
    #![allow(missing_docs)]
    wit_bindgen::generate!({ path: "../../../wit", world: "plugin-over-transport"});
    use super::node::Guest;
    export!(Guest);
}

#[cfg(all(target_arch = "wasm32", feature = "sync"))]
mod bindings {
    //! Generated from `wit/`.
    #![allow(missing_docs)]
    wit_bindgen::generate!({ path: "../../../wit", world: "sync-over-transport"});
    use super::sync::Guest;
    export!(Guest);
}
