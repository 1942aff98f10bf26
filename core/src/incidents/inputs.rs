//! Inputs that several methods take: keys of an incident.

use super::violations::Violations;
use crate::servicenow::query::{EXPECTED_VALUE, is_value};
use crate::servicenow::sys_id::SysId;

/// The dictionary's length of `correlation_id`: a longer one may be cut, and then no look-up finds it.
pub const MAX_CORRELATION_ID: usize = 100;

const EXPECTED_SYS_ID: &str = "32 hexadecimal digits, the sys_id that create and get return";

/// A correlation id that can be looked up again.
pub fn check_correlation_id(given: &str, violations: &mut Violations) -> Option<String> {
    if is_value(given) && given.chars().count() <= MAX_CORRELATION_ID && given.trim() == given {
        return Some(given.to_string());
    }
    let expected = format!("{EXPECTED_VALUE}; at most {MAX_CORRELATION_ID} characters, no spaces around it");
    violations.refuse("correlation_id", given, &expected)
}

/// The key of a record.
pub fn check_sys_id(given: &str, violations: &mut Violations) -> Option<SysId> {
    SysId::parse(given).or_else(|| violations.refuse("sys_id", given, EXPECTED_SYS_ID))
}
