//! The simulator, as a client sees it that knows nothing of this project.

use crate::support::send;
use servicenow_host::simulator::Simulator;

const JSON: &str = "application/json";

#[tokio::test]
async fn a_record_is_made_read_replaced_and_deleted() {
    let simulator = Simulator::start(Default::default()).await.unwrap();
    let table = format!("{}/api/now/table/incident", simulator.access().base_url);
    let (status, body) = send("POST", &table, JSON, r#"{"short_description":"Printer"}"#.to_string()).await;
    assert_eq!(status, 201);
    let created: serde_json::Value = serde_json::from_str(&body).unwrap();
    let record = format!("{table}/{}", created["result"]["sys_id"].as_str().unwrap());
    for method in ["PUT", "PATCH"] {
        let (status, body) = send(method, &record, JSON, format!(r#"{{"description":"{method}"}}"#)).await;
        let changed: serde_json::Value = serde_json::from_str(&body).unwrap();
        let columns = (&changed["result"]["description"], &changed["result"]["short_description"]);
        assert_eq!((status, columns), (200, (&method.into(), &"Printer".into())));
    }
    assert_eq!(send("DELETE", &record, JSON, String::new()).await, (204, String::new()));
    for method in ["GET", "DELETE"] {
        assert_eq!(send(method, &record, JSON, String::new()).await.0, 404, "{method}");
    }
}

#[tokio::test]
async fn a_mistake_gets_the_documented_status() {
    let simulator = Simulator::start(Default::default()).await.unwrap();
    let base = format!("{}/api/now", simulator.access().base_url);
    for (method, path, media_type, body, expected) in [
        ("GET", "/table/bunk", JSON, "", 400),
        ("GET", "/bunk", JSON, "", 400),
        ("GET", "/table/incident?sysparm_limit=0", JSON, "", 400),
        ("GET", "/table/incident", JSON, "", 200),
        ("GET", "/v2/table/incident", JSON, "", 200),
        ("GET", "/v1/table/incident", JSON, "", 404),
        ("POST", "/table/incident", JSON, "{", 400),
        ("POST", "/table/incident", "text/plain", "{}", 415),
        ("POST", "/table/incident", JSON, "{}", 201),
    ] {
        let (status, answer) = send(method, &format!("{base}{path}"), media_type, body.to_string()).await;
        assert_eq!(status, expected, "{method} {path} {body}: {answer}");
    }
}
