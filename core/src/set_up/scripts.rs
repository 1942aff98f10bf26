//! The scripts of a set-up, ECMAScript 5, with a product's names in them.

use super::{SetUp, VERSION, identifier, property};

/// How many comments a delivery has at most, and how old they are. More in that time come with `changes`.
const COMMENTS: &str = "20";
const COMMENTS_MS: &str = "120000";

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

/// The script include: the one place that delivers.
pub fn delivery_script(set_up: &SetUp) -> String {
    // Columns are names of small letters, digits and underscores: nothing in them ends a text.
    let list = |columns: &[&str]| {
        let quoted: Vec<_> = columns.iter().map(|column| format!("'{column}'")).collect();
        format!("[{}]", quoted.join(", "))
    };
    let extra: Vec<_> = set_up.columns.iter().map(String::as_str).collect();
    include_str!("delivery.js")
        .replace("__VERSION__", VERSION)
        .replace("__SERVICE__", &format!("{}Delivery", identifier(set_up)))
        .replace("__PRODUCT__", &set_up.product)
        .replace("__PROPERTY__", &property(set_up))
        .replace("__PAUSE_MS__", PAUSE_MS)
        .replace("__COMMENTS_MS__", COMMENTS_MS)
        .replace("__COMMENTS__", COMMENTS)
        .replace("__USUAL__", &list(&USUAL))
        .replace("__EXTRA__", &list(&extra))
        // The last: nothing of a name is filled in.
        .replace("__MID_SERVER__", set_up.mid_server.as_deref().unwrap_or_default())
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
