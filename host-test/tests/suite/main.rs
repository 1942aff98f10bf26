//! The tests that go through the real component and real sockets, as one program: linking wasmtime takes a while.

#![allow(clippy::unwrap_used, reason = "in a test an unwrap is an assertion")]

mod bad_input;
mod client;
mod command_line;
#[path = "../../build/component.rs"]
mod component;
mod components;
mod conformance;
mod cost;
mod create;
mod credentials;
mod engines;
mod events;
mod exfiltration;
mod faults;
mod get;
#[path = "../../build/guest.rs"]
mod guest;
#[path = "../../build/guests.rs"]
mod guests;
mod hostile;
mod instance;
mod network;
mod outcomes;
mod policy;
mod records;
mod reference;
mod reproducible;
mod sandbox;
mod script_limits;
mod scripts;
mod secrets;
mod shapes;
mod simulator;
mod soak;
mod support;
mod token_service;
mod update;
mod walkthroughs;
mod way_out;
mod wire;
