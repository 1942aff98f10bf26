//! Choices: the values a column may take, as delivered or as an instance declares them, and the check against them.

use super::record::Record;
use crate::bindings::types::Violation;
use crate::incidents::violations::Violations;
use crate::text::excerpt;

/// How many choices a message lists.
const LISTED: usize = 12;

/// One choice of one column.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// The column.
    pub column: String,
    /// The stored value.
    pub value: String,
    /// The label.
    pub label: String,
    /// The value of the column it depends on; empty where it depends on none.
    pub dependent_value: String,
}

/// The columns and values to check.
pub type Columns<'a> = &'a [(String, String)];

/// Every value that is outside its column's choices. A column without choices is not checked, and an empty value
/// clears a column. A subcategory is checked against the category sent beside it, where one is.
pub fn check(columns: Columns<'_>, choices: &[Choice], labels_count: bool) -> Vec<Violation> {
    let mut violations = Violations::default();
    let named = |choice: &Choice, value: &str| {
        choice.value == value || labels_count && choice.label.eq_ignore_ascii_case(value)
    };
    let category = columns.iter().find(|(name, _)| name == "category").map(|(_, category)| {
        let choice = choices.iter().find(|choice| choice.column == "category" && named(choice, category));
        choice.map_or(category.as_str(), |choice| choice.value.as_str())
    });
    for (name, value) in columns.iter().filter(|(_, value)| !value.is_empty()) {
        let depends_on = if name == "subcategory" { category } else { None };
        let of_column: Vec<&Choice> = choices
            .iter()
            .filter(|choice| choice.column == *name)
            .filter(|choice| {
                depends_on.is_none_or(|on| choice.dependent_value.is_empty() || choice.dependent_value == on)
            })
            .collect();
        let declared = choices.iter().any(|choice| choice.column == *name);
        let matches = |choice: &&Choice| named(choice, value);
        if declared && !of_column.iter().any(matches) {
            violations.add(name, value, &expected(&of_column, depends_on));
        }
    }
    violations.list
}

fn expected(choices: &[&Choice], category: Option<&str>) -> String {
    let listed: Vec<String> = choices
        .iter()
        .take(LISTED)
        .map(|c| if c.label == c.value { c.value.clone() } else { format!("{} ({})", c.value, c.label) })
        .collect();
    let more = if choices.len() > LISTED { ", ..." } else { "" };
    let listed = listed.join(", ");
    match (category, listed.is_empty()) {
        (Some(category), true) => format!("nothing: category \"{}\" has no subcategories", excerpt(category)),
        (Some(category), false) => {
            format!("one of category \"{}\": {listed}{more}", excerpt(category))
        }
        (None, _) => format!("one of: {listed}{more}"),
    }
}

/// The active choices in rows of `sys_choice`. Rows of `incident` for a column replace those of `task`, and English is
/// taken where a value has several languages.
pub fn from_rows(rows: &[Record]) -> Vec<Choice> {
    let mut choices: Vec<Choice> = Vec::new();
    for row in rows {
        let column = row.text("element");
        let inherited = row.value("name") != Some("incident");
        let overridden = |r: &Record| r.value("element") == Some(&column) && r.value("name") == Some("incident");
        if row.value("inactive") == Some("true") || inherited && rows.iter().any(overridden) {
            continue;
        }
        let choice = Choice {
            column,
            value: row.text("value"),
            label: row.text("label"),
            dependent_value: row.text("dependent_value"),
        };
        let known = choices.iter_mut().find(|known| {
            (&known.column, &known.value, &known.dependent_value)
                == (&choice.column, &choice.value, &choice.dependent_value)
        });
        match known {
            Some(known) if row.value("language") == Some("en") => *known = choice,
            Some(_) => {}
            None => choices.push(choice),
        }
    }
    choices
}

/// The choices of an instance as delivered. An instance may have others: `close_code` differs by release and company.
pub fn base() -> Vec<Choice> {
    let choice = |column: &str, value: &str, label: &str, dependent_value: &str| Choice {
        column: column.to_string(),
        value: value.to_string(),
        label: label.to_string(),
        dependent_value: dependent_value.to_string(),
    };
    let plain = BASE
        .iter()
        .flat_map(|(column, choices)| choices.iter().map(move |(value, label)| choice(column, value, label, "")));
    let dependent = SUBCATEGORIES
        .iter()
        .flat_map(|(category, values)| values.iter().map(move |value| choice("subcategory", value, value, category)));
    plain.chain(dependent).collect()
}

type Labelled = &'static [(&'static str, &'static str)];

const STATES: Labelled =
    &[("1", "New"), ("2", "In Progress"), ("3", "On Hold"), ("6", "Resolved"), ("7", "Closed"), ("8", "Canceled")];
const LEVELS: Labelled = &[("1", "High"), ("2", "Medium"), ("3", "Low")];

const BASE: &[(&str, Labelled)] = &[
    ("state", STATES),
    ("incident_state", STATES),
    ("impact", LEVELS),
    ("urgency", LEVELS),
    ("severity", LEVELS),
    ("priority", &[("1", "Critical"), ("2", "High"), ("3", "Moderate"), ("4", "Low"), ("5", "Planning")]),
    (
        "hold_reason",
        &[("1", "Awaiting Caller"), ("3", "Awaiting Problem"), ("4", "Awaiting Vendor"), ("5", "Awaiting Change")],
    ),
    (
        "contact_type",
        &[
            ("email", "Email"),
            ("phone", "Phone"),
            ("self-service", "Self-service"),
            ("virtual_agent", "Virtual Agent"),
            ("walk-in", "Walk-in"),
        ],
    ),
    (
        "category",
        &[
            ("inquiry", "Inquiry / Help"),
            ("software", "Software"),
            ("hardware", "Hardware"),
            ("network", "Network"),
            ("database", "Database"),
        ],
    ),
    (
        "close_code",
        &[
            ("Duplicate", "Duplicate"),
            ("Known error", "Known error"),
            ("No resolution provided", "No resolution provided"),
            ("Resolved by caller", "Resolved by caller"),
            ("Resolved by change", "Resolved by change"),
            ("Resolved by problem", "Resolved by problem"),
            ("Resolved by request", "Resolved by request"),
            ("Solution provided", "Solution provided"),
            ("Workaround provided", "Workaround provided"),
            ("User error", "User error"),
            ("Solved (Work Around)", "Solved (Work Around)"),
            ("Solved (Permanently)", "Solved (Permanently)"),
            ("Solved Remotely (Work Around)", "Solved Remotely (Work Around)"),
            ("Solved Remotely (Permanently)", "Solved Remotely (Permanently)"),
            ("Not Solved (Not Reproducible)", "Not Solved (Not Reproducible)"),
            ("Not Solved (Too Costly)", "Not Solved (Too Costly)"),
            ("Closed/Resolved by Caller", "Closed/Resolved by Caller"),
        ],
    ),
    ("notify", &[("1", "Do Not Notify"), ("2", "Send Email"), ("3", "Telephone")]),
    (
        "approval",
        &[
            ("not requested", "Not Yet Requested"),
            ("requested", "Requested"),
            ("approved", "Approved"),
            ("rejected", "Rejected"),
        ],
    ),
    ("escalation", &[("0", "Normal"), ("1", "Moderate"), ("2", "High"), ("3", "Overdue")]),
    ("upon_reject", &[("cancel", "Cancel all future Tasks"), ("goto", "Go to a previous Task")]),
    ("upon_approval", &[("proceed", "Proceed to Next Task"), ("do_nothing", "Wait for a User to Close this task")]),
];

const SUBCATEGORIES: &[(&str, &[&str])] = &[
    ("inquiry", &["antivirus", "email", "internal application"]),
    ("software", &["email", "os"]),
    ("hardware", &["cpu", "disk", "keyboard", "memory", "monitor", "mouse"]),
    ("network", &["dhcp", "dns", "ip address", "vpn", "wireless"]),
    ("database", &["db2", "sql server", "oracle"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
    }

    fn refused(pairs: &[(&str, &str)], labels_count: bool) -> Vec<String> {
        check(&columns(pairs), &base(), labels_count).into_iter().map(|violation| violation.field).collect()
    }

    #[test]
    fn a_value_outside_its_choices_is_refused() {
        for (pairs, fields) in [
            (vec![("impact", "1"), ("urgency", "3")], vec![]),
            (vec![("impact", "4"), ("urgency", "high")], vec!["impact", "urgency"]),
            (vec![("state", "4")], vec!["state"]),
            (vec![("category", "")], vec![]),
            (vec![("short_description", "anything"), ("u_rack", "B7")], vec![]),
            (vec![("category", "network"), ("subcategory", "vpn")], vec![]),
            (vec![("category", "hardware"), ("subcategory", "vpn")], vec!["subcategory"]),
            (vec![("subcategory", "vpn")], vec![]),
            (vec![("subcategory", "coffee")], vec!["subcategory"]),
        ] {
            assert_eq!(refused(&pairs, false), fields, "{pairs:?}");
        }
    }

    #[test]
    fn a_label_is_a_choice_only_among_display_values() {
        assert_eq!(refused(&[("state", "in progress")], true), Vec::<String>::new());
        assert_eq!(refused(&[("category", "Network"), ("subcategory", "vpn")], true), Vec::<String>::new());
        assert_eq!(refused(&[("category", "Hardware"), ("subcategory", "vpn")], true), ["subcategory"]);
        assert_eq!(refused(&[("state", "in progress")], false), ["state"]);
    }

    #[test]
    fn the_english_label_is_the_one_that_is_kept() {
        let row = |label: &str, language: &str| {
            Record::from_json(&format!(
                r#"{{"name":"incident","element":"urgency","value":"1","label":"{label}","language":"{language}"}}"#
            ))
        };
        for rows in [
            [row("Hoch", "de"), row("High", "en"), row("Haut", "fr")],
            [row("High", "en"), row("Hoch", "de"), row("Haut", "fr")],
        ] {
            let labels: Vec<_> = from_rows(&rows).into_iter().map(|choice| choice.label).collect();
            assert_eq!(labels, ["High"]);
        }
    }

    #[test]
    fn a_message_lists_values_with_their_labels_where_they_differ() {
        let choice = |value: &str, label: &str| Choice {
            column: "urgency".into(),
            value: value.into(),
            label: label.into(),
            dependent_value: String::new(),
        };
        let (one, same) = (choice("1", "High"), choice("2", "2"));
        assert_eq!(expected(&[&one, &same], None), "one of: 1 (High), 2");
        assert_eq!(expected(&[&same], Some("network")), "one of category \"network\": 2");
        assert_eq!(expected(&[], Some("network")), "nothing: category \"network\" has no subcategories");
    }

    #[test]
    fn an_instance_s_own_rows_replace_the_inherited_and_inactive_ones_do_not_count() {
        let row = |name: &str, element: &str, value: &str, language: &str, inactive: &str| {
            let pairs = [
                ("name", name),
                ("element", element),
                ("value", value),
                ("label", language),
                ("language", language),
                ("inactive", inactive),
            ];
            let json: Vec<String> = pairs.iter().map(|(k, v)| format!("{k:?}:{v:?}")).collect();
            Record::from_json(&format!("{{{}}}", json.join(",")))
        };
        let rows = [
            row("task", "state", "-5", "en", "false"),
            row("task", "impact", "1", "de", "false"),
            row("task", "impact", "1", "en", "false"),
            row("incident", "state", "1", "en", "false"),
            row("incident", "state", "9", "en", "true"),
        ];
        let read: Vec<(String, String, String)> =
            from_rows(&rows).into_iter().map(|choice| (choice.column, choice.value, choice.label)).collect();
        let expected = [("impact", "1", "en"), ("state", "1", "en")]
            .map(|(c, v, l)| (c.to_string(), v.to_string(), l.to_string()));
        assert_eq!(read, expected);
    }
}
