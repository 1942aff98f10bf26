//! `ledger`: what is done to a ledger's file.

use super::print;
use anyhow::Context;
use clap::Subcommand;
use servicenow_host::SqliteLedger;
use std::path::PathBuf;

/// What to do to a ledger.
#[derive(Subcommand)]
pub enum Ledger {
    /// Take a ledger of 0.1 over into a new file; the old one stays as it is
    Import {
        /// The ledger of 0.1
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
        /// The new ledger
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
    },
}

impl Ledger {
    /// Does it.
    pub fn run(self) -> anyhow::Result<bool> {
        let Ledger::Import { from, to } = self;
        let imported = SqliteLedger::import(&from, &to);
        let (_, texts) = imported.with_context(|| format!("--from {} --to {}", from.display(), to.display()))?;
        print(&format!("{texts} records and cursors are in {}; a cursor is now that of all tables", to.display()));
        Ok(true)
    }
}
