//! The methods over a scripted transport: what they ask, in which order, how long they wait, and how they end.

#![allow(clippy::unwrap_used, reason = "in a test an unwrap is an assertion")]

mod authenticate;
mod create;
mod reads;
mod scripted;
mod session;
mod update;
