//! `push`: brings an event into ServiceNow.

use super::connection::Connection;
use super::input::read_file;
use super::{hints, print, show};
use crate::lab::invocation::Finished;
use anyhow::bail;
use clap::Args;
use servicenow_host::json::to_json;
use servicenow_host::mapping::PreviewOutcome;
use servicenow_host::outcome::Outcome;
use servicenow_host::push::PushOutcome;
use std::path::PathBuf;

/// Options of `push`.
#[derive(Args)]
pub struct Push {
    #[command(flatten)]
    connection: Connection,
    /// The rules document; may be given several times, and each takes the event or leaves it out
    #[arg(long, value_name = "FILE", required = true)]
    rules: Vec<PathBuf>,
    /// The event as JSON, or - for standard input
    #[arg(long, value_name = "FILE")]
    event: PathBuf,
    /// Push whatever triggers and filters say
    #[arg(long)]
    manual: bool,
    /// Show the request and the answer, and what to look at where it failed
    #[arg(long)]
    test: bool,
    /// Remember own writes in this file, so that `listen` knows their deliveries; it may run beside
    #[arg(long, value_name = "FILE")]
    ledger: Option<PathBuf>,
}

impl Push {
    /// Whether each of the rules took the event or left it out.
    pub async fn run(self) -> anyhow::Result<bool> {
        let event = read_file("--event", &self.event)?;
        let rules = self.rules.iter().map(|path| read_file("--rules", path)).collect::<Result<Vec<_>, _>>()?;
        refuse_same_names(&rules)?;
        let host = self.connection.host()?;
        let sync = self.connection.event_sync(&host, self.ledger.as_deref())?;
        let mut all_well = true;
        for rules in rules {
            let mut becomes = serde_json::Value::Null;
            if self.test {
                let preview =
                    sync.preview(rules.clone(), event.clone(), self.manual).await.map_err(anyhow::Error::from)?;
                if let PreviewOutcome::Mapped(mapped) = preview {
                    let body: serde_json::Value = serde_json::from_str(&mapped.body)?;
                    becomes = serde_json::json!({"body": body, "warnings": to_json(&mapped.warnings)});
                }
                if !self.connection.json && !becomes.is_null() {
                    print("the event becomes");
                    print(&serde_json::to_string_pretty(&becomes["body"])?);
                    if becomes["warnings"] != serde_json::json!([]) {
                        print("warnings");
                        show::value(&becomes["warnings"]);
                    }
                }
            }
            let report = sync.push(self.connection.call(), rules, event.clone(), self.manual).await;
            let reason = report.outcome.failure().map(|failure| failure.reason);
            let well = is_well(&report.outcome);
            all_well &= well;
            let finished = Finished { is_success: well, ..report.into() };
            let hint = reason.filter(|_| self.test).map(hints::of);
            let trace = self.test || self.connection.trace;
            if self.connection.json {
                let mut all = show::in_json(&finished, "", trace);
                if self.test {
                    all["becomes"] = becomes;
                }
                if let Some(hint) = hint {
                    all["hint"] = hint.into();
                }
                print(&serde_json::to_string_pretty(&all)?);
                continue;
            }
            show::outcome(&finished, "", false, trace)?;
            if let Some(hint) = hint {
                print(&format!("hint: {hint}"));
            }
        }
        Ok(all_well)
    }
}

/// Whether the incident is as the event wants it, or the rules leave the event out.
fn is_well(outcome: &PushOutcome) -> bool {
    let well = ["created", "updated", "commented", "reopened", "resolved", "unchanged", "filtered-out"];
    well.contains(&outcome.case())
}

/// The names of rules in use must differ.
fn refuse_same_names(rules: &[String]) -> anyhow::Result<()> {
    let name = |text: &String| {
        let rules: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
        rules["name"].as_str().map(str::to_string)
    };
    let names: Vec<String> = rules.iter().filter_map(name).collect();
    for (at, name) in names.iter().enumerate() {
        if names[..at].contains(name) {
            bail!("--rules: two documents are named {name:?}; give each a name of its own");
        }
    }
    Ok(())
}
