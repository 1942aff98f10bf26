//! A component of the plugin's world that attacks its host. The test names the attack in the columns of a create, and reads
//! what the guest saw in the message of its outcome.

#[cfg(target_arch = "wasm32")]
mod attacks;

#[cfg(target_arch = "wasm32")]
mod bindings {
    //! Generated from `wit/`.
    #![allow(missing_docs)]
    wit_bindgen::generate!({ path: "../../../wit", world: "plugin"});
    use super::attacks::Guest;
    export!(Guest);
}
