//! The Table API: parameters in, records or errors out.

use super::Settings;
use super::answer::{Answer, error, json};
use super::dictionary;
use super::incident::{self, Refused};
use super::query::Query;
use super::render::{Display, Shape};
use super::store::{Row, Store};
use http::HeaderValue;
use serde_json::{Value, json};
use std::collections::HashMap;

/// ServiceNow's limit where none is sent.
const DEFAULT_LIMIT: usize = 10_000;

/// A call of the Table API.
pub struct Call<'a> {
    /// The instance's set-up.
    pub settings: &'a Settings,
    /// The instance's tables.
    pub store: &'a mut Store,
    /// The address of the tables, in the version that was asked for.
    pub tables_url: String,
    /// The table.
    pub table: &'a str,
    /// The parameters.
    pub parameters: HashMap<String, String>,
}

impl Call<'_> {
    fn parameter(&self, name: &str) -> &str {
        self.parameters.get(name).map_or("", String::as_str)
    }

    fn shape(&self) -> Shape {
        Shape {
            display: match self.parameter("sysparm_display_value") {
                "true" => Display::Shown,
                "all" => Display::Both,
                _ => Display::Values,
            },
            no_links: self.parameter("sysparm_exclude_reference_link") == "true",
            fields: self.parameter("sysparm_fields").split(',').filter(|f| !f.is_empty()).map(str::to_string).collect(),
            tables_url: self.tables_url.clone(),
        }
    }

    fn display_values(&self) -> bool {
        self.parameter("sysparm_input_display_value") == "true"
    }

    /// Whether the table may be read at all.
    pub fn check(&self) -> Result<(), Box<Answer>> {
        if !dictionary::is_table(self.table) {
            return Err(Box::new(error(400, &format!("Invalid table {}", self.table), "")));
        }
        if self.table == "sys_dictionary" && !self.settings.reads_dictionary {
            return Err(Box::new(error(403, "Insufficient rights to query records", "")));
        }
        Ok(())
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
        let query = Query::parse(self.parameter("sysparm_query"), self.table);
        let (total, mut rows) = self.shape().rows(self.store, self.table, &query, offset, limit);
        let hidden = self.table == "incident" && !self.settings.reads_incidents;
        if hidden {
            rows.clear();
        }
        if rows.is_empty() && self.tables_url.ends_with("/v1/table") {
            return missing();
        }
        let mut answer = json(200, &json!({"result": rows}));
        let total = if hidden { 0 } else { total };
        if self.parameter("sysparm_no_count") != "true" {
            answer.headers_mut().insert("x-total-count", HeaderValue::from(total));
        }
        if let Some(link) = self.pages(total, limit, offset) {
            answer.headers_mut().insert("link", link);
        }
        answer
    }

    /// The `Link` header of a list that has several pages.
    fn pages(&self, total: usize, limit: usize, offset: usize) -> Option<HeaderValue> {
        if total <= limit || self.parameter("sysparm_suppress_pagination_header") == "true" {
            return None;
        }
        let kept =
            self.parameters.iter().filter(|(name, _)| !matches!(name.as_str(), "sysparm_limit" | "sysparm_offset"));
        let kept = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).finish();
        let separator = if kept.is_empty() { "" } else { "&" };
        let page = |at: usize, relation: &str| {
            format!(
                "<{}/{}?{kept}{separator}sysparm_limit={limit}&sysparm_offset={at}>;rel=\"{relation}\"",
                self.tables_url, self.table
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
        let hidden = self.table == "incident" && !self.settings.reads_incidents;
        match self.store.find(self.table, sys_id).filter(|_| !hidden) {
            Some(row) => json(200, &json!({"result": self.shape().record(self.store, self.table, row)})),
            None => missing(),
        }
    }

    /// POST on a table.
    pub fn insert(&mut self, body: &[u8]) -> Answer {
        let sent = match self.writable(body) {
            Ok(sent) => sent,
            Err(answer) => return *answer,
        };
        let display_values = self.display_values();
        match incident::insert(self.store, self.settings, &sent, display_values) {
            Ok(row) => {
                let mut answer = json(201, &json!({"result": self.shape().record(self.store, self.table, &row)}));
                let location = format!("{}/{}/{}", self.tables_url, self.table, row["sys_id"]);
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
        let sent = match self.writable(body) {
            Ok(sent) => sent,
            Err(answer) => return *answer,
        };
        let display_values = self.display_values();
        match incident::update(self.store, self.settings, sys_id, &sent, display_values) {
            Ok(Some(row)) => json(200, &json!({"result": self.shape().record(self.store, self.table, &row)})),
            Ok(None) => missing(),
            Err(refused) => self.refused(&refused),
        }
    }

    /// DELETE on a record.
    pub fn delete(&mut self, sys_id: &str) -> Answer {
        if self.table != "incident" {
            return error(403, "Operation Failed", "ACL Exception Delete Failed due to security constraints");
        }
        if self.store.remove(self.table, sys_id) {
            json(204, &Value::Null).map(|_| bytes::Bytes::new())
        } else {
            missing()
        }
    }

    fn writable(&self, body: &[u8]) -> Result<Row, Box<Answer>> {
        if self.table != "incident" {
            let detail = "ACL Exception Insert Failed due to security constraints";
            return Err(Box::new(error(403, "Operation Failed", detail)));
        }
        let members = serde_json::from_slice::<serde_json::Map<String, Value>>(body);
        let members =
            members.map_err(|_| error(400, "Exception while reading request", "The payload is not valid JSON"))?;
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
