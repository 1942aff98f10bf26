//! An event, by rules, becomes the columns of an incident. Pure: a preview and a push go through the same function.

mod body;
mod columns;
mod items;
mod key;
mod left_out;
mod paths;
mod warnings;

pub use columns::{Column, Lookup, Part};
pub use items::items;
pub use paths::paths;

use crate::bindings::mapping::{InstanceColumn, Mapped as Shown, PlannedColumn, PreviewOutcome, Write as When};
use crate::bounded::{MAX_PARTS, has_too_many_parts};
use crate::lenient::repaired;
use crate::rules::severity::priority;
use crate::rules::{Journal, Missing, Rules, Write};
use crate::template::{Mode, Templates};
use columns::Columns;
use serde_json::{Value, json};
use servicenow_core::bindings::incidents::RequestBody;
use servicenow_core::failure::CallError;
use servicenow_core::incidents::body::{self as request_body, Body};
use servicenow_core::incidents::violations::Violations;

/// An event is read whole; ServiceNow takes 10 MB, and what is read needs several times its size.
const MAX_EVENT_BYTES: usize = 4 * 1024 * 1024;

/// The column that people see an incident by.
const TITLE: &str = "short_description";

/// What an instance sets where a create says nothing of impact and urgency.
const DEFAULT_LEVEL: &str = "3";

/// An event that is to be pushed.
pub struct Mapped {
    /// The key that finds its incident.
    pub correlation_id: String,
    /// The columns, without the note.
    pub columns: Vec<Column>,
    /// What the event says and does not write.
    pub unwritten: Vec<Column>,
    /// Whether the event ends the problem.
    pub recovers: bool,
    /// Whether an event without an incident makes one.
    pub creates: bool,
    /// Whether the event's status leaves the state alone.
    pub keeps: bool,
    /// Whether the rules have a status, so that the event says whether the problem lasts.
    pub has_status: bool,
    /// The journal and the text to append.
    pub note: Option<(Journal, String)>,
    /// What is likely a mistake.
    pub warnings: Violations,
}

impl Mapped {
    /// All that the event says of columns, written or not.
    pub fn said(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().chain(&self.unwritten)
    }

    /// Whether the event says that the problem has ended; `None` where the rules have no status to say it by.
    pub fn says_end(&self) -> Option<bool> {
        self.has_status.then_some(self.recovers)
    }
}

/// What rules make of an event.
pub enum Mapping {
    /// It is to be pushed.
    Mapped(Mapped),
    /// The rules leave it out.
    FilteredOut(String),
}

/// Shows what a push would send.
pub fn preview(rules: &str, event: &str, manual: bool, instance: &[InstanceColumn]) -> PreviewOutcome {
    let mut violations = Violations::default();
    let rules = Rules::parse(rules, &mut violations);
    let mapping = rules.and_then(|rules| map(&rules, event, manual, instance, &mut violations));
    match violations.or_invalid_data(mapping) {
        Ok(Mapping::FilteredOut(why)) => PreviewOutcome::FilteredOut(why),
        Ok(Mapping::Mapped(mapped)) => show(mapped)
            .map_or_else(|error| PreviewOutcome::InvalidData(error.into_violations()), PreviewOutcome::Mapped),
        Err(error) => PreviewOutcome::InvalidData(error.into_violations()),
    }
}

fn show(mapped: Mapped) -> Result<Shown, CallError> {
    let body = Body { columns: pairs(&mapped.columns) };
    let level = |column: &str| body.value(column).unwrap_or(DEFAULT_LEVEL).parse().unwrap_or_default();
    let note = mapped.note.as_ref().map(|(journal, text)| (journal.column(), text.as_str()));
    let added = [("correlation_id", mapped.correlation_id.as_str())].into_iter().chain(note);
    Ok(Shown {
        body: body.to_json(&added.collect::<Vec<_>>())?,
        priority: priority(level("impact"), level("urgency")).filter(|_| !mapped.recovers),
        correlation_id: mapped.correlation_id,
        recovers: mapped.recovers,
        creates: mapped.creates,
        columns: mapped.columns.into_iter().map(planned).collect(),
        note: mapped.note.map(|(_, text)| text),
        warnings: mapped.warnings.list,
    })
}

fn planned(Column { name, value, write, lookup, .. }: Column) -> PlannedColumn {
    let write = match write {
        Write::Create => When::Create,
        Write::Change => When::Change,
        Write::Always => When::Always,
    };
    let lookup = lookup.map(|lookup| format!("{}.{}", lookup.table, lookup.by.column()));
    PlannedColumn { name, value, write, lookup }
}

/// Columns as a request has them.
pub fn pairs(columns: &[Column]) -> Vec<(String, String)> {
    columns.iter().map(|column| (column.name.clone(), column.value.clone())).collect()
}

/// The member that an event has which is a list itself.
const LIST: &str = "items";

/// Reads an event: a JSON object. A list is an object with the member `items`.
pub fn read_event(text: &str, violations: &mut Violations) -> Option<Value> {
    if text.len() > MAX_EVENT_BYTES {
        return violations.refuse("event", text, &format!("a JSON object of at most {MAX_EVENT_BYTES} bytes"));
    }
    if has_too_many_parts(text) {
        return violations.refuse("event", text, &format!("a JSON object of at most {MAX_PARTS} values"));
    }
    match serde_json::from_str(&repaired(text)) {
        Ok(event @ Value::Object(_)) => Some(event),
        // Some senders post a list of alerts.
        Ok(Value::Array(items)) => Some(json!({ LIST: items })),
        Ok(_) => violations.refuse("event", text, "a JSON object, or a list"),
        Err(error) => violations.refuse("event", text, &format!("a JSON object; {error}")),
    }
}

/// Applies rules to an event. `None` where something is refused. `instance` are the columns of an instance, where they are known.
pub fn map(
    rules: &Rules,
    event: &str,
    manual: bool,
    instance: &[InstanceColumn],
    violations: &mut Violations,
) -> Option<Mapping> {
    let found = violations.list.len();
    let event = read_event(event, violations)?;
    let left_out = if items::are_many(rules.for_each.as_ref(), &event) {
        None
    } else {
        left_out::left_out(rules, &event, manual, violations)
    };
    if let Some(why) = left_out.filter(|_| violations.list.len() == found) {
        return Some(Mapping::FilteredOut(why));
    }
    items::check_item(rules.for_each.as_ref(), &event, violations);
    if violations.list.len() > found {
        return None;
    }
    let templates = Templates::new(&event, rules.severities());
    let missing = rules.missing;
    let warnings = Violations::default();
    let mut renderer = Renderer { templates: &templates, event: &event, missing, violations, warnings };
    for path in rules.filter.iter().filter(|_| !manual).flat_map(|filter| filter.lacking(&event)) {
        renderer.warnings.add("rules.filter", path, "a place that the event has");
    }
    let correlation_id = key::key(&rules.correlation_id, &mut renderer);
    let columns = columns::columns(rules, &mut renderer);
    let note = rules.note.as_ref().and_then(|note| {
        let text = renderer.text("rules.note.text", &note.text)?;
        (!text.trim().is_empty()).then_some((note.column, text))
    });
    // Last, for all templates over an event have their work together.
    let unwritten = columns::unwritten(rules, &columns, &mut renderer);
    let Columns { list: columns, recovers, keeps } = columns;
    let mut warnings = renderer.warnings;
    warnings.list.extend(warnings::warnings(&columns, instance));
    if violations.list.len() > found {
        return None;
    }
    check_body(&columns, violations);
    let creates = rules.creates() && !recovers && !keeps;
    if creates && columns.is_empty() {
        warnings.add("rules.body", "nothing", "a column that comes to something: without one no incident is made");
    } else if creates && columns.iter().all(|column| column.name != TITLE || column.value.trim().is_empty()) {
        warnings.add(TITLE, "nothing", "a title: an incident without one is hard to tell from others");
    }
    let mapped = Mapped {
        correlation_id: correlation_id?,
        columns,
        unwritten,
        recovers,
        creates,
        keeps,
        has_status: rules.status.is_some(),
        note,
        warnings,
    };
    (violations.list.len() == found).then_some(Mapping::Mapped(mapped))
}

/// The checks of a create's request body, with its own words.
fn check_body(columns: &[Column], violations: &mut Violations) {
    if let Some(own) = columns.iter().find(|column| column.name == "correlation_id") {
        violations.add(
            "rules.body.correlation_id",
            &own.value,
            "no correlation id here: rules.correlation_id is its place",
        );
    }
    let checked = (!columns.is_empty()).then(|| request_body::check(&RequestBody::Fields(pairs(columns)), violations));
    if let Some(Err(CallError::Error(failure))) = checked {
        violations.add("rules.body", &failure.message, "each column once");
    }
}

/// Renders the texts of rules over one event, and collects what is wrong with them.
pub struct Renderer<'e> {
    templates: &'e Templates,
    event: &'e Value,
    missing: Missing,
    violations: &'e mut Violations,
    warnings: Violations,
}

impl Renderer<'_> {
    /// Renders a text of a column or a note.
    fn text(&mut self, place: &str, text: &str) -> Option<String> {
        let mode = if self.missing == Missing::Refused { Mode::Strict } else { Mode::Lenient };
        self.render(place, text, mode)
    }

    /// Renders a text whose places need not be there: something else takes its place then.
    fn optional(&mut self, place: &str, text: &str) -> Option<String> {
        let before = self.warnings.list.len();
        let rendered = self.render(place, text, Mode::Lenient);
        self.warnings.list.truncate(before);
        rendered
    }

    /// Renders what is not written: what is wrong with it is told to nobody.
    fn unnoticed<T>(&mut self, render: impl FnOnce(&mut Self) -> T) -> T {
        let (violations, warnings) = (self.violations.list.len(), self.warnings.list.len());
        let rendered = render(self);
        self.violations.list.truncate(violations);
        self.warnings.list.truncate(warnings);
        rendered
    }

    fn render(&mut self, place: &str, text: &str, mode: Mode) -> Option<String> {
        match self.templates.render(text, mode) {
            Ok(rendered) => {
                for remark in rendered.remarks {
                    self.warnings.add(place, text, &format!("values that are there and fit; {remark}"));
                }
                Some(rendered.text)
            }
            Err(problem) => self.violations.refuse(place, text, &format!("a template that can be rendered; {problem}")),
        }
    }

    /// Tells of a place that the event lacks.
    fn lacks(&mut self, place: &str, path: &str) {
        let told = if self.missing == Missing::Refused { &mut *self.violations } else { &mut self.warnings };
        told.add(place, path, "a place that the event has");
    }
}
