//! The description of the node: a pure value, made from the same tables that the methods use.

mod inputs;
mod methods;
mod outcomes;
mod outputs;
mod schema;

pub use methods::describe;
