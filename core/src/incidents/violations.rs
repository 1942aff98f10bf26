//! Collects what is wrong with the inputs of a call, so that all of it is reported at once.

use crate::bindings::types::Violation;
use crate::failure::CallError;
use crate::text::excerpt;

/// What is wrong with the inputs so far.
#[derive(Debug, Default)]
pub struct Violations {
    /// In the order they were found.
    pub list: Vec<Violation>,
}

impl Violations {
    /// Adds a refused input.
    pub fn add(&mut self, field: &str, given: &str, expected: &str) {
        self.list.push(Violation { field: excerpt(field), given: excerpt(given), expected: expected.to_string() });
    }

    /// Adds a refused input and takes its place with `None`.
    pub fn refuse<T>(&mut self, field: &str, given: &str, expected: &str) -> Option<T> {
        self.add(field, given, expected);
        None
    }

    /// The parsed inputs, if nothing is wrong. `parsed` is `None` only where something is.
    pub fn or_invalid_data<T>(self, parsed: Option<T>) -> Result<T, CallError> {
        match parsed {
            Some(parsed) if self.list.is_empty() => Ok(parsed),
            _ => Err(CallError::InvalidData(self.list)),
        }
    }
}
