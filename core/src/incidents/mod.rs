//! The methods of the incident node. Each file reads from top to bottom: check the inputs, make the request, judge the
//! answer, name the outcome.

pub mod body;
pub mod call;
pub mod choice_check;
pub mod columns;
pub mod create;
pub mod find;
pub mod get;
pub mod inputs;
pub mod read_back;
pub mod receipt;
pub mod stored;
pub mod update;
pub mod violations;
