//! `outbox`: what waits for the consumer of `listen --forward`.

use super::{print, print_table, show, table};
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use serde_json::json;
use servicenow_host::SqliteLedger;
use servicenow_host::event_sync::Outbox;
use std::path::PathBuf;
use std::sync::Arc;

/// What to do with the events that wait.
#[derive(Subcommand)]
pub enum Command {
    /// List the events that the consumer did not take yet
    List(List),
    /// Have parked events sent again, by the `listen` that runs or the next one
    SendAgain(SendAgain),
    /// Drop an event: the consumer never gets it
    Drop(Drop),
}

/// Whose events.
#[derive(Args)]
struct Place {
    /// The ledger that `listen` has
    #[arg(long, value_name = "FILE")]
    ledger: PathBuf,
    /// The name of the authorization
    #[arg(long, value_name = "NAME")]
    authorization: String,
}

/// Options of `outbox list`.
#[derive(Args)]
pub struct List {
    #[command(flatten)]
    place: Place,
    /// Print one JSON object a line instead of text
    #[arg(long)]
    json: bool,
}

/// Options of `outbox send-again`.
#[derive(Args)]
pub struct SendAgain {
    #[command(flatten)]
    place: Place,
    /// The event's number; all parked ones where absent
    #[arg(long, value_name = "NUMBER")]
    number: Option<u64>,
}

/// Options of `outbox drop`.
#[derive(Args)]
pub struct Drop {
    #[command(flatten)]
    place: Place,
    /// The event's number
    #[arg(long, value_name = "NUMBER")]
    number: u64,
}

impl Command {
    /// Whether what was asked for could be done.
    pub fn run(self) -> anyhow::Result<bool> {
        match self {
            Self::List(list) => list.run(),
            Self::SendAgain(SendAgain { place, number }) => {
                let again = place.outbox()?.send_again(number)?;
                print(&format!("{again} events are sent again"));
                Ok(number.is_none() || again > 0)
            }
            Self::Drop(Drop { place, number }) => {
                let is_dropped = place.outbox()?.drop_event(number)?;
                print(if is_dropped {
                    "dropped"
                } else {
                    "no event has this number, or it was changed at this moment"
                });
                Ok(is_dropped)
            }
        }
    }
}

impl Place {
    fn outbox(&self) -> anyhow::Result<Outbox> {
        let path = self.ledger.display();
        if !self.ledger.exists() {
            bail!("--ledger {path}: there is no such file; give the ledger of listen");
        }
        let ledger = SqliteLedger::open(&self.ledger).with_context(|| format!("--ledger {path}"))?;
        Ok(Outbox::new(Arc::new(ledger), &self.authorization))
    }
}

impl List {
    fn run(self) -> anyhow::Result<bool> {
        let waiting = self.place.outbox()?.waiting()?;
        if self.json {
            for (number, waiting) in waiting {
                print(
                    &json!({"number": number, "sys_id": waiting.sys_id, "attempts": waiting.attempts,
                    "parked": waiting.is_parked, "problem": waiting.problem, "event": waiting.event})
                    .to_string(),
                );
            }
            return Ok(true);
        }
        if waiting.is_empty() {
            print("nothing waits");
            return Ok(true);
        }
        let mut lines = table(&["number", "record", "attempts", "state", "problem"]);
        lines.add_rows(waiting.into_iter().map(|(number, waiting)| {
            let state = if waiting.is_parked { "parked" } else { "waits" };
            let problem = waiting.problem.as_deref().map(show::printable).unwrap_or_default();
            [number.to_string(), show::printable(&waiting.sys_id), waiting.attempts.to_string(), state.into(), problem]
        }));
        print_table(&lines);
        Ok(true)
    }
}
