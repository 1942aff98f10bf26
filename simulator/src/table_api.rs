//! The Table API: parameters in, records or errors out (docs/servicenow-api.md 2.1 to 2.7).

use super::Settings;
use super::access::Caller;
use super::answer::{Answer, error, json};
use super::choices;
use super::query::{Now, Query};
use super::render::{Display, Shape};
use crate::tables::dictionary::{Column, Table};
use crate::tables::{Row, Store};
use http::HeaderValue;
use serde_json::{Value, json};
use std::ops::Deref;

/// ServiceNow's limit where none is sent.
const DEFAULT_LIMIT: usize = 10_000;

/// The property that makes a query with an unknown column select nothing, instead of leaving the condition out.
const STRICT_QUERIES: &str = "glide.invalid_query.returns_no_rows";

/// What a call of the Table API asks for.
pub struct Asked<'a> {
    /// The instance's set-up.
    pub settings: &'a Settings,
    /// Who calls.
    pub caller: &'a Caller,
    /// The address of the tables, in the version that was asked for.
    pub tables_url: String,
    /// The table.
    pub table: &'static Table,
    /// The parameters, in the order they were sent.
    pub parameters: Vec<(String, String)>,
}

/// A read, while the tables are locked.
pub struct Call<'a> {
    /// What is asked for.
    pub asked: &'a Asked<'a>,
    /// The instance's tables.
    pub store: &'a Store,
}

impl<'a> Deref for Call<'a> {
    type Target = Asked<'a>;

    fn deref(&self) -> &Asked<'a> {
        self.asked
    }
}

impl Asked<'_> {
    /// A parameter; empty where it was not sent.
    pub fn parameter(&self, name: &str) -> &str {
        self.parameters.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// Whether a parameter says true, however it is written.
    pub fn is_true(&self, name: &str) -> bool {
        self.parameter(name).eq_ignore_ascii_case("true")
    }

    /// How the answer shows records.
    pub fn shape(&self) -> Shape {
        Shape {
            display: match self.parameter("sysparm_display_value").to_ascii_lowercase().as_str() {
                "true" => Display::Shown,
                "all" => Display::Both,
                _ => Display::Values,
            },
            no_links: self.is_true("sysparm_exclude_reference_link"),
            fields: self.parameter("sysparm_fields").split(',').filter(|f| !f.is_empty()).map(str::to_string).collect(),
            tables_url: self.tables_url.clone(),
            no_journals: !self.settings.may_show_journals,
        }
    }
}

impl Call<'_> {
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
        let now = Now::of(self.store, &self.caller.sys_id);
        let now = Now { ignores_accents: self.settings.may_ignore_accents, ..now };
        let strict = self.store.property(STRICT_QUERIES) == Some("true");
        query.on(self.table.name, strict, &now)
    }

    /// The value that a filter means: it may be what a person reads.
    fn meant<'a>(&'a self, name: &str, value: &'a str) -> &'a str {
        let referred = self.table.column(name).and_then(Column::reference);
        let row = referred.and_then(|referred| self.store.by_display(referred, value));
        let choice = choices::value(self.table.name, name, value);
        row.map(|row| row.get("sys_id")).or(choice).unwrap_or(value)
    }

    /// The rows that the parameters select, as far as the caller sees them.
    pub fn selected(&self) -> Vec<&Row> {
        if self.reads() { self.query().select(self.store, self.table.name) } else { Vec::new() }
    }

    /// GET on a table.
    pub fn list(&self) -> Answer {
        let shape = self.shape();
        self.list_as(&|row| shape.record(self.store, self.table.name, row))
    }

    /// GET on a table whose records are shown this way.
    pub fn list_as(&self, show: &dyn Fn(&Row) -> Value) -> Answer {
        let number = |name: &str, default: usize| match self.parameter(name) {
            "" => Some(default),
            text => text.parse().ok(),
        };
        let least = usize::from(self.settings.may_refuse_no_limit);
        let Some(limit) = number("sysparm_limit", DEFAULT_LIMIT).filter(|limit| *limit >= least) else {
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
        let rows: Vec<_> = found.iter().skip(offset).take(limit).map(|row| show(row)).collect();
        let total = found.len();
        if rows.is_empty() && self.tables_url.ends_with("/v1/table") {
            return missing();
        }
        let mut answer = json(200, &json!({"result": rows}));
        if self.settings.may_count_anyway || !self.is_true("sysparm_no_count") {
            answer.headers_mut().insert("x-total-count", HeaderValue::from(total));
        }
        if let Some(link) = self.pages(total, limit, offset) {
            answer.headers_mut().insert("link", link);
        }
        answer
    }

    /// The `Link` header of a list that has several pages.
    fn pages(&self, total: usize, limit: usize, offset: usize) -> Option<HeaderValue> {
        if limit == 0 || total <= limit || self.is_true("sysparm_suppress_pagination_header") {
            return None;
        }
        let is_kept = |name: &str| !matches!(name, "sysparm_limit" | "sysparm_offset");
        let kept = self.parameters.iter().filter(|(name, _)| is_kept(name));
        let kept = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).finish();
        let separator = if kept.is_empty() { "" } else { "&" };
        let page = |at: String, relation: &str| {
            format!(
                "<{}/{}?{kept}{separator}sysparm_limit={limit}&sysparm_offset={at}>;rel=\"{relation}\"",
                self.tables_url, self.table.name
            )
        };
        let mut links = vec![page("0".to_string(), "first")];
        if offset > 0 {
            links.push(page(offset.saturating_sub(limit).to_string(), "prev"));
        } else if self.settings.may_link_before_the_first {
            links.push(page(format!("-{limit}"), "prev"));
        }
        if offset.saturating_add(limit) < total {
            links.push(page((offset + limit).to_string(), "next"));
        }
        links.push(page(((total - 1) / limit * limit).to_string(), "last"));
        HeaderValue::from_str(&links.join(",")).ok()
    }

    /// GET on a record.
    pub fn read(&self, sys_id: &str) -> Answer {
        match self.store.find(self.table.name, sys_id).filter(|_| self.reads()) {
            Some(row) => json(200, &json!({"result": self.shape().record(self.store, self.table.name, row)})),
            None => missing(),
        }
    }
}

/// No record, or none that the caller sees.
pub fn missing() -> Answer {
    error(404, "No Record found", "Record doesn't exist or ACL restricts the record retrieval")
}
