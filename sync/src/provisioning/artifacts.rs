//! The records of a set-up, as values: what each is called, and what it holds.

use crate::bindings::provisioning::{Artifact, Settings};
use crate::callbacks::TABLES;
use servicenow_core::callback_secret::PLACEHOLDER;
use servicenow_core::servicenow::sys_id::SysId;

/// The version of the scripts and properties. Records of another one are written again.
pub const VERSION: &str = "1";

/// The columns that every delivery has.
pub const USUAL: [&str; 18] = [
    "short_description",
    "description",
    "state",
    "priority",
    "urgency",
    "impact",
    "hold_reason",
    "assignment_group",
    "assigned_to",
    "caller_id",
    "company",
    "category",
    "close_code",
    "close_notes",
    "correlation_id",
    "sys_updated_by",
    "sys_updated_on",
    "sys_created_on",
];

/// How long the button rests between two tries.
const PAUSE_MS: &str = "10000";

/// A record of the set-up.
pub struct Wanted {
    /// Which.
    pub artifact: Artifact,
    /// Its table.
    pub table: &'static str,
    /// Its name, by which it is found.
    pub name: String,
    /// The column that says whose it is.
    pub mark_column: &'static str,
    /// The columns that `apply` keeps as they are here.
    pub columns: Vec<(&'static str, String)>,
    /// Columns that are set when the record is made, and left to the administrator then.
    pub initial: Vec<(&'static str, String)>,
}

impl Wanted {
    /// The key that the record is made with: making it twice makes one.
    pub fn key(&self, settings: &Settings) -> SysId {
        SysId::derive(&format!("provisioning/{}", settings.product), &self.name)
    }

    /// Whether it can be switched off.
    pub fn can_rest(&self) -> bool {
        self.artifact == Artifact::BusinessRule
    }

    /// Whether a write of this column says what the host wants to know before it puts a secret into it.
    pub fn goes_with_secret(&self, column: &str) -> bool {
        self.artifact == Artifact::CallbackSecret && ["name", "value", "is_private"].contains(&column)
    }
}

/// What is common to the names of a product's properties.
pub fn property(settings: &Settings) -> String {
    format!("x_{}", settings.product.to_ascii_lowercase())
}

/// What a record of this set-up says of itself, up to its version.
pub fn mark(settings: &Settings) -> String {
    format!("Managed for {}; do not edit, changes are overwritten. Version ", settings.product)
}

/// The business rule's name.
pub fn rule_name(settings: &Settings) -> String {
    format!("{}: deliver changes", settings.product)
}

/// The records of a set-up, in the order in which they depend on each other.
pub fn wanted(settings: &Settings) -> Vec<Wanted> {
    let prefix = property(settings);
    let mark = format!("{}{VERSION}", mark(settings));
    let text = str::to_string;
    let of_property = |artifact, name: String, value: &str| Wanted {
        artifact,
        table: "sys_properties",
        name: name.clone(),
        mark_column: "description",
        columns: vec![
            ("name", name),
            ("value", text(value)),
            ("type", text("string")),
            ("is_private", text("true")),
            // Without it a write empties every cache of the instance, and not only the one of properties.
            ("ignore_cache", text("true")),
            ("read_roles", text("admin")),
            ("write_roles", text("admin")),
            ("description", mark.clone()),
        ],
        initial: Vec::new(),
    };
    let service = format!("{}Delivery", settings.product);
    let rule = rule_name(settings);
    let button = format!("Send to {}", settings.product);
    let mut all = vec![
        of_property(Artifact::CallbackUrl, format!("{prefix}.callback_url"), &settings.callback_url),
        of_property(Artifact::CallbackSecret, format!("{prefix}.callback_secret"), PLACEHOLDER),
        Wanted {
            artifact: Artifact::DeliveryScript,
            table: "sys_script_include",
            name: service.clone(),
            mark_column: "description",
            columns: vec![
                ("name", service.clone()),
                ("api_name", format!("global.{service}")),
                ("access", text("package_private")),
                ("client_callable", text("false")),
                ("script", delivery_script(settings)),
                ("active", text("true")),
                ("description", mark.clone()),
            ],
            initial: Vec::new(),
        },
    ];
    if settings.automatic {
        all.push(Wanted {
            artifact: Artifact::BusinessRule,
            table: "sys_script",
            name: rule.clone(),
            mark_column: "description",
            columns: vec![
                ("name", rule),
                ("collection", text("task")),
                ("when", text("after")),
                ("order", text("1000")),
                ("advanced", text("true")),
                ("action_insert", text("true")),
                ("action_update", text("true")),
                ("action_delete", text("false")),
                ("filter_condition", condition(settings)),
                ("script", rule_script(&service)),
                ("description", mark.clone()),
            ],
            initial: vec![("active", text("true"))],
        });
    }
    if settings.button {
        all.push(Wanted {
            artifact: Artifact::Button,
            table: "sys_ui_action",
            name: button.clone(),
            mark_column: "comments",
            columns: vec![
                ("name", button),
                ("table", text("incident")),
                ("action_name", format!("send_to_{}", settings.product.to_ascii_lowercase())),
                ("form_button", text("true")),
                ("client", text("false")),
                ("show_insert", text("true")),
                ("show_update", text("true")),
                ("script", button_script(&service)),
                ("comments", mark),
            ],
            initial: vec![("active", text("true"))],
        });
    }
    all
}

/// The tables, and what else a record must meet.
fn condition(settings: &Settings) -> String {
    let tables = match settings.tables.is_empty() {
        true => TABLES.join(","),
        false => settings.tables.join(","),
    };
    match settings.condition.trim_end_matches("^EQ") {
        "" => format!("sys_class_nameIN{tables}^EQ"),
        condition => format!("sys_class_nameIN{tables}^{condition}^EQ"),
    }
}

/// The script include: the one place that delivers.
pub fn delivery_script(settings: &Settings) -> String {
    // Columns are names of small letters, digits and underscores: nothing in them ends a text.
    let list = |columns: &[&str]| {
        let quoted: Vec<_> = columns.iter().map(|column| format!("'{column}'")).collect();
        format!("[{}]", quoted.join(", "))
    };
    let extra: Vec<_> = settings.columns.iter().map(String::as_str).collect();
    include_str!("delivery.js")
        .replace("__VERSION__", VERSION)
        .replace("__PRODUCT__", &settings.product)
        .replace("__PROPERTY__", &property(settings))
        .replace("__PAUSE_MS__", PAUSE_MS)
        .replace("__USUAL__", &list(&USUAL))
        .replace("__EXTRA__", &list(&extra))
}

/// The business rule's script.
pub fn rule_script(service: &str) -> String {
    format!(
        "(function executeRule(current, previous) {{\n    new {service}().send(current, previous);\n}})(current, previous);\n"
    )
}

/// The button's script: it saves first, and shows what came of it.
pub fn button_script(service: &str) -> String {
    format!(
        "current.update();\ngs.addInfoMessage(new {service}().sendNow(current));\naction.setRedirectURL(current);\n"
    )
}
