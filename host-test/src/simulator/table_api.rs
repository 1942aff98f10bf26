//! The Table API: parameters in, records or errors out (facts 2.1 to 2.7).

use super::Settings;
use super::access::Caller;
use super::answer::{Answer, error, json};
use super::choices;
use super::dictionary::{Column, Table};
use super::query::{Now, Query};
use super::render::{Display, Shape};
use super::store::{Row, Store};
use super::write::{Refused, Sent, Write};
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

/// ServiceNow's limit where none is sent.
const DEFAULT_LIMIT: usize = 10_000;

/// The property that makes a query with an unknown column select nothing, instead of leaving the condition out.
const STRICT_QUERIES: &str = "glide.invalid_query.returns_no_rows";

/// A call of the Table API.
pub struct Call<'a> {
    /// The instance's set-up.
    pub settings: &'a Settings,
    /// The instance's tables.
    pub store: &'a mut Store,
    /// Who calls.
    pub caller: &'a Caller,
    /// The address of the tables, in the version that was asked for.
    pub tables_url: String,
    /// The table.
    pub table: &'static Table,
    /// The parameters, in the order they were sent.
    pub parameters: Vec<(String, String)>,
}

impl Call<'_> {
    /// A parameter; empty where it was not sent.
    pub fn parameter(&self, name: &str) -> &str {
        self.parameters.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// Whether a parameter says true, however it is written.
    pub fn is_true(&self, name: &str) -> bool {
        self.parameter(name).eq_ignore_ascii_case("true")
    }

    fn shape(&self) -> Shape {
        Shape {
            display: match self.parameter("sysparm_display_value").to_ascii_lowercase().as_str() {
                "true" => Display::Shown,
                "all" => Display::Both,
                _ => Display::Values,
            },
            no_links: self.is_true("sysparm_exclude_reference_link"),
            fields: self.parameter("sysparm_fields").split(',').filter(|f| !f.is_empty()).map(str::to_string).collect(),
            tables_url: self.tables_url.clone(),
        }
    }

    fn display_values(&self) -> bool {
        self.is_true("sysparm_input_display_value")
    }

    /// Whether the caller sees the table's rows.
    fn reads(&self) -> bool {
        let hidden = match self.table.name {
            "incident" => !self.settings.reads_incidents,
            "sys_dictionary" => !self.settings.reads_dictionary,
            _ => false,
        };
        !hidden && self.caller.reads(self.table.name)
    }

    /// The rows that the parameters ask for: by an encoded query, or by columns and values.
    fn query(&self) -> Query {
        let encoded = self.parameter("sysparm_query");
        let query = if encoded.is_empty() {
            let is_column = |name: &str| self.table.column(name.split('.').next().unwrap_or(name)).is_some();
            let filters = self.parameters.iter().filter(|(name, _)| is_column(name));
            Query::equal(filters.map(|(name, value)| (name.as_str(), self.meant(name, value))))
        } else {
            Query::parse(encoded)
        };
        let now = Now { time: self.store.source.peek(), user: &self.caller.sys_id };
        let strict = self.store.property(STRICT_QUERIES) == Some("true");
        query.on(self.table.name, strict, &now)
    }

    /// The value that a filter means: it may be what a person reads.
    fn meant<'a>(&'a self, name: &str, value: &'a str) -> &'a str {
        let referred = self.table.column(name).and_then(Column::reference);
        let row = referred.and_then(|referred| self.store.by_display(referred, value));
        let choice = choices::is_choice(self.table.name, name).then(|| choices::value(name, value)).flatten();
        row.map(|row| row.get("sys_id")).or(choice).unwrap_or(value)
    }

    /// The rows that the parameters select, as far as the caller sees them.
    pub fn selected(&self) -> Vec<&Row> {
        if self.reads() { self.store.select(self.table.name, &self.query()) } else { Vec::new() }
    }

    /// GET on a table.
    pub fn list(&self) -> Answer {
        let number = |name: &str, default: usize| match self.parameter(name) {
            "" => Some(default),
            text => text.parse().ok(),
        };
        let Some(limit) = number("sysparm_limit", DEFAULT_LIMIT).filter(|limit| *limit > 0) else {
            let detail = "sysparm_limit value must be a positive integer";
            return error(400, "Invalid value given for sysparm_limit", detail);
        };
        let Some(offset) = number("sysparm_offset", 0) else {
            let detail = "sysparm_offset value must not be negative";
            return error(400, "Invalid value given for sysparm_offset", detail);
        };
        if self.table.name == "sys_dictionary" && !self.reads() {
            return error(403, "Insufficient rights to query records", "");
        }
        let found = self.selected();
        let shape = self.shape();
        let page = found.iter().skip(offset).take(limit);
        let rows: Vec<_> = page.map(|row| shape.record(self.store, self.table.name, row)).collect();
        let total = found.len();
        if rows.is_empty() && self.tables_url.ends_with("/v1/table") {
            return missing();
        }
        let mut answer = json(200, &json!({"result": rows}));
        if !self.is_true("sysparm_no_count") {
            answer.headers_mut().insert("x-total-count", HeaderValue::from(total));
        }
        if let Some(link) = self.pages(total, limit, offset) {
            answer.headers_mut().insert("link", link);
        }
        answer
    }

    /// The `Link` header of a list that has several pages.
    fn pages(&self, total: usize, limit: usize, offset: usize) -> Option<HeaderValue> {
        if total <= limit || self.is_true("sysparm_suppress_pagination_header") {
            return None;
        }
        let is_kept = |name: &str| !matches!(name, "sysparm_limit" | "sysparm_offset");
        let kept = self.parameters.iter().filter(|(name, _)| is_kept(name));
        let kept = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).finish();
        let separator = if kept.is_empty() { "" } else { "&" };
        let page = |at: usize, relation: &str| {
            format!(
                "<{}/{}?{kept}{separator}sysparm_limit={limit}&sysparm_offset={at}>;rel=\"{relation}\"",
                self.tables_url, self.table.name
            )
        };
        let mut links = vec![page(0, "first")];
        if offset > 0 {
            links.push(page(offset.saturating_sub(limit), "prev"));
        }
        if offset.saturating_add(limit) < total {
            links.push(page(offset + limit, "next"));
        }
        links.push(page((total - 1) / limit * limit, "last"));
        HeaderValue::from_str(&links.join(",")).ok()
    }

    /// GET on a record.
    pub fn read(&self, sys_id: &str) -> Answer {
        match self.store.find(self.table.name, sys_id).filter(|_| self.reads()) {
            Some(row) => json(200, &json!({"result": self.shape().record(self.store, self.table.name, row)})),
            None => missing(),
        }
    }

    /// POST on a table.
    pub fn insert(&mut self, body: &[u8]) -> Answer {
        let sent = match self.writable("Insert", body) {
            Ok(sent) => sent,
            Err(answer) => return *answer,
        };
        match self.write().insert(&sent) {
            Ok(row) => {
                let mut answer = json(201, &json!({"result": self.shape().record(self.store, self.table.name, &row)}));
                let location = format!("{}/{}/{}", self.tables_url, self.table.name, &row["sys_id"]);
                if let Ok(location) = HeaderValue::from_str(&location) {
                    answer.headers_mut().insert("location", location);
                }
                answer
            }
            Err(refused) => self.refused(&refused),
        }
    }

    /// PUT and PATCH on a record: both change what is sent and leave the rest.
    pub fn update(&mut self, sys_id: &str, body: &[u8]) -> Answer {
        let sent = match self.writable("Update", body) {
            Ok(sent) => sent,
            Err(answer) => return *answer,
        };
        match self.write().update(sys_id, &sent) {
            Ok(Some(row)) => json(200, &json!({"result": self.shape().record(self.store, self.table.name, &row)})),
            Ok(None) => missing(),
            Err(refused) => self.refused(&refused),
        }
    }

    /// DELETE on a record.
    pub fn delete(&mut self, sys_id: &str) -> Answer {
        if !self.caller.deletes() {
            return error(403, "Operation Failed", "ACL Exception Delete Failed due to security constraints");
        }
        match self.store.remove(self.table.name, sys_id) {
            Some(_) => empty(StatusCode::NO_CONTENT),
            None => missing(),
        }
    }

    fn write(&mut self) -> Write<'_> {
        let display_values = self.display_values();
        Write {
            store: self.store,
            settings: self.settings,
            table: self.table,
            user: &self.caller.sys_id,
            user_name: &self.caller.user_name,
            display_values,
        }
    }

    fn writable(&self, action: &str, body: &[u8]) -> Result<Sent, Box<Answer>> {
        if !self.caller.writes(self.table.name) {
            let detail = format!("ACL Exception {action} Failed due to security constraints");
            return Err(Box::new(error(403, "Operation Failed", &detail)));
        }
        // An empty body writes nothing, and of many records only the first is taken.
        let body: &[u8] = if body.trim_ascii().is_empty() { b"{}" } else { body };
        let members = match serde_json::from_slice::<Value>(body) {
            Ok(Value::Object(members)) => members,
            Ok(Value::Array(records)) => match records.into_iter().next() {
                Some(Value::Object(members)) => members,
                _ => return Err(Box::new(unreadable())),
            },
            Ok(_) | Err(_) => return Err(Box::new(unreadable())),
        };
        let text = |value: Value| match value {
            Value::String(text) => text,
            Value::Null => String::new(),
            other => other.to_string(),
        };
        Ok(members.into_iter().map(|(name, value)| (name, text(value))).collect())
    }

    fn refused(&self, refused: &Refused) -> Answer {
        match refused {
            Refused::Key(sys_id) => error(
                self.settings.may_refuse_key_with,
                "Operation Failed",
                &format!("Unique Key violation detected by database (Duplicate entry '{sys_id}' for key 'PRIMARY')"),
            ),
            Refused::DataPolicy => error(
                403,
                "Operation Failed",
                "Data Policy Exception: \n\tThe following fields are mandatory: Resolution code, Close notes",
            ),
        }
    }
}

fn missing() -> Answer {
    error(404, "No Record found", "Record doesn't exist or ACL restricts the record retrieval")
}

fn unreadable() -> Answer {
    error(400, "Exception while reading request", "The payload is not valid JSON")
}

/// An answer without a body.
pub fn empty(status: StatusCode) -> Answer {
    let mut answer = json(status.as_u16(), &Value::Null).map(|_| bytes::Bytes::new());
    answer.headers_mut().remove(http::header::CONTENT_TYPE);
    answer
}
