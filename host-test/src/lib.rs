//! The test host: the command line on the reference host, and what it checks and measures the components with.

pub mod cli;
pub mod components;
mod http_server;
pub mod lab;
pub mod mcp;
pub mod studio;
