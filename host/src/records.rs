//! Conveniences for the records of the interface.

use crate::bindings::exports::servicenow::plugin::incidents::{CreateOptions, UpdateOptions};
use crate::bindings::exports::servicenow::plugin::types::Call;

impl Call {
    /// A call of an instance with an authorization, with the host's default deadline.
    pub fn new(authorization: impl Into<String>, instance: impl Into<String>) -> Self {
        Self { authorization: authorization.into(), instance: instance.into(), timeout_ms: None }
    }
}

/// A generated correlation id, values as they are stored, and no check of choices.
impl Default for CreateOptions {
    fn default() -> Self {
        Self { correlation_id: None, input_display_values: false, choice_check: None }
    }
}

/// Values as they are stored, and no check of choices.
impl Default for UpdateOptions {
    fn default() -> Self {
        Self { input_display_values: false, choice_check: None }
    }
}
