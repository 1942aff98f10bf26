//! What a sandboxed call costs, against the same request made by a native client. Everything is measured side by side, in
//! interleaved rounds, because machines are noisy and ratios are less so.

pub mod canned;
mod contenders;
mod figures;
mod loading;
mod measure;
mod peers;
mod plan;
mod turns;

pub use figures::Figures;
pub use plan::Plan;
