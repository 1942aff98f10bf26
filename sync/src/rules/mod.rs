//! The rules document: how events and incidents correspond.
//!
//! The doc comments of these types are the descriptions in the published schema, `docs/rules.schema.json`.

mod check;
pub mod field;
pub mod filter;
pub mod severity;
pub mod source;
pub mod status;

pub use check::{is_journal, nested};
pub use field::{FieldRule, Write};

use filter::Filter;
use serde::Deserialize;
use serde_json::{Map, Value};
use severity::SeverityRule;
use status::StatusRule;
use std::collections::BTreeMap;

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
    /// A list in the event, where each item is an alert of its own: `mapping.items` makes an event of each, and each is pushed.
    pub for_each: Option<ForEach>,
    /// The key that finds the incident of an event again: a template such as `apono-{{ data.id }}`. A value that is missing,
    /// null or blank makes no key, and a key of more than 100 characters is made of a digest: `{{ hash data.id }}`.
    pub correlation_id: String,
    /// Whether an event without an incident makes one. Where absent it does, unless the rules have nothing but a note.
    pub create: Option<Create>,
    /// The columns of the incident, each a template: a text with Handlebars expressions over the event. A text that is itself
    /// a JSON object, and a nested object, is rendered text by text and sent as JSON text. What has expressions and comes to
    /// nothing is left out. A column is written when the incident is made, and when the event says something else of it than
    /// before; `fields` has other ways.
    #[serde(default)]
    pub body: Map<String, Value>,
    /// What a place means that the event lacks.
    #[serde(default)]
    pub missing: Missing,
    /// How severities correspond.
    pub severity: Option<SeverityRule>,
    /// How statuses correspond.
    pub status: Option<StatusRule>,
    /// Columns with more to say of them: when they are written, whether they are cleared, and records they refer to.
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

/// What a place means that the event lacks: one in a template, or that of severity, status or triggers.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Missing {
    /// The event is refused, with the place.
    Refused,
    /// It comes to nothing, and is warned of.
    #[default]
    Empty,
}

/// Items of an event that are pushed one by one.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ForEach {
    /// Where the list is, such as `alerts`.
    pub path: String,
    /// The name that an item has in templates, such as `alert` for `{{ alert.labels.severity }}`; `item` where absent. The rest of
    /// the event stays where it is.
    #[serde(default = "item", rename = "as")]
    pub name: String,
}

fn item() -> String {
    "item".to_string()
}

/// Whether an event without an incident makes one.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Create {
    /// It does.
    Always,
    /// It is left out: it only concerns an incident that is there.
    Never,
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
    /// Whether an event without an incident makes one.
    pub fn creates(&self) -> bool {
        let has_columns = !self.body.is_empty() || !self.fields.is_empty();
        let has_more = self.severity.is_some() || self.status.is_some();
        self.create.map_or(has_columns || has_more, |create| create == Create::Always)
    }

    /// States in which an incident is done.
    pub fn done(&self) -> Vec<String> {
        self.status.as_ref().map_or_else(status::done, |status| status.done.clone())
    }

    /// The names of severities, the worst first.
    pub fn severities(&self) -> Vec<String> {
        self.severity.as_ref().map(SeverityRule::worst_first).unwrap_or_default()
    }
}
