//! The tables: `dictionary` has their columns, `store` their rows.

pub mod dictionary;
mod row;
pub mod store;

pub use row::Row;
pub use store::Store;
