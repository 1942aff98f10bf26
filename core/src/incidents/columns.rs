//! Columns: the incident table as the instance defines it.

use super::call;
use super::choice_check::of_instance;
use super::violations::Violations;
use crate::bindings::incidents::{Choice, Column, ColumnsOutcome};
use crate::bindings::types::{Call, Reason, WriteHappened};
use crate::failure::{CallError, failure};
use crate::host::Host;
use crate::outcome_of_errors;
use crate::servicenow::choices;
use crate::servicenow::record::Record;
use crate::servicenow::requests;
use crate::servicenow::session::Session;
use std::collections::BinaryHeap;

/// More columns than any table has.
const MAX_COLUMNS: &str = "10000";

/// Reads the columns.
pub fn columns(call: &Call, host: &mut dyn Host) -> ColumnsOutcome {
    match run(call, host) {
        Ok(columns) => ColumnsOutcome::ColumnsSuccess(columns),
        Err(end) => end.into(),
    }
}

fn run(call: &Call, host: &mut dyn Host) -> Result<Vec<Column>, CallError> {
    let mut violations = Violations::default();
    let call = call::check(call, &mut violations);
    let started_ms = host.now_ms();
    let mut session = Session::open(&violations.or_invalid_data(call)?, started_ms, host)?;
    let request = requests::list(
        &session.origin,
        "sys_dictionary",
        &[
            ("sysparm_query", "nameINincident,task^elementISNOTEMPTY^active=true"),
            ("sysparm_fields", "name,element,column_label,internal_type,max_length,mandatory,read_only,reference"),
            ("sysparm_exclude_reference_link", "true"),
            ("sysparm_limit", MAX_COLUMNS),
        ],
    );
    let rows = session.fetch(&request)?.records;
    if rows.is_empty() {
        let message = "no row of sys_dictionary is visible: the user needs the role personalize_dictionary or admin";
        let mut hidden = failure(Reason::Forbidden, message.to_string(), WriteHappened::No);
        hidden.status = Some(200);
        return Err(CallError::Rejected(hidden));
    }
    let choices = of_instance(&[], &mut session)?;
    Ok(merge(&rows, &choices))
}

/// The columns by name. The table's own definition of a column replaces the one it inherits.
fn merge(rows: &[Record], choices: &[choices::Choice]) -> Vec<Column> {
    let of_rows = |(at, row): (usize, &Record)| {
        let is_inherited = row.value("name") != Some("incident");
        (row.value("element").unwrap_or_default().to_string(), is_inherited, at)
    };
    let of_choices = |(at, choice): (usize, &choices::Choice)| (choice.column.clone(), false, at);
    let choices: Vec<_> = sorted(choices.iter().enumerate().map(of_choices).collect())
        .into_iter()
        .filter_map(|(_, _, at)| choices.get(at))
        .collect();
    let mut last = None;
    let mut columns = Vec::new();
    for (name, _, at) in sorted(rows.iter().enumerate().map(of_rows).collect()) {
        if last.as_ref() != Some(&name) {
            columns.extend(rows.get(at).map(|row| column(row, &choices)));
            last = Some(name);
        }
    }
    columns
}

/// Sorts by name, and then by what comes first. A heap takes a tenth of the code of the library's sorting.
fn sorted(keys: Vec<(String, bool, usize)>) -> Vec<(String, bool, usize)> {
    BinaryHeap::from(keys).into_sorted_vec()
}

/// A column with its choices, which are sorted by column.
fn column(row: &Record, choices: &[&choices::Choice]) -> Column {
    let name = row.text("element");
    let choice = |choice: &&choices::Choice| Choice {
        value: choice.value.clone(),
        label: choice.label.clone(),
        dependent_value: choice.dependent_value.clone(),
    };
    let first = choices.partition_point(|choice| choice.column < name);
    let own = &choices[first..first + choices[first..].partition_point(|choice| choice.column == name)];
    let is = |column: &str| row.value(column) == Some("true");
    Column {
        label: row.text("column_label"),
        internal_type: row.text("internal_type"),
        max_length: row.value("max_length").and_then(|length| length.parse().ok()),
        mandatory: is("mandatory"),
        read_only: is("read_only"),
        reference: row.value("reference").filter(|table| !table.is_empty()).map(str::to_string),
        choices: own.iter().map(choice).collect(),
        name,
    }
}

outcome_of_errors!(ColumnsOutcome {
    choice => InvalidData,
    no_credential => AuthorizationFail,
    401 => AuthorizationFail,
    rejected => ColumnsFailure,
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_s_own_definition_replaces_the_inherited_one() {
        let row = |json: &str| Record::from_json(json);
        let rows = [
            row(
                r#"{"name":"incident","element":"state","column_label":"State","internal_type":"integer","max_length":"40","mandatory":"false","read_only":"false","reference":""}"#,
            ),
            row(r#"{"name":"task","element":"state","column_label":"Task state","internal_type":"integer"}"#),
            row(
                r#"{"name":"task","element":"assigned_to","column_label":"Assigned to","internal_type":"reference","reference":"sys_user","mandatory":"true"}"#,
            ),
        ];
        let merged = merge(&rows, &choices::base());
        let names: Vec<(&str, &str)> =
            merged.iter().map(|column| (column.name.as_str(), column.label.as_str())).collect();
        assert_eq!(names, [("assigned_to", "Assigned to"), ("state", "State")]);
        assert_eq!(merged[0].reference.as_deref(), Some("sys_user"));
        assert!(merged[0].mandatory);
        assert_eq!((merged[1].max_length, merged[1].choices.len()), (Some(40), 6));
    }
}
