//! Regular expressions, in the syntax of Rust's `regex`.

use regex_lite::{Error, Regex, RegexBuilder};

/// A pattern is written by people; a compiled one of this size takes a fraction of the guest's memory.
const MAX_PATTERN_SIZE: usize = 256 * 1024;

/// A pattern, or what is wrong with it.
pub fn compiled(pattern: &str) -> Result<Regex, Error> {
    RegexBuilder::new(pattern).size_limit(MAX_PATTERN_SIZE).build()
}
