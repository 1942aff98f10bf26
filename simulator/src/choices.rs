//! The choices of the task tables, as an instance as delivered declares them (docs/servicenow-api.md 4).

use crate::tables::Row;
use crate::tables::dictionary::{self, Column};
use std::collections::HashMap;
use std::sync::LazyLock;

/// A choice.
#[derive(Clone, Copy, Debug)]
pub struct Choice {
    /// The table that declares it.
    table: &'static str,
    /// The column.
    column: &'static str,
    /// What is stored.
    value: &'static str,
    /// What a person reads.
    label: &'static str,
    /// The value of the column that it depends on.
    dependent: &'static str,
}

/// Every declared choice.
pub fn all() -> &'static [Choice] {
    static ALL: LazyLock<Vec<Choice>> = LazyLock::new(parse);
    &ALL
}

/// Reads the rows of a text: `[table.]column value|label[|dependent]`. A column that task declares has its choices there, where no
/// table is named; but the state and the priority, which tables have each their own of.
fn parse() -> Vec<Choice> {
    let parse = |line: &'static str| {
        let (name, rest) = line.split_once(' ')?;
        let mut parts = rest.split('|');
        let value = parts.next()?;
        let (label, dependent) = (parts.next().unwrap_or(value), parts.next().unwrap_or_default());
        let (table, column) = name.split_once('.').unwrap_or_else(|| (usual_table(name), name));
        Some(Choice { table, column, value, label, dependent })
    };
    let rows = CHOICES.lines().filter_map(parse);
    let mirrored = rows.clone().filter(|row| (row.table, row.column) == ("incident", "state"));
    let mirrored = mirrored.map(|row| Choice { column: "incident_state", ..row });
    let levels = rows.clone().filter(|row| row.column == "impact");
    let levels = levels
        .flat_map(|row| ["urgency", "severity"].map(|column| Choice { table: usual_table(column), column, ..row }));
    rows.clone().chain(mirrored).chain(levels).collect()
}

fn usual_table(column: &str) -> &'static str {
    let is_own = matches!(column, "state" | "priority");
    let is_of_task = dictionary::columns("task").iter().any(|known| known.name == column);
    if is_of_task && !is_own { "task" } else { "incident" }
}

/// The choices of a column of a table: its own, or those of the tables it shares the column with.
fn of(table: &str, column: &str) -> &'static [Choice] {
    static BY_TABLE: LazyLock<HashMap<&str, HashMap<&str, Vec<Choice>>>> = LazyLock::new(|| {
        let mut by_table: HashMap<_, HashMap<_, Vec<_>>> = HashMap::new();
        for choice in all() {
            by_table.entry(choice.table).or_default().entry(choice.column).or_default().push(*choice);
        }
        by_table
    });
    let declared = |table: &str| Some(BY_TABLE.get(table)?.get(column)?.as_slice());
    let is_shared = || {
        let is_of_task = dictionary::columns("task").iter().any(|known| known.name == column);
        dictionary::root(table) == "task" && is_of_task
    };
    declared(table)
        .or_else(|| declared("task").filter(|_| is_shared()))
        .or_else(|| declared("incident").filter(|_| is_shared()))
        .unwrap_or_default()
}

/// The label of a value, where the column has choices.
pub fn label(table: &str, column: &str, value: &str) -> Option<&'static str> {
    of(table, column).iter().find(|choice| choice.value == value).map(|choice| choice.label)
}

/// The value of a label.
pub fn value(table: &str, column: &str, label: &str) -> Option<&'static str> {
    of(table, column).iter().find(|choice| choice.label.eq_ignore_ascii_case(label)).map(|choice| choice.value)
}

/// Whether a column of a table takes declared values alone.
pub fn is_choice(table: &str, column: &str) -> bool {
    !of(table, column).is_empty()
}

/// The rows of `sys_choice`.
pub fn rows() -> impl Iterator<Item = Row> {
    all().iter().enumerate().map(|(at, choice)| {
        let columns = [
            ("name", choice.table),
            ("element", choice.column),
            ("value", choice.value),
            ("label", choice.label),
            ("dependent_value", choice.dependent),
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
task.state -5|Pending
task.state 1|Open
task.state 2|Work in Progress
task.state 3|Closed Complete
task.state 4|Closed Incomplete
task.state 7|Closed Skipped
change_request.state -5|New
change_request.state -4|Assess
change_request.state -3|Authorize
change_request.state -2|Scheduled
change_request.state -1|Implement
change_request.state 0|Review
change_request.state 3|Closed
change_request.state 4|Canceled
change_task.state -5|Pending
change_task.state 1|Open
change_task.state 2|In Progress
change_task.state 3|Closed
change_task.state 4|Canceled
problem.state 101|New
problem.state 102|Assess
problem.state 103|Root Cause Analysis
problem.state 104|Fix in Progress
problem.state 106|Resolved
problem.state 107|Closed
problem_task.state 151|New
problem_task.state 152|Assess
problem_task.state 154|Work in Progress
problem_task.state 157|Closed
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
