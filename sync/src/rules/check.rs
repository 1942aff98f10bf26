//! Reads and checks a rules document. Each mistake is told with its place.

use super::{OnClosed, Rules};
use crate::template::{EXPECTED_PATH, compile, has_expressions, is_path};
use serde_json::Value;
use servicenow_core::headers::may_be_added;
use servicenow_core::incidents::violations::Violations;
use servicenow_core::servicenow::incident_table::{self, Kind};

/// A document is written by people; this keeps an absurd one from being parsed.
const MAX_RULES_BYTES: usize = 256 * 1024;

/// The longest name of a rules document.
const MAX_NAME: usize = 64;

/// What is said of a journal that stands among columns.
pub const NO_JOURNAL: &str = "no journal here, for each event would append to it again: rules.note is its place";

/// Headers that the component sets itself.
const OWN_HEADERS: [&str; 3] = ["accept", "content-length", "content-type"];

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
                let given = given(text, error.path());
                return violations.refuse(
                    &place,
                    &given,
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
        self.check_columns(violations);
        self.check_templates(violations);
        if self.reopen_hours.is_some() && self.on_closed != Some(OnClosed::Reopen) {
            violations.add("rules.reopen_hours", "no reopen", "\"on_closed\": \"reopen\" beside it");
        }
        if self.on_closed == Some(OnClosed::Comment) && self.note.is_none() {
            violations.add("rules.on_closed", "comment", "a rules.note beside it, for it is what is left");
        }
        for (name, value) in &self.headers {
            check_header(name, value, violations);
        }
        if let Some(triggers) = &self.triggers {
            check_path("rules.triggers.path", &triggers.path, violations);
            if triggers.any_of.is_empty() {
                violations.add("rules.triggers.any_of", "[]", "at least one kind; without triggers all are taken");
            }
        }
        if let Some(each) = &self.for_each {
            check_path("rules.for_each.path", &each.path, violations);
            let is_name =
                !each.name.is_empty() && each.name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            if !is_name {
                violations.add("rules.for_each.as", &each.name, "a name of letters, digits and underscores");
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

    fn check_columns(&self, violations: &mut Violations) {
        let says_nothing = self.body.is_empty() && self.fields.is_empty() && self.status.is_none();
        if says_nothing && self.severity.is_none() && self.note.is_none() {
            violations.add("rules.body", "{}", "a column, or a note");
        }
        for name in self.body.keys().filter(|name| is_journal(name)) {
            violations.add(&format!("rules.body.{name}"), name, NO_JOURNAL);
        }
        for (at, field) in self.fields.iter().enumerate() {
            field.check(&format!("rules.fields[{at}]"), violations);
            let is_second = self.fields[..at].iter().any(|other| other.column == field.column);
            if is_second || self.body.contains_key(&field.column) {
                violations.add(
                    &format!("rules.fields[{at}].column"),
                    &field.column,
                    "each column once, in rules.body or in rules.fields",
                );
            }
        }
    }

    /// Parses each template, so that what is wrong with one is told whatever the event.
    fn check_templates(&self, violations: &mut Violations) {
        let mut check = |place: &str, text: &str| {
            if let Some(problem) = has_expressions(text).then(|| compile(text).err()).flatten() {
                violations.add(place, text, &format!("a template; {problem}"));
            }
        };
        check("rules.correlation_id", &self.correlation_id);
        for (name, value) in &self.body {
            each_text(&format!("rules.body.{name}"), value, &mut check);
        }
        for (at, field) in self.fields.iter().enumerate() {
            check(&format!("rules.fields[{at}].value"), field.value.as_deref().unwrap_or_default());
        }
        if let Some(note) = &self.note {
            check("rules.note.text", &note.text);
        }
        for (name, rule) in [
            ("severity", self.severity.as_ref().map(|rule| &rule.value)),
            ("status", self.status.as_ref().map(|rule| &rule.value)),
        ] {
            check(&format!("rules.{name}.value"), rule.and_then(Option::as_deref).unwrap_or_default());
        }
        for (name, columns) in self.status.iter().flat_map(|status| &status.map) {
            for (column, text) in columns.columns().into_iter().flatten() {
                check(&format!("rules.status.map.{name}.{column}"), text);
            }
        }
    }
}

/// What a document has at the place of an error, or the document where it is no JSON.
fn given(text: &str, path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment::{Map, Seq};
    let Ok(document) = serde_json::from_str::<Value>(text) else { return text.to_string() };
    let value = path.iter().try_fold(&document, |value, segment| match segment {
        Map { key } => value.get(key),
        Seq { index } => value.get(index),
        _ => Some(value),
    });
    value.map_or_else(|| "nothing".to_string(), Value::to_string)
}

/// Calls for each text in a value of the body. A text that is JSON itself is rendered text by text.
fn each_text(place: &str, value: &Value, check: &mut impl FnMut(&str, &str)) {
    match value {
        Value::String(text) => match nested(text) {
            Some(nested) => each_text(place, &nested, check),
            None => check(place, text),
        },
        Value::Array(items) => items.iter().for_each(|item| each_text(place, item, check)),
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| each_text(&format!("{place}.{name}"), value, check));
        }
        _ => {}
    }
}

/// A text that is an object or a list before anything is rendered.
pub fn nested(text: &str) -> Option<Value> {
    let value: Value = has_expressions(text).then(|| serde_json::from_str(text).ok()).flatten()?;
    (value.is_object() || value.is_array()).then_some(value)
}

/// Whether a value is appended to a column.
pub fn is_journal(column: &str) -> bool {
    incident_table::column(column).is_some_and(|column| column.kind == Kind::Journal)
}

/// Checks a place.
pub fn check_path(place: &str, path: &str, violations: &mut Violations) {
    if !is_path(path) {
        violations.add(place, path, EXPECTED_PATH);
    }
}

fn check_header(name: &str, value: &str, violations: &mut Violations) {
    let place = format!("rules.headers.{name}");
    let is_token = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    let lower = name.to_ascii_lowercase();
    if !is_token || OWN_HEADERS.contains(&lower.as_str()) || !may_be_added(&lower) {
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
            (&with(r#","status":{"path":"s","map":{"Closed":"keeps"}}"#), "rules.status.map.Closed:"),
            (&with(r#","status":{"path":"s","map":{}}"#), "rules.status.map:"),
            (&with(r#","status":{"path":"s","default":"Gone"}"#), "rules.status.default:"),
            (&with(r#","status":{}"#), "rules.status:"),
            (&with(r#","severity":{"path":"s","value":"{{s}}"}"#), "rules.severity:"),
            (&with(r#","severity":{"path":"s","map":{"Bad":{"urgency":0,"impact":1}}}"#), "rules.severity.map.Bad:"),
            (&with(r#","severity":{"path":"s","default":"Bad"}"#), "rules.severity.default:"),
            (&with(r#","severity":{"value":"{{ lower }"}"#), "rules.severity.value:"),
            (&with(r#","triggers":{"path":"kind","any_of":[]}"#), "rules.triggers.any_of:"),
            (&with(r#","filter":{"or":[]}"#), "rules.filter:"),
            (&with(r#","filter":{"in":{"path":"a","values":[]}}"#), "rules.filter.in.values:"),
            (&with(r#","on_closed":"comment""#), "rules.on_closed:"),
            (&with(r#","for_each":{"path":"alerts","as":"an alert"}"#), "rules.for_each.as:"),
            (&with(r#","for_each":{"path":"alerts."}"#), "rules.for_each.path:"),
            (&with(r#","fields":[{"column":"u_a"}]"#), "rules.fields[0]:"),
            (&with(r#","fields":[{"column":"u_a","path":"a","value":"b"}]"#), "rules.fields[0]:"),
            (&with(r#","fields":[{"column":"a","path":"a"}]"#), "rules.fields[0].column:"),
            (&with(r#","fields":[{"column":"category","path":"a"}]"#), "rules.fields[0].column:"),
            (&with(r#","fields":[{"column":"work_notes","value":"a"}]"#), "rules.fields[0].column:"),
            (&with(r#","fields":[{"column":"u_a","value":"b","by":"name"}]"#), "rules.fields[0].table:"),
            (&with(r#","fields":[{"column":"u_a","value":"b","table":"x"}]"#), "rules.fields[0].by:"),
            (&with(r#","fields":[{"column":"u_a","value":"b","by":"name","table":"a?b"}]"#), "rules.fields[0].table:"),
            (&with(r#","fields":[{"column":"u_a","value":"{{ unknown a }}"}]"#), "rules.fields[0].value:"),
            (r#"{"name":"a","correlation_id":"{{ hash }","body":{"a":"b"}}"#, "rules.correlation_id:"),
            (r#"{"name":"a","correlation_id":"x","body":{"a":{"b":["{{> x}}"]}}}"#, "rules.body.a.b:"),
            (r#"{"name":"a","correlation_id":"x","body":{"a":"{\"b\": \"{{#if}}\"}"}}"#, "rules.body.a.b:"),
            (r#"{"name":"a","correlation_id":"x","body":{"comments":"b"}}"#, "rules.body.comments:"),
            (r#"{"name":"a b","correlation_id":"x","body":{"a":"b"}}"#, "rules.name:"),
            (r#"{"name":"a","correlation_id":"x"}"#, "rules.body:"),
        ] {
            let refused = refused(text);
            assert!(refused.len() == 1 && refused[0].starts_with(place), "{text}: {refused:?}");
        }
    }
}
