//! The studio's server, over real sockets. What the page does in a browser is in `tests/studio`.

use crate::program::{Simulator, exchange, host_test, text};
use crate::support::components;
use host_test::components::FOLDER;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// A studio as a process of its own.
struct Studio {
    process: Child,
    origin: String,
    bearer: String,
}

impl Studio {
    fn start(options: &[&str]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_host-test"))
            .env(FOLDER, components())
            .arg("studio")
            .args(options)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut address = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut address).unwrap();
        let (origin, token) = address.trim_end().split_once("/#token=").unwrap();
        Self { process, origin: origin.to_string(), bearer: format!("Bearer {token}") }
    }

    /// The status and the body of an answer to a request with the token.
    fn ask(&self, line: &str, body: &Value) -> (u16, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let (status, answer) = exchange(&self.origin, line, &[("Authorization", &self.bearer)], &body);
        (status, serde_json::from_str(&answer).unwrap_or(Value::String(answer)))
    }

    fn status(&self, line: &str, headers: &[(&str, &str)]) -> u16 {
        exchange(&self.origin, line, headers, "").0
    }
}

impl Drop for Studio {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn only_who_has_the_token_and_no_page_of_another_name_is_answered() {
    let studio = Studio::start(&[]);
    let token = ("Authorization", studio.bearer.as_str());
    for (expected, line, headers) in [
        (200, "GET /", &[][..]),
        (200, "GET /api/about", &[token]),
        (200, "GET /api/about", &[token, ("Origin", &studio.origin)]),
        (401, "GET /api/about", &[]),
        (401, "GET /api/events", &[("Authorization", "Bearer 0")]),
        (403, "GET /", &[("Host", "evil.example")]),
        (403, "GET /api/about", &[token, ("Host", "evil.example")]),
        (403, "GET /api/about", &[token, ("Origin", "http://evil.example")]),
        (403, "POST /api/reset", &[token, ("Origin", "null")]),
        (404, "GET /../Cargo.toml", &[token]),
    ] {
        assert_eq!(studio.status(line, headers), expected, "{line} {headers:?}");
    }
}

#[test]
fn a_method_is_run_and_a_wrong_request_is_told() {
    let studio = Studio::start(&[]);
    let fields = json!({"case": "fields", "value": [["short_description", "Printer on fire"]]});
    let create = json!({"request_body": fields, "correlation_id": "alert-4711"});
    for made in ["created", "found"] {
        let (status, ended) = studio.ask("POST /api/call/create", &create);
        assert_eq!((status, &ended["case"]), (200, &json!("incident-created")), "{ended}");
        assert_eq!(ended["value"]["made"], made);
    }
    for (line, body, says) in [
        ("POST /api/call/delete", json!({}), "the node has no method delete"),
        ("POST /api/call/create", json!({"request_body": {"case": "json"}}), "request_body"),
        ("POST /api/call/find", json!({"limit": "many"}), "limit"),
        ("POST /api/map", json!({"event": "{}"}), "rules"),
        ("POST /api/faults", json!({"name": "flood", "on": true}), "flood"),
    ] {
        let (status, told) = studio.ask(line, &body);
        assert_eq!(status, 400, "{line} {told}");
        assert!(told["detail"].as_str().unwrap().contains(says), "{told}");
    }
}

#[test]
fn an_instance_is_only_read_unless_its_operator_allows_writes() {
    let simulator = Simulator::start("studio", &[]);
    let file = simulator.folder.file("authorizations.toml");
    let instance = ["--instance", &simulator.base_url, "--authorization", "main", "--authorizations", &file];
    let body = json!({"request_body": {"case": "fields", "value": [["urgency", "2"]]}});
    let push = json!({"event": "{}", "rules": "{}"});
    let studio = Studio::start(&instance);
    for (line, body) in [("POST /api/call/create", &body), ("POST /api/call/update", &body), ("POST /api/push", &push)]
    {
        let (status, told) = studio.ask(line, body);
        assert_eq!((status, &told["detail"]), (400, &json!("this studio only reads")), "{line}");
    }
    assert_eq!(studio.ask("POST /api/call/columns", &json!({})).1["case"], "columns-success");
    // What shows and changes a simulator is not there.
    for line in ["GET /api/table/incident", "POST /api/reset", "POST /api/agent", "POST /api/faults"] {
        assert_eq!(studio.ask(line, &Value::Null).0, 404, "{line}");
    }
    let studio = Studio::start(&[&instance[..], &["--allow-writes"]].concat());
    assert_eq!(studio.ask("POST /api/call/create", &body).1["case"], "incident-created");
}

#[test]
fn an_address_that_others_could_reach_and_half_an_instance_are_refused() {
    for (options, says) in [
        (&["--listen", "0.0.0.0:0"][..], "--listen 0.0.0.0:0: give an address of loopback, such as 127.0.0.1:0"),
        (&["--instance", "dev12345"], "--authorization <NAME>"),
        (&["--allow-writes"], "--instance <INSTANCE>"),
    ] {
        let output = host_test(&[&["studio"], options].concat());
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains(says), "{}", text(&output.stderr));
    }
}
