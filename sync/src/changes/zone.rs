//! The time zone that times in a query are read in: the one of the user who asks.

use super::cursor::{FORMAT, instant};
use jiff::Span;
use jiff::tz::TimeZone;
use servicenow_core::bindings::types::{Reason, Violation};
use servicenow_core::failure::CallError;
use servicenow_core::incidents::violations::Violations;
use servicenow_core::servicenow::requests;
use servicenow_core::servicenow::session::Session;

/// How far back an unambiguous time of day is looked for: no zone repeats more than two hours.
const MAX_HOURS_BACK: i64 = 4;

const EXPECTED: &str = "an IANA time zone such as Europe/Berlin, the one of the authorization's user";

/// A time zone.
#[derive(Clone, Debug)]
pub struct Zone(TimeZone);

impl Zone {
    /// A zone by name.
    pub fn named(field: &str, name: &str, violations: &mut Violations) -> Option<Self> {
        // Instances still know names that the database dropped long ago.
        let name = if name == "GMT" { "UTC" } else { name };
        TimeZone::get(name).ok().map(Self).or_else(|| violations.refuse(field, name, EXPECTED))
    }

    /// A time in UTC as a query says it, and whether it says that very instant. In the hour that clocks repeat no time of day
    /// does; then an earlier one is given.
    pub fn floor(&self, utc: &str) -> Result<(String, bool), CallError> {
        let refuse = || {
            let violation = Violation {
                field: "cursor".to_string(),
                given: utc.to_string(),
                expected: "a time that can be said in the user's time zone".to_string(),
            };
            CallError::InvalidData(vec![violation])
        };
        let at = instant(utc).ok_or_else(refuse)?;
        for hours in 0..=MAX_HOURS_BACK {
            let earlier = at.checked_sub(Span::new().hours(hours)).map_err(|_| refuse())?;
            let local = self.0.to_datetime(earlier);
            if !self.0.to_ambiguous_timestamp(local).is_ambiguous() {
                return Ok((local.strftime(FORMAT).to_string(), hours == 0));
            }
        }
        Err(refuse())
    }
}

/// The zone of the authorization's user: their own, or the instance's default.
pub fn of_user(session: &mut Session<'_>) -> Result<Zone, CallError> {
    let own = first(session, "sys_user", "sys_id=javascript:gs.getUserID()", "time_zone")?;
    let name = match own {
        // Only who has no zone of their own has the instance's; a record that cannot be read says nothing.
        Some(name) if name.is_empty() => first(session, "sys_properties", "name=glide.sys.default.tz", "value")?,
        own => own,
    };
    let mut violations = Violations::default();
    let name = name.filter(|name| !name.is_empty());
    let zone = match &name {
        Some(name) => Zone::named("time_zone", name, &mut violations),
        None => violations.refuse("time_zone", "none in the user's record or the instance's properties", EXPECTED),
    };
    violations.or_invalid_data(zone)
}

/// A column of the only row that matches. `None` where there is none, or none that may be read.
fn first(session: &mut Session<'_>, from: &str, query: &str, column: &str) -> Result<Option<String>, CallError> {
    let parameters = [("sysparm_query", query), ("sysparm_fields", column), ("sysparm_limit", "2")];
    match session.fetch(&requests::list(&session.origin, from, &parameters)) {
        // More than one: the condition was dropped.
        Ok(rows) if rows.records.len() == 1 => Ok(rows.records[0].value(column).map(str::to_string)),
        Ok(_) => Ok(None),
        Err(CallError::Rejected(failure)) if failure.reason == Reason::Forbidden => Ok(None),
        Err(CallError::Error(failure)) if failure.reason == Reason::DeniedByHost => Ok(None),
        Err(end) => Err(end),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_said_in_the_users_zone_and_never_later_than_it_is() {
        let mut violations = Violations::default();
        let berlin = Zone::named("", "Europe/Berlin", &mut violations).unwrap();
        for (utc, said, is_exact) in [
            ("2026-01-15 12:00:00", "2026-01-15 13:00:00", true),
            ("2026-07-15 12:00:00", "2026-07-15 14:00:00", true),
            // Clocks go back at 01:00 UTC: 02:30 is there twice.
            ("2026-10-25 00:30:00", "2026-10-25 01:30:00", false),
            ("2026-10-25 01:30:00", "2026-10-25 01:30:00", false),
            ("2026-10-25 02:30:00", "2026-10-25 03:30:00", true),
            // Clocks go forward: no time of day is skipped on the way from UTC.
            ("2026-03-29 01:30:00", "2026-03-29 03:30:00", true),
        ] {
            assert_eq!(berlin.floor(utc).unwrap(), (said.to_string(), is_exact), "{utc}");
        }
        assert!(Zone::named("time_zone", "Berlin^active=true", &mut violations).is_none());
    }
}
