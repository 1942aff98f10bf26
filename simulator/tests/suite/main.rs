//! The simulator as clients see it, over real HTTP.

#![allow(clippy::unwrap_used, reason = "in a test an unwrap is an assertion")]

mod fidelity;
mod instance;
mod records;
mod script_limits;
mod scripts;
mod shapes;
mod table_api;
