//! What the tests of several crates share.
//!
//! - [`ScriptedServer`] plays a script on each connection, for what a well-behaved server cannot do.
//! - [`host_checks`] are what a host is asked by the component that checks it.
//! - [`client`] is an HTTP client that knows nothing of this project.

#![allow(clippy::unwrap_used, reason = "in a test an unwrap is an assertion")]

pub mod client;
pub mod host_checks;
pub mod scripted_server;

pub use scripted_server::{Certificate, ScriptedServer, Step, answer, body, read_request};

/// The values of futures that run at once, in the order of the futures.
pub async fn join_all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    use futures_util::stream::{FuturesOrdered, StreamExt};
    FuturesOrdered::from_iter(futures).collect().await
}
