//! The command line of the reference host.

use clap::Parser;
use host_test::cli::{Cli, HOST_ERROR, run};
use std::num::NonZero;
use std::process::ExitCode;

/// A call is made on one thread and its request on another, and what one allocates the other frees: the platform's allocator
/// has them wait for each other. An embedder chooses its own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    // Named here, or tokio reads TOKIO_WORKER_THREADS and panics where that is no number of threads.
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build() {
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
