//! Prints outcomes: as JSON, or as one line per value.

use super::{print, print_table, table};
use crate::lab::invocation::Finished;
use serde_json::{Value, json};
use servicenow_host::Exchange;

/// How much of a long value the text output shows.
const SHOWN_CHARS: usize = 300;

/// Prints how a call ended.
pub fn outcome(finished: &Finished, edge: &str, as_json: bool, trace: bool) -> anyhow::Result<()> {
    if as_json {
        print(&serde_json::to_string_pretty(&in_json(finished, edge, trace))?);
    } else {
        print_text(finished, edge, trace);
    }
    Ok(())
}

/// Prints a value, one line per value in it.
pub fn value(value: &Value) {
    let mut lines = table(&[]);
    match value {
        Value::String(text) => print(&printable(text)),
        value => flatten(&mut lines, "", value),
    }
    if !lines.is_empty() {
        print_table(&lines);
    }
}

/// How a call ended, as JSON.
pub fn in_json(finished: &Finished, edge: &str, trace: bool) -> Value {
    let mut all = json!({"method": finished.method, "outcome": finished.case});
    if !edge.is_empty() {
        all["node_outcome"] = edge.into();
    }
    all["elapsed_ms"] = (finished.elapsed.as_secs_f64() * 1e3).into();
    all["value"] = finished.value.clone();
    if trace {
        all["exchanges"] = json!(finished.exchanges);
    }
    all
}

fn print_text(finished: &Finished, edge: &str, trace: bool) {
    let edge = if edge.is_empty() { String::new() } else { format!(" ({edge})") };
    print(&format!("{}{edge} in {:.1} ms", finished.case, finished.elapsed.as_secs_f64() * 1e3));
    value(&finished.value);
    if trace {
        exchanges(finished);
    }
}

/// Prints the exchanges of a call, one a line.
pub fn exchanges(finished: &Finished) {
    finished.exchanges.iter().for_each(exchange_line);
}

/// The same with the headers of each request, and what an answer says of a failure.
pub fn whole_exchanges(finished: &Finished) {
    for exchange in &finished.exchanges {
        exchange_line(exchange);
        for (name, value) in &exchange.request_headers {
            print(&printable(&format!("    {name}: {}", String::from_utf8_lossy(value.as_bytes()))));
        }
        if let Some(body) = &exchange.response_body {
            print(&format!("    answered: {}", printable(body)));
        }
    }
}

fn exchange_line(exchange: &Exchange) {
    {
        let ended = match (&exchange.status, &exchange.error) {
            (Some(status), _) => status.to_string(),
            (None, error) => error.clone().unwrap_or_default(),
        };
        print(&format!(
            "{} {} -> {ended} in {:.1} ms",
            exchange.method,
            exchange.url,
            exchange.elapsed_us as f64 / 1e3
        ));
    }
}

/// One line per value: records by their keys, what has a name by its name, everything else by its place.
fn flatten(lines: &mut comfy_table::Table, name: &str, value: &Value) {
    let below = |key: &str| if name.is_empty() { key.to_string() } else { format!("{name}.{key}") };
    match value {
        Value::Object(members) => {
            let text = |key: &str| members.get(key).and_then(Value::as_str);
            match (text("name"), text("value"), text("stored"), text("field")) {
                // A column that holds nothing is left out; --json has it.
                (Some(_), Some(""), _, _) => {}
                (Some(column), Some(value), _, _) => {
                    let shown = text("display_value").filter(|shown| *shown != value);
                    let both = shown.map_or(value.to_string(), |shown| format!("{value} ({shown})"));
                    lines.add_row([column, &printable(&both)]);
                }
                (Some(column), _, Some(stored), _) => {
                    lines.add_row([column, stored]);
                }
                (_, _, _, Some(field)) => {
                    let given = text("given").unwrap_or_default();
                    lines.add_row([
                        field,
                        &format!("{given:?} was given, expected {}", text("expected").unwrap_or_default()),
                    ]);
                }
                _ => members.iter().for_each(|(key, value)| flatten(lines, &below(key), value)),
            }
        }
        Value::Array(items) if name == "warnings" => {
            for item in items {
                let text = |key: &str| item[key].as_str().unwrap_or_default();
                let told = format!("{}: {:?} was given, expected {}", text("field"), text("given"), text("expected"));
                lines.add_row(["warning", &told]);
            }
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, item)| flatten(lines, &below(&at.to_string()), item))
        }
        Value::Null => {}
        Value::String(text) => {
            lines.add_row([name, &printable(text)]);
        }
        other => {
            lines.add_row([name, &other.to_string()]);
        }
    }
}

/// A text for a terminal: the start of it, on one line, without control characters.
pub fn printable(text: &str) -> String {
    let mut shown: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SHOWN_CHARS).collect();
    if shown.len() < text.len() {
        shown.push_str("...");
    }
    shown
}
