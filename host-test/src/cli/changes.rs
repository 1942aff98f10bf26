//! `changes`: what changed since the last time.

use super::connection::Connection;
use super::input::read_file;
use super::{print, print_table, show, table};
use crate::lab::invocation::Finished;
use clap::Args;
use servicenow_host::callbacks::Change;
use servicenow_host::changes::Selection;
use servicenow_host::outcome::Outcome;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Which changes are read.
#[derive(Args)]
pub struct Selected {
    /// A table of the task family; may be given several times, all six where absent
    #[arg(long = "table", value_name = "TABLE")]
    tables: Vec<String>,
    /// The time zone of the authorization's user, such as Europe/Berlin; read from the instance where absent
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<String>,
    /// How many seconds before the last reading are read again
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    overlap: u32,
}

impl Selected {
    /// The selection.
    pub fn selection(&self) -> Selection {
        Selection {
            tables: self.tables.clone(),
            time_zone: self.time_zone.clone(),
            overlap_seconds: Some(self.overlap),
            limit: None,
        }
    }
}

/// Options of `changes`.
#[derive(Args)]
pub struct Changes {
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    selected: Selected,
    /// The rules document, to translate severity and status
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    /// Where it is remembered how far changes were read. The first time nothing is read: the place of now is remembered
    #[arg(long, value_name = "FILE")]
    ledger: PathBuf,
}

impl Changes {
    /// Whether the changes could be read.
    pub async fn run(self) -> anyhow::Result<bool> {
        let rules = self.rules.as_ref().map(|path| read_file("--rules", path)).transpose()?;
        let host = self.connection.target.host()?;
        let sync = self.connection.target.event_sync(&host, Some(&self.ledger))?;
        let seen: Arc<Mutex<Vec<Change>>> = Arc::default();
        let note = |change: Change| {
            seen.lock().unwrap_or_else(PoisonError::into_inner).push(change);
            async { Ok::<_, std::convert::Infallible>(()) }
        };
        let call = self.connection.target.call();
        let (report, reconciled) = sync.reconcile(&call, &self.selected.selection(), rules, note).await?;
        let is_success = report.outcome.is_success();
        let finished = Finished::from(report);
        if !is_success {
            match self.connection.json {
                true => print(&show::in_json(&finished, "", self.connection.trace).to_string()),
                false => self.connection.show(&finished, "")?,
            }
            return Ok(false);
        }
        self.connection.trace(&finished);
        let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        if self.connection.json {
            seen.iter().for_each(|change| print(&change.cloud_event));
            print(&serde_json::json!({"accepted": reconciled.accepted, "known": reconciled.known}).to_string());
        } else {
            if seen.is_empty() {
                print("no changes");
                return Ok(true);
            }
            let mut lines = table(&["table", "number", "version", "status", "severity", "updated"]);
            lines.add_rows(seen.iter().map(row));
            print_table(&lines);
            print(&format!("{} changes, {} known already", reconciled.accepted, reconciled.known));
        }
        Ok(true)
    }
}

/// A change on one line.
pub fn row(change: &Change) -> [String; 6] {
    let or_empty = |text: &Option<String>| text.as_deref().map(show::printable).unwrap_or_default();
    [
        show::printable(&change.table),
        show::printable(&change.number),
        change.mod_count.map(|count| count.to_string()).unwrap_or_default(),
        or_empty(&change.status),
        or_empty(&change.severity),
        or_empty(&change.occurred_at),
    ]
}
