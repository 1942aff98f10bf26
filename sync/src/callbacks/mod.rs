//! Deliveries from the instance: authenticated, read, and judged against what the host has seen.

pub mod change;
mod names;
mod order;
pub mod payload;

pub use names::names;
pub use order::judge;

use crate::bindings::callbacks::{Accepted, Action, Delivery, Ignored, Judgement, Known, Novelty, Verdict};
use crate::rules::{Direction, Rules};
use change::translate;
use payload::Payload;
use servicenow_core::callback_secret;
use servicenow_core::incidents::violations::Violations;

/// The key of the record that a delivery tells of.
pub fn subject(body: &[u8]) -> Option<String> {
    Payload::read(body).ok().map(|payload| payload.sys_id.to_string())
}

/// Judges a delivery. `is_secret` is the host's comparison of a presented secret.
pub fn receive(
    delivery: &Delivery,
    rules: Option<&str>,
    known: &Known,
    is_secret: impl Fn(&str, &str) -> bool,
) -> Verdict {
    let presented = callback_secret::presented(&delivery.headers);
    if !presented.is_some_and(|presented| is_secret(&delivery.authorization, presented)) {
        return Verdict::Unauthenticated;
    }
    let mut violations = Violations::default();
    let rules = rules.map(|rules| Rules::parse(rules, &mut violations));
    let payload = Payload::read(&delivery.body).map_err(|violation| violations.list.push(violation)).ok();
    let (rules, payload) = match violations.or_invalid_data(payload) {
        Ok(payload) => (rules.flatten(), payload),
        Err(error) => return Verdict::InvalidData(error.into_violations()),
    };
    let Judgement { novelty, remember } = judge(&payload.version, known);
    match novelty {
        Novelty::Duplicate => Verdict::Duplicate,
        Novelty::Stale => Verdict::Stale,
        Novelty::Echo => Verdict::Echo(remember),
        Novelty::New => match rules.as_ref().and_then(|rules| left_out(rules, &payload)) {
            Some(why) => Verdict::Ignored(Ignored { why, mod_count: payload.version.mod_count }),
            None => {
                let is_next = order::is_next(&payload.version, known);
                let change = translate(payload, rules.as_ref(), is_next, &delivery.authorization);
                Verdict::Accepted(Accepted { change, remember })
            }
        },
    }
}

/// Why rules leave a change out.
pub fn left_out(rules: &Rules, payload: &Payload) -> Option<String> {
    if !rules.active {
        return Some("the rules are not active".to_string());
    }
    if rules.direction == Direction::ToServicenow {
        return Some("the rules bring events to ServiceNow alone".to_string());
    }
    let receive = rules.receive.as_ref()?;
    if !receive.tables.is_empty() && !receive.tables.contains(&payload.table) {
        return Some(format!("the rules take no changes of {}", payload.table));
    }
    let is_known = payload.action == Action::Updated && !payload.previous.is_empty();
    let changed = payload.changed();
    let is_of_interest = receive.columns.iter().any(|column| changed.contains(column));
    (is_known && !receive.columns.is_empty() && !is_of_interest)
        .then(|| format!("none of {} changed", receive.columns.join(", ")))
}
