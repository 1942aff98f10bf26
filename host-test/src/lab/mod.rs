//! What checks and measures: scenarios, the conformance suite, soak tests, benchmarks, engines that others wrote.

pub mod ansible;
pub mod bench;
pub mod conformance;
pub mod engines;
pub mod inspection;
pub mod invocation;
pub mod package;
pub mod python;
pub mod sample_event;
pub mod scenarios;
pub mod soak;
