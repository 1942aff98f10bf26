//! The choices of the incident table, as an instance as delivered declares them.

use crate::tables::Row;
use crate::tables::dictionary::{self, Column};
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

/// Column, value, label, and the value of the column it depends on.
pub type Choice = (&'static str, &'static str, &'static str, &'static str);

/// Every declared choice.
pub fn all() -> &'static [Choice] {
    static ALL: LazyLock<Vec<Choice>> = LazyLock::new(parse);
    &ALL
}

/// Reads the rows of a text: `column value|label[|dependent]`.
fn parse() -> Vec<Choice> {
    let parse = |line: &'static str| {
        let (column, rest) = line.split_once(' ')?;
        let mut parts = rest.split('|');
        let value = parts.next()?;
        Some((column, value, parts.next().unwrap_or(value), parts.next().unwrap_or_default()))
    };
    let rows = CHOICES.lines().filter_map(parse);
    let mirrored = rows.clone().filter(|row| row.0 == "state").map(|row| ("incident_state", row.1, row.2, row.3));
    let levels = rows.clone().filter(|row| row.0 == "impact");
    let levels = levels.flat_map(|row| ["urgency", "severity"].map(|column| (column, row.1, row.2, row.3)));
    rows.clone().chain(mirrored).chain(levels).collect()
}

/// The label of a value, where the column has choices.
pub fn label(column: &str, value: &str) -> Option<&'static str> {
    static LABELS: LazyLock<HashMap<(&str, &str), &str>> =
        LazyLock::new(|| all().iter().map(|choice| ((choice.0, choice.1), choice.2)).collect());
    LABELS.get(&(column, value)).copied()
}

/// The value of a label.
pub fn value(column: &str, label: &str) -> Option<&'static str> {
    all().iter().find(|choice| choice.0 == column && choice.2.eq_ignore_ascii_case(label)).map(|choice| choice.1)
}

/// Whether a column of a table takes declared values alone. The choices are the incident's; of other tasks only those of
/// columns that all tasks share.
pub fn is_choice(table: &str, column: &str) -> bool {
    static OF_TABLES: LazyLock<HashSet<(&str, &str)>> = LazyLock::new(|| {
        let declared = |table: &'static str, column: &'static str| {
            let shared = dictionary::columns("task").iter().any(|known| known.name == column && column != "state");
            ((table == "incident" || shared) && all().iter().any(|choice| choice.0 == column))
                .then_some((table, column))
        };
        let columns = |table: &'static dictionary::Table| {
            table.columns.iter().filter_map(move |column| declared(table.name, column.name))
        };
        dictionary::tables().flat_map(columns).collect()
    });
    OF_TABLES.contains(&(table, column))
}

/// The rows of `sys_choice`. Choices of a column that task declares stand under task.
pub fn rows() -> impl Iterator<Item = Row> {
    all().iter().enumerate().map(|(at, &(element, value, label, dependent))| {
        let inherited = element != "state"
            && element != "priority"
            && dictionary::columns("task").iter().any(|c| c.name == element);
        let columns = [
            ("name", if inherited { "task" } else { "incident" }),
            ("element", element),
            ("value", value),
            ("label", label),
            ("dependent_value", dependent),
            ("language", "en"),
            ("inactive", "false"),
        ];
        let mut row = Row::new("sys_choice", columns);
        row.set("sequence", at.to_string());
        row
    })
}

/// The row of `sys_dictionary` that defines a column.
pub fn definition(table: &str, column: &Column) -> Row {
    let mut row = Row::new(
        "sys_dictionary",
        [
            ("name", table),
            ("element", column.name),
            ("internal_type", column.kind),
            ("max_length", column.max_length()),
            ("mandatory", if column.name == "caller_id" { "true" } else { "false" }),
            ("read_only", if column.name.starts_with("sys_") { "true" } else { "false" }),
            ("reference", column.reference().unwrap_or_default()),
            ("active", "true"),
        ],
    );
    row.set("column_label", title(column.name));
    row
}

/// `short_description` as `Short description`.
fn title(name: &str) -> String {
    let words = name.trim_start_matches("u_").replace('_', " ");
    words[..1].to_uppercase() + &words[1..]
}

const CHOICES: &str = "\
state 1|New
state 2|In Progress
state 3|On Hold
state 6|Resolved
state 7|Closed
state 8|Canceled
impact 1|1 - High
impact 2|2 - Medium
impact 3|3 - Low
priority 1|1 - Critical
priority 2|2 - High
priority 3|3 - Moderate
priority 4|4 - Low
priority 5|5 - Planning
hold_reason 1|Awaiting Caller
hold_reason 3|Awaiting Problem
hold_reason 4|Awaiting Vendor
hold_reason 5|Awaiting Change
close_code Duplicate
close_code Known error
close_code No resolution provided
close_code Resolved by caller
close_code Resolved by change
close_code Resolved by problem
close_code Resolved by request
close_code Solution provided
close_code Workaround provided
close_code User error
contact_type email|Email
contact_type phone|Phone
contact_type self-service|Self-service
contact_type virtual_agent|Virtual Agent
contact_type walk-in|Walk-in
category inquiry|Inquiry / Help
category software|Software
category hardware|Hardware
category network|Network
category database|Database
subcategory antivirus|Antivirus|inquiry
subcategory email|Email|inquiry
subcategory internal application|Internal Application|inquiry
subcategory email|Email|software
subcategory os|Operating System|software
subcategory cpu|CPU|hardware
subcategory disk|Disk|hardware
subcategory keyboard|Keyboard|hardware
subcategory memory|Memory|hardware
subcategory monitor|Monitor|hardware
subcategory mouse|Mouse|hardware
subcategory dhcp|DHCP|network
subcategory dns|DNS|network
subcategory ip address|IP Address|network
subcategory vpn|VPN|network
subcategory wireless|Wireless|network
subcategory db2|DB2|database
subcategory sql server|MS SQL Server|database
subcategory oracle|Oracle|database
notify 1|Do Not Notify
notify 2|Send Email
notify 3|Telephone
approval not requested|Not Yet Requested
approval requested|Requested
approval approved|Approved
approval rejected|Rejected
escalation 0|Normal
escalation 1|Moderate
escalation 2|High
escalation 3|Overdue
upon_reject cancel|Cancel all future Tasks
upon_reject goto|Go to a previous Task
upon_approval proceed|Proceed to Next Task
upon_approval do_nothing|Wait for a User to Close this task";
