//! The aggregate API: counts, sums, averages and extremes of the rows a query selects, also by group. Numbers are text.

use super::answer::{Answer, error, json};
use super::render::Display;
use super::table_api::Call;
use crate::tables::{Row, Store};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// What is computed of a column, and how it is asked for.
const OPERATIONS: [&str; 4] = ["avg", "sum", "min", "max"];

impl Call<'_> {
    /// GET on a table's statistics.
    pub fn stats(&self) -> Answer {
        let rows = self.selected();
        let groups: Vec<&str> = self.parameter("sysparm_group_by").split(',').filter(|path| !path.is_empty()).collect();
        if groups.is_empty() {
            return json(200, &json!({"result": {"stats": self.computed(&rows)}}));
        }
        if groups.iter().any(|path| rows.iter().any(|row| self.store.value(self.table.name, row, path).is_none())) {
            return error(400, "Invalid sysparm_group_by", "");
        }
        let mut by_values: BTreeMap<Vec<String>, Vec<&Row>> = BTreeMap::new();
        for row in rows {
            let value = |path: &&str| self.store.value(self.table.name, row, path).unwrap_or_default().into_owned();
            by_values.entry(groups.iter().map(value).collect()).or_default().push(row);
        }
        let Some(having) = self.having() else { return error(400, "Invalid sysparm_having", "") };
        let mut found: Vec<(Vec<String>, Vec<&Row>)> = by_values.into_iter().collect();
        found.retain(|(_, rows)| having.iter().all(|having| having.holds(self.store, self.table.name, rows)));
        if let Some(place) = self.order().and_then(|name| groups.iter().position(|group| *group == name)) {
            found.sort_by(|(left, _), (right, _)| left[place].cmp(&right[place]));
        }
        if self.order() == Some("count") {
            found.sort_by_key(|(_, rows)| rows.len());
        }
        let group = |(values, rows): (Vec<String>, Vec<&Row>)| {
            let fields = groups.iter().zip(values).map(|(field, value)| self.group_field(field, &value));
            json!({"stats": self.computed(&rows), "groupby_fields": fields.collect::<Vec<_>>()})
        };
        json(200, &json!({"result": found.into_iter().map(group).collect::<Vec<_>>()}))
    }

    /// A column of a group, as `sysparm_display_value` asks for it. The member that both forms come in is not confirmed.
    fn group_field(&self, path: &str, value: &str) -> Value {
        let shown = || self.shape().shown(self.store, self.table.name, path, value);
        match self.shape().display {
            Display::Values => json!({"field": path, "value": value}),
            Display::Shown => json!({"field": path, "value": shown()}),
            Display::Both => json!({"field": path, "value": value, "display_value": shown()}),
        }
    }

    /// What groups are ordered by: a column of the group, or `count`.
    fn order(&self) -> Option<&str> {
        let names = [self.parameter("sysparm_order_by"), self.parameter("sysparm_orderby")];
        names.into_iter().find(|name| !name.is_empty())
    }

    /// The conditions on groups; `None` where they cannot be read.
    fn having(&self) -> Option<Vec<Having<'_>>> {
        self.parameter("sysparm_having").split(',').filter(|text| !text.is_empty()).map(Having::parse).collect()
    }

    fn computed(&self, rows: &[&Row]) -> Value {
        let mut stats = Map::new();
        if self.is_true("sysparm_count") {
            stats.insert("count".to_string(), rows.len().to_string().into());
        }
        for operation in OPERATIONS {
            let asked = self.parameter(&format!("sysparm_{operation}_fields")).to_string();
            let columns = asked.split(',').filter(|path| !path.is_empty());
            let values = columns
                .map(|path| (path.to_string(), compute(self.store, self.table.name, operation, rows, path).into()));
            let values: Map<String, Value> = values.collect();
            if !values.is_empty() {
                stats.insert(operation.to_string(), values.into());
            }
        }
        stats.into()
    }
}

/// A condition on groups: `aggregate^column^operator^value`.
struct Having<'a> {
    aggregate: &'a str,
    path: &'a str,
    operator: &'a str,
    value: f64,
}

impl<'a> Having<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split('^');
        let (aggregate, path, operator) = (parts.next()?, parts.next()?, parts.next()?);
        let is_known = aggregate == "count" || OPERATIONS.contains(&aggregate);
        let value = parts.next()?.parse().ok()?;
        is_known.then_some(Self { aggregate, path, operator, value })
    }

    fn holds(&self, store: &Store, table: &str, rows: &[&Row]) -> bool {
        let computed = match self.aggregate {
            "count" => Some(rows.len() as f64),
            operation => compute(store, table, operation, rows, self.path).parse().ok(),
        };
        let Some(computed) = computed else { return false };
        match self.operator {
            ">" => computed > self.value,
            "<" => computed < self.value,
            ">=" => computed >= self.value,
            "<=" => computed <= self.value,
            "!=" => computed != self.value,
            _ => computed == self.value,
        }
    }
}

fn compute(store: &Store, table: &str, operation: &str, rows: &[&Row], path: &str) -> String {
    let texts: Vec<_> =
        rows.iter().filter_map(|row| store.value(table, row, path)).filter(|text| !text.is_empty()).collect();
    let values: Vec<f64> = texts.iter().filter_map(|text| text.parse().ok()).collect();
    // The extremes of texts and dates are texts.
    match operation {
        "min" if values.len() < texts.len() => return texts.into_iter().min().unwrap_or_default().into_owned(),
        "max" if values.len() < texts.len() => return texts.into_iter().max().unwrap_or_default().into_owned(),
        _ => {}
    }
    let sum: f64 = values.iter().sum();
    let result = match operation {
        _ if values.is_empty() => return String::new(),
        "avg" => sum / values.len() as f64,
        "sum" => sum,
        "min" => values.iter().copied().fold(f64::INFINITY, f64::min),
        _ => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
    };
    // An average has four places also where it is whole.
    if operation != "avg" && result.fract() == 0.0 { format!("{result:.0}") } else { format!("{result:.4}") }
}
