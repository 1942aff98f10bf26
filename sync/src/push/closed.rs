//! What an event does whose incident is closed: by the rules, by how it was closed, and how long ago.

use crate::changes::cursor::instant;
use crate::rules::{OnClosed, Rules};
use servicenow_core::servicenow::record::Record;

/// The state Resolved. What is Closed or Canceled stays so, on most instances also for those who would reopen it.
const RESOLVED: &str = "6";

const SECONDS_A_MINUTE: u64 = 60;
const SECONDS_AN_HOUR: u64 = 60 * 60;

/// What rules say about events of closed incidents.
#[derive(Clone, Copy, Debug)]
pub struct ClosedRules {
    /// What such an event does, where the rules say it.
    pub action: Option<OnClosed>,
    /// For how many hours it reopens a resolved incident.
    pub reopen_hours: Option<u32>,
    /// For how many minutes it does nothing.
    pub quiet_minutes: u32,
}

/// What to do.
#[derive(Debug, PartialEq)]
pub enum Decision {
    /// Nothing: people closed the incident, and the event says nothing new.
    Repeated,
    /// Nothing, for this reason.
    Quiet(String),
    /// The action.
    Act(OnClosed),
}

impl ClosedRules {
    /// Those of a document.
    pub fn of(rules: &Rules) -> Self {
        Self { action: rules.on_closed, reopen_hours: rules.reopen_hours, quiet_minutes: rules.quiet_minutes }
    }

    /// What an event does. `is_repeated` is whether the last event of the same incident said the same.
    pub fn decide(&self, record: &Record, is_repeated: bool, now_seconds: u64) -> Decision {
        let Some(action) = self.action.or((!is_repeated).then_some(OnClosed::Create)) else {
            return Decision::Repeated;
        };
        let age = age(record, now_seconds);
        let quiet = u64::from(self.quiet_minutes) * SECONDS_A_MINUTE;
        if age.is_some_and(|age| age < quiet) {
            let minutes = self.quiet_minutes;
            return Decision::Quiet(format!(
                "its incident {} was closed less than {minutes} minutes ago",
                record.text("number")
            ));
        }
        let is_over = self.reopen_hours.zip(age).is_some_and(|(hours, age)| age >= u64::from(hours) * SECONDS_AN_HOUR);
        Decision::Act(match action {
            OnClosed::Reopen if is_over || record.value("state") != Some(RESOLVED) => OnClosed::Create,
            action => action,
        })
    }
}

/// How many seconds ago an incident was closed or resolved, where it says so.
fn age(record: &Record, now_seconds: u64) -> Option<u64> {
    let at = |column: &str| record.value(column).and_then(instant).map(|at| at.as_second());
    let at = at("closed_at").max(at("resolved_at"))?;
    Some(now_seconds.saturating_sub(u64::try_from(at).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use servicenow_core::servicenow::record::Cell;

    #[test]
    fn state_age_and_rules_decide_and_a_repeated_event_does_nothing_by_itself() {
        let now = u64::try_from(instant("2026-01-02 00:00:00").unwrap().as_second()).unwrap();
        let decide = |action: Option<OnClosed>, state: &str, at: &str, is_repeated: bool| {
            let columns = [("number", "INC1"), ("state", state), ("resolved_at", at), ("closed_at", "")];
            let cell = |value: &str| Cell { value: value.to_string(), ..Cell::default() };
            let record = Record(columns.map(|(name, value)| (name.to_string(), cell(value))).into());
            let rules = ClosedRules { action, reopen_hours: Some(12), quiet_minutes: 30 };
            rules.decide(&record, is_repeated, now)
        };
        let (long_ago, today, just_now) = ("2026-01-01 00:00:00", "2026-01-01 20:00:00", "2026-01-01 23:45:00");
        use Decision::{Act, Repeated};
        use OnClosed::{Comment, Create, Reopen};
        for (action, state, at, is_repeated, expected) in [
            (None, "6", long_ago, false, Act(Create)),
            (None, "6", long_ago, true, Repeated),
            (None, "6", just_now, true, Repeated),
            (Some(Create), "6", long_ago, true, Act(Create)),
            (Some(Reopen), "6", today, true, Act(Reopen)),
            (Some(Reopen), "6", "", true, Act(Reopen)),
            (Some(Reopen), "6", long_ago, true, Act(Create)),
            (Some(Reopen), "7", today, false, Act(Create)),
            (Some(Reopen), "8", today, false, Act(Create)),
            (Some(Comment), "7", long_ago, false, Act(Comment)),
        ] {
            assert_eq!(decide(action, state, at, is_repeated), expected, "{action:?} {state} {at} {is_repeated}");
        }
        for action in [None, Some(Create), Some(Reopen), Some(Comment)] {
            assert!(matches!(decide(action, "6", just_now, false), Decision::Quiet(_)), "{action:?}");
        }
    }
}
