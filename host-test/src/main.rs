//! The command line of the reference host.

use clap::Parser;
use servicenow_host::cli::{Cli, run};
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    run(Cli::parse()).await
}
