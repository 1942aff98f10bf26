//! The columns that an event comes to: its body, its severity and status, and the fields with more to say.

use super::{Renderer, body};
use crate::rules::field::{By, FieldRule, Unknown, Write};
use crate::rules::severity::{SeverityRule, named, names};
use crate::rules::source::Source;
use crate::rules::{Missing, Rules};
use crate::template::{as_text, at_or_null, date_time, has_expressions, is_blank, kind};
use jiff::tz::TimeZone;
use serde_json::Value;
use servicenow_core::servicenow::incident_table::{self, Kind};
use std::collections::BTreeMap;

/// The state, and what an instance requires beside it.
const OF_STATE: [&str; 4] = ["state", "hold_reason", "close_code", CLOSE_NOTES];
const CLOSE_NOTES: &str = "close_notes";

/// The notes of an end that brings none.
const RECOVERED: &str = "The event recovered.";

/// A column, and when it is written.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its value, or that by which the record is found that it refers to.
    pub value: String,
    /// When it is written.
    pub write: Write,
    /// What of the rules it comes from.
    pub part: Part,
    /// How the record is found that it refers to, where the value is no sys_id.
    pub lookup: Option<Lookup>,
}

/// What of the rules a column comes from. Severity and status set several columns, which are written together: one without the other
/// would be another severity, or a state without what the instance requires beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The body, or a field: a column by itself.
    Column,
    /// The severity: urgency and impact.
    Severity,
    /// The status: the state, and what belongs to it.
    Status,
}

/// How a record is found.
#[derive(Clone, Debug, PartialEq)]
pub struct Lookup {
    /// Its table.
    pub table: String,
    /// By what.
    pub by: By,
    /// What becomes of a value that no record has, or several have.
    pub unknown: Unknown,
    /// What is looked up then.
    pub fallback: Option<String>,
}

/// What an event comes to.
pub struct Columns {
    /// The columns, each once.
    pub list: Vec<Column>,
    /// Whether the event ends the problem.
    pub recovers: bool,
    /// Whether its status leaves the state alone: it only concerns an incident that is there.
    pub keeps: bool,
}

/// Renders every column. An event that ends the problem sets its state, and otherwise only what is always written: how the
/// incident came to be stays as it is.
pub fn columns(rules: &Rules, renderer: &mut Renderer<'_>) -> Columns {
    let mut columns = Columns { list: Vec::new(), recovers: false, keeps: false };
    let status = status(rules, renderer);
    columns.keeps = matches!(status, Status::Keeps);
    let status = status.columns();
    columns.recovers = status
        .iter()
        .any(|(name, value)| name == "state" && rules.status.as_ref().is_some_and(|status| status.ends(value)));
    let is_written = |write: Write| !columns.recovers || write == Write::Always;
    let mut list = Vec::new();
    if is_written(Write::Change) {
        list.extend(
            body::render(&rules.body, renderer).into_iter().map(|(name, value)| plain(name, value, Write::Change)),
        );
    }
    if let Some(rule) = rules.severity.as_ref().filter(|rule| is_written(rule.write)) {
        list.extend(severity(rule, renderer));
    }
    list.extend(status.into_iter().map(|(name, value)| {
        let part = if OF_STATE.contains(&name.as_str()) { Part::Status } else { Part::Column };
        Column { part, ..plain(name, value, Write::Change) }
    }));
    for (place, rule) in rules.fields.iter().enumerate().filter(|(_, rule)| is_written(rule.write)) {
        list.extend(field(&format!("rules.fields[{place}]"), rule, renderer));
    }
    for column in list {
        if let Some(column) = with_date(column, renderer) {
            columns.set(column);
        }
    }
    columns
}

fn plain(name: String, value: String, write: Write) -> Column {
    Column { name, value, write, part: Part::Column, lookup: None }
}

impl Columns {
    /// One that is set again takes the last value.
    fn set(&mut self, column: Column) {
        match self.list.iter_mut().find(|known| known.name == column.name) {
            Some(known) => *known = column,
            None => self.list.push(column),
        }
    }
}

/// The severity of an event that ends the problem: it is said, and not written. What other rules set is theirs to say.
pub fn unwritten(rules: &Rules, columns: &Columns, renderer: &mut Renderer<'_>) -> Vec<Column> {
    let Some(rule) = rules.severity.as_ref().filter(|rule| columns.recovers && rule.write == Write::Change) else {
        return Vec::new();
    };
    let is_set = |name: &str| {
        columns.list.iter().any(|column| column.name == name) || rules.fields.iter().any(|field| field.column == name)
    };
    let mut said = renderer.unnoticed(|renderer| severity(rule, renderer));
    said.retain(|column| !is_set(&column.name));
    said
}

/// The columns of an event's severity; none where it has none that the rules know.
fn severity(rule: &SeverityRule, renderer: &mut Renderer<'_>) -> Vec<Column> {
    let source = Source::of(rule.path.as_deref(), rule.value.as_deref());
    let found = corresponding("severity", source, rule.default.as_deref(), &rule.map, renderer);
    let levels = found.into_iter().flat_map(|(_, level)| [("urgency", level.urgency), ("impact", level.impact)]);
    let column = |(name, level): (&str, u8)| plain(name.to_string(), level.to_string(), rule.write);
    levels.map(|level| Column { part: Part::Severity, ..column(level) }).collect()
}

/// What a status comes to.
enum Status {
    /// These columns; none where the event has no status that the rules know.
    Sets(Vec<(String, String)>),
    /// The state stays as it is.
    Keeps,
}

impl Status {
    fn columns(self) -> Vec<(String, String)> {
        match self {
            Status::Sets(columns) => columns,
            Status::Keeps => Vec::new(),
        }
    }
}

fn status(rules: &Rules, renderer: &mut Renderer<'_>) -> Status {
    let Some(rule) = &rules.status else { return Status::Sets(Vec::new()) };
    let source = Source::of(rule.path.as_deref(), rule.value.as_deref());
    let found = corresponding("status", source, rule.default.as_deref(), &rule.map, renderer);
    let Some((name, status)) = found else { return Status::Sets(Vec::new()) };
    let Some(columns) = status.columns() else { return Status::Keeps };
    let mut sets = Vec::new();
    for (column, text) in columns {
        let place = format!("rules.status.map.{name}.{column}");
        let Some(value) = renderer.text(&place, text) else { continue };
        let is_blank = value.trim().is_empty() && has_expressions(text);
        match column.as_str() {
            "state" => sets.push((column.clone(), rule.state(value.trim()).to_string())),
            // Without it the instance refuses the end.
            CLOSE_NOTES if is_blank => {
                renderer.warnings.add(&place, text, "notes that come to something; others were taken");
                sets.push((column.clone(), RECOVERED.to_string()));
            }
            _ if is_blank => {
                renderer.warnings.add(&place, text, "a text that comes to something; the column was left out")
            }
            _ => sets.push((column.clone(), value)),
        }
    }
    Status::Sets(sets)
}

/// What a map has for an event: for its own name, or for the default. An event without either says nothing, and that is told.
fn corresponding<'r, T>(
    what: &str,
    source: Source<'_>,
    default: Option<&str>,
    map: &'r BTreeMap<String, T>,
    renderer: &mut Renderer<'_>,
) -> Option<(&'r str, &'r T)> {
    let by_default = default.and_then(|default| named(map, &default.into()));
    let (place, given) = match source {
        Source::Path(path) => {
            let found = at_or_null(renderer.event, path).cloned();
            if found.is_none() && by_default.is_none() {
                renderer.lacks(&format!("rules.{what}.path"), path);
                return None;
            }
            (path.to_string(), found.unwrap_or_default())
        }
        Source::Template(template) => {
            let place = format!("rules.{what}.value");
            let text = match by_default {
                Some(_) => renderer.optional(&place, template)?,
                None => renderer.text(&place, template)?,
            };
            (place, text.into())
        }
    };
    let found = named(map, &given).or(by_default);
    if found.is_none() {
        let given = match as_text(&given) {
            Some(text) if !text.trim().is_empty() => text,
            Some(_) => "nothing".to_string(),
            None => kind(&given).to_string(),
        };
        let expected =
            format!("a {what} that rules.{what}.map has: {}; rules.{what}.default takes the others", names(map));
        renderer.warnings.add(&place, &given, &expected);
    }
    found
}

fn field(place: &str, rule: &FieldRule, renderer: &mut Renderer<'_>) -> Option<Column> {
    let value = match rule.source() {
        Source::Path(path) => match at_or_null(renderer.event, path) {
            Some(value) if is_blank(value) => String::new(),
            Some(value) => body::lines(value),
            None => {
                renderer.lacks(&format!("{place}.path"), path);
                String::new()
            }
        },
        Source::Template(template) => renderer.text(&format!("{place}.value"), template)?,
    };
    let value = if value.trim().is_empty() { String::new() } else { value };
    let value = if rule.by.is_some() { value.trim().to_string() } else { value };
    if value.is_empty() && !rule.clear {
        return None;
    }
    // A key is a key, by whatever else it could have been found.
    let is_key = servicenow_core::servicenow::sys_id::SysId::parse(&value).is_some();
    let by = rule.by.filter(|_| !value.is_empty() && !is_key).zip(rule.table());
    let lookup = by.map(|(by, table)| {
        let (unknown, fallback) = (rule.unknown, rule.fallback.clone());
        Lookup { table: table.to_string(), by, unknown, fallback }
    });
    Some(Column { lookup, ..plain(rule.column.clone(), value, rule.write) })
}

/// Dates become what ServiceNow takes, in columns that are delivered with incidents. What is no date would be stored as nothing.
fn with_date(mut column: Column, renderer: &mut Renderer<'_>) -> Option<Column> {
    let is_date = incident_table::column(&column.name).is_some_and(|column| column.kind == Kind::DateTime);
    if !is_date || column.value.is_empty() {
        return Some(column);
    }
    match date_time(&Value::from(column.value.as_str()), &TimeZone::UTC) {
        Ok(date) => {
            column.value = date;
            Some(column)
        }
        Err(problem) if renderer.missing == Missing::Refused => {
            renderer.violations.refuse(&column.name, &column.value, &problem)
        }
        Err(problem) => {
            renderer.warnings.add(&column.name, &column.value, &format!("{problem}; it is left out"));
            None
        }
    }
}
