//! `map`: tries rules on events, without an instance.

use super::input::read_file;
use super::{print, print_table, show, table};
use crate::components;
use clap::Subcommand;
use servicenow_artifacts::Artifact;
use servicenow_host::Host;
use servicenow_host::Limits;
use servicenow_host::event_sync::{EventSync, MemoryLedger};
use servicenow_host::json::to_json;
use servicenow_host::mapping::{PathsOutcome, PreviewOutcome};
use servicenow_host::usual_folder;
use std::path::PathBuf;

/// The published schema of rules, which a test of `servicenow-sync` compares with the code.
const SCHEMA: &str = include_str!("../../../docs/rules.schema.json");

/// What to do with rules and events.
#[derive(Subcommand)]
pub enum Map {
    /// Show what a push of an event would send
    Preview {
        /// The rules document
        #[arg(long, value_name = "FILE")]
        rules: PathBuf,
        /// The event as JSON, or - for standard input
        #[arg(long, value_name = "FILE")]
        event: PathBuf,
        /// As if somebody asked for this push
        #[arg(long)]
        manual: bool,
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
            Map::Preview { rules, event, manual, json } => {
                let (rules, event) = (read_file("--rules", &rules)?, read_file("--event", &event)?);
                let outcome = event_sync()?.preview(rules, event, manual).await.map_err(anyhow::Error::from)?;
                let is_mapped = matches!(outcome, PreviewOutcome::Mapped(_));
                let all = to_json(&outcome);
                if json {
                    print(&serde_json::to_string_pretty(&all)?);
                } else {
                    print(all["case"].as_str().unwrap_or_default());
                    show::value(&all["value"]);
                }
                Ok(is_mapped)
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
