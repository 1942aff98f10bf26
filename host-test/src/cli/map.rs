//! `map`: tries rules on events, without an instance.

use super::input::read_file;
use super::{print, print_table, show, table};
use crate::components;
use anyhow::Context;
use clap::Subcommand;
use serde_json::Value;
use servicenow_artifacts::Artifact;
use servicenow_host::Host;
use servicenow_host::Limits;
use servicenow_host::event_sync::{EventSync, MemoryLedger};
use servicenow_host::json::to_json;
use servicenow_host::mapping::{InstanceColumn, ItemsOutcome, PathsOutcome, PreviewOutcome};
use servicenow_host::usual_folder;
use std::path::{Path, PathBuf};

/// The published schema of rules, which a test of `servicenow-sync` compares with the code.
const SCHEMA: &str = include_str!("../../../docs/rules.schema.json");

/// What to do with rules and events.
#[derive(Subcommand)]
pub enum Map {
    /// Show what a push of an event would send
    Preview {
        /// The rules document; may be given several times
        #[arg(long, value_name = "FILE", required = true)]
        rules: Vec<PathBuf>,
        /// The event as JSON, or - for standard input
        #[arg(long, value_name = "FILE")]
        event: PathBuf,
        /// As if somebody asked for this push
        #[arg(long)]
        manual: bool,
        /// The columns of the instance, as `call columns --json` prints them: warns of lengths, types and choices
        #[arg(long, value_name = "FILE")]
        columns: Option<PathBuf>,
        /// Print JSON instead of text
        #[arg(long)]
        json: bool,
    },
    /// List what an event offers to templates and filters
    Paths {
        /// The event as JSON, or - for standard input
        event: PathBuf,
        /// Print JSON instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Print the JSON Schema of rules documents
    Schema,
}

impl Map {
    /// Whether the rules take the event.
    pub async fn run(self) -> anyhow::Result<bool> {
        match self {
            Map::Preview { rules, event, manual, columns, json } => {
                let columns = columns.as_deref().map(instance_columns).transpose()?.unwrap_or_default();
                let event = read_file("--event", &event)?;
                let (sync, mut are_all_mapped) = (event_sync()?, true);
                for rules in &rules {
                    let text = read_file("--rules", rules)?;
                    for outcome in previews(&sync, text, event.clone(), manual, &columns).await? {
                        are_all_mapped &= matches!(outcome, PreviewOutcome::Mapped(_));
                        let all = to_json(&outcome);
                        if json {
                            print(&serde_json::to_string_pretty(&all)?);
                        } else {
                            print(all["case"].as_str().unwrap_or_default());
                            show::value(&for_a_person(all["value"].clone()));
                        }
                    }
                }
                Ok(are_all_mapped)
            }
            Map::Paths { event, json } => {
                let outcome = event_sync()?.paths(read_file("EVENT", &event)?).await.map_err(anyhow::Error::from)?;
                match outcome {
                    PathsOutcome::Paths(paths) if !json => {
                        let mut lines = table(&["path", "kind", "sample"]);
                        for path in &paths {
                            lines.add_row([&path.path, &path.kind, &path.sample]);
                        }
                        print_table(&lines);
                        Ok(true)
                    }
                    outcome => {
                        print(&serde_json::to_string_pretty(&to_json(&outcome))?);
                        Ok(matches!(outcome, PathsOutcome::Paths(_)))
                    }
                }
            }
            Map::Schema => {
                print(SCHEMA.trim_end());
                Ok(true)
            }
        }
    }
}

/// What a push of each event that an event holds would send.
async fn previews(
    sync: &EventSync,
    rules: String,
    event: String,
    manual: bool,
    columns: &[InstanceColumn],
) -> anyhow::Result<Vec<PreviewOutcome>> {
    let events = match sync.items(rules.clone(), event).await.map_err(anyhow::Error::from)? {
        ItemsOutcome::Items(events) => events,
        ItemsOutcome::InvalidData(violations) => return Ok(vec![PreviewOutcome::InvalidData(violations)]),
    };
    let mut outcomes = Vec::with_capacity(events.len());
    for event in events {
        let outcome = sync.preview_for(rules.clone(), event, manual, columns.to_vec()).await;
        outcomes.push(outcome.map_err(anyhow::Error::from)?);
    }
    Ok(outcomes)
}

/// A preview without the body, which the columns repeat; each column says when it is written, unless that is the usual way, and
/// what is looked up.
fn for_a_person(mut mapped: Value) -> Value {
    let Some(members) = mapped.as_object_mut() else { return mapped };
    members.remove("body");
    for column in members.get_mut("columns").and_then(Value::as_array_mut).into_iter().flatten() {
        let write = column["write"].as_str().filter(|write| *write != "change");
        let write = write.map(|write| if write == "create" { "when it is made" } else { "always" });
        let lookup = column["lookup"].as_str().map(|lookup| format!("the record with this {lookup}"));
        let told: Vec<_> = write.map(str::to_string).into_iter().chain(lookup).collect();
        if !told.is_empty() {
            column["display_value"] = told.join(", ").into();
        }
    }
    mapped
}

/// The columns of an instance, out of what `call columns --json` prints.
fn instance_columns(path: &Path) -> anyhow::Result<Vec<InstanceColumn>> {
    let printed: Value = serde_json::from_str(&read_file("--columns", path)?).context("--columns: JSON is expected")?;
    let list = [&printed["value"], &printed].into_iter().find_map(Value::as_array);
    let list =
        list.context("--columns: what `call columns --json` prints is expected, and it has no list of columns")?;
    let text = |value: &Value| value.as_str().map(str::to_string);
    let choices = |column: &Value| {
        column["choices"].as_array().into_iter().flatten().filter_map(|one| text(&one["value"])).collect()
    };
    let column = |column: &Value| InstanceColumn {
        name: text(&column["name"]).unwrap_or_default(),
        internal_type: text(&column["internal_type"]).unwrap_or_default(),
        max_length: column["max_length"].as_u64().and_then(|length| length.try_into().ok()),
        read_only: column["read_only"].as_bool().unwrap_or_default(),
        reference: text(&column["reference"]),
        choices: choices(column),
    };
    Ok(list.iter().map(column).collect())
}

/// Two-way event sync of a host without authorizations.
pub fn event_sync() -> anyhow::Result<EventSync> {
    let host = Host::builder().limits(Limits { max_calls: 1, ..Limits::default() });
    let folder = usual_folder();
    let host = match &folder {
        Some(folder) => host.cache(folder),
        None => host,
    };
    Ok(host.build()?.event_sync_with(&components::load(Artifact::SyncOverTransport)?, MemoryLedger::default())?)
}
