//! Texts that commands take: as they are, from a file, or from standard input.

use anyhow::Context;
use std::io::Read;
use std::path::Path;

/// `@FILE` as the file's text, `-` as standard input, and anything else as itself.
pub fn read_text(option: &str, given: &str) -> anyhow::Result<String> {
    match given.strip_prefix('@') {
        Some(path) => std::fs::read_to_string(path)
            .with_context(|| format!("{option} @{path}: give the path of a readable file in UTF-8")),
        None if given == "-" => standard_input(option),
        None => Ok(given.to_string()),
    }
}

/// A file's text, or standard input's for `-`.
pub fn read_file(option: &str, path: &Path) -> anyhow::Result<String> {
    if path == Path::new("-") {
        return standard_input(option);
    }
    std::fs::read_to_string(path)
        .with_context(|| format!("{option} {}: give the path of a readable file in UTF-8, or -", path.display()))
}

fn standard_input(option: &str) -> anyhow::Result<String> {
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .with_context(|| format!("{option} -: standard input is not text in UTF-8"))?;
    Ok(text)
}
