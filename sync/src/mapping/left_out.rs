//! Why rules leave an event out.

use crate::rules::{Direction, Missing, Mode, Rules};
use crate::template::{as_text, at};
use serde_json::Value;
use servicenow_core::incidents::violations::Violations;

/// From this likeness on a name is taken for a misspelt one. 1 is the same.
const ALIKE: f64 = 0.85;

/// Why rules leave an event out, where they do. A place of the triggers that the event lacks is told.
pub fn left_out(rules: &Rules, event: &Value, manual: bool, violations: &mut Violations) -> Option<String> {
    if !rules.active {
        return Some("the rules are not active".to_string());
    }
    if rules.direction == Direction::FromServicenow {
        return Some("the rules bring changes from ServiceNow alone".to_string());
    }
    if manual {
        return None;
    }
    if rules.mode == Mode::Manual {
        return Some("the rules push when somebody asks for it".to_string());
    }
    if let Some(triggers) = &rules.triggers {
        let Some(kind) = at(event, &triggers.path) else {
            if rules.missing == Missing::Refused {
                violations.add("rules.triggers.path", &triggers.path, "a place that the event has");
            }
            return Some(format!("the event has no {}, where the triggers look for its kind", triggers.path));
        };
        let kind = as_text(kind).unwrap_or_default();
        if !triggers.any_of.contains(&kind) {
            return Some(format!(
                "{} is {kind:?}, which is none of the triggers{}",
                triggers.path,
                nearest(&kind, &triggers.any_of)
            ));
        }
    }
    let filter = rules.filter.as_ref().filter(|filter| !filter.is_met(event))?;
    let lacks = filter.lacking(event);
    if rules.missing == Missing::Refused {
        for path in &lacks {
            violations.add("rules.filter", path, "a place that the event has");
        }
    }
    let lacks = if lacks.is_empty() { String::new() } else { format!("; it has no {}", lacks.join(", ")) };
    Some(format!("the event does not meet the filter{lacks}"))
}

/// The name that is nearly the same, for a misspelt one.
fn nearest(name: &str, known: &[String]) -> String {
    let likeness = |known: &&String| strsim::jaro_winkler(&known.to_lowercase(), &name.to_lowercase());
    let found = known.iter().filter(|known| likeness(known) > ALIKE).max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    found.map_or_else(String::new, |found| format!("; {found:?} is nearly the same"))
}
