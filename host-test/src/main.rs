//! The command line of the reference host.

use clap::Parser;
use servicenow_host::cli::{Cli, HOST_ERROR, run};
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: no threads to run on: {error}");
            return ExitCode::from(HOST_ERROR);
        }
    };
    let code = runtime.block_on(run(cli));
    // A name service that does not answer is not waited for: the call has ended.
    runtime.shutdown_background();
    code
}
