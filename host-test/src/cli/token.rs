//! The token of a server: one that the operator keeps in a file, or one that is made.

use crate::mcp::random;
use anyhow::{Context, ensure};
use std::path::Path;

/// The shortest token: half of what is made here.
const MIN_TOKEN: usize = 16;

/// The token in a file, or a new one.
pub fn token(file: Option<&Path>) -> anyhow::Result<String> {
    let Some(path) = file else { return random() };
    let expected = || format!("{}: give the path of a file with a token", path.display());
    let token = std::fs::read_to_string(path).with_context(expected)?.trim().to_string();
    let is_one = token.len() >= MIN_TOKEN && token.bytes().all(|byte| byte.is_ascii_graphic());
    ensure!(is_one, "{}: a token has {MIN_TOKEN} visible ASCII characters or more, and no blanks", path.display());
    Ok(token)
}
