//! The `credentials` interface, answered from environment variables, and the `ledger` interface, of which nothing is known: composed with the plugin it makes a component that
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
    use crate::bindings::exports::servicenow::plugin::ledger::{self, KnownRecord, NoteClaim, NoteEnd};
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

    /// There is no store: nothing is known.
    impl ledger::Guest for Adapter {
        fn known(_: String, _: String) -> KnownRecord {
            KnownRecord { seen: None, settled: Vec::new() }
        }

        fn seen(_: String, _: String, _: Option<String>, _: String) -> bool {
            true
        }

        fn settle(_: String, _: String, _: u32) {}

        fn last_event(_: String, _: String) -> Option<String> {
            None
        }

        fn remember(_: String, _: String, _: String) {}

        fn claim_note(_: String, _: String, _: String) -> NoteClaim {
            NoteClaim::NotKept
        }

        fn end_claim(_: String, _: String, _: String, _: NoteEnd) {}
    }
}
#[cfg(target_arch = "wasm32")]
use export::Adapter;
