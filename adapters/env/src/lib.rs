//! The `credentials` interface, answered from environment variables: composed with the plugin it makes a component that
//! imports WASI alone, so that any engine with `wasi:http` runs it.
//!
//! The variables of an authorization begin with `SERVICENOW_` and its name in capitals: `SERVICENOW_MAIN_INSTANCE` for `main`.
//! `README.md` lists them.

pub mod bindings;
mod settings;

pub use settings::{Settings, prefix};

#[cfg(target_arch = "wasm32")]
mod export {
    use crate::bindings::exports::servicenow::plugin::credentials::{CredentialError, Granted, Guest};
    use crate::settings::Settings;
    use wasip2::cli::environment::get_environment;

    /// The component.
    pub struct Adapter;

    fn settings(authorization: &str) -> Settings {
        Settings::new(authorization, get_environment())
    }

    impl Guest for Adapter {
        fn get(authorization: String) -> Result<Granted, CredentialError> {
            settings(&authorization).granted()
        }

        fn refused(authorization: String) -> Result<Granted, CredentialError> {
            // The plugin obtains a new token with the same client; nothing else can be renewed here.
            settings(&authorization).granted()
        }

        fn verify_callback(authorization: String, presented: String) -> bool {
            settings(&authorization).is_callback_secret(&presented)
        }
    }
}
#[cfg(target_arch = "wasm32")]
use export::Adapter;
