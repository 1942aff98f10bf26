//! What an embedder of `servicenow-host` compiles.

use servicenow_artifacts::workspace;
use std::collections::BTreeSet;
use std::process::Command;

/// What the library depends on itself. A longer list is a longer build for everybody who embeds it.
const DIRECT: [&str; 32] = [
    "aho-corasick",
    "base64",
    "bytes",
    "http",
    "http-body-util",
    "hyper",
    "hyper-rustls",
    "hyper-util",
    "ipnet",
    "memchr",
    "metrics",
    "ring",
    "rustix",
    "rustls",
    "rustls-native-certs",
    "serde",
    "serde_json",
    "servicenow-core",
    "servicenow-json",
    "subtle",
    "tempfile",
    "thiserror",
    "tokio",
    "toml",
    "tower-service",
    "tracing",
    "url",
    "uuid",
    "wasmtime",
    "wasmtime-wasi",
    "wasmtime-wasi-http",
    "zeroize",
];

/// What it depends on with every feature besides.
const OPTIONAL: [&str; 1] = ["rusqlite"];

/// What an embedder must not pay for: the simulator's, the command line's and the guests' libraries.
const NOT_THERE: [&str; 6] = ["rquickjs", "clap", "comfy-table", "rcgen", "indicatif", "handlebars"];

/// The names that `cargo tree` lists, the library itself left out.
fn tree(more: &[&str]) -> BTreeSet<String> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_string());
    let output = Command::new(cargo)
        .current_dir(workspace())
        .args(["tree", "--locked", "--package", "servicenow-host", "--edges", "normal", "--prefix", "none"])
        .args(["--format", "{p}"])
        .args(more)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().map(|line| line.trim_end_matches(" (*)").to_string());
    lines.filter(|line| !line.starts_with("servicenow-host ")).collect()
}

fn name(line: &str) -> &str {
    line.split(' ').next().unwrap_or_default()
}

#[test]
fn an_embedder_gets_these_dependencies_and_no_others() {
    for (features, more, max) in [("--no-default-features", &[][..], 210), ("--all-features", &OPTIONAL, 225)] {
        let direct = tree(&[features, "--depth", "1"]);
        let expected: BTreeSet<_> = DIRECT.iter().chain(more).copied().collect();
        assert_eq!(direct.iter().map(|line| name(line)).collect::<BTreeSet<_>>(), expected, "{features}");
        let all = tree(&[features]);
        assert!(all.len() <= max, "{features}: {} crates, {max} allowed", all.len());
        let surplus: Vec<_> = all.iter().filter(|line| NOT_THERE.contains(&name(line))).collect();
        assert!(surplus.is_empty(), "{features}: {surplus:?}");
    }
}
