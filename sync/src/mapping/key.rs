//! The key of an event: the correlation id that finds its incident.

use super::Renderer;
use crate::template::Mode;
use servicenow_core::incidents::inputs::{MAX_CORRELATION_ID, check_correlation_id};

/// The rules' place of the key.
const PLACE: &str = "rules.correlation_id";

/// Renders the key. Each event must have a key of its own, and find it again: what instances store differently is no key.
pub fn key(template: &str, renderer: &mut Renderer<'_>) -> Option<String> {
    let key = renderer.render(PLACE, template, Mode::Key)?;
    let violations = &mut *renderer.violations;
    match problem(&key) {
        Some(expected) => violations.refuse("correlation_id", &key, &expected),
        None => check_correlation_id(&key, violations),
    }
}

/// The one condition that a key does not meet.
fn problem(key: &str) -> Option<String> {
    let hash = "{{ hash ... }} makes a key of anything";
    let length = key.chars().count();
    let forbidden = |c: char| c == '^' || c.is_control() || c == '\u{2028}' || c == '\u{2029}';
    // Databases that store three bytes a character write a question mark for these.
    let is_astral = |c: char| c > '\u{ffff}' || c == '\u{fffd}';
    if key.trim().is_empty() {
        Some("a key that is not empty".to_string())
    } else if length > MAX_CORRELATION_ID {
        Some(format!("at most {MAX_CORRELATION_ID} characters, and these are {length}; {hash}"))
    } else if let Some(c) = key.chars().find(|c| forbidden(*c)) {
        Some(format!("no {}, which a query cannot have; {hash}", c.escape_default()))
    } else if let Some(c) = key.chars().find(|c| is_astral(*c)) {
        Some(format!("no {c}, which an instance may store as question marks; {hash}"))
    } else if key.trim() != key || key.contains("  ") {
        Some(format!("no spaces around it and no two in a row, which an instance may take away; {hash}"))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use servicenow_core::incidents::violations::Violations;

    #[test]
    fn a_key_that_cannot_be_looked_up_is_told_by_the_one_condition_that_it_breaks() {
        let long = "x".repeat(MAX_CORRELATION_ID + 1);
        for (key, part) in [
            ("", "not empty"),
            ("  ", "not empty"),
            (long.as_str(), "these are 101"),
            ("a^b", "no ^"),
            ("a\nb", "no \\n"),
            ("disk \u{1f525}", "question marks"),
            (" a", "around"),
            ("a  b", "in a row"),
        ] {
            let problem = problem(key);
            assert!(problem.as_ref().is_some_and(|problem| problem.contains(part)), "{key:?}: {problem:?}");
        }
        for key in ["a", "apono-1", "äß/é:#[]", "a b", "x".repeat(MAX_CORRELATION_ID).as_str()] {
            assert_eq!(problem(key), None, "{key}");
        }
    }

    #[test]
    fn the_core_refuses_what_begins_like_a_script() {
        let mut violations = Violations::default();
        assert_eq!(check_correlation_id("javascript:1", &mut violations), None);
    }
}
