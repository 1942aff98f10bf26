//! `names`: what the references of a record are called.

use super::connection::Connection;
use crate::lab::invocation::Finished;
use clap::Args;
use servicenow_host::outcome::Outcome;

/// Options of `names`.
#[derive(Args)]
pub struct Names {
    #[command(flatten)]
    connection: Connection,
    /// The record's table, such as incident
    #[arg(long, value_name = "TABLE", default_value = "incident")]
    table: String,
    /// The record's key: 32 hexadecimal digits
    #[arg(long, value_name = "SYS_ID")]
    sys_id: String,
}

impl Names {
    /// Whether the names could be read.
    pub async fn run(self) -> anyhow::Result<bool> {
        let sync = self.connection.target.event_sync(&self.connection.target.host()?, None)?;
        let report = sync.names(self.connection.target.call(), self.table, self.sys_id).await;
        let is_success = report.outcome.is_success();
        self.connection.show(&Finished::from(report), "")?;
        Ok(is_success)
    }
}
