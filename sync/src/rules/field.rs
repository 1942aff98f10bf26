//! Columns of which more is to be said than a template.

use super::check::{NO_JOURNAL, check_path, is_journal};
use super::source::Source;
use serde::Deserialize;
use servicenow_core::incidents::violations::Violations;
use servicenow_core::servicenow::incident_table::{self, Kind};

/// Columns that the instance sets by itself, or that keep to a list of choices: no place for labels.
const NO_TEXT: [&str; 14] = [
    "approval",
    "category",
    "close_code",
    "contact_type",
    "correlation_id",
    "number",
    "subcategory",
    "sys_class_name",
    "sys_created_by",
    "sys_domain_path",
    "sys_id",
    "sys_updated_by",
    "upon_approval",
    "upon_reject",
];

/// Tables that columns of an incident refer to, as delivered.
const REFERENCES: [(&str, &str); 17] = [
    ("assigned_to", "sys_user"),
    ("assignment_group", "sys_user_group"),
    ("business_service", "cmdb_ci_service"),
    ("caller_id", "sys_user"),
    ("caused_by", "change_request"),
    ("closed_by", "sys_user"),
    ("cmdb_ci", "cmdb_ci"),
    ("company", "core_company"),
    ("location", "cmn_location"),
    ("opened_by", "sys_user"),
    ("parent", "task"),
    ("parent_incident", "incident"),
    ("problem_id", "problem"),
    ("reopened_by", "sys_user"),
    ("resolved_by", "sys_user"),
    ("rfc", "change_request"),
    ("service_offering", "service_offering"),
];

/// A column, and what is to be said of it.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct FieldRule {
    /// The column, such as `u_service`.
    pub column: String,
    /// Where the event has the value, such as `labels.service`: `path` or `value`. An object or list, such as all `labels`,
    /// becomes one line for each of its members. For columns of text.
    pub path: Option<String>,
    /// The value as a template.
    pub value: Option<String>,
    /// When the column is written.
    #[serde(default)]
    pub write: Write,
    /// Whether a value that comes to nothing empties the column. Otherwise it leaves the column alone.
    #[serde(default)]
    pub clear: bool,
    /// By what the record is found that a reference column refers to. Without it the value is a sys_id.
    pub by: Option<By>,
    /// The table of that record, such as `sys_user_group`. The columns that are delivered with incidents are known.
    pub table: Option<String>,
    /// What becomes of a value that no record has, or several have.
    #[serde(default)]
    pub unknown: Unknown,
    /// What is looked up then, such as the name of the group that sees to everything else.
    pub fallback: Option<String>,
}

/// When a column is written.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Write {
    /// When the incident is made, and never after.
    Create,
    /// When the incident is made, and when the event says something else of it than the last one did.
    #[default]
    Change,
    /// Whenever the incident has something else, whoever wrote it; on recovery too.
    Always,
}

/// By what a record is found.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// Its name, such as a group's or a configuration item's.
    Name,
    /// A user's e-mail address.
    Email,
    /// A user's name at login.
    UserName,
    /// A task's number.
    Number,
}

impl By {
    /// The column of the record.
    pub fn column(self) -> &'static str {
        match self {
            By::Name => "name",
            By::Email => "email",
            By::UserName => "user_name",
            By::Number => "number",
        }
    }
}

/// What becomes of a value that no record has, or several have.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Unknown {
    /// The column is left out, with a warning.
    #[default]
    LeftOut,
    /// The event is refused, and nothing is written.
    Refused,
}

impl FieldRule {
    /// Where the value comes from.
    pub fn source(&self) -> Source<'_> {
        Source::of(self.path.as_deref(), self.value.as_deref())
    }

    /// The table of the record that it refers to.
    pub fn table(&self) -> Option<&str> {
        let delivered = || REFERENCES.iter().find(|(column, _)| *column == self.column).map(|(_, table)| *table);
        self.table.as_deref().or_else(delivered)
    }

    /// Checks all of it.
    pub fn check(&self, place: &str, violations: &mut Violations) {
        let column = |what: &str| format!("{place}.{what}");
        Source::check(place, self.path.as_deref(), self.value.as_deref(), violations);
        if let Some(path) = &self.path {
            check_path(&column("path"), path, violations);
        }
        if is_journal(&self.column) {
            violations.add(&column("column"), &self.column, NO_JOURNAL);
            return;
        }
        let kind = incident_table::column(&self.column).map(|column| column.kind);
        let is_text = kind.is_none_or(|kind| kind == Kind::Text) && !NO_TEXT.contains(&self.column.as_str());
        if self.path.is_some() && self.by.is_none() && !is_text {
            let expected = "a column of free text: with \"value\" in place of \"path\" others can be filled";
            violations.add(&column("column"), &self.column, expected);
        }
        let is_table = |table: &str| table.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if self.by.is_some() && kind == Some(Kind::List) {
            violations.add(
                &column("by"),
                &self.column,
                "a column that refers to one record: this one is a list of sys_ids",
            );
        }
        match (self.by, self.table()) {
            (Some(_), None) => {
                let expected = "the table that the column refers to, as \"table\": \"sys_user_group\"";
                violations.add(&column("table"), "none", expected);
            }
            (Some(_), Some(table)) if !is_table(table) || table.is_empty() => {
                violations.add(&column("table"), table, "the name of a table, such as sys_user_group");
            }
            (None, _) if self.table.is_some() || self.fallback.is_some() => {
                violations.add(&column("by"), "none", "name, email, user_name or number beside table and fallback");
            }
            _ => {}
        }
    }
}
