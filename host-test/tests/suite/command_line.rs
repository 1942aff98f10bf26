//! The command line: what it prints, and the codes it exits with.

use crate::program::{Folder, Simulator, host_test, text};
use serde_json::{Value, json};
use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn each_method_is_called_against_a_simulator_of_its_own() {
    let simulator = Simulator::start("methods", &[]);
    let (created, code) =
        simulator.call("create", &["--field", "short_description=Printer on fire", "--correlation-id", "a1"]);
    assert_eq!(
        (created["outcome"].as_str(), created["node_outcome"].as_str(), code),
        (Some("incident-created"), Some("onIncidentCreated"), 0)
    );
    assert_eq!(keys(&created), ["method", "outcome", "node_outcome", "elapsed_ms", "value"]);
    let value = &created["value"];
    assert_eq!(
        keys(value),
        ["number", "sys_id", "task_effective_number", "correlation_id", "made", "columns", "url", "response_payload"]
    );
    assert_eq!(
        (value["made"].as_str(), &value["columns"]),
        (Some("created"), &json!([{"name": "short_description", "stored": "stored"}]))
    );
    let (number, sys_id) = (value["number"].as_str().unwrap(), value["sys_id"].as_str().unwrap());

    let (got, code) = simulator.call("get", &["--number", number]);
    assert_eq!(
        (got["outcome"].as_str(), got["value"]["sys_id"].as_str(), code),
        (Some("get-incident-success"), Some(sys_id), 0)
    );
    let (got, _) = simulator.call("get", &["--correlation-id", "a1"]);
    assert_eq!(got["value"]["number"].as_str(), Some(number));
    let (updated, code) = simulator.call("update", &["--sys-id", sys_id, "--json-body", "{\"urgency\":1}"]);
    assert_eq!((updated["value"]["made"].as_str(), code), (Some("updated"), 0));
    let (found, code) = simulator.call("find", &["--query", "urgency=1"]);
    assert_eq!((found["value"]["total"].as_u64(), code), (Some(1), 0));
    let (columns, code) = simulator.call("columns", &[]);
    assert!(code == 0 && columns["value"].as_array().is_some_and(|columns| columns.len() > 50));
    let (access, code) = simulator.call("authenticate", &[]);
    assert_eq!((access["value"]["scope"].as_str(), code), (Some("useraccount"), 0));
}

#[test]
fn another_outcome_than_success_exits_with_1_and_says_all_there_is_to_say() {
    let simulator = Simulator::start("outcome", &[]);
    let (missing, code) = simulator.call("get", &["--number", "INC9999999"]);
    assert_eq!(
        (missing["outcome"].as_str(), missing["node_outcome"].as_str(), code),
        (Some("incident-not-found"), Some("onIncidentNotFound"), 1)
    );
    assert_eq!(
        missing["value"],
        json!({"status": 200, "reason": "not-found", "message": "no incident matches", "detail": null, "retry": "never", "write_happened": "no"})
    );
    let (refused, code) = simulator.call("create", &["--json-body", "[]"]);
    assert_eq!((refused["outcome"].as_str(), code), (Some("invalid-data"), 1));
    assert_eq!(
        refused["value"],
        json!([{"field": "request_body", "given": "[]", "expected": "the text of a JSON object"}])
    );
}

#[test]
fn a_trace_shows_each_exchange_and_no_secret() {
    let simulator = Simulator::start("trace", &[]);
    let (created, _) = simulator.call("create", &["--field", "urgency=1", "--trace", "--log", "trace"]);
    let exchanges = created["exchanges"].as_array().unwrap();
    assert_eq!(exchanges.len(), 1);
    assert_eq!((exchanges[0]["method"].as_str(), exchanges[0]["status"].as_u64()), (Some("POST"), Some(201)));
    let authorizations = simulator.folder.file("authorizations.toml");
    let output = host_test(&[
        "call",
        "create",
        "--instance",
        &simulator.base_url,
        "--authorization",
        "main",
        "--authorizations",
        &authorizations,
        "--field",
        "urgency=1",
        "--trace",
        "--log",
        "trace",
    ]);
    let shown = text(&output.stdout) + &text(&output.stderr);
    assert!(shown.contains("/api/now/table/incident -> 201"), "{}", text(&output.stdout));
    assert!(!shown.contains("simulated-client-secret"), "a secret was logged");
    assert!(!shown.contains("Bearer "), "a token was logged");
}

#[test]
fn a_call_over_tls_trusts_the_simulator_s_own_ca() {
    let folder = Folder::new("ca");
    let simulator = Simulator::start("tls", &["--tls", &folder.file("certificates")]);
    let (created, code) = simulator.call("create", &["--field", "urgency=1"]);
    assert_eq!((created["outcome"].as_str(), code), (Some("incident-created"), 0));
}

#[test]
fn a_mistake_exits_with_2_and_says_what_to_do() {
    let folder = Folder::new("mistakes");
    let bad = folder.file("bad.toml");
    std::fs::write(&bad, "[authorizations.main]\ninstance = \"dev1\"\ngrant = \"bearer\"\n").unwrap();
    let missing = folder.file("missing.toml");
    let call =
        |more: &[&str]| [&["call", "get", "--instance", "dev1", "--authorization", "main"], more].concat().join("\n");
    for (arguments, says) in [
        (call(&["--authorizations", &missing, "--number", "INC1"]), "authorizations file"),
        (call(&["--authorizations", &bad, "--number", "INC1"]), "token is missing"),
        (call(&["--authorizations", &bad]), "--number"),
        (call(&["--authorizations", &bad, "--number", "INC1", "--sys-id", "x"]), "cannot be used with"),
        (call(&["--number", "INC1"]), "--authorizations"),
        (call(&["--authorizations", &bad, "--number", "INC1", "--timeout", "soon"]), "--timeout"),
        (
            "call\ncreate\n--instance\ndev1\n--authorization\nmain\n--authorizations\nx\n--field\nurgency".to_string(),
            "NAME=VALUE",
        ),
        (
            "call\ncreate\n--instance\ndev1\n--authorization\nmain\n--authorizations\nx\n--json-body\n@/no/such/file"
                .to_string(),
            "/no/such/file",
        ),
        ("inspect\n/no/such/file".to_string(), "/no/such/file"),
        (format!("inspect\n{bad}"), "is not a WebAssembly component"),
        ("simulator\n--listen\nnowhere".to_string(), "--listen"),
        ("simulator\n--listen\n0.0.0.0:0".to_string(), "127.0.0.1:0"),
        ("demo\n--log\nno=such=level".to_string(), "--log"),
        ("fly".to_string(), "unrecognized subcommand"),
    ] {
        let arguments: Vec<&str> = arguments.split('\n').collect();
        let output = host_test(&arguments);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(says), "{arguments:?}: {said}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn an_unknown_authorization_is_an_outcome_and_not_a_mistake_in_the_command() {
    let simulator = Simulator::start("unknown", &[]);
    let authorizations = simulator.folder.file("authorizations.toml");
    let output = host_test(&[
        "call",
        "get",
        "--instance",
        &simulator.base_url,
        "--authorization",
        "nobody",
        "--authorizations",
        &authorizations,
        "--number",
        "INC1",
        "--json",
    ]);
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((printed["outcome"].as_str(), output.status.code()), (Some("error"), Some(1)));
    assert_eq!(printed["value"]["reason"], "unknown-authorization");
}

#[test]
fn a_simulator_replaces_its_own_file_and_no_operator_s() {
    let folder = Folder::new("replaced");
    let authorizations = folder.file("authorizations.toml");
    let simulator = |file: &str| {
        let mut process = Command::new(env!("CARGO_BIN_EXE_host-test"))
            .args(["simulator", "--authorizations-file", file])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let _ = process.kill();
        let output = process.wait_with_output().unwrap();
        (line, text(&output.stderr))
    };
    for _ in 0..2 {
        assert!(simulator(&authorizations).0.contains("base_url"));
        let mode = std::fs::metadata(&authorizations).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    std::fs::write(&authorizations, "[authorizations.production]\n").unwrap();
    let link = folder.file("link.toml");
    std::os::unix::fs::symlink(&authorizations, &link).unwrap();
    for (file, says) in [
        (&*authorizations, "not written by a simulator"),
        (&*link, "no regular file"),
        ("/dev/null", "no regular file"),
    ] {
        let (line, said) = simulator(file);
        assert!(line.is_empty() && said.contains(says), "{file}: {said}");
    }
    assert_eq!(std::fs::read_to_string(&authorizations).unwrap(), "[authorizations.production]\n");
}

#[test]
fn nothing_in_the_environment_makes_the_program_panic() {
    for threads in ["0", "x", "", "99999999999999999999"] {
        let output = Command::new(env!("CARGO_BIN_EXE_host-test"))
            .args(["inspect", "/no/such/file"])
            .env("TOKIO_WORKER_THREADS", threads)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{threads}: {}", text(&output.stderr));
    }
}

#[test]
fn a_secret_s_file_is_found_beside_the_authorizations_file_and_warned_of_where_others_may_read_it() {
    let folder = Folder::new("secrets");
    let (authorizations, secret) = (folder.file("authorizations.toml"), folder.file("token"));
    std::fs::write(&secret, "a-secret-token").unwrap();
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o644)).unwrap();
    let entry =
        "[authorizations.main]\ninstance = \"https://127.0.0.1\"\ngrant = \"bearer\"\ntoken = { file = \"token\" }\n";
    std::fs::write(&authorizations, entry).unwrap();
    std::fs::set_permissions(&authorizations, std::fs::Permissions::from_mode(0o600)).unwrap();
    let get = || {
        host_test(&[
            "call",
            "get",
            "--instance",
            "https://127.0.0.1",
            "--authorization",
            "main",
            "--authorizations",
            &authorizations,
            "--number",
            "INC1",
        ])
    };
    let said = text(&get().stderr);
    assert!(said.contains(&secret) && said.contains("chmod 600") && !said.contains("a-secret-token"), "{said}");
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert!(!text(&get().stderr).contains("chmod"));
    std::fs::remove_file(&secret).unwrap();
    std::os::unix::fs::symlink("/proc/self/environ", &secret).unwrap();
    let output = get();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("symbolic link"), "{}", text(&output.stderr));
}

#[test]
fn the_demo_reaches_every_outcome() {
    let output = host_test(&["demo", "--json"]);
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((printed["wrong"].as_u64(), output.status.code()), (Some(0), Some(0)));
    assert_eq!(printed["scenarios"].as_array().map(Vec::len), Some(41));
}

#[test]
fn inspect_shows_imports_exports_size_and_manifest() {
    let output = host_test(&["inspect", "--json"]);
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(keys(&printed), ["bytes", "imports", "exports", "manifest"]);
    assert_eq!(printed["manifest"]["methods"][0]["name"], "create");
    let schema = printed["manifest"]["methods"][0]["input_schema"].as_str().unwrap();
    assert!(serde_json::from_str::<Value>(schema).unwrap()["properties"]["request_body"]["oneOf"].is_array());
}

#[test]
fn help_describes_every_command_and_flag() {
    let calls =
        ["create", "get", "update", "find", "columns", "authenticate"].map(|method| vec!["call", method, "--help"]);
    let others = [vec!["--help"], vec!["demo", "--help"], vec!["simulator", "--help"], vec!["inspect", "--help"]];
    let steps = ["plan", "apply", "inspect", "rotate", "pause", "resume", "remove", "verify"];
    let events = [
        vec!["map", "preview"],
        vec!["map", "paths"],
        vec!["push"],
        vec!["changes"],
        vec!["listen"],
        vec!["outbox", "list"],
        vec!["outbox", "send-again"],
        vec!["outbox", "drop"],
        vec!["names"],
    ];
    let events = events.into_iter().chain(steps.map(|step| vec!["provision", step]));
    let events = events.map(|command| [command, vec!["--help"]].concat());
    for command in calls.into_iter().chain(others).chain(events) {
        let output = host_test(&command);
        assert_eq!(output.status.code(), Some(0));
        let help = text(&output.stdout);
        let lines: Vec<&str> = help.lines().take_while(|line| *line != "Examples:").collect();
        for (at, line) in lines.iter().enumerate().filter(|(_, line)| line.trim_start().starts_with('-')) {
            // The description stands behind two spaces, or on the next line.
            let behind = line.trim_start().split_once("  ").is_some_and(|(_, text)| !text.trim().is_empty());
            let below = lines.get(at + 1).is_some_and(|next| next.starts_with("          ") && !next.trim().is_empty());
            assert!(behind || below, "{command:?}: {line}");
        }
    }
}

#[test]
fn a_denial_says_in_the_log_what_to_add_to_allow_it() {
    let folder = Folder::new("denied");
    let authorizations = folder.file("authorizations.toml");
    let write = |more: &str| {
        let text = format!(
            "[authorizations.main]\ninstance = \"https://127.0.0.1\"\ngrant = \"bearer\"\ntoken = \"t\"\n{more}"
        );
        std::fs::write(&authorizations, text).unwrap();
    };
    for (more, says) in [
        ("allowed-calls = [\"POST /api/now/table/incident\"]", "add \"GET /api/now/table/incident\" to allowed-calls"),
        ("", "add \"127.0.0.1\" to allowed-addresses"),
    ] {
        write(more);
        let output = host_test(&[
            "call",
            "get",
            "--instance",
            "https://127.0.0.1",
            "--authorization",
            "main",
            "--authorizations",
            &authorizations,
            "--number",
            "INC1",
        ]);
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stdout).contains("denied-by-host"), "{}", text(&output.stdout));
        assert!(text(&output.stderr).contains(says), "{}", text(&output.stderr));
    }
}

#[test]
fn a_proxy_that_is_none_is_a_mistake_and_its_password_is_not_shown() {
    let folder = Folder::new("proxy");
    let authorizations = folder.file("authorizations.toml");
    std::fs::write(&authorizations, "").unwrap();
    for proxy in [b"socks5://user:hunter2@proxy.example".as_slice(), b"http://user:hunter2\xe4@proxy.example"] {
        let output = Command::new(env!("CARGO_BIN_EXE_host-test"))
            .args([
                "call",
                "columns",
                "--instance",
                "dev1",
                "--authorization",
                "main",
                "--authorizations",
                &authorizations,
            ])
            .env("HTTPS_PROXY", OsStr::from_bytes(proxy))
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2));
        let says = text(&output.stderr);
        assert!(
            says.contains("HTTPS_PROXY") && says.contains("http://HOST:PORT") && !says.contains("hunter2"),
            "{says}"
        );
    }
}

#[test]
fn a_soak_counts_its_calls_and_says_its_seed() {
    let output = host_test(&["soak", "--calls", "50", "--concurrency", "10", "--seed", "11", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let verdict: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((verdict["seed"].as_u64(), verdict["calls"].as_u64()), (Some(11), Some(50)));
    assert_eq!(verdict["contradictions"], json!([]));
}
