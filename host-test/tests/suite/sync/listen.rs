//! `listen` as a process of its own: what it forwards, what it does about a consumer that is down, and how several processes share
//! a ledger.

use super::test_bed::{RULES, TestBed, alert};
use crate::program::exchange;
use crate::support::components;
use host_test::components::FOLDER;
use serde_json::{Value, json};
use servicenow_host::{Ledger, SqliteLedger};
use servicenow_test_support::body;
use servicenow_test_support::client::{INTEGRATION, ask};
use servicenow_test_support::{ScriptedServer, answer, read_request};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// A process of `listen`, killed when it is dropped.
pub struct Listener(Child);

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An instance, a consumer of changes, and a folder that processes share.
pub struct Bench {
    pub bed: TestBed,
    folder: TempDir,
    consumer: ScriptedServer,
    pub taken: UnboundedReceiver<(bool, String)>,
    is_down: Arc<AtomicBool>,
}

impl Bench {
    pub async fn set() -> Self {
        let (sender, taken) = unbounded_channel();
        let is_down = Arc::new(AtomicBool::new(false));
        let state = Arc::clone(&is_down);
        let consumer = ScriptedServer::serve("http", move |mut stream| {
            let (sender, is_down) = (sender.clone(), Arc::clone(&state));
            async move {
                while let Ok(request) = read_request(&mut stream).await {
                    let is_down = is_down.load(Ordering::Acquire);
                    let status = if is_down { "503 Service Unavailable" } else { "202 Accepted" };
                    let _ = stream.write_all(&answer(status, "", b"{}")).await;
                    let _ = sender.send((is_down, request));
                }
            }
        });
        let consumer = consumer.await;
        let bed = TestBed::set().await;
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("authorizations.toml"), bed.simulator.authorizations_file()).unwrap();
        std::fs::write(folder.path().join("rules.json"), RULES).unwrap();
        Self { bed, folder, consumer, taken, is_down }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The program with this command, for the instance and with the ledger.
    pub fn command(&self, name: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_host-test"));
        command
            .env(FOLDER, components())
            .args([name, "--instance", &self.bed.simulator.access().base_url, "--authorization", "events"])
            .arg("--authorizations")
            .arg(self.path("authorizations.toml"))
            .arg("--ledger")
            .arg(self.path("ledger.db"));
        command
    }

    /// Starts to listen, and says where. `name` tells one such process from others.
    async fn listen(&self, name: &str) -> (Listener, String) {
        self.listen_at(name, "127.0.0.1:0").await
    }

    /// The same at an address of this machine.
    pub async fn listen_at(&self, name: &str, address: &str) -> (Listener, String) {
        let ready = self.path(name);
        let _ = std::fs::remove_file(&ready);
        let mut listen = self.command("listen");
        listen.args(["--listen", address]);
        listen.arg("--ready-file").arg(&ready).args(["--forward", &format!("{}/events", self.consumer.origin)]);
        let said = File::create(self.path(&format!("{name}.log"))).unwrap();
        let listener = Listener(listen.arg("--json").stdout(said).stderr(Stdio::null()).spawn().unwrap());
        while !std::fs::read_to_string(&ready).is_ok_and(|text| !text.is_empty()) {
            tokio::task::yield_now().await;
        }
        (listener, std::fs::read_to_string(&ready).unwrap())
    }

    /// Has the instance deliver to an address.
    pub async fn deliver_to(&self, address: &str) {
        let mut settings = self.bed.settings();
        settings.callback_url = format!("{address}/hook");
        self.bed.sync.apply(self.bed.call("setup"), settings).await;
        // The cursor of now is there before anything happens.
        let ledger = SqliteLedger::open(&self.path("ledger.db")).unwrap();
        while ledger.get("events", "cursor/").unwrap().is_none() {
            tokio::task::yield_now().await;
        }
    }

    /// The id of the next change that the consumer took.
    async fn next(&mut self) -> String {
        let (was_down, request) = self.taken.recv().await.unwrap();
        assert!(!was_down);
        body(&request)["id"].as_str().unwrap().to_string()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_are_forwarded_as_cloud_events_and_again_where_the_consumer_was_down() {
    let mut bench = Bench::set().await;
    let (listener, address) = bench.listen("ready").await;
    bench.deliver_to(&address).await;

    let first = bench.bed.agent("incident", json!({"short_description": "first"})).await;
    let (_, request) = bench.taken.recv().await.unwrap();
    assert!(request.to_lowercase().contains("content-type: application/cloudevents+json"), "{request}");
    assert_eq!(body(&request)["id"], format!("{}:0", first["sys_id"].as_str().unwrap()));
    assert!(!request.contains("simulated-callback-secret"), "{request}");

    // What the consumer did not take waits in the ledger, and goes out with the next start.
    bench.is_down.store(true, Ordering::Release);
    let second = bench.bed.agent("incident", json!({"short_description": "second"})).await;
    assert!(bench.taken.recv().await.unwrap().0);
    bench.bed.simulator.settled().await;
    let outbox = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_host-test"));
        command
            .arg("outbox")
            .args(arguments)
            .args(["--authorization", "events", "--ledger"])
            .arg(bench.path("ledger.db"));
        let done = command.output().unwrap();
        (done.status.code(), String::from_utf8_lossy(&done.stdout).into_owned())
    };
    let mut listed = String::new();
    while !listed.contains("answered") {
        listed = outbox(&["list", "--json"]).1;
    }
    drop(listener);
    let waiting: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!((&waiting["number"], &waiting["parked"]), (&json!(1), &json!(false)), "{listed}");
    assert!(waiting["problem"].as_str().unwrap().ends_with("answered 503 Service Unavailable"), "{listed}");
    assert_eq!(outbox(&["send-again", "--number", "7"]).0, Some(1));
    bench.is_down.store(false, Ordering::Release);
    let _listener = bench.listen("ready").await;
    assert_eq!(bench.next().await, format!("{}:0", second["sys_id"].as_str().unwrap()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_share_a_ledger_tell_each_change_once_and_none_of_their_own() {
    let mut bench = Bench::set().await;
    let (one, address) = bench.listen("one").await;
    let (_other, other_address) = bench.listen("other").await;
    bench.deliver_to(&address).await;

    // A process that pushes: its write comes back to one that listens, which knows it from the ledger.
    std::fs::write(bench.path("alert.json"), alert(1, "Critical", "Trigger", "")).unwrap();
    let mut push = bench.command("push");
    push.arg("--rules").arg(bench.path("rules.json")).arg("--event").arg(bench.path("alert.json"));
    let pushed = push.output().unwrap();
    assert!(pushed.status.success(), "{}", String::from_utf8_lossy(&pushed.stderr));
    bench.bed.simulator.settled().await;
    let own = bench.bed.simulator.rows("incident")[0]["sys_id"].to_string();

    // What an agent does is told once, whichever process hears of it and however often.
    bench.bed.agent(&format!("incident/{own}"), json!({"urgency": "3"})).await;
    assert_eq!(bench.next().await, format!("{own}:1"), "and not the push before it");
    let again =
        json!({"sys_id": own, "number": "INC0010001", "sys_mod_count": "1", "table": "incident", "action": "update"});
    let headers = [("x-callback-secret", "simulated-callback-secret"), ("content-type", "application/json")];
    let (status, _, said) = ask(&other_address, INTEGRATION, "POST", "/hook", &headers, &again.to_string()).await;
    assert_eq!((status, String::from_utf8_lossy(&said).into_owned()), (200, "duplicate".to_string()));

    // What the consumer took is noted; one that is killed before that sends it again.
    let ledger = SqliteLedger::open(&bench.path("ledger.db")).unwrap();
    while !ledger.names("events", "outbox/").unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    // One is killed, and takes nothing with it: the other goes on with what it knows.
    drop(one);
    bench.deliver_to(&other_address).await;
    bench.bed.agent(&format!("incident/{own}"), json!({"urgency": "2"})).await;
    assert_eq!(bench.next().await, format!("{own}:2"));
    bench.bed.simulator.settled().await;
    assert!(bench.taken.try_recv().is_err(), "nothing came twice");

    // Each says what it heard, one JSON object a line.
    let cases = |name: &str| {
        let said = std::fs::read_to_string(bench.path(&format!("{name}.log"))).unwrap();
        let case = |line: &str| {
            let said: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
            let said = said.as_object().unwrap();
            let text = |name: &str| said.get(name).and_then(Value::as_str).map(str::to_string);
            text("case")
                .or_else(|| text("id").map(|_| "change".to_string()))
                .or_else(|| said.keys().next().cloned())
                .unwrap()
        };
        said.lines().map(case).collect::<Vec<_>>()
    };
    assert_eq!(cases("one"), ["listening", "missed", "echo", "change"]);
    assert_eq!(cases("other"), ["listening", "missed", "duplicate", "change"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn figures_are_served_to_who_has_the_token_alone() {
    let bench = Bench::set().await;
    let mut listen = bench.command("listen");
    listen
        .args(["--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0", "--json"])
        .arg("--ready-file")
        .arg(bench.path("ready"));
    listen.args(["--forward", &format!("{}/events", bench.consumer.origin)]);
    let mut child = listen.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut said).unwrap();
    let _listener = Listener(child);
    let (url, token) = said.trim().strip_prefix("metrics: ").unwrap().split_once(", Authorization: ").unwrap();
    while !std::fs::read_to_string(bench.path("ready")).is_ok_and(|text| !text.is_empty()) {
        tokio::task::yield_now().await;
    }
    let listening = std::fs::read_to_string(bench.path("ready")).unwrap();
    assert_eq!(exchange(&listening, "POST /hook", &[], "{}").0, 401);
    assert_eq!(exchange(url, "GET /metrics", &[], "").0, 401);
    assert_eq!(exchange(url, "GET /metrics", &[("Authorization", "Bearer nothing")], "").0, 401);
    assert_eq!(exchange(url, "GET /", &[("Authorization", token)], "").0, 404);
    // The outbox is looked at in a task of its own, and what was missed is read meanwhile.
    let mut figures = String::new();
    while !["servicenow_outbox_length", "servicenow_call_duration"].iter().all(|name| figures.contains(name)) {
        figures = exchange(url, "GET /metrics", &[("Authorization", token)], "").1;
    }
    for line in [
        "servicenow_deliveries{verdict=\"unauthenticated\"} 1",
        "servicenow_outbox_length{authorization=\"events\"} 0",
        "# TYPE servicenow_call_duration histogram",
    ] {
        assert!(figures.contains(line), "{line} is not in\n{figures}");
    }
    assert!(!figures.contains(token.trim_start_matches("Bearer ")));
}

#[tokio::test]
async fn a_file_that_is_no_ledger_is_told_with_what_to_give() {
    let bench = Bench::set().await;
    let notes = bench.path("ledger.db");
    std::fs::write(&notes, "dear diary").unwrap();
    let refused = bench.command("changes").output().unwrap();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("no ledger") && said.contains("give the path of a ledger"), "{said}");
    assert_eq!(std::fs::read_to_string(Path::new(&notes)).unwrap(), "dear diary");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_exchanges_of_a_reading_are_shown_where_they_are_asked_for() {
    let bench = Bench::set().await;
    let ran = |more: &[&str]| {
        let done = bench.command("changes").args(more).output().unwrap();
        let said = String::from_utf8_lossy(&done.stdout).into_owned();
        assert!(done.status.success(), "{said} {}", String::from_utf8_lossy(&done.stderr));
        said
    };
    assert!(!ran(&[]).contains("GET"));
    assert!(ran(&["--trace"]).contains("GET http://127.0.0.1"));
    let said = ran(&["--trace", "--json"]);
    let exchanges: Value = serde_json::from_str(said.lines().next().unwrap()).unwrap();
    assert_eq!(exchanges["exchanges"][0]["status"], 200, "{said}");
}
