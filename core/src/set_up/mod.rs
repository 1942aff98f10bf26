//! The records that set an instance up to deliver its changes, as values: what each is called, what it holds, and how it is
//! found. The component that writes them and the host that checks what is written share them.

mod scripts;

pub use scripts::{USUAL, button_script, delivery_script, rule_script};

use crate::callback_secret::PLACEHOLDER;
use crate::servicenow::sys_id::SysId;

/// The tables of the task family whose changes are delivered.
pub const TABLES: [&str; 6] = ["incident", "sc_request", "sc_req_item", "sc_task", "change_request", "problem"];

/// The tables of the records.
pub const WRITTEN_TABLES: [&str; 4] = ["sys_properties", "sys_script", "sys_script_include", "sys_ui_action"];

/// The tables of what scripts sent: the present one, and the name that older documents give it. A row may hold the secret among
/// the headers of a delivery.
pub const OUTBOUND_LOGS: [&str; 2] = ["sys_outbound_http_log", "sys_outbound_rest_message_log"];

/// What is set up, of the settings that `wit/provisioning.wit` describes.
#[derive(Clone, Debug, Default)]
pub struct SetUp {
    /// The product's name.
    pub product: String,
    /// Where deliveries go.
    pub callback_url: String,
    /// The MID server that they go through.
    pub mid_server: Option<String>,
    /// The rule's name, where it is no usual one.
    pub rule_name: Option<String>,
    /// The tables whose changes are delivered; all where empty.
    pub tables: Vec<String>,
    /// An encoded query that a record must meet; empty for all.
    pub condition: String,
    /// Columns that are delivered beside the usual ones.
    pub columns: Vec<String>,
    /// Whether the business rule is made.
    pub automatic: bool,
    /// Whether the button is made.
    pub button: bool,
    /// Records of an earlier kind that these take the place of.
    pub legacy: Vec<Legacy>,
}

/// A record of an earlier kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Legacy {
    /// Its table.
    pub table: &'static str,
    /// Its name.
    pub name: String,
}

/// What is set up, of settings by the interface: the component's and the host's bindings have each a type of their own.
#[macro_export]
macro_rules! set_up_of {
    ($settings:expr, $kind:path) => {{
        use $kind as Kind;
        let settings = $settings;
        let legacy = settings.legacy.iter().map(|record| $crate::set_up::Legacy {
            table: match record.kind {
                Kind::Rule => "sys_script",
                Kind::Button => "sys_ui_action",
                Kind::ScriptInclude => "sys_script_include",
            },
            name: record.name.clone(),
        });
        $crate::set_up::SetUp {
            product: settings.product.clone(),
            callback_url: settings.callback_url.clone(),
            mid_server: settings.mid_server.clone(),
            rule_name: settings.rule_name.clone(),
            tables: settings.tables.clone(),
            condition: settings.condition.clone(),
            columns: settings.columns.clone(),
            automatic: settings.automatic,
            button: settings.button,
            legacy: legacy.collect(),
        }
    }};
}

/// A kind of record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The property with the callback address.
    CallbackUrl,
    /// The private property with the secret.
    CallbackSecret,
    /// The script include that delivers.
    DeliveryScript,
    /// The business rule on `task`.
    BusinessRule,
    /// The button on incidents.
    Button,
}

/// The version of the scripts and properties. Records of another one are written again.
pub const VERSION: &str = "3";

/// A record of the set-up.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Which.
    pub kind: Kind,
    /// Its table.
    pub table: &'static str,
    /// Its name, by which it is found.
    pub name: String,
    /// The column that says whose it is.
    pub mark_column: &'static str,
    /// The columns that a set-up keeps as they are here.
    pub columns: Vec<(&'static str, String)>,
    /// Columns that are set when the record is made, and left to the administrator then.
    pub initial: Vec<(&'static str, String)>,
}

impl Wanted {
    /// The key that the record is made with: making it twice makes one.
    pub fn key(&self, set_up: &SetUp) -> SysId {
        // A rule that is given another name stays the same rule.
        let name = if self.kind == Kind::BusinessRule { usual_rule_name(set_up) } else { self.name.clone() };
        SysId::derive(&format!("provisioning/{}", set_up.product), &name)
    }

    /// Whether a record that was found is the set-up's own: it carries the mark, or it has still the key that it was made with and
    /// its name, and somebody edited the text with the mark.
    pub fn is_own(&self, set_up: &SetUp, sys_id: &str, name: &str, marked: &str) -> bool {
        let (has_key, is_named) = (sys_id == self.key(set_up).as_str(), name == self.name);
        has_key && is_named || (has_key || is_named) && marked.starts_with(&mark(set_up))
    }

    /// The query that finds it by its name, and by the key it was made with: somebody may have given it another name.
    pub fn query(&self, set_up: &SetUp) -> String {
        format!("name={}^ORsys_id={}^ORDERBYsys_created_on", self.name, self.key(set_up))
    }

    /// What a column is to hold.
    pub fn column(&self, name: &str) -> Option<&str> {
        self.columns.iter().find(|(column, _)| *column == name).map(|(_, value)| value.as_str())
    }

    /// Whether it can be switched off.
    pub fn can_rest(&self) -> bool {
        self.kind == Kind::BusinessRule
    }

    /// Whether a write of this column says what the host wants to know before it puts a secret into it.
    pub fn goes_with_secret(&self, column: &str) -> bool {
        self.kind == Kind::CallbackSecret && ["name", "value", "is_private"].contains(&column)
    }
}

/// What is common to the names of a product's properties.
pub fn property(set_up: &SetUp) -> String {
    format!("x_{}", lower(set_up))
}

/// The product's name in names of scripts.
fn identifier(set_up: &SetUp) -> String {
    set_up.product.replace(' ', "")
}

/// The product's name in names of small letters.
fn lower(set_up: &SetUp) -> String {
    set_up.product.replace(' ', "_").to_ascii_lowercase()
}

/// What a record of this set-up says of itself, up to its version.
pub fn mark(set_up: &SetUp) -> String {
    format!("Managed for {}; do not edit, changes are overwritten. Version ", set_up.product)
}

/// The query that finds the records of this set-up by their mark.
pub fn marked_query(set_up: &SetUp, mark_column: &str) -> String {
    format!("{mark_column}STARTSWITH{}", mark(set_up))
}

/// What the addresses of deliveries begin with. A query has no quoting, so an address with its signs is told by what comes
/// before them.
pub fn delivery_address(callback_url: &str) -> &str {
    callback_url.split(['?', '^']).next().unwrap_or_default()
}

/// The query that finds the last deliveries in an outbound log.
pub fn delivery_query(callback_url: &str) -> String {
    format!("urlSTARTSWITH{}^ORDERBYDESCsys_created_on", delivery_address(callback_url))
}

/// The query of a property that every instance has. Properties are read by their names.
pub const SHIPPED_PROPERTY: &str = "name=glide.sys.default.tz";

/// The query of rows that every instance has in one of the written tables: without any an answer without rows proves nothing.
pub fn shipped_query(table: &str) -> &'static str {
    if table == "sys_properties" { SHIPPED_PROPERTY } else { "" }
}

/// The incident that tests of deliveries change.
#[derive(Clone, Debug)]
pub struct TestIncident {
    /// The key that it is made with, where the instance takes a key.
    pub key: SysId,
    /// Its short description.
    pub title: String,
    /// What its description begins with.
    pub mark: String,
}

impl TestIncident {
    /// That of a set-up.
    pub fn of(set_up: &SetUp) -> Self {
        let SetUp { product, .. } = set_up;
        Self {
            key: SysId::derive(&format!("provisioning/{product}"), "delivery probe"),
            title: format!("{product}: test of deliveries"),
            mark: format!("Made by {product} to test deliveries."),
        }
    }

    /// The query that finds it.
    pub fn query(&self) -> String {
        format!("sys_id={}^ORshort_description={}", self.key, self.title)
    }

    /// Whether a record is one. Somebody who rewrote its description has made it theirs.
    pub fn is(&self, sys_id: &str, title: &str, description: &str) -> bool {
        (sys_id == self.key.as_str() || title == self.title) && description.starts_with(&self.mark)
    }
}

/// The query of one record.
pub fn by_key(key: &SysId) -> String {
    format!("sys_id={key}")
}

/// The records of a set-up with all it can have.
pub fn everything(set_up: &SetUp) -> Vec<Wanted> {
    wanted(&SetUp { automatic: true, button: true, ..set_up.clone() })
}

/// The business rule's name.
pub fn rule_name(set_up: &SetUp) -> String {
    set_up.rule_name.clone().unwrap_or_else(|| usual_rule_name(set_up))
}

fn usual_rule_name(set_up: &SetUp) -> String {
    format!("{}: deliver changes", set_up.product)
}

/// The records of a set-up, in the order in which they depend on each other.
pub fn wanted(set_up: &SetUp) -> Vec<Wanted> {
    let prefix = property(set_up);
    let mark = format!("{}{VERSION}", mark(set_up));
    let text = str::to_string;
    let of_property = |kind, name: String, value: &str| Wanted {
        kind,
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
    let service = format!("{}Delivery", identifier(set_up));
    let rule = rule_name(set_up);
    let button = format!("Send to {}", set_up.product);
    let mut all = vec![
        of_property(Kind::CallbackUrl, format!("{prefix}.callback_url"), &set_up.callback_url),
        of_property(Kind::CallbackSecret, format!("{prefix}.callback_secret"), PLACEHOLDER),
        Wanted {
            kind: Kind::DeliveryScript,
            table: "sys_script_include",
            name: service.clone(),
            mark_column: "description",
            columns: vec![
                ("name", service.clone()),
                ("api_name", format!("global.{service}")),
                ("access", text("package_private")),
                ("client_callable", text("false")),
                ("script", delivery_script(set_up)),
                ("active", text("true")),
                ("description", mark.clone()),
            ],
            initial: Vec::new(),
        },
    ];
    if set_up.automatic {
        all.push(Wanted {
            kind: Kind::BusinessRule,
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
                ("filter_condition", condition(set_up)),
                ("script", rule_script(&service)),
                ("description", mark.clone()),
            ],
            initial: vec![("active", text("true"))],
        });
    }
    if set_up.button {
        all.push(Wanted {
            kind: Kind::Button,
            table: "sys_ui_action",
            name: button.clone(),
            mark_column: "comments",
            columns: vec![
                ("name", button),
                ("table", text("incident")),
                ("action_name", format!("send_to_{}", lower(set_up))),
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
fn condition(set_up: &SetUp) -> String {
    let tables = match set_up.tables.is_empty() {
        true => TABLES.join(","),
        false => set_up.tables.join(","),
    };
    match set_up.condition.trim_end_matches("^EQ") {
        "" => format!("sys_class_nameIN{tables}^EQ"),
        condition => format!("sys_class_nameIN{tables}^{condition}^EQ"),
    }
}
