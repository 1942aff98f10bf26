//! What a call costs, as far as it is the same on every machine: exchanges, connections, segments and memory. Times are the
//! benchmark's.

use crate::support::PATIENT_MS;
use host_test::lab::scenarios::{TestBed, by, columns, create, update};
use servicenow_host::incidents::{CreateOutcome, FindOutcome};
use servicenow_test_support::{ScriptedServer, Step, answer};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn a_thousand_calls_share_one_connection() {
    let bed = TestBed::set().await.unwrap();
    for _ in 0..1_000 {
        let outcome = bed.host.create(bed.call(PATIENT_MS), columns(&[("urgency", "2")]), create()).await.outcome;
        assert!(matches!(outcome, CreateOutcome::IncidentCreated(_)), "{outcome:?}");
    }
    // The token came over the same one.
    assert_eq!(bed.simulator.connections(), 1);
}

#[tokio::test]
async fn each_method_makes_as_few_exchanges_as_it_can_and_a_usual_call_grows_no_memory() {
    let bed = TestBed::set().await.unwrap();
    let call = || bed.call(PATIENT_MS);
    let host = &bed.host;
    let created = host.create(call(), columns(&[("urgency", "2")]), create()).await;
    let CreateOutcome::IncidentCreated(receipt) = created.outcome else { panic!("{:?}", created.outcome) };
    let read = host.get(call(), by("number", &receipt.number)).await;
    let updated = host.update(call(), receipt.sys_id, columns(&[("urgency", "1")]), update()).await;
    let found = host.find(call(), String::new(), 10, 0).await;
    let columns = host.columns(call()).await;
    let checked = host.authenticate(call()).await;
    for (method, exchanges, expected) in [
        ("create", created.exchanges.len(), 1),
        ("get", read.exchanges.len(), 1),
        ("update", updated.exchanges.len(), 1),
        ("find", found.exchanges.len(), 1),
        ("columns", columns.exchanges.len(), 2),
        ("authenticate", checked.exchanges.len(), 1),
    ] {
        assert_eq!(exchanges, expected, "{method}");
    }
    for (method, memory) in
        [("create", created.guest_memory), ("get", read.guest_memory), ("update", updated.guest_memory)]
    {
        assert_eq!(memory, 512 * 1024, "{method} has the memory that it starts with");
    }
}

#[tokio::test]
async fn a_request_goes_out_whole_and_at_once() {
    let reads: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = Arc::clone(&reads);
    let record = r#"{"result":{"sys_id":"189d7fc183a51210d81dc590ceaad387","number":"INC0010001"}}"#;
    let wire = ScriptedServer::serve("http", move |mut stream| {
        let seen = Arc::clone(&seen);
        async move {
            let mut bytes = [0; 16_384];
            // One read takes what one segment brought.
            while let Ok(length @ 1..) = stream.read(&mut bytes).await {
                seen.lock().unwrap().push(String::from_utf8_lossy(&bytes[..length]).into_owned());
                let _ = stream.write_all(&answer("201 Created", "", record.as_bytes())).await;
            }
        }
    })
    .await;
    let text = format!(
        "[authorizations.main]\ninstance = {:?}\ngrant = \"bearer\"\ntoken = \"t\"\nallow-http-loopback = true",
        wire.origin
    );
    let host = crate::support::host(&text);
    let call = servicenow_host::types::Call {
        authorization: "main".to_string(),
        instance: wire.origin.clone(),
        timeout_ms: Some(PATIENT_MS),
    };
    let outcome = host.create(call, columns(&[("short_description", "Printer")]), create()).await.outcome;
    assert!(matches!(outcome, CreateOutcome::IncidentCreated(_)), "{outcome:?}");
    let reads = reads.lock().unwrap();
    assert_eq!(reads.len(), 1, "head and body in one piece: {reads:?}");
    let head = reads[0].to_ascii_lowercase();
    assert!(head.contains("content-length: ") && !head.contains("transfer-encoding"), "{head}");
    assert!(reads[0].ends_with('}'), "{head}");
}

#[tokio::test]
async fn a_large_answer_takes_the_guest_a_few_times_its_size() {
    let bed = TestBed::set().await.unwrap();
    let description = "x".repeat(200_000);
    for _ in 0..5 {
        let body = columns(&[("description", description.as_str())]);
        bed.host.create(bed.call(PATIENT_MS), body, create()).await;
    }
    let report = bed.host.find(bed.call(PATIENT_MS), String::new(), 100, 0).await;
    assert!(matches!(report.outcome, FindOutcome::FindSuccess(_)), "{:?}", report.outcome);
    let bytes: u64 = report.exchanges.iter().map(|exchange| exchange.response_bytes).sum();
    assert!(bytes > 1_000_000, "{bytes}");
    assert!((report.guest_memory as u64) < bytes * 4, "{} for {bytes}", report.guest_memory);
}

#[tokio::test]
async fn a_large_answer_without_a_length_takes_no_more() {
    let rows = format!("{{\"result\":[{{\"number\":\"INC1\",\"description\":\"{}\"}}]}}", "x".repeat(2_000_000));
    let chunks: String = rows
        .as_bytes()
        .chunks(10_000)
        .map(|chunk| format!("{:x}\r\n{}\r\n", chunk.len(), String::from_utf8_lossy(chunk)))
        .collect();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    let whole = format!("{head}{chunks}0\r\n\r\n").into_bytes();
    let wire = ScriptedServer::run(vec![Step::Read, Step::Send(whole)]).await;
    let text = format!(
        "[authorizations.main]\ninstance = {:?}\ngrant = \"bearer\"\ntoken = \"t\"\nallow-http-loopback = true",
        wire.origin
    );
    let call = servicenow_host::types::Call {
        authorization: "main".to_string(),
        instance: wire.origin.clone(),
        timeout_ms: Some(PATIENT_MS),
    };
    let report = crate::support::host(&text).find(call, String::new(), 1, 0).await;
    assert!(matches!(report.outcome, FindOutcome::FindSuccess(_)), "{:?}", report.outcome);
    assert!(report.guest_memory < 4 * rows.len(), "{} for {}", report.guest_memory, rows.len());
}
