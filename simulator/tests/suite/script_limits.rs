//! Scripts that take too long or too much, set each other off, or wait for who asks the instance: none holds it up.

use crate::scripts::simulator;
use serde_json::json;
use servicenow_test_support::client::{JSON, rule, send, write};
use servicenow_test_support::{ScriptedServer, answer, body, read_request};
use tokio::io::AsyncWriteExt;

#[tokio::test]
async fn a_receiver_may_ask_the_instance_while_a_rule_waits_for_it() {
    let simulator = simulator().await;
    let base = simulator.access().base_url.clone();
    let wire = ScriptedServer::serve("http", move |mut stream| {
        let base = base.clone();
        async move {
            let request = read_request(&mut stream).await.unwrap();
            let url = format!("{base}/api/now/table/incident/{}", body(&request)["sys_id"].as_str().unwrap());
            let (status, _) = send("GET", &url, JSON, String::new()).await;
            let _ = stream.write_all(&answer("200 OK", "", status.to_string().as_bytes())).await;
        }
    })
    .await;
    let script = format!(
        "var r = new sn_ws.RESTMessageV2(); r.setEndpoint('{}'); r.setHttpMethod('post');
         r.setRequestBody(JSON.stringify({{sys_id: current.getUniqueValue()}})); gs.info(r.execute().getBody());",
        wire.origin
    );
    rule(&simulator.access().base_url, "incident", "after", &script).await;
    assert_eq!(write(&simulator.access().base_url, "POST", "incident", json!({})).await.0, 201);
    assert_eq!(simulator.log(), ["0 after incident: 200"]);
}

#[tokio::test]
async fn a_bad_script_is_stopped_and_logged_and_the_write_goes_on() {
    let simulator = simulator().await;
    simulator.set(|settings| settings.script_ms = 2_000);
    for script in ["nope();", "while (true) {}", "var a = []; while (true) { a.push([1, 2, 3, 4]); }", "throw 1"] {
        rule(&simulator.access().base_url, "incident", "before", script).await;
    }
    let script = "var r = new sn_ws.RESTMessageV2(); r.setEndpoint('http://192.0.2.1/'); gs.error(r.execute().getErrorMessage());";
    rule(&simulator.access().base_url, "incident", "after", script).await;
    assert_eq!(write(&simulator.access().base_url, "POST", "incident", json!({})).await.0, 201);
    assert_eq!(
        simulator.log(),
        [
            "2 before incident: ReferenceError: nope is not defined (line 1)",
            "2 before incident: the script took too long",
            "2 before incident: the script took too much memory",
            "2 before incident: 1",
            "2 after incident: http://192.0.2.1/: the simulator sends to http on loopback alone",
        ]
    );
}

#[tokio::test]
async fn rules_that_set_each_other_off_come_to_an_end() {
    let simulator = simulator().await;
    let script = "var gr = new GlideRecord('incident'); gr.initialize(); gr.short_description = 'child'; gr.insert();";
    rule(&simulator.access().base_url, "incident", "after", script).await;
    assert_eq!(write(&simulator.access().base_url, "POST", "incident", json!({})).await.0, 201);
    assert_eq!(simulator.rows("incident").len(), 9, "eight levels, and one that sets off nothing");
    assert!(simulator.log().iter().any(|line| line.contains("too deep")), "{:?}", simulator.log());
}

#[tokio::test]
async fn many_slow_rules_in_the_background_hold_nobody_up() {
    let simulator = simulator().await;
    simulator.set(|settings| settings.script_ms = 50);
    rule(&simulator.access().base_url, "incident", "async", "while (true) {}").await;
    // More than the runtime has threads for, had each its own.
    for _ in 0..520 {
        assert_eq!(write(&simulator.access().base_url, "POST", "incident", json!({})).await.0, 201);
    }
    let base = &simulator.access().base_url;
    let ran =
        send("POST", &format!("{base}/simulator/scripts"), JSON, json!({"run": {"script": "1"}}).to_string()).await;
    assert_eq!(ran, (200, r#"{"result":"1"}"#.to_string()));
}

#[tokio::test]
async fn what_a_script_sets_off_ends_with_it() {
    let simulator = simulator().await;
    simulator.set(|settings| settings.script_ms = 400);
    let script = "var end = Date.now() + 300; while (Date.now() < end) {} new GlideRecord('incident').insert();";
    rule(&simulator.access().base_url, "incident", "after", script).await;
    let started = std::time::Instant::now();
    assert_eq!(write(&simulator.access().base_url, "POST", "incident", json!({})).await.0, 201);
    assert!(started.elapsed().as_millis() < 1_500, "eight levels of 300 ms would take longer: {:?}", started.elapsed());
}

#[tokio::test]
async fn a_limited_instance_lets_a_rule_s_receiver_ask_it_too() {
    let simulator = simulator().await;
    let rate = servicenow_simulator::RateRule { path: "/api/now/table/incident".to_string(), per_hour: 100 };
    simulator.set(|settings| settings.rate_limits = vec![rate]);
    let base = simulator.access().base_url.clone();
    let wire = ScriptedServer::serve("http", move |mut stream| {
        let base = base.clone();
        async move {
            read_request(&mut stream).await.unwrap();
            let (status, _) = send("GET", &format!("{base}/api/now/table/incident"), JSON, String::new()).await;
            let _ = stream.write_all(&answer("200 OK", "", status.to_string().as_bytes())).await;
        }
    })
    .await;
    let script =
        format!("var r = new sn_ws.RESTMessageV2(); r.setEndpoint('{}'); gs.info(r.execute().getBody());", wire.origin);
    rule(&simulator.access().base_url, "incident", "after", &script).await;
    assert_eq!(write(&simulator.access().base_url, "POST", "incident", json!({})).await.0, 201);
    assert_eq!(simulator.log(), ["0 after incident: 200"]);
}
