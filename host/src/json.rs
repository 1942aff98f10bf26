//! The one JSON mapping of the interface, as the generated bindings of this host have it.

pub use servicenow_json::{kebab, to_json};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::exports::servicenow::plugin::incidents::{CreateOutcome, RequestBody};
    use crate::bindings::exports::servicenow::plugin::types::{Reason, Violation};
    use crate::outcome::ended_by_host;
    use serde_json::json;

    #[test]
    fn variants_have_case_and_value_and_names_are_written_one_way() {
        let violation = Violation { field: "sys_id".into(), given: "1".into(), expected: "32 digits".into() };
        assert_eq!(
            to_json(&CreateOutcome::InvalidData(vec![violation])),
            json!({"case": "invalid-data", "value": [{"field": "sys_id", "given": "1", "expected": "32 digits"}]})
        );
        assert_eq!(
            to_json(&RequestBody::Fields(vec![("a".into(), "b".into())])),
            json!({"case": "fields", "value": [["a", "b"]]})
        );
    }

    #[test]
    fn a_failure_always_has_its_six_keys() {
        let failure = ended_by_host(Reason::UnknownAuthorization, "no", false, None);
        assert_eq!(
            to_json(&CreateOutcome::Error(failure))["value"],
            json!({"status": null, "reason": "unknown-authorization", "message": "no", "detail": null, "retry": "never", "write_happened": "no"})
        );
    }
}
