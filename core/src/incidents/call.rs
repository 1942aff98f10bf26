//! The inputs that every method has.

use super::violations::Violations;
use crate::bindings::types::Call;
use crate::servicenow::origin::{self, Origin};

/// The deadline of a call that names none, as in the original node.
pub const DEFAULT_TIMEOUT_MS: u32 = 5_000;

/// Names are chosen by people; this keeps an absurd one out of messages and logs.
const MAX_NAME: usize = 200;

/// A call whose inputs are in order.
#[derive(Clone, Debug, PartialEq)]
pub struct ValidCall {
    /// The authorization's name.
    pub authorization: String,
    /// The instance's origin.
    pub origin: Origin,
    /// How long the call may take.
    pub timeout_ms: u32,
}

/// Checks the inputs that every method has.
pub fn check(call: &Call, violations: &mut Violations) -> Option<ValidCall> {
    let name = &call.authorization;
    let authorization = if name.trim().is_empty() || name.len() > MAX_NAME || name.contains(char::is_control) {
        violations.refuse(
            "authorization",
            name,
            "the name of an authorization: 1 to 200 bytes without control characters",
        )
    } else {
        Some(name.clone())
    };
    let origin =
        Origin::parse(&call.instance).or_else(|| violations.refuse("instance", &call.instance, origin::EXPECTED));
    let timeout_ms = match call.timeout_ms {
        Some(0) => violations.refuse("timeout_ms", "0", "a number of milliseconds above 0"),
        given => Some(given.unwrap_or(DEFAULT_TIMEOUT_MS)),
    };
    Some(ValidCall { authorization: authorization?, origin: origin?, timeout_ms: timeout_ms? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(authorization: &str, instance: &str, timeout_ms: Option<u32>) -> Vec<String> {
        let mut violations = Violations::default();
        let call = Call { authorization: authorization.into(), instance: instance.into(), timeout_ms };
        let checked = check(&call, &mut violations);
        assert_eq!(checked.is_none(), !violations.list.is_empty());
        violations.list.into_iter().map(|violation| violation.field).collect()
    }

    #[test]
    fn every_wrong_input_is_named_at_once() {
        assert_eq!(refused("main", "dev12345", None), Vec::<String>::new());
        assert_eq!(refused("", "", Some(0)), ["authorization", "instance", "timeout_ms"]);
        assert_eq!(refused("a\nb", "dev12345", Some(1)), ["authorization"]);
        assert_eq!(refused(&"x".repeat(1 << 20), "dev12345", None), ["authorization"]);
        assert_eq!(refused(&"x".repeat(MAX_NAME), "dev12345", None), Vec::<String>::new());
        assert_eq!(refused(&"x".repeat(MAX_NAME + 1), "dev12345", None), ["authorization"]);
    }
}
