//! The server component in wasmtime's own HTTP server: two replicas behind one address.

use super::engine_case::{EngineCase, all};
use super::wasmtime_cli::{MEMORY, install};
use super::{ENGINES, Given, INSTALLED, Ran, finish, runtime, runtime_since};
use crate::lab::python;
use anyhow::{Context, ensure};
use bytes::Bytes;
use http::Request;
use http::request::Builder;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Instant;
use tokio::runtime::Handle;

const TOKEN: &str = "a-token-of-the-tests";

const CALLBACK_SECRET: &str = "a-callback-secret-of-the-tests";

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../adapters/http/examples");

/// How many calls are timed.
const CALLS: usize = 100;

/// A served component. Its process ends with this.
struct Replica(Child, SocketAddr);

impl Drop for Replica {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub fn run(given: &Given<'_>) -> anyhow::Result<Ran> {
    runtime_since("python3", (3, 11), "install Python 3.11 or later")?;
    runtime("java", "install a JDK of version 17 or later, such as Debian's default-jdk-headless")?;
    let program = install()?;
    let with = format!("{} serve, two replicas", runtime(&program.to_string_lossy(), "it was just installed")?);
    let (sink, events) = sink()?;
    let started = Instant::now();
    let replicas = [serve(&program, given, &sink)?, serve(&program, given, &sink)?];
    let server = balance(replicas.iter().map(|replica| replica.1).collect())?;
    let instance = given.simulator.access().base_url.clone();

    let refused = post(&server, "/v1/get", "", &json!({}))?;
    ensure!(refused.0 == 401, "a request with a wrong token is answered {}", refused.0);
    let create = json!({"authorization": "main", "instance": instance,
        "request_body": {"case": "fields", "value": [["urgency", "2"]]}});
    let created = outcome(&server, "create", &create)?;
    let first_ms = started.elapsed().as_secs_f64() * 1000.0;
    let member = |name: &str| created["value"][name].as_str().context("the receipt has a number and a sys_id");
    let mut outcomes = vec![("create".to_string(), created.clone())];
    for scenario in all(&instance, member("number")?, member("sys_id")?)? {
        let EngineCase { method, case, story, fault, inputs } = scenario;
        if let Some(fault) = fault {
            given.simulator.script(&fault.to_string()).map_err(anyhow::Error::msg)?;
        }
        let ended = outcome(&server, &method, &inputs)?;
        given.simulator.heal();
        ensure!(ended["case"] == case.as_str(), "{method}, {story}: it ended in {ended} and not in {case}");
        outcomes.push((method, ended));
    }
    // What no scenario is about.
    for (method, case, own) in [
        ("find", "find-success", json!({"authorization": "main", "query": "active=true", "limit": 2})),
        ("find", "invalid-data", json!({"authorization": "main", "query": "active=true", "limit": 100_000})),
        ("find", "error", json!({"authorization": "nobody", "query": "", "limit": 1})),
        ("columns", "columns-success", json!({"authorization": "main"})),
        ("columns", "error", json!({"authorization": "nobody"})),
        ("authenticate", "authenticated", json!({"authorization": "main"})),
        ("authenticate", "not-authenticated", json!({"authorization": "wrong"})),
    ] {
        let mut inputs = own;
        inputs["instance"] = instance.clone().into();
        let ended = outcome(&server, method, &inputs)?;
        ensure!(ended["case"] == case, "{method} ended in {ended} and not in {case}");
        outcomes.push((method.to_string(), ended));
    }
    let event = json!({"authorization": "main", "instance": instance, "event": {"id": 1, "title": "Disk full"},
        "rules": {"name": "R", "correlation_id": "alert-{{ id }}", "body": {"short_description": "{{ title }}"}}});
    for case in ["created", "unchanged"] {
        let ended = outcome(&server, "push", &event)?;
        ensure!(ended["case"] == case, "a push ended in {ended} and not in {case}");
        outcomes.push(("push".to_string(), ended));
    }
    let many = json!({"event": {"alerts": [{"id": 1}, {"id": 2}]},
        "rules": {"name": "R", "correlation_id": "{{ item.id }}", "for_each": {"path": "alerts"}, "body": {"urgency": "2"}}});
    let split = outcome(&server, "items", &many)?;
    ensure!(
        split["value"] == json!([r#"{"item":{"id":1}}"#, r#"{"item":{"id":2}}"#]),
        "an event was split into {split}"
    );
    outcomes.push(("items".to_string(), split));
    let plain = json!({"authorization": "main", "instance": instance, "request_body": {"urgency": "2"}});
    let ended = outcome(&server, "create", &plain)?;
    ensure!(ended["case"] == "incident-created", "a create of plain columns ended in {ended}");
    described(&server, &outcomes)?;
    for (program, example) in [("sh", "create.sh"), ("java", "Create.java")] {
        let mut command = Command::new(program);
        command.arg(format!("{EXAMPLES}/{example}"));
        command.env("SIDECAR_URL", &server).env("SIDECAR_TOKEN", TOKEN).env("INSTANCE", &instance);
        let printed = finish(&mut command, example)?.stdout;
        ensure!(String::from_utf8_lossy(&printed).contains("incident-created"), "{example} created nothing");
    }
    deliveries(&server, &events)?;
    let mut times = Vec::new();
    for _ in 0..CALLS {
        let began = Instant::now();
        let ended = outcome(&server, "create", &create)?;
        ensure!(ended["case"] == "incident-created", "a create ended in {ended}");
        times.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    times.sort_by(f64::total_cmp);
    let what = "every outcome, OpenAPI, curl, Java, deliveries";
    Ok(Ran { with, what, first_ms, call_ms: times[CALLS / 2], per_second: None })
}

/// The description is one by OpenAPI's own schema, has an address for each method of the manifest with the outcomes it has
/// there, and every outcome that was returned is as it says.
fn described(server: &str, outcomes: &[(String, Value)]) -> anyhow::Result<()> {
    let get = |path: &str| {
        let (status, text) = send(Request::get(format!("{server}{path}")), TOKEN, String::new())?;
        ensure!(status == 200, "{path} is answered {status}: {text}");
        Ok(serde_json::from_str::<Value>(&text)?)
    };
    let (openapi, node) = (get("/openapi.json")?, get("/v1/manifest")?);
    for method in node["methods"].as_array().context("the manifest has methods")? {
        let name = method["name"].as_str().unwrap_or_default();
        let described = &openapi["components"]["schemas"][format!("{name}-outcome")]["oneOf"];
        let described = described.as_array().map_or(0, Vec::len);
        let declared = method["outcomes"].as_array().map_or(0, Vec::len);
        ensure!(described == declared && declared > 0, "{name}: {described} of {declared} outcomes are described");
    }
    let folder = format!("{ENGINES}/http");
    let environment = Path::new(INSTALLED).canonicalize()?.join("http");
    let mut check = Command::new(python::with(&environment, &format!("{folder}/requirements.lock"))?);
    let given = json!({"openapi": openapi, "outcomes": outcomes}).to_string();
    let given_path = environment.join("described.json");
    std::fs::write(&given_path, given)?;
    check.arg(format!("{folder}/described.py")).stdin(std::fs::File::open(given_path)?);
    finish(&mut check, "the check of openapi.json")?;
    Ok(())
}

/// A delivery goes on as a CloudEvent, and twice with the same id where it comes twice, whichever replica it reaches.
fn deliveries(server: &str, events: &Mutex<Vec<Value>>) -> anyhow::Result<()> {
    let delivery = json!({"sys_id": "3607dfb10ba19c9132212616e2731e32", "number": "INC0010001", "sys_mod_count": "4",
        "table": "incident", "action": "update", "current": {"state": "2", "sys_updated_on": "2026-01-01 00:00:05"},
        "previous": {"state": "1", "sys_updated_on": "2026-01-01 00:00:00"}});
    for (secret, status) in [("wrong", 401), (CALLBACK_SECRET, 204), (CALLBACK_SECRET, 204)] {
        let answered = post(server, "/v1/callbacks/main", secret, &delivery)?;
        ensure!(answered.0 == status, "a delivery with the secret {secret:?} is answered {answered:?}");
    }
    let events = events.lock().unwrap_or_else(PoisonError::into_inner);
    let ids: Vec<_> = events.iter().map(|event| event["id"].as_str().unwrap_or_default()).collect();
    let id = "3607dfb10ba19c9132212616e2731e32:4";
    ensure!(ids == [id, id], "the sink got events with the ids {ids:?}");
    Ok(())
}

/// Calls a method, and returns its outcome.
fn outcome(server: &str, method: &str, inputs: &Value) -> anyhow::Result<Value> {
    let (status, text) = post(server, &format!("/v1/{method}"), TOKEN, inputs)?;
    ensure!(status == 200, "{method} is answered {status}: {text}");
    Ok(serde_json::from_str(&text)?)
}

/// Posts JSON.
fn post(server: &str, path: &str, secret: &str, body: &Value) -> anyhow::Result<(u16, String)> {
    let request = Request::post(format!("{server}{path}")).header("content-type", "application/json");
    send(request, secret, body.to_string())
}

/// Sends a request on a connection of its own, so that replicas take turns.
fn send(request: Builder, secret: &str, body: String) -> anyhow::Result<(u16, String)> {
    let is_delivery = request.uri_ref().is_some_and(|uri| uri.path().starts_with("/v1/callbacks/"));
    let request = match is_delivery {
        true => request.header("x-callback-secret", secret),
        false => request.header("authorization", format!("Bearer {secret}")),
    };
    let request = request.body(Full::from(Bytes::from(body)))?;
    Handle::current().block_on(async {
        let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
        let response = client.request(request).await?;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await?.to_bytes();
        Ok((status, String::from_utf8(body.into())?))
    })
}

fn serve(program: &Path, given: &Given<'_>, sink: &str) -> anyhow::Result<Replica> {
    let access = given.simulator.access();
    let mut command = Command::new(program);
    command.args(["serve", "-Scli", "-Wtimeout=65s", MEMORY, "--addr", "127.0.0.1:0"]);
    for (name, value) in [
        ("SIDECAR_TOKEN", TOKEN),
        ("SIDECAR_CLOUDEVENTS_SINK", sink),
        ("SERVICENOW_MAIN_INSTANCE", &access.base_url),
        ("SERVICENOW_MAIN_CLIENT_ID", &access.client_id),
        ("SERVICENOW_MAIN_CLIENT_SECRET", &access.client_secret),
        ("SERVICENOW_MAIN_CALLBACK_SECRET", CALLBACK_SECRET),
        ("SERVICENOW_WRONG_INSTANCE", &access.base_url),
        ("SERVICENOW_WRONG_CLIENT_ID", &access.client_id),
        ("SERVICENOW_WRONG_CLIENT_SECRET", "not-the-secret"),
    ] {
        command.env(name, value).args(["--env", name]);
    }
    let mut process = command.arg(&given.http_component).stderr(Stdio::piped()).spawn()?;
    let mut lines = BufReader::new(process.stderr.take().context("the server has no output")?).lines();
    let address = lines.find_map(|line| {
        let line = line.ok()?;
        line.split_once("http://")?.1.trim_end_matches('/').parse().ok()
    });
    let replica = Replica(process, address.context("the server did not say where it listens")?);
    // What it says later is read, so that it is never held up by a full pipe.
    thread::spawn(move || lines.for_each(drop));
    Ok(replica)
}

/// One address for several servers, which take turns in connections.
fn balance(servers: Vec<SocketAddr>) -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = format!("http://{}", listener.local_addr()?);
    thread::spawn(move || {
        for (caller, server) in listener.incoming().zip(servers.iter().cycle()) {
            // A connection that cannot be made is closed, and its caller says so.
            let (Ok(caller), Ok(server)) = (caller, TcpStream::connect(server)) else { continue };
            for (from, to) in [(&caller, &server), (&server, &caller)] {
                let (Ok(mut from), Ok(mut to)) = (from.try_clone(), to.try_clone()) else { continue };
                thread::spawn(move || {
                    let _ = std::io::copy(&mut from, &mut to);
                    let _ = to.shutdown(std::net::Shutdown::Write);
                });
            }
        }
    });
    Ok(address)
}

/// Where CloudEvents are posted to, and those that were.
fn sink() -> anyhow::Result<(String, Arc<Mutex<Vec<Value>>>)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = format!("http://{}/events", listener.local_addr()?);
    let events = Arc::new(Mutex::new(Vec::new()));
    let taken = Arc::clone(&events);
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            if let Some(event) = event(&mut stream) {
                taken.lock().unwrap_or_else(PoisonError::into_inner).push(event);
                let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n");
            }
        }
    });
    Ok((address, events))
}

/// Reads one posted event.
fn event(stream: &mut TcpStream) -> Option<Value> {
    let mut reader = BufReader::new(stream);
    let (mut length, mut is_event) = (0, false);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            if line.trim_end().is_empty() { break } else { continue }
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().ok()?,
            "content-type" => is_event = value == "application/cloudevents+json",
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    serde_json::from_slice(&body).ok().filter(|_| is_event)
}
