//! `call`: one real call.

use super::limits::LimitOptions;
use super::{print, print_table, table};
use crate::authorizations::Authorizations;
use crate::bindings::exports::servicenow::plugin::incidents::{CreateOptions, IncidentRef, RequestBody, UpdateOptions};
use crate::bindings::exports::servicenow::plugin::types::Call;
use crate::compiled::usual_folder;
use crate::host::Host;
use crate::invocation::{Finished, Invocation, node_outcome};
use crate::limits::Limits;
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

/// How much of a long value the text output shows.
const SHOWN_CHARS: usize = 300;

/// The methods of the component.
#[derive(Subcommand)]
pub enum Method {
    /// Create an incident
    Create {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        body: Body,
        /// The key that makes the create safe to repeat; made where absent
        #[arg(long, value_name = "KEY")]
        correlation_id: Option<String>,
    },
    /// Get an incident by number, sys_id or correlation id
    Get {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        key: Key,
    },
    /// Update an incident
    Update {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        body: Body,
        /// The incident's key: 32 hexadecimal digits
        #[arg(long, value_name = "SYS_ID")]
        sys_id: String,
    },
    /// Find incidents by an encoded query
    Find {
        #[command(flatten)]
        common: Common,
        /// The encoded query, such as active=true^ORDERBYDESCsys_created_on
        #[arg(long, default_value = "")]
        query: String,
        /// How many incidents, 1 to 1000
        #[arg(long, default_value_t = 10)]
        limit: u32,
        /// How many to skip
        #[arg(long, default_value_t = 0)]
        offset: u32,
    },
    /// Read the columns of the incident table with their choices
    Columns {
        #[command(flatten)]
        common: Common,
    },
    /// Check an authorization
    Authenticate {
        #[command(flatten)]
        common: Common,
    },
}

/// What every method takes.
#[derive(Args)]
pub struct Common {
    /// The instance: an id such as dev12345, a host name, or an origin
    #[arg(long)]
    instance: String,
    /// The name of an authorization in the file
    #[arg(long, value_name = "NAME")]
    authorization: String,
    /// The authorizations file
    #[arg(long, value_name = "FILE")]
    authorizations: PathBuf,
    /// The deadline, such as 800ms or 30s; 5s where absent, --max-timeout at most
    #[arg(long, value_parser = humantime::parse_duration)]
    timeout: Option<Duration>,
    /// Show each HTTP exchange that the component makes
    #[arg(long)]
    trace: bool,
    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
    /// Keep the compiled component in this folder, for the next call; the user's own cache folder where absent
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    #[command(flatten)]
    limits: LimitOptions,
}

/// What is written.
#[derive(Args)]
pub struct Body {
    /// The columns as a JSON object: its text, @FILE to read a file, or - for standard input
    #[arg(long, value_name = "TEXT", conflicts_with = "fields", required_unless_present = "fields")]
    json_body: Option<String>,
    /// One column; may be given several times
    #[arg(long = "field", value_name = "NAME=VALUE", value_parser = pair)]
    fields: Vec<(String, String)>,
    /// Values are display values: a caller by name or e-mail, a group by name
    #[arg(long)]
    input_display_values: bool,
    /// Check values against choices first: off, base or instance
    #[arg(long, value_name = "MODE")]
    choice_check: Option<String>,
}

/// Which incident to get.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub struct Key {
    /// By number, such as INC0010001
    #[arg(long)]
    number: Option<String>,
    /// By key: 32 hexadecimal digits
    #[arg(long)]
    sys_id: Option<String>,
    /// By the correlation id of its create
    #[arg(long)]
    correlation_id: Option<String>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE, such as urgency=1")?;
    Ok((name.to_string(), value.to_string()))
}

impl Body {
    fn read(self) -> anyhow::Result<(RequestBody, bool, Option<String>)> {
        let body = match self.json_body.as_deref() {
            None => RequestBody::Fields(self.fields),
            Some("-") => {
                let mut text = String::new();
                std::io::stdin()
                    .read_to_string(&mut text)
                    .context("--json-body -: standard input is not text in UTF-8")?;
                RequestBody::Json(text)
            }
            Some(text) => RequestBody::Json(match text.strip_prefix('@') {
                Some(path) => std::fs::read_to_string(path)
                    .with_context(|| format!("--json-body @{path}: give the path of a readable file in UTF-8"))?,
                None => text.to_string(),
            }),
        };
        Ok((body, self.input_display_values, self.choice_check))
    }
}

impl Method {
    fn split(self) -> anyhow::Result<(Common, Invocation)> {
        Ok(match self {
            Method::Create { common, body, correlation_id } => {
                let (body, input_display_values, choice_check) = body.read()?;
                (common, Invocation::Create(body, CreateOptions { correlation_id, input_display_values, choice_check }))
            }
            Method::Get { common, key } => {
                let keys = [("number", key.number), ("sys_id", key.sys_id), ("correlation_id", key.correlation_id)];
                let Some((kind, value)) = keys.into_iter().find_map(|(kind, value)| Some((kind, value?))) else {
                    bail!("give one of --number, --sys-id and --correlation-id");
                };
                (common, Invocation::Get(IncidentRef { kind: kind.to_string(), value }))
            }
            Method::Update { common, body, sys_id } => {
                let (body, input_display_values, choice_check) = body.read()?;
                (common, Invocation::Update(sys_id, body, UpdateOptions { input_display_values, choice_check }))
            }
            Method::Find { common, query, limit, offset } => (common, Invocation::Find(query, limit, offset)),
            Method::Columns { common } => (common, Invocation::Columns),
            Method::Authenticate { common } => (common, Invocation::Authenticate),
        })
    }

    /// Whether the call succeeded.
    pub async fn run(self) -> anyhow::Result<bool> {
        let (common, invocation) = self.split()?;
        let authorizations = Authorizations::from_file(&common.authorizations)?;
        // One call needs one place in the pool of instances; a thousand take their time to be made.
        let limits = Limits { max_calls: 1, ..common.limits.limits() };
        let host = Host::builder().authorizations(authorizations).limits(limits);
        let host = match common.cache.or_else(usual_folder) {
            Some(folder) => host.cache(&folder),
            None => host,
        };
        let host = host.build()?;
        let node = host.describe().await.map_err(anyhow::Error::from)?;
        let timeout_ms = common.timeout.map(|timeout| u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX));
        let call = Call { authorization: common.authorization, instance: common.instance, timeout_ms };
        let finished = invocation.run(&host, call).await;
        let edge = node_outcome(&node, finished.method, finished.case);
        if common.json {
            print(&serde_json::to_string_pretty(&as_json(&finished, edge, common.trace))?);
        } else {
            print_text(&finished, edge, common.trace);
        }
        Ok(finished.is_success)
    }
}

fn as_json(finished: &Finished, edge: &str, trace: bool) -> Value {
    let mut all = json!({
        "method": finished.method,
        "outcome": finished.case,
        "node_outcome": edge,
        "elapsed_ms": finished.elapsed.as_secs_f64() * 1e3,
        "value": finished.value,
    });
    if trace {
        all["exchanges"] = json!(finished.exchanges);
    }
    all
}

fn print_text(finished: &Finished, edge: &str, trace: bool) {
    print(&format!("{} ({edge}) in {:.1} ms", finished.case, finished.elapsed.as_secs_f64() * 1e3));
    let mut lines = table(&[]);
    flatten(&mut lines, "", &finished.value);
    if !lines.is_empty() {
        print_table(&lines);
    }
    for exchange in finished.exchanges.iter().filter(|_| trace) {
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
fn printable(text: &str) -> String {
    let mut shown: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SHOWN_CHARS).collect();
    if shown.len() < text.len() {
        shown.push_str("...");
    }
    shown
}
