//! `listen` as a process of its own: what it forwards, and what it does about a consumer that is down.

use super::test_bed::TestBed;
use crate::support::components;
use host_test::components::FOLDER;
use serde_json::json;
use servicenow_test_support::body;
use servicenow_test_support::{ScriptedServer, answer, read_request};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc::unbounded_channel;

struct Listener(Child);

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_are_forwarded_as_cloud_events_and_again_where_the_consumer_was_down() {
    let (sender, mut taken) = unbounded_channel();
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
    let path = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(path("authorizations.toml"), bed.simulator.authorizations_file()).unwrap();
    let listen = || {
        let _ = std::fs::remove_file(path("ready"));
        let child = Command::new(env!("CARGO_BIN_EXE_host-test"))
            .env(FOLDER, components())
            .args(["listen", "--instance", &bed.simulator.access().base_url, "--authorization", "events"])
            .args(["--authorizations", &path("authorizations.toml"), "--ledger", &path("ledger.jsonl")])
            .args(["--ready-file", &path("ready"), "--forward", &format!("{}/events", consumer.origin)])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Listener(child)
    };
    let listener = listen();
    let address = async || {
        while !std::fs::read_to_string(path("ready")).is_ok_and(|text| !text.is_empty()) {
            tokio::task::yield_now().await;
        }
        std::fs::read_to_string(path("ready")).unwrap()
    };
    let mut settings = bed.settings();
    settings.callback_url = format!("{}/hook", address().await);
    bed.sync.apply(bed.call("setup"), settings).await;
    // The cursor of now is there before anything happens.
    while !std::fs::read_to_string(path("ledger.jsonl")).is_ok_and(|text| text.contains("cursor")) {
        tokio::task::yield_now().await;
    }

    let first = bed.agent("incident", json!({"short_description": "first"})).await;
    let (_, request) = taken.recv().await.unwrap();
    assert!(request.to_lowercase().contains("content-type: application/cloudevents+json"), "{request}");
    assert_eq!(body(&request)["id"], format!("{}:0", first["sys_id"].as_str().unwrap()));
    assert!(!request.contains("simulated-callback-secret"), "{request}");

    is_down.store(true, Ordering::Release);
    let second = bed.agent("incident", json!({"short_description": "second"})).await;
    assert!(taken.recv().await.unwrap().0);
    bed.simulator.settled().await;
    drop(listener);
    is_down.store(false, Ordering::Release);
    let _listener = listen();
    let (was_down, request) = taken.recv().await.unwrap();
    assert!(!was_down);
    assert_eq!(body(&request)["id"], format!("{}:0", second["sys_id"].as_str().unwrap()));
}
