//! The tests that go through the real component and real sockets, as one program: linking wasmtime takes a while.

#![allow(clippy::unwrap_used, reason = "in a test an unwrap is an assertion")]

mod bad_input;
mod command_line;
mod components;
mod conformance;
mod cost;
mod create;
mod credentials;
mod embedder;
mod engines;
mod exfiltration;
mod faults;
mod get;
mod host_checks;
mod hostile;
mod hostile_modules;
mod hostile_sync;
mod kept_instances;
mod language_hosts;
mod mcp;
mod network;
mod outcomes;
mod policy;
mod program;
mod proxy_and_mtls;
mod redaction;
mod reference;
mod reproducible;
mod sandbox;
mod secrets;
mod soak;
mod studio;
mod support;
mod sync;
mod token_service;
mod update;
mod walkthroughs;
