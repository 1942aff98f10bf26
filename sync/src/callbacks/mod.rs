//! Deliveries from the instance: authenticated, read, and judged against what the ledger knows.

pub mod change;
mod names;
mod order;
pub mod payload;
pub mod seen;

pub use names::names;

use crate::bindings::callbacks::{Accepted, Delivery, Verdict};
use crate::bindings::ledger::KnownRecord;
use crate::ledger::Ledger;
use crate::rules::{Direction, Rules};
use change::{News, Place, new_values, translate};
use order::{Novelty, is_next, judge};
use payload::Payload;
use seen::{Seen, Source};
use servicenow_core::callback_secret;
use servicenow_core::incidents::violations::Violations;

/// Marks the id of a change that stands in for that of its version.
const SAVED: &str = "saved";

/// A payload that needs no action, or the change that it is.
pub enum Judged {
    /// A change to act on.
    Accepted(Accepted),
    /// A change to act on that was overtaken.
    Late(Accepted),
    /// A version that was told before.
    Duplicate,
    /// One before a version that was told.
    Stale,
    /// Own writes alone.
    Echo,
    /// Nothing that the rules want.
    Ignored(String),
}

/// Judges a delivery. `is_secret` is the host's comparison of a presented secret.
pub fn receive(
    delivery: &Delivery,
    rules: Option<&str>,
    ledger: &mut dyn Ledger,
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
    match judged(payload, rules.as_ref(), Source::Delivery, &delivery.authorization, ledger) {
        Judged::Accepted(accepted) => Verdict::Accepted(accepted),
        Judged::Late(accepted) => Verdict::Late(accepted),
        Judged::Duplicate => Verdict::Duplicate,
        Judged::Stale => Verdict::Stale,
        Judged::Echo => Verdict::Echo,
        Judged::Ignored(why) => Verdict::Ignored(why),
    }
}

/// Judges a payload by what the ledger knows of its record. What needs no action is remembered.
pub fn judged(
    payload: Payload,
    rules: Option<&Rules>,
    source: Source,
    authorization: &str,
    ledger: &mut dyn Ledger,
) -> Judged {
    let sys_id = payload.sys_id.to_string();
    let KnownRecord { seen: before, settled } = ledger.known(&sys_id);
    let mut seen = Seen::read(before.as_deref());
    let novelty = judge(&payload.version, &seen, &settled, source);
    match novelty {
        Novelty::Duplicate => return Judged::Duplicate,
        Novelty::Stale => return Judged::Stale,
        Novelty::Echo => {
            let after = seen.with_version(&payload.version, &settled, source);
            // Where somebody else saw more meanwhile, that is known as well.
            ledger.seen(&sys_id, before.as_deref(), &after.to_text());
            return Judged::Echo;
        }
        Novelty::New | Novelty::Late(_) => {}
    }
    if payload.stands_in() {
        return stand_in(payload, novelty, rules, authorization, before, settled);
    }
    if let Some(why) = rules.and_then(|rules| left_out(rules, &payload)) {
        if novelty == Novelty::New && is_next(&payload.version, &seen, &settled) {
            let after = seen.with_version(&payload.version, &settled, source);
            ledger.seen(&sys_id, before.as_deref(), &after.to_text());
        } else if let Some(count) = payload.version.mod_count.filter(|count| seen.is_near(*count)) {
            // It is no version to remember: an earlier change of interest may still be on its way.
            ledger.settle(&sys_id, count);
        }
        return Judged::Ignored(why);
    }
    let place = match novelty {
        Novelty::Late(_) => Place::Overtaken,
        _ if is_next(&payload.version, &seen, &settled) => Place::Next,
        _ => Place::AfterGap,
    };
    let comments = seen.told(payload.comments.clone());
    let values = new_values(&payload, place, &seen.values);
    let after = match novelty {
        Novelty::Late(count) => seen.with_late(count),
        _ => seen.with_version(&payload.version, &settled, source).with_values(&values),
    };
    let change = translate(payload, News { comments, values }, rules, authorization);
    let accepted = Accepted { change, before, after: after.to_text() };
    if place == Place::Overtaken { Judged::Late(accepted) } else { Judged::Accepted(accepted) }
}

/// Judges what stands in for the delivery of the save that made its version. What differs from what is known is news; what that
/// save changed is still to come, and so is whether rules leave it out.
fn stand_in(
    payload: Payload,
    novelty: Novelty,
    rules: Option<&Rules>,
    authorization: &str,
    before: Option<String>,
    settled: Vec<u32>,
) -> Judged {
    let is_late = matches!(novelty, Novelty::Late(_));
    let mut seen = Seen::read(before.as_deref());
    // One without its entry is known to be news only with a version that is.
    let comments = payload.comments.iter().filter(|comment| !is_late || comment.entry.is_some());
    let comments = seen.told(comments.cloned().collect());
    let values = new_values(&payload, if is_late { Place::Overtaken } else { Place::AfterGap }, &seen.values);
    if is_late && comments.is_empty() {
        return Judged::Duplicate;
    }
    if let Some(why) = rules.and_then(|rules| left_out(rules, &payload)) {
        return Judged::Ignored(why);
    }
    let news = values.iter().map(|(name, _)| name.as_str()).chain(comments.first().map(|_| "comments"));
    let wanted = rules.and_then(|rules| rules.receive.as_ref()).map_or(&[][..], |receive| &receive.columns);
    if !wanted.is_empty() && !news.into_iter().any(|name| wanted.iter().any(|wanted| wanted == name)) {
        return Judged::Ignored(none_changed(wanted));
    }
    let mark = match payload.comments.iter().rev().find_map(|comment| comment.entry.clone()) {
        Some(entry) if is_late => entry,
        _ => SAVED.to_string(),
    };
    let after = match payload.version.mod_count {
        Some(count) if !is_late => {
            seen.with_version(&payload.version, &settled, Source::Delivery).with_values(&values).with_missing(count)
        }
        _ => seen,
    };
    let mut change = translate(payload, News { comments, values }, rules, authorization);
    change::mark(&mut change, &mark);
    let accepted = Accepted { change, before, after: after.to_text() };
    if is_late { Judged::Late(accepted) } else { Judged::Accepted(accepted) }
}

fn none_changed(columns: &[String]) -> String {
    format!("none of {} changed", columns.join(", "))
}

/// The comments of a record whose last version is known, that were not told: those of versions that were overtaken.
pub fn overtaken_comments(
    payload: Payload,
    rules: Option<&Rules>,
    authorization: &str,
    ledger: &mut dyn Ledger,
) -> Option<Accepted> {
    if rules.is_some_and(|rules| left_out(rules, &payload).is_some()) {
        return None;
    }
    let KnownRecord { seen: before, .. } = ledger.known(payload.sys_id.as_str());
    let mut seen = Seen::read(before.as_deref());
    let news = seen.told(payload.comments.clone());
    if news.is_empty() {
        return None;
    }
    let after = seen.to_text();
    let last = payload.comments.last().and_then(|comment| comment.entry.clone()).unwrap_or_default();
    let mut change = translate(payload, News { comments: news, ..News::default() }, None, authorization);
    change::mark(&mut change, &last);
    Some(Accepted { change, before, after })
}

/// What a payload read from a table needs of the journal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Wants {
    /// Its comments: it is a change.
    Comments,
    /// Those of versions before it: it is known, and they are not.
    Overtaken,
    /// Nothing.
    Nothing,
}

/// What a payload read from a table needs of the journal.
pub fn wants(payload: &Payload, ledger: &mut dyn Ledger) -> Wants {
    let KnownRecord { seen, settled } = ledger.known(payload.sys_id.as_str());
    let seen = Seen::read(seen.as_deref());
    match judge(&payload.version, &seen, &settled, Source::Table) {
        Novelty::New | Novelty::Late(_) => Wants::Comments,
        Novelty::Duplicate if seen.missing.iter().any(|count| !settled.contains(count)) => Wants::Overtaken,
        Novelty::Duplicate | Novelty::Stale | Novelty::Echo => Wants::Nothing,
    }
}

/// Why rules leave a change out.
fn left_out(rules: &Rules, payload: &Payload) -> Option<String> {
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
    let changed = payload.changed();
    let is_of_interest = receive.columns.iter().any(|column| changed.contains(column));
    (payload.says_what_changed() && !receive.columns.is_empty() && !is_of_interest)
        .then(|| none_changed(&receive.columns))
}
