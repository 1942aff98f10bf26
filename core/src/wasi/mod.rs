//! The world outside a component, by the version of WASI it is reached with.

pub mod p2;
