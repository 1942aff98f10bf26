//! What a call that sets the instance up may read and write: the records that the operator's settings ask for, with the
//! contents that they ask for, and no other. Scripts run on the instance with all rights, and a property may be anything.

use bytes::Bytes;
use http::Method;
use serde_json::{Map, Value};
use servicenow_core::servicenow::sys_id::SysId;
use servicenow_core::set_up::{
    Legacy, OUTBOUND_LOGS, SHIPPED_PROPERTY, SetUp, TestIncident, WRITTEN_TABLES, Wanted, delivery_query, everything,
    marked_query,
};
use servicenow_json::strict;
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use url::form_urlencoded;

/// The table of properties, which hold secrets of the instance: they are read by their names.
pub const PROPERTIES: &str = "sys_properties";

/// The records of a set-up have a few kilobytes, their scripts included. What is larger is none of them, and is not read.
const MAX_WRITE_BYTES: usize = 256 * 1024;

/// The rows that a set-up looks for have as much at most; a larger answer tells of no record that may be written.
const MAX_LEARNED_BYTES: usize = 1024 * 1024;

/// Parameters of a read beside its query. Any other is a condition, for ServiceNow takes names of columns too.
const READ_PARAMETERS: [&str; 6] = [
    "sysparm_fields",
    "sysparm_limit",
    "sysparm_offset",
    "sysparm_display_value",
    "sysparm_exclude_reference_link",
    "sysparm_no_count",
];

/// The one of these tables that a path names, in whatever spelling and whichever version of the API.
pub fn protected_table(path: &str) -> Option<&'static str> {
    path.split('/').find_map(|segment| WRITTEN_TABLES.into_iter().find(|table| segment.eq_ignore_ascii_case(table)))
}

/// Whether only a set-up may make this call: it writes a script or a property.
pub fn is_for_set_ups(method: &Method, path: &str) -> bool {
    method != Method::GET && protected_table(path).is_some()
}

/// The table that a call reads whose rows hold secrets: that of properties, or a log of what scripts sent.
pub fn secret_table(method: &Method, path: &str) -> Option<&'static str> {
    let is_one_of = |tables: &[&'static str]| {
        let mut tables = tables.iter();
        tables.find(|table| path.split('/').any(|segment| segment.eq_ignore_ascii_case(table))).copied()
    };
    if method != Method::GET { None } else { is_one_of(&[PROPERTIES]).or_else(|| is_one_of(&OUTBOUND_LOGS)) }
}

/// Whether a path is of the table and not of one record, which ServiceNow shows whatever the query says.
pub fn is_list(path: &str, table: &str) -> bool {
    path.rsplit('/').next() == Some(table)
}

/// The only condition of a read. `None` where it has others, which could ask for a secret bit by bit.
pub fn only_condition(query: &str) -> Option<String> {
    let mut conditions = Vec::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "sysparm_query" => conditions.push(value.into_owned()),
            other if READ_PARAMETERS.contains(&other) => {}
            _ => return None,
        }
    }
    Some(conditions).filter(|conditions| conditions.len() == 1)?.pop()
}

/// Checks the calls of one set-up.
#[derive(Debug)]
pub struct SetUpCheck {
    set_up: SetUp,
    wanted: Vec<Wanted>,
    /// The records that this set-up may change or remove, as the instance showed them: table and key, and which is wanted
    /// there; none for an earlier rule, which can only be removed.
    ours: Mutex<HashMap<(&'static str, String), Option<usize>>>,
    /// The incidents that tests changed, as the instance showed them.
    tests: Mutex<HashSet<String>>,
}

/// The path of incidents.
const INCIDENTS: &str = "/api/now/table/incident";

impl SetUpCheck {
    /// Of what the operator asked for.
    pub fn new(set_up: SetUp) -> Self {
        Self { wanted: everything(&set_up), set_up, ours: Mutex::default(), tests: Mutex::default() }
    }

    /// Whether a table that [`secret_table`] knows may be read by this condition.
    pub fn allows_condition(&self, table: &str, condition: &str) -> bool {
        if table != PROPERTIES {
            return condition == delivery_query(&self.set_up.callback_url);
        }
        // One that was shown as the set-up's own may be looked for once more.
        let is_known = |key: &str| self.known(PROPERTIES, key).is_some();
        if condition == SHIPPED_PROPERTY || condition.strip_prefix("sys_id=").is_some_and(is_known) {
            return true;
        }
        let mut properties = self.wanted.iter().filter(|wanted| wanted.table == PROPERTIES);
        properties.any(|wanted| {
            let own = [wanted.query(&self.set_up), marked_query(&self.set_up, wanted.mark_column)];
            own.iter().any(|own| own == condition)
        })
    }

    /// Whether this write is one of the set-up. `path` is of a table that [`protected_table`] knows.
    pub fn allows_write(&self, method: &Method, path: &str, body: &Bytes) -> bool {
        let Some(table) = protected_table(path) else {
            return method != Method::DELETE || self.ends_test(method, path);
        };
        if body.len() > MAX_WRITE_BYTES {
            return false;
        }
        let key = path.rsplit('/').next().filter(|last| !last.eq_ignore_ascii_case(table));
        // An instance may read another of two members of one name than this does.
        let columns = || match strict::read(body) {
            Ok(Value::Object(columns)) => Some(columns),
            _ => None,
        };
        match (method, key) {
            (&Method::POST, None) => columns().is_some_and(|columns| self.is_wanted(table, &columns)),
            (&Method::PATCH, Some(key)) => match self.known(table, key) {
                Some(Some(at)) => columns().is_some_and(|columns| self.are_of(&self.wanted[at], &columns)),
                _ => false,
            },
            (&Method::DELETE, Some(key)) => self.known(table, key).is_some(),
            _ => false,
        }
    }

    /// Whether this removes the incident that tests of the set-up change.
    pub fn ends_test(&self, method: &Method, path: &str) -> bool {
        let key = path.strip_prefix(INCIDENTS).and_then(|rest| rest.strip_prefix('/'));
        let tests = || self.tests.lock().unwrap_or_else(PoisonError::into_inner);
        method == Method::DELETE && key.is_some_and(|key| tests().contains(&key.to_ascii_lowercase()))
    }

    fn known(&self, table: &'static str, key: &str) -> Option<Option<usize>> {
        let ours = self.ours.lock().unwrap_or_else(PoisonError::into_inner);
        ours.get(&(table, key.to_ascii_lowercase())).copied()
    }

    fn is_wanted(&self, table: &str, columns: &Map<String, Value>) -> bool {
        let name = columns.get("name").and_then(Value::as_str);
        let mut named = self.wanted.iter().filter(|wanted| wanted.table == table && Some(&*wanted.name) == name);
        named.any(|wanted| self.are_of(wanted, columns) && self.are_all(wanted, columns))
    }

    /// Whether nothing is left out that a new record is to hold, its key included: it would be made twice without that.
    fn are_all(&self, wanted: &Wanted, columns: &Map<String, Value>) -> bool {
        let mut all = wanted.columns.iter().chain(&wanted.initial);
        all.all(|(column, _)| columns.contains_key(*column)) && columns.contains_key("sys_id")
    }

    /// Whether each of these columns holds what is wanted there.
    fn are_of(&self, wanted: &Wanted, columns: &Map<String, Value>) -> bool {
        let is_wanted = |(name, value): (&String, &Value)| {
            let value = value.as_str();
            let rests = name == "active" && wanted.can_rest() && matches!(value, Some("true" | "false"));
            let is_key = name == "sys_id" && value == Some(wanted.key(&self.set_up).as_str());
            let mut all = wanted.columns.iter().chain(&wanted.initial);
            rests || is_key || all.any(|(column, text)| column == name && Some(text.as_str()) == value)
        };
        !columns.is_empty() && columns.iter().all(is_wanted)
    }

    /// Takes in what the instance shows of these tables.
    pub fn learn(&self, path: &str, body: &[u8]) {
        let table = protected_table(path);
        if body.len() > MAX_LEARNED_BYTES || table.is_none() && path != INCIDENTS {
            return;
        }
        let Ok(answer) = serde_json::from_slice::<Value>(body) else { return };
        let rows = answer.get("result").and_then(Value::as_array).into_iter().flatten();
        for row in rows {
            let text = |column: &str| row.get(column).and_then(Value::as_str).unwrap_or_default();
            let key = text("sys_id").to_ascii_lowercase();
            let Some(table) = table else {
                let test = TestIncident::of(&self.set_up);
                if SysId::parse(&key).is_some() && test.is(&key, text("short_description"), text("description")) {
                    self.tests.lock().unwrap_or_else(PoisonError::into_inner).insert(key);
                }
                continue;
            };
            let is_it = |wanted: &Wanted| {
                wanted.table == table && wanted.is_own(&self.set_up, &key, text("name"), text(wanted.mark_column))
            };
            // A row without a name is nobody's.
            let is_named = |record: &Legacy| !record.name.is_empty() && record.name == text("name");
            let is_legacy = self.set_up.legacy.iter().any(|record| record.table == table && is_named(record));
            let at = self.wanted.iter().position(is_it);
            if SysId::parse(&key).is_some() && (at.is_some() || is_legacy) {
                self.ours.lock().unwrap_or_else(PoisonError::into_inner).insert((table, key), at);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set_up() -> SetUp {
        SetUp {
            product: "Acme".into(),
            callback_url: "https://flows.example.com/callback".into(),
            automatic: true,
            legacy: vec![Legacy { table: "sys_script", name: "Acme old".into() }],
            ..SetUp::default()
        }
    }

    #[test]
    fn properties_are_read_by_the_names_of_the_set_up_alone() {
        let check = SetUpCheck::new(set_up());
        for wanted in check.wanted.iter().filter(|wanted| wanted.table == PROPERTIES) {
            assert!(check.allows_condition(PROPERTIES, &wanted.query(&check.set_up)));
        }
        for condition in [
            "",
            "name=glide.script.secret",
            "name=x_acme.callback_secret",
            "nameENDSWITHcallback_secret^valueSTARTSWITHa",
            "name=x_acme.callback_url^ORsys_id=1^ORDERBYsys_created_on",
            "descriptionSTARTSWITH",
        ] {
            assert!(!check.allows_condition(PROPERTIES, condition), "{condition}");
        }
        for (query, condition) in [
            ("sysparm_query=a%3Db&sysparm_limit=1", Some("a=b")),
            ("sysparm_query=a&sysparm_query=b", None),
            ("sysparm_query=a&value=b", None),
            ("sysparm_limit=1", None),
            ("", None),
        ] {
            assert_eq!(only_condition(query).as_deref(), condition, "{query}");
        }
    }

    #[test]
    fn only_the_records_of_the_set_up_are_written_with_what_they_are_to_hold() {
        let check = SetUpCheck::new(set_up());
        let body = |columns: &[(&str, &str)]| {
            let columns: Map<_, _> = columns.iter().map(|(name, value)| (name.to_string(), (*value).into())).collect();
            Bytes::from(serde_json::to_vec(&columns).unwrap())
        };
        let tables = |table: &str| format!("/api/now/table/{table}");
        for wanted in &check.wanted {
            let key = wanted.key(&check.set_up);
            let whole: Vec<_> =
                wanted.columns.iter().chain(&wanted.initial).map(|(name, text)| (*name, text.as_str())).collect();
            let whole = [&whole[..], &[("sys_id", key.as_str())]].concat();
            let allows =
                |columns: &[(&str, &str)]| check.allows_write(&Method::POST, &tables(wanted.table), &body(columns));
            assert!(allows(&whole), "{}", wanted.name);
            for at in 0..whole.len() {
                let mut other = whole.clone();
                other[at].1 = "something else";
                assert!(!allows(&other), "{}: another {}", wanted.name, whole[at].0);
                other.remove(at);
                assert!(!allows(&other), "{}: no {}", wanted.name, whole[at].0);
            }
            assert!(!allows(&[&whole[..], &[("more", "x")]].concat()), "{}: more", wanted.name);
            let twice = String::from_utf8(body(&whole).to_vec()).unwrap().replacen('{', "{\"name\":\"x\",", 1);
            let twice = Bytes::from(twice);
            assert!(!check.allows_write(&Method::POST, &tables(wanted.table), &twice), "{}: a name twice", wanted.name);
        }
        assert!(!check.allows_write(&Method::POST, &tables("sys_script"), &Bytes::from_static(b"not json")));

        let (ours, other, legacy) = ("a".repeat(32), "b".repeat(32), "c".repeat(32));
        let mark = format!("{}1", servicenow_core::set_up::mark(&check.set_up));
        let rows = serde_json::json!({"result": [
            {"sys_id": ours, "name": "Acme: deliver changes", "description": mark},
            {"sys_id": other, "name": "Acme: deliver changes", "description": "somebody else's"},
            {"sys_id": legacy, "name": "Acme old", "description": ""},
        ]});
        check.learn(&tables("sys_script"), rows.to_string().as_bytes());
        let active = body(&[("active", "false")]);
        let foreign = body(&[("script", "gs.log(1)")]);
        for (method, key, body, allowed) in [
            (Method::PATCH, &ours, &active, true),
            (Method::PATCH, &ours, &foreign, false),
            (Method::PATCH, &other, &active, false),
            (Method::PATCH, &legacy, &active, false),
            (Method::DELETE, &ours, &active, true),
            (Method::DELETE, &legacy, &active, true),
            (Method::DELETE, &other, &active, false),
            (Method::PUT, &ours, &active, false),
        ] {
            let path = format!("{}/{key}", tables("sys_script"));
            assert_eq!(check.allows_write(&method, &path, body), allowed, "{method} {key}");
        }
        assert!(!check.allows_write(&Method::DELETE, &format!("{}/{ours}", tables("sys_properties")), &active));
        let (test, keyless) = (TestIncident::of(&check.set_up), "d".repeat(32));
        let key = test.key.to_string();
        let delete =
            |key: &str| check.allows_write(&Method::DELETE, &format!("{}/{key}", tables("incident")), &Bytes::new());
        assert!(!delete(&key), "it was not shown");
        let rows = serde_json::json!({"result": [
            {"sys_id": key, "short_description": "renamed", "description": format!("{} Last test: 1", test.mark)},
            {"sys_id": keyless, "short_description": test.title, "description": test.mark},
            {"sys_id": other, "short_description": test.title, "description": "a person's"},
        ]});
        check.learn(&tables("incident"), rows.to_string().as_bytes());
        for (key, allowed) in [(&key, true), (&keyless, true), (&other, false), (&format!("{key}/x"), false)] {
            assert_eq!(delete(key), allowed, "{key}");
        }
    }
}
