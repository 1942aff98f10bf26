//! The wasmtime engine: compiled code, places for instances, what an instance may use, and where its functions are.

pub mod code_cache;
pub mod component;
pub mod functions;
pub mod pool;
pub mod processor;
pub mod resource_limiter;
pub mod warm_pool;
