//! The rules document: how events and incidents correspond.
//!
//! The doc comments of these types are the descriptions in the published schema, `docs/rules.schema.json`.

pub mod filter;
pub mod severity;
pub mod status;
pub mod template;

use filter::Filter;
use serde::Deserialize;
use serde_json::{Map, Value};
use servicenow_core::incidents::violations::Violations;
use servicenow_core::servicenow::incident_table::{self, Kind};
use severity::SeverityRule;
use status::StatusRule;
use std::collections::BTreeMap;

/// A document is written by people; this keeps an absurd one from being parsed.
const MAX_RULES_BYTES: usize = 256 * 1024;

/// The longest name of a rules document.
const MAX_NAME: usize = 64;

/// Headers that the host or the credential decides.
const RESERVED_HEADERS: [&str; 10] = [
    "accept",
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "host",
    "proxy-authorization",
    "transfer-encoding",
    "x-sn-apikey",
];

/// How events of another system and incidents in ServiceNow correspond.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// A name of letters and digits, by which people know these rules. It must be unique among the rules in use.
    pub name: String,
    /// Whether the rules are in use.
    #[serde(default = "yes")]
    pub active: bool,
    /// Which way changes travel.
    #[serde(default)]
    pub direction: Direction,
    /// Whether events are pushed as they come, or only when somebody asks for it.
    #[serde(default)]
    pub mode: Mode,
    /// Which kinds of event are pushed; all where absent.
    pub triggers: Option<Triggers>,
    /// What else an event must meet.
    pub filter: Option<Filter>,
    /// The key that finds the incident of an event again: a template such as `apono-{{ data.id }}`.
    pub correlation_id: String,
    /// The columns of the incident, each a template: a text with Handlebars expressions over the event. A text that is itself
    /// a JSON object, and a nested object, is rendered text by text and sent as JSON text. What has expressions and comes to
    /// nothing is left out.
    pub body: Map<String, Value>,
    /// What a place that the event lacks means.
    #[serde(default)]
    pub missing: Missing,
    /// How severities correspond.
    pub severity: Option<SeverityRule>,
    /// How statuses correspond.
    pub status: Option<StatusRule>,
    /// Columns that are filled from labels or attributes of the event. Columns of text only; an empty source leaves the column
    /// alone.
    #[serde(default)]
    pub fields: Vec<FieldRule>,
    /// A comment or work note that each event appends.
    pub note: Option<NoteRule>,
    /// What an event does whose incident is closed. Where absent it makes a new incident, unless it only repeats what the
    /// last event said: then people closed the incident, and that stays.
    pub on_closed: Option<OnClosed>,
    /// For how many hours after it was resolved an incident is opened again by `reopen`; after that a new one is made. Without end
    /// where absent.
    pub reopen_hours: Option<u32>,
    /// For how many minutes after an incident was closed or resolved its events do nothing.
    #[serde(default)]
    pub quiet_minutes: u32,
    /// Further headers of the requests to ServiceNow.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Which deliveries from ServiceNow are of interest; all where absent.
    pub receive: Option<Receive>,
}

fn yes() -> bool {
    true
}

/// Which way changes travel.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Events become incidents. They then do not know what people do there, and never move an incident back to New.
    ToServicenow,
    /// Changes of incidents come back.
    FromServicenow,
    /// Both.
    #[default]
    TwoWay,
}

/// What starts a push.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Each event that meets triggers and filter.
    #[default]
    Automatic,
    /// A person.
    Manual,
}

/// Which kinds of event are pushed.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Triggers {
    /// Where the event names its kind, such as `event_type`.
    pub path: String,
    /// The kinds, such as `RequestCreated`.
    pub any_of: Vec<String>,
}

/// What a place that the event lacks means.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Missing {
    /// It is refused, with its place in the template.
    Refused,
    /// It comes to nothing.
    #[default]
    Empty,
}

/// A column that is filled from the event.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct FieldRule {
    /// The column, such as `u_service`.
    pub column: String,
    /// Where the event has the value, such as `labels.service`. An object or list, such as all `labels`, becomes one line for
    /// each of its members.
    pub path: String,
}

/// A comment or work note.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NoteRule {
    /// Which journal.
    #[serde(default)]
    pub column: Journal,
    /// The text, as a template. What comes to nothing is not appended.
    pub text: String,
}

/// A journal.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Journal {
    /// Additional comments, which the caller sees.
    Comments,
    /// Work notes, which only those see who work on the incident.
    #[default]
    WorkNotes,
}

impl Journal {
    /// The column's name.
    pub fn column(self) -> &'static str {
        match self {
            Journal::Comments => "comments",
            Journal::WorkNotes => "work_notes",
        }
    }
}

/// What an event of a closed incident does.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum OnClosed {
    /// It makes a new incident.
    Create,
    /// It opens the incident again where that is resolved. Where it is closed or canceled it makes a new one.
    Reopen,
    /// It leaves a note.
    Comment,
}

/// Which deliveries are of interest.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Receive {
    /// Tables, such as `incident`; all where empty.
    #[serde(default)]
    pub tables: Vec<String>,
    /// Columns of which one must have changed; any where empty. An insert always counts, and so does a payload that does not
    /// say what changed.
    #[serde(default)]
    pub columns: Vec<String>,
}

impl Rules {
    /// Reads and checks a document.
    pub fn parse(text: &str, violations: &mut Violations) -> Option<Self> {
        if text.len() > MAX_RULES_BYTES {
            return violations.refuse("rules", text, &format!("a document of at most {MAX_RULES_BYTES} bytes"));
        }
        let read = serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_str(text));
        let rules: Self = match read {
            Ok(rules) => rules,
            Err(error) => {
                let place = match error.path().to_string() {
                    path if path == "." => "rules".to_string(),
                    path => format!("rules.{path}"),
                };
                return violations.refuse(
                    &place,
                    text,
                    &format!("rules as in docs/rules.schema.json; {}", error.inner()),
                );
            }
        };
        let found = violations.list.len();
        rules.check(violations);
        (violations.list.len() == found).then_some(rules)
    }

    fn check(&self, violations: &mut Violations) {
        let is_name = self.name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !is_name || self.name.is_empty() || self.name.len() > MAX_NAME {
            violations.add("rules.name", &self.name, "1 to 64 letters and digits");
        }
        if self.body.is_empty() && self.fields.is_empty() {
            violations.add("rules.body", "{}", "at least one column");
        }
        for name in self.body.keys() {
            if is_journal(name) {
                let expected = "no journal here, for each event would append to it again: rules.note is its place";
                violations.add(&format!("rules.body.{name}"), name, expected);
            }
        }
        if self.reopen_hours.is_some() && self.on_closed != Some(OnClosed::Reopen) {
            violations.add("rules.reopen_hours", "no reopen", "\"on_closed\": \"reopen\" beside it");
        }
        for (name, value) in &self.headers {
            check_header(name, value, violations);
        }
        for (at, field) in self.fields.iter().enumerate() {
            let kind = incident_table::column(&field.column).map(|column| column.kind);
            if kind.is_some_and(|kind| kind != Kind::Text) {
                violations.add(&format!("rules.fields[{at}].column"), &field.column, "a column of text");
            }
        }
        if let Some(status) = &self.status {
            status.check(violations);
        }
        if let Some(severity) = &self.severity {
            severity.check(violations);
        }
        if let Some(filter) = &self.filter {
            filter.check("rules.filter", violations);
        }
    }
}

/// Whether a value is appended to a column.
pub fn is_journal(column: &str) -> bool {
    incident_table::column(column).is_some_and(|column| column.kind == Kind::Journal)
}

fn check_header(name: &str, value: &str, violations: &mut Violations) {
    let place = format!("rules.headers.{name}");
    let is_token = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if !is_token || RESERVED_HEADERS.contains(&name.to_ascii_lowercase().as_str()) {
        violations.add(&place, name, "the name of a header that neither the host nor HTTP decides");
    }
    if !value.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        violations.add(&place, value, "printable ASCII without line breaks");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// Set, it has the test write the published schema anew instead of comparing it.
    const WRITE: &str = "WRITE_REFERENCE";

    #[test]
    fn the_published_schema_is_the_one_of_the_code() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/rules.schema.json");
        let schema = serde_json::to_string_pretty(&schemars::schema_for!(Rules).to_value()).unwrap() + "\n";
        if std::env::var_os(WRITE).is_some() {
            std::fs::write(&path, &schema).unwrap();
        }
        let published = std::fs::read_to_string(&path).unwrap();
        assert_eq!(published, schema, "out of date: {WRITE}=1 cargo test -p servicenow-sync published_schema");
    }

    fn refused(text: &str) -> Vec<String> {
        let mut violations = Violations::default();
        assert_eq!(Rules::parse(text, &mut violations).is_none(), !violations.list.is_empty());
        violations.list.into_iter().map(|violation| format!("{}: {}", violation.field, violation.expected)).collect()
    }

    #[test]
    fn each_mistake_in_rules_is_told_with_its_place() {
        let with = |more: &str| format!(r#"{{"name":"R1","correlation_id":"{{{{id}}}}","body":{{"a":"b"}}{more}}}"#);
        assert_eq!(refused(&with("")), Vec::<String>::new());
        for (text, place) in [
            ("", "rules:"),
            ("[]", "rules:"),
            (&with(r#","nme":1"#), "rules.nme:"),
            (&with(r#","reopen_hours":1"#), "rules.reopen_hours:"),
            (&with(r#","quiet_minutes":-1"#), "rules.quiet_minutes:"),
            (&with(r#","direction":"both""#), "rules.direction:"),
            (&with(r#","filter":{"equals":{"path":"a"}}"#), "rules.filter.equals:"),
            (&with(r#","filter":{"matches":{"path":"a","pattern":"("}}"#), "rules.filter.matches:"),
            (&with(r#","filter":{"matches":{"path":"a..b","pattern":"x"}}"#), "rules.filter.matches:"),
            (&with(r#","headers":{"Authorization":"x"}"#), "rules.headers.Authorization:"),
            (&with(r#","headers":{"a b":"x"}"#), "rules.headers.a b:"),
            (&with(r#","headers":{"x":"a\r\nb: c"}"#), "rules.headers.x:"),
            (&with(r#","fields":[{"column":"caller_id","path":"x"}]"#), "rules.fields[0].column:"),
            (&with(r#","status":{"path":"s","map":{"Closed":{"state":"6"}}}"#), "rules.status.map.Closed:"),
            (&with(r#","status":{"path":"s","map":{"Closed":{"colour":"6"}}}"#), "rules.status.map.Closed:"),
            (&with(r#","status":{"path":"s","map":{"T":{"state":"1","work_notes":"x"}}}"#), "rules.status.map.T:"),
            (&with(r#","severity":{"path":"s","map":{"Bad":{"urgency":4,"impact":1}}}"#), "rules.severity.map.Bad:"),
            (r#"{"name":"a","correlation_id":"x","body":{"comments":"b"}}"#, "rules.body.comments:"),
            (r#"{"name":"a b","correlation_id":"x","body":{"a":"b"}}"#, "rules.name:"),
            (r#"{"name":"a","correlation_id":"x","body":{}}"#, "rules.body:"),
        ] {
            let refused = refused(text);
            assert!(refused.len() == 1 && refused[0].starts_with(place), "{text}: {refused:?}");
        }
    }
}
