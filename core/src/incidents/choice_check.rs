//! The choice check of a write: off, against the choices as delivered, or against the instance's own.

use super::body::Body;
use crate::bindings::types::{Reason, Violation, WriteHappened};
use crate::failure::{CallError, failure};
use crate::servicenow::choices::{self, Choice};
use crate::servicenow::query::is_value;
use crate::servicenow::requests;
use crate::servicenow::session::Session;

/// The declared choices of the option `choice-check`.
pub const MODES: [&str; 3] = ["off", "base", "instance"];

/// More than any incident table has: a delivered instance declares some 120 choices for it.
const MAX_CHOICES: &str = "10000";

/// Against what values are checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChoiceCheck {
    /// Nothing: a choice that the instance drops shows up as not stored.
    Off,
    /// The choices of an instance as delivered.
    Base,
    /// The instance's own choices.
    Instance,
}

impl ChoiceCheck {
    /// Parses the option. An unknown text is a violation.
    pub fn parse(text: Option<&str>) -> Result<Self, Violation> {
        match text.unwrap_or("off") {
            "off" => Ok(ChoiceCheck::Off),
            "base" => Ok(ChoiceCheck::Base),
            "instance" => Ok(ChoiceCheck::Instance),
            other => Err(unknown("choice_check", other, &MODES)),
        }
    }

    /// Checks the columns of a body.
    pub fn check(self, body: &Body, display_values: bool, session: &mut Session<'_>) -> Result<(), CallError> {
        let declared = match self {
            ChoiceCheck::Off => return Ok(()),
            ChoiceCheck::Base => choices::base(),
            ChoiceCheck::Instance => of_instance(&body.columns, session)?,
        };
        match choices::check(&body.columns, &declared, display_values) {
            violations if violations.is_empty() => Ok(()),
            violations => Err(CallError::InvalidChoice(violations)),
        }
    }
}

/// The violation of a text that is none of its declared choices.
pub fn unknown(field: &str, given: &str, declared: &[&str]) -> Violation {
    let mut violations = super::violations::Violations::default();
    violations.add(field, given, &format!("one of: {}", declared.join(", ")));
    violations.list.remove(0)
}

/// The instance's own choices for some columns, or for all where none is named. They stand in `sys_choice` under the
/// table or the one it extends.
pub fn of_instance(columns: &[(String, String)], session: &mut Session<'_>) -> Result<Vec<Choice>, CallError> {
    let names = columns.iter().map(|(name, _)| name.as_str());
    let named: Vec<&str> = names.filter(|name| is_value(name) && !name.contains(',')).collect();
    let elements = if named.is_empty() { String::new() } else { format!("^elementIN{}", named.join(",")) };
    let query = format!("nameINincident,task{elements}^inactive=false^ORDERBYsequence");
    let request = requests::list(
        &session.origin,
        "sys_choice",
        &[
            ("sysparm_query", &query),
            ("sysparm_fields", "name,element,value,label,dependent_value,language,inactive"),
            ("sysparm_limit", MAX_CHOICES),
        ],
    );
    let rows = session.fetch(&request).map_err(not_of_the_incident)?;
    if rows.total.is_some_and(|total| total > rows.records.len() as u64) {
        let message = "sys_choice counts more rows than it shows: the user may not read all choices";
        return Err(CallError::Rejected(failure(Reason::Forbidden, message.to_string(), WriteHappened::No)));
    }
    Ok(choices::from_rows(&rows.records))
}

/// A 400 or 404 here says nothing of the incident, so it must not pick the case that speaks of it.
fn not_of_the_incident(mut end: CallError) -> CallError {
    if let CallError::Rejected(failure) = &mut end {
        failure.message = format!("the choices could not be read: {}", failure.message);
        failure.status = failure.status.filter(|status| !matches!(status, 400 | 404));
    }
    end
}
