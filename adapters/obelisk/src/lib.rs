//! The incident node as activities of Obelisk, whose functions return results and whose errors are repeated unless their name
//! says `permanent`. Composed with the plugin and with credentials from environment variables, where the engine puts
//! placeholders of its secrets.

pub mod bindings;
pub mod results;

#[cfg(target_arch = "wasm32")]
mod export {
    use crate::bindings::exports::servicenow::obelisk::incidents::{Error, Guest, Incident, Receipt};
    use crate::bindings::servicenow::plugin::incidents::{
        self, CreateOptions, IncidentRef, RequestBody, UpdateOptions,
    };
    use crate::bindings::servicenow::plugin::types::Call;
    use crate::results::{created, got, missing_correlation_id, updated};

    /// The component.
    pub struct Activities;

    fn call(authorization: String, instance: String, timeout_ms: u32) -> Call {
        Call { authorization, instance, timeout_ms: Some(timeout_ms) }
    }

    impl Guest for Activities {
        fn create(
            authorization: String,
            instance: String,
            correlation_id: String,
            fields: Vec<(String, String)>,
            timeout_ms: u32,
        ) -> Result<Receipt, Error> {
            if correlation_id.is_empty() {
                return Err(missing_correlation_id());
            }
            let options =
                CreateOptions { correlation_id: Some(correlation_id), input_display_values: false, choice_check: None };
            let call = call(authorization, instance, timeout_ms);
            created(incidents::create(&call, &RequestBody::Fields(fields), &options))
        }

        fn get(
            authorization: String,
            instance: String,
            kind: String,
            value: String,
            timeout_ms: u32,
        ) -> Result<Incident, Error> {
            got(incidents::get(&call(authorization, instance, timeout_ms), &IncidentRef { kind, value }))
        }

        fn update(
            authorization: String,
            instance: String,
            sys_id: String,
            fields: Vec<(String, String)>,
            timeout_ms: u32,
        ) -> Result<Receipt, Error> {
            let options = UpdateOptions { input_display_values: false, choice_check: None };
            let call = call(authorization, instance, timeout_ms);
            updated(incidents::update(&call, &sys_id, &RequestBody::Fields(fields), &options))
        }
    }
}
#[cfg(target_arch = "wasm32")]
use export::Activities;
