//! What can be sent and is likely a mistake.

use super::Column;
use crate::bindings::mapping::InstanceColumn;
use servicenow_core::bindings::types::Violation;
use servicenow_core::incidents::violations::Violations;
use servicenow_core::servicenow::choices::{self, Choice};
use servicenow_core::servicenow::incident_table::{self, Kind};
use servicenow_core::servicenow::sys_id::SysId;

/// Warns of columns and values, by the table as it is delivered, or by the columns of an instance where they are given.
pub fn warnings(columns: &[Column], instance: &[InstanceColumn]) -> Vec<Violation> {
    let mut warnings = Violations::default();
    for column in columns.iter().filter(|column| !column.value.is_empty()) {
        let own = instance.iter().find(|own| own.name == column.name);
        warn(column, own, !instance.is_empty(), &mut warnings);
    }
    let pairs: Vec<_> = columns.iter().map(|column| (column.name.clone(), column.value.clone())).collect();
    let choices = if instance.is_empty() { choices::base() } else { own_choices(instance) };
    warnings.list.extend(choices::check(&pairs, &choices, false));
    warnings.list
}

fn warn(column: &Column, own: Option<&InstanceColumn>, is_known: bool, warnings: &mut Violations) {
    let Column { name, value, lookup, .. } = column;
    let delivered = incident_table::column(name).map(|column| column.kind);
    let is_reference = own.map_or(delivered == Some(Kind::Reference), |own| own.reference.is_some());
    let is_absent = if is_known { own.is_none() } else { delivered.is_none() && !name.starts_with("u_") };
    if is_absent {
        warnings.add(name, value, "a column of the incident table; ServiceNow drops others without a word");
    } else if is_reference && lookup.is_none() && SysId::parse(value).is_none() {
        let expected = "a sys_id: this column refers to a record, and a name is found by \"by\" in rules.fields alone";
        warnings.add(name, value, expected);
    } else if name == "priority" {
        warnings.add(name, value, "no priority: ServiceNow computes it from impact and urgency");
    } else if own.is_some_and(|own| own.read_only) {
        warnings.add(name, value, "a column that can be written; the dictionary has this one as read-only");
    }
    let (length, most) = (value.chars().count(), own.and_then(|own| own.max_length).unwrap_or(u32::MAX));
    if lookup.is_none() && u32::try_from(length).is_ok_and(|length| length > most) {
        let expected = format!(
            "at most {most} characters, and these are {length}: an instance may cut them; {{{{ truncate ... {most} }}}}"
        );
        warnings.add(name, value, &expected);
    }
    let is_own_date = own.is_some_and(|own| own.internal_type == "glide_date_time");
    if is_own_date && value.parse::<jiff::civil::DateTime>().is_err() {
        warnings.add(name, value, "a date in UTC as {{ date ... }} writes it");
    }
    if own.is_some_and(|own| own.internal_type == "integer") && value.parse::<i64>().is_err() {
        warnings.add(name, value, "a whole number");
    }
    if own.is_some_and(|own| own.internal_type == "boolean") && !["true", "false", "1", "0"].contains(&value.as_str()) {
        warnings.add(name, value, "true or false");
    }
    if value.chars().any(|c| c > '\u{ffff}') {
        warnings.add(name, value, "no characters such as emoji: some instances store question marks for them");
    }
}

fn own_choices(instance: &[InstanceColumn]) -> Vec<Choice> {
    let of = |column: &InstanceColumn| {
        let choice = |value: &String| Choice {
            column: column.name.clone(),
            value: value.clone(),
            label: value.clone(),
            dependent_value: String::new(),
        };
        column.choices.iter().map(choice).collect::<Vec<_>>()
    };
    instance.iter().flat_map(of).collect()
}
