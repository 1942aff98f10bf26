//! `push`: brings an event into ServiceNow.

use super::connection::Connection;
use super::input::read_file;
use super::{hints, print, show};
use crate::lab::invocation::Finished;
use crate::lab::sample_event;
use anyhow::{Context, bail};
use clap::Args;
use servicenow_host::event_sync::EventSync;
use servicenow_host::json::to_json;
use servicenow_host::mapping::{ItemsOutcome, PreviewOutcome};
use servicenow_host::outcome::Outcome;
use servicenow_host::push::PushOutcome;
use std::collections::BTreeMap;
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
    #[arg(long, value_name = "FILE", required_unless_present = "event_schema")]
    event: Option<PathBuf>,
    /// Push an event that is made from this JSON Schema, of its examples
    #[arg(long, value_name = "FILE", conflicts_with = "event")]
    event_schema: Option<PathBuf>,
    /// Push whatever triggers and filters say
    #[arg(long)]
    manual: bool,
    /// Show what the event becomes, each request with its headers, and what to look at where it failed
    #[arg(long)]
    test: bool,
    /// Remember in this file what events said and what was written, so that a repeated event writes nothing and `listen` knows
    /// own writes; `listen` may run beside
    #[arg(long, value_name = "FILE")]
    ledger: Option<PathBuf>,
}

impl Push {
    /// Whether each of the rules took the event or left it out.
    pub async fn run(self) -> anyhow::Result<bool> {
        let event = self.event()?;
        let rules = self.rules.iter().map(|path| read_file("--rules", path)).collect::<Result<Vec<_>, _>>()?;
        refuse_same_names(&rules)?;
        let host = self.connection.target.host()?;
        let sync = self.connection.target.event_sync(&host, self.ledger.as_deref())?;
        let mut ended = Summary::default();
        for rules in rules {
            // What cannot be split is refused by the push itself, as one event.
            let events = match sync.items(rules.clone(), event.clone()).await.map_err(anyhow::Error::from)? {
                ItemsOutcome::Items(events) => events,
                ItemsOutcome::InvalidData(violations) => {
                    let refused = serde_json::json!({"outcome": "invalid-data", "value": to_json(&violations)});
                    self.show_refused(&refused)?;
                    ended.add("invalid-data", false);
                    continue;
                }
            };
            let (of, many) = (events.len(), events.len() > 1 || self.rules.len() > 1);
            for (at, event) in events.into_iter().enumerate() {
                if many && !self.connection.json {
                    print(&format!("{}: event {} of {of}", name(&rules).unwrap_or_default(), at + 1));
                }
                let (case, is_well) = self.push(&sync, rules.clone(), event).await?;
                ended.add(case, is_well);
            }
        }
        if ended.count() != self.rules.len() {
            ended.show(self.connection.json)?;
        }
        Ok(ended.are_all_well)
    }

    fn event(&self) -> anyhow::Result<String> {
        match (&self.event, &self.event_schema) {
            (_, Some(schema)) => {
                let text = read_file("--event-schema", schema)?;
                let schema = serde_json::from_str(&text).context("--event-schema: a JSON Schema is expected")?;
                Ok(sample_event::of(&schema)?.to_string())
            }
            (Some(event), None) => read_file("--event", event),
            (None, None) => bail!("--event or --event-schema is expected"),
        }
    }

    /// Pushes one event, and shows how it ended: its case, and whether that is what is wanted.
    async fn push(&self, sync: &EventSync, rules: String, event: String) -> anyhow::Result<(&'static str, bool)> {
        let mut becomes = serde_json::Value::Null;
        if self.test {
            let preview = sync.preview(rules.clone(), event.clone(), self.manual).await.map_err(anyhow::Error::from)?;
            if let PreviewOutcome::Mapped(mapped) = preview {
                let body: serde_json::Value = serde_json::from_str(&mapped.body)?;
                becomes = serde_json::json!({"body": body, "warnings": to_json(&mapped.warnings)});
            }
            if !self.connection.json {
                self.show_becoming(&event, &becomes)?;
            }
        }
        let report = sync.push(self.connection.target.call(), rules, event, self.manual).await;
        let reason = report.outcome.failure().map(|failure| failure.reason);
        let (case, is_well) = (report.outcome.case(), is_well(&report.outcome));
        let finished = Finished { is_success: is_well, ..report.into() };
        let hint = reason.filter(|_| self.test).map(hints::of);
        if self.connection.json {
            let mut all = show::in_json(&finished, "", self.test || self.connection.trace);
            if self.test {
                all["becomes"] = becomes;
            }
            if let Some(hint) = hint {
                all["hint"] = hint.into();
            }
            print(&serde_json::to_string_pretty(&all)?);
            return Ok((case, is_well));
        }
        show::outcome(&finished, "", false, self.connection.trace && !self.test)?;
        if self.test {
            show::whole_exchanges(&finished);
        }
        if let Some(hint) = hint {
            print(&format!("hint: {hint}"));
        }
        Ok((case, is_well))
    }

    fn show_becoming(&self, event: &str, becomes: &serde_json::Value) -> anyhow::Result<()> {
        if self.event_schema.is_some() {
            print("the event, made from the schema");
            print(&serde_json::to_string_pretty(&serde_json::from_str::<serde_json::Value>(event)?)?);
        }
        if becomes.is_null() {
            return Ok(());
        }
        print("the event becomes");
        print(&serde_json::to_string_pretty(&becomes["body"])?);
        if becomes["warnings"] != serde_json::json!([]) {
            print("warnings");
            show::value(&becomes["warnings"]);
        }
        Ok(())
    }

    fn show_refused(&self, refused: &serde_json::Value) -> anyhow::Result<()> {
        if self.connection.json {
            print(&serde_json::to_string_pretty(refused)?);
        } else {
            print("invalid-data");
            show::value(&refused["value"]);
        }
        Ok(())
    }
}

/// How the events of one document of many alerts ended.
struct Summary {
    cases: BTreeMap<&'static str, usize>,
    are_all_well: bool,
}

impl Default for Summary {
    fn default() -> Self {
        Self { cases: BTreeMap::new(), are_all_well: true }
    }
}

impl Summary {
    fn add(&mut self, case: &'static str, is_well: bool) {
        *self.cases.entry(case).or_default() += 1;
        self.are_all_well &= is_well;
    }

    fn count(&self) -> usize {
        self.cases.values().sum()
    }

    fn show(&self, as_json: bool) -> anyhow::Result<()> {
        if as_json {
            print(&serde_json::to_string_pretty(&serde_json::json!({"events": self.count(), "outcomes": self.cases}))?);
        } else {
            let cases: Vec<_> = self.cases.iter().map(|(case, count)| format!("{count} {case}")).collect();
            let cases = if cases.is_empty() { "nothing to push".to_string() } else { cases.join(", ") };
            print(&format!("{} events: {cases}", self.count()));
        }
        Ok(())
    }
}

/// Whether the incident is as the event wants it, or the rules leave the event out.
fn is_well(outcome: &PushOutcome) -> bool {
    let well = ["created", "updated", "commented", "reopened", "resolved", "unchanged", "filtered-out"];
    well.contains(&outcome.case())
}

/// The name of a rules document.
fn name(rules: &str) -> Option<String> {
    let rules: serde_json::Value = serde_json::from_str(rules).ok()?;
    rules["name"].as_str().map(str::to_string)
}

/// The names of rules in use must differ.
fn refuse_same_names(rules: &[String]) -> anyhow::Result<()> {
    let names: Vec<String> = rules.iter().filter_map(|rules| name(rules)).collect();
    for (at, name) in names.iter().enumerate() {
        if names[..at].contains(name) {
            bail!("--rules: two documents are named {name:?}; give each a name of its own");
        }
    }
    Ok(())
}
