//! An event, by rules, becomes the columns of an incident. Pure: a preview and a push go through the same function.

mod body;
mod paths;

pub use paths::paths;

use crate::bindings::mapping::{Mapped as Shown, PreviewOutcome};
use crate::bounded::{MAX_PARTS, has_too_many_parts};
use crate::lenient::repaired;
use crate::rules::severity::priority;
use crate::rules::status::DONE;
use crate::rules::template::{Templates, as_text, at};
use crate::rules::{Direction, Journal, Missing, Mode, Rules};
use serde_json::{Map, Value};
use servicenow_core::bindings::incidents::RequestBody;
use servicenow_core::bindings::types::Violation;
use servicenow_core::failure::CallError;
use servicenow_core::incidents::body::{self as request_body, Body};
use servicenow_core::incidents::inputs::check_correlation_id;
use servicenow_core::incidents::violations::Violations;
use servicenow_core::servicenow::choices;
use servicenow_core::servicenow::incident_table::{self, Kind};
use servicenow_core::servicenow::sys_id::SysId;

/// An event is read whole; ServiceNow takes 10 MB, and what is read needs several times its size.
const MAX_EVENT_BYTES: usize = 4 * 1024 * 1024;

/// From here on numbers that are no integers of 64 bits lose digits.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// What an instance sets where a create says nothing of impact and urgency.
const DEFAULT_LEVEL: &str = "3";

/// An event that is to be pushed.
pub struct Mapped {
    /// The key that finds its incident.
    pub correlation_id: String,
    /// The columns, without the note.
    pub body: Body,
    /// Whether the event ends the problem.
    pub recovers: bool,
    /// The journal and the text to append.
    pub note: Option<(Journal, String)>,
    /// What is likely a mistake.
    pub warnings: Vec<Violation>,
}

/// What rules make of an event.
pub enum Mapping {
    /// It is to be pushed.
    Mapped(Mapped),
    /// The rules leave it out.
    FilteredOut(String),
}

/// Shows what a push would send.
pub fn preview(rules: &str, event: &str, manual: bool) -> PreviewOutcome {
    let mut violations = Violations::default();
    let mapping = Rules::parse(rules, &mut violations).and_then(|rules| map(&rules, event, manual, &mut violations));
    match violations.or_invalid_data(mapping) {
        Ok(Mapping::FilteredOut(why)) => PreviewOutcome::FilteredOut(why),
        Ok(Mapping::Mapped(mapped)) => show(mapped)
            .map_or_else(|error| PreviewOutcome::InvalidData(error.into_violations()), PreviewOutcome::Mapped),
        Err(error) => PreviewOutcome::InvalidData(error.into_violations()),
    }
}

fn show(mapped: Mapped) -> Result<Shown, CallError> {
    let level = |column: &str| mapped.body.value(column).unwrap_or(DEFAULT_LEVEL).parse().unwrap_or_default();
    let note = mapped.note.as_ref().map(|(journal, text)| (journal.column(), text.as_str()));
    let added = [("correlation_id", mapped.correlation_id.as_str())].into_iter().chain(note);
    Ok(Shown {
        body: mapped.body.to_json(&added.collect::<Vec<_>>())?,
        priority: priority(level("impact"), level("urgency")),
        correlation_id: mapped.correlation_id,
        recovers: mapped.recovers,
        note: mapped.note.map(|(_, text)| text),
        warnings: mapped.warnings,
    })
}

/// Reads an event: a JSON object.
pub fn read_event(text: &str, violations: &mut Violations) -> Option<Value> {
    if text.len() > MAX_EVENT_BYTES {
        return violations.refuse("event", text, &format!("a JSON object of at most {MAX_EVENT_BYTES} bytes"));
    }
    if has_too_many_parts(text) {
        return violations.refuse("event", text, &format!("a JSON object of at most {MAX_PARTS} values"));
    }
    match serde_json::from_str(&repaired(text)) {
        Ok(event @ Value::Object(_)) => Some(event),
        Ok(_) => violations.refuse("event", text, "a JSON object"),
        Err(error) => violations.refuse("event", text, &format!("a JSON object; {error}")),
    }
}

/// Applies rules to an event. `None` where something is refused.
pub fn map(rules: &Rules, event: &str, manual: bool, violations: &mut Violations) -> Option<Mapping> {
    let event = read_event(event, violations)?;
    if let Some(why) = left_out(rules, &event, manual) {
        return Some(Mapping::FilteredOut(why));
    }
    let found = violations.list.len();
    let templates = Templates::new(&event, rules.missing == Missing::Refused);
    // A correlation id with a missing value would collide for all events that miss it.
    let exact = Templates::new(&with_content(&event).unwrap_or_default(), true);
    let mut columns = Columns(body::render(&rules.body, &templates, violations));
    let correlation_id = render("rules.correlation_id", &rules.correlation_id, &exact, violations).and_then(|id| {
        match id.contains(OBJECT) {
            true => violations.refuse("correlation_id", &id, "a key made of texts and numbers of the event"),
            false => check_correlation_id(&id, violations),
        }
    });
    if let Some((_, level)) =
        named("severity", rules.severity.as_ref().map(|rule| (&rule.path, &rule.map)), &event, violations)
    {
        columns.set("urgency", level.urgency.to_string());
        columns.set("impact", level.impact.to_string());
    }
    let mut recovers = false;
    if let Some((name, status)) =
        named("status", rules.status.as_ref().map(|rule| (&rule.path, &rule.map)), &event, violations)
    {
        recovers = status.get("state").is_some_and(|state| DONE.contains(&state.as_str()));
        for (column, text) in status {
            let place = format!("rules.status.map.{name}.{column}");
            if let Some(value) = render(&place, text, &templates, violations) {
                columns.set(column, value);
            }
        }
    }
    for field in &rules.fields {
        if let Some(text) = at(&event, &field.path).map(body::lines).filter(|text| !text.is_empty()) {
            columns.set(&field.column, text);
        }
    }
    let note = rules.note.as_ref().and_then(|note| {
        let text = render("rules.note.text", &note.text, &templates, violations)?;
        (!text.trim().is_empty()).then_some((note.column, text))
    });
    let warnings = warnings(&columns.0);
    // The checks of a create's request body, with its own words.
    let body = request_body::check(&RequestBody::Fields(columns.0), violations).unwrap_or_else(|end| {
        if let CallError::Error(failure) = end {
            violations.add("rules.body", &failure.message, "each column once");
        }
        None
    });
    if let Some(own) = body.as_ref().and_then(|body| body.value("correlation_id")) {
        violations.add("rules.body.correlation_id", own, "no correlation id here: rules.correlation_id is its place");
    }
    let (body, correlation_id) = (body?, correlation_id?);
    let mapped = Mapped { correlation_id, body, recovers, note, warnings };
    (violations.list.len() == found).then_some(Mapping::Mapped(mapped))
}

/// What an event has for its key: without what is empty, and without numbers that lost digits, for two of them could become one
/// key. What stands in the place of a list's item makes no key either.
fn with_content(value: &Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::String(text) if text.trim().is_empty() => None,
        Value::Number(number) if number.as_f64().is_some_and(|float| number.is_f64() && float.abs() >= EXACT) => None,
        Value::Array(items) => {
            Some(items.iter().map(|item| with_content(item).unwrap_or_else(|| Map::new().into())).collect())
        }
        Value::Object(members) => {
            let members = members.iter().filter_map(|(name, value)| Some((name.clone(), with_content(value)?)));
            Some(Value::Object(members.collect()))
        }
        other => Some(other.clone()),
    }
}

/// How an object is rendered.
const OBJECT: &str = "[object]";

/// Columns and values; one that is set again takes the last value.
struct Columns(Vec<(String, String)>);

impl Columns {
    fn set(&mut self, column: &str, value: String) {
        match self.0.iter_mut().find(|(name, _)| name == column) {
            Some((_, old)) => *old = value,
            None => self.0.push((column.to_string(), value)),
        }
    }
}

/// Why rules leave an event out.
fn left_out(rules: &Rules, event: &Value, manual: bool) -> Option<String> {
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
        let kind = at(event, &triggers.path).and_then(as_text).unwrap_or_default();
        if !triggers.any_of.contains(&kind) {
            return Some(format!("{} is {kind:?}, which is none of the triggers", triggers.path));
        }
    }
    let filter = rules.filter.as_ref().filter(|filter| !filter.is_met(event));
    filter.map(|_| "the event does not meet the filter".to_string())
}

/// What a map has for the name that stands at a place of the event. A place without a name is no mistake: events need not
/// carry everything each time.
fn named<'r, T>(
    what: &str,
    rule: Option<(&String, &'r std::collections::BTreeMap<String, T>)>,
    event: &Value,
    violations: &mut Violations,
) -> Option<(&'r str, &'r T)> {
    let (path, map) = rule?;
    let name = at(event, path).and_then(as_text).filter(|name| !name.is_empty())?;
    let found = map.get_key_value(&name);
    if found.is_none() {
        let known = map.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        violations.add(path, &name, &format!("a {what} that rules.{what}.map has: {known}"));
    }
    found.map(|(name, value)| (name.as_str(), value))
}

/// Renders a text; what is wrong with it becomes a violation.
fn render(place: &str, text: &str, templates: &Templates, violations: &mut Violations) -> Option<String> {
    match templates.render(text) {
        Ok(rendered) => Some(rendered),
        Err(problem) => violations.refuse(place, text, &format!("a template that can be rendered; {problem}")),
    }
}

/// What can be sent and is likely a mistake.
fn warnings(columns: &[(String, String)]) -> Vec<Violation> {
    let mut warnings = Violations::default();
    for (name, value) in columns.iter().filter(|(_, value)| !value.is_empty()) {
        match incident_table::column(name).map(|column| column.kind) {
            Some(Kind::Reference) if SysId::parse(value).is_none() => {
                warnings.add(
                    name,
                    value,
                    "a sys_id: this column refers to a record, and a name is not found by itself",
                );
            }
            None if !name.starts_with("u_") => {
                warnings.add(name, value, "a column of the incident table; ServiceNow drops others without a word");
            }
            _ if name == "priority" => {
                warnings.add(name, value, "no priority: ServiceNow computes it from impact and urgency");
            }
            _ => {}
        }
    }
    warnings.list.extend(choices::check(columns, &choices::base(), false));
    warnings.list
}
