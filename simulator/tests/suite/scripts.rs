//! Scripts of the simulated instance: business rules over real HTTP, what they send, and what becomes of bad ones.

use serde_json::{Value, json};
use servicenow_simulator::Simulator;
use servicenow_test_support::client::{JSON, rule, send, write};
use servicenow_test_support::{ScriptedServer, answer, body, read_request};
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// A server that takes in deliveries, answers each with this status, and hands them on.
async fn receiver(status: &'static str) -> (ScriptedServer, UnboundedReceiver<String>) {
    let (sender, deliveries) = unbounded_channel();
    let wire = ScriptedServer::serve("http", move |mut stream| {
        let sender = sender.clone();
        async move {
            while let Ok(request) = read_request(&mut stream).await {
                let _ = stream.write_all(&answer(status, "x-seen: yes\r\n", br#"{"taken":true}"#)).await;
                let _ = sender.send(request);
            }
        }
    });
    (wire.await, deliveries)
}

/// A simulator without scripts.
pub async fn simulator() -> Simulator {
    Simulator::start(Default::default()).await.unwrap()
}

fn key(answer: &Value) -> String {
    answer["result"]["sys_id"].as_str().unwrap().to_string()
}

#[tokio::test]
async fn a_rule_before_a_write_changes_the_record_and_sees_what_it_was() {
    let simulator = simulator().await;
    rule(&simulator.access().base_url,
        "task",
        "before",
        "(function executeRule(current, previous) {
            if (current.operation() == 'insert') { current.short_description = '[' + current.number + '] ' + current.short_description; }
            if (current.urgency.changesTo(1)) { current.work_notes = 'urgency was ' + previous.urgency.getDisplayValue(); }
            gs.info(current.caller_id.email + ' ' + current.isNewRecord(), 'probe');
        })(current, previous);",
    )
    .await;
    let columns = json!({"short_description": "Mail", "caller_id": "5137153cc611227c000bbd1bd8cd2005"});
    let (_, created) = write(&simulator.access().base_url, "POST", "incident", columns).await;
    assert_eq!(created["result"]["short_description"], "[INC0010001] Mail");
    let path = format!("incident/{}", key(&created));
    let (_, updated) = write(&simulator.access().base_url, "PATCH", &path, json!({"urgency": "1"})).await;
    assert_eq!((&updated["result"]["priority"], &updated["result"]["sys_mod_count"]), (&json!("3"), &json!("1")));
    let notes = simulator.rows("sys_journal_field");
    assert_eq!(&notes.last().unwrap()["value"], "urgency was 3 - Low");
    assert_eq!(simulator.log(), ["0 probe: caller@example.com true", "0 probe: caller@example.com false"]);
}

#[tokio::test]
async fn a_rule_that_aborts_answers_403_and_nothing_is_written() {
    let simulator = simulator().await;
    rule(
        &simulator.access().base_url,
        "incident",
        "before",
        "if (current.urgency == 1) { gs.addErrorMessage('why'); current.setAbortAction(true); }",
    )
    .await;
    let (status, refused) = write(&simulator.access().base_url, "POST", "incident", json!({"urgency": "1"})).await;
    let key = simulator.rows("sys_script").last().unwrap()["sys_id"].to_string();
    let detail = format!(
        "Operation against file 'incident' was aborted by Business Rule 'before incident^{key}'. Business Rule Stack:before incident"
    );
    let envelope = json!({"error": {"message": "Operation Failed", "detail": detail}, "status": "failure"});
    assert_eq!((status, refused), (403, envelope));
    assert!(simulator.rows("incident").is_empty());
    assert_eq!(write(&simulator.access().base_url, "POST", "incident", json!({"urgency": "2"})).await.0, 201);
}

#[tokio::test]
async fn rules_after_a_write_call_out_and_asynchronous_ones_do_when_it_was_answered() {
    let (wire, mut deliveries) = receiver("200 OK").await;
    let simulator = simulator().await;
    let post = |how: &str| {
        format!(
            "var request = new sn_ws.RESTMessageV2();
             request.setEndpoint('{}/hook'); request.setHttpMethod('post');
             request.setRequestHeader('X-Secret', 's3cret-value');
             request.setRequestBody(JSON.stringify({{ number: current.getValue('number'), before: previous ? previous.state.toString() : null,
                 state: current.getDisplayValue('state'), version: Number(current.sys_mod_count), how: '{how}' }}));
             var response = request.{how}();
             if ('{how}' == 'execute') {{ gs.info(response.getStatusCode() + response.getBody() + response.getHeader('X-Seen'), 'probe'); }}",
            wire.origin
        )
    };
    rule(&simulator.access().base_url, "incident", "after", &post("execute")).await;
    rule(&simulator.access().base_url, "incident", "async", &post("executeAsync")).await;
    let (_, created) = write(&simulator.access().base_url, "POST", "incident", json!({})).await;
    let path = format!("incident/{}", key(&created));
    assert_eq!(write(&simulator.access().base_url, "PATCH", &path, json!({"state": "2"})).await.0, 200);
    simulator.settled().await;
    let mut seen = Vec::new();
    while let Ok(request) = deliveries.try_recv() {
        assert!(request.to_ascii_lowercase().contains("x-secret: s3cret-value"), "{request}");
        seen.push(body(&request));
    }
    let delivery = |how: &str, before: Value, state: &str, version: u8| json!({"number": "INC0010001", "before": before, "state": state, "version": version, "how": how});
    seen.sort_by_key(|seen| (seen["version"].as_u64(), seen["how"].as_str().map(str::to_string)));
    assert_eq!(
        seen,
        [
            delivery("execute", Value::Null, "New", 0),
            delivery("executeAsync", Value::Null, "New", 0),
            delivery("execute", json!("1"), "In Progress", 1),
            // An asynchronous rule has no previous record.
            delivery("executeAsync", Value::Null, "In Progress", 1),
        ]
    );
    assert_eq!(simulator.log()[0], "0 probe: 200{\"taken\":true}yes");
    for table in ["sys_outbound_http_log", "sys_outbound_rest_message_log"] {
        let logged = simulator.rows(table);
        assert_eq!(logged.len(), 4, "{table}");
        assert_eq!((&logged[0]["method"], &logged[0]["response_status"]), ("POST", "200"));
    }
    simulator.set(|settings| settings.outbound_logs = vec!["sys_outbound_http_log".to_string()]);
    assert_eq!(write(&simulator.access().base_url, "GET", "sys_outbound_http_log", json!({})).await.0, 200);
    assert_eq!(write(&simulator.access().base_url, "GET", "sys_outbound_rest_message_log", json!({})).await.0, 400);
}

#[tokio::test]
async fn variables_of_a_body_are_filled_in_and_redirects_followed_unless_a_script_says_otherwise() {
    let (wire, mut deliveries) = receiver("200 OK").await;
    let to = format!("{}/elsewhere", wire.origin);
    let redirect = ScriptedServer::serve("http", move |mut stream| {
        let location = format!("location: {to}\r\n");
        async move {
            while read_request(&mut stream).await.is_ok() {
                let _ = stream.write_all(&answer("302 Found", &location, b"")).await;
            }
        }
    });
    let redirect = redirect.await;
    let simulator = simulator().await;
    let send = |how: &str| {
        format!(
            "var request = new sn_ws.RESTMessageV2();
             request.setEndpoint('{}/hook'); request.setHttpMethod('post'); request.setRequestHeader('X-Secret', 's3cret-value');
             request.setStringParameter('known', 'k'); request.setRequestBody('{{\"a\":\"[${{HOME}}] [${{known}}] $5\"}}'); {how}
             gs.info(request.execute().getStatusCode(), 'probe');",
            redirect.origin
        )
    };
    rule(&simulator.access().base_url, "incident", "after", &send("")).await;
    let careful = send("request.disableForcedVariableSubstitution(); request.setFollowRedirect(false);");
    rule(&simulator.access().base_url, "problem", "after", &careful).await;
    for (table, status, text) in [("incident", "200", Some("[] [k] $5")), ("problem", "302", None)] {
        assert_eq!(write(&simulator.access().base_url, "POST", table, json!({})).await.0, 201);
        assert!(simulator.log().last().unwrap().ends_with(&format!("probe: {status}")), "{:?}", simulator.log());
        let taken = deliveries.try_recv().ok();
        assert_eq!(taken.as_deref().map(|request| body(request)["a"].clone()), text.map(Into::into), "{table}");
        assert!(taken.is_none_or(|request| request.contains("s3cret-value")), "the header goes with it");
    }
}

#[tokio::test]
async fn scripts_find_records_as_the_platform_s_api_does() {
    let simulator = simulator().await;
    for urgency in ["1", "2", "3"] {
        write(&simulator.access().base_url, "POST", "incident", json!({"urgency": urgency, "short_description": "x"}))
            .await;
    }
    for (script, expected) in [
        (
            "var gr = new GlideRecord('incident'); gr.addQuery('urgency', '>', 1); gr.orderByDesc('number'); gr.query(); var n = []; while (gr.next()) { n.push('' + gr.number); } n.join()",
            "INC0010003,INC0010002",
        ),
        (
            "var gr = new GlideRecord('task'); gr.addQuery('urgency', 1).addOrCondition('urgency', 3); gr.query(); gr.getRowCount()",
            "2",
        ),
        (
            "var gr = new GlideRecord('incident'); gr.get('number', 'INC0010002') + ' ' + gr.getDisplayValue('urgency')",
            "true 2 - Medium",
        ),
        ("var gr = new GlideRecord('incident'); gr.get('nobody')", "false"),
        (
            "var gr = new GlideRecord('incident'); gr.addEncodedQuery('urgency=1'); gr.setLimit(1); gr.query(); gr.next(); gr.state = 2; gr.update(); gr.getValue('sys_mod_count')",
            "1",
        ),
        (
            "var gr = new GlideRecord('incident'); gr.addQuery('number', 'INC0010003'); gr.query(); gr.next(); gr.deleteRecord()",
            "true",
        ),
        ("var gr = new GlideRecord('incident'); gr.query(); gr.getRowCount()", "2"),
        ("new GlideRecord('bunk').isValid()", "false"),
        ("gs.getProperty('no.such', 'default') + gs.getUserName() + gs.hasRole('itil')", "defaultflow.integrationtrue"),
        ("gs.setProperty('a.b', 'c'); gs.getProperty('a.b')", "c"),
        ("gs.nil('') && gs.nowDateTime().length == 19", "true"),
        ("typeof global.AbstractAjaxProcessor + typeof global.GlideRecord", "functionfunction"),
        ("gs.setProperty('half', 'a' + '\\ud83d'); gs.getProperty('half')", "a\u{fffd}"),
        ("typeof host + typeof ask", "undefinedundefined"),
    ] {
        assert_eq!(simulator.run(script).await.as_deref(), Ok(expected), "{script}");
    }
    assert!(simulator.run("nope()").await.is_err());
}

#[tokio::test]
async fn a_button_runs_its_script_and_a_form_calls_a_script_include() {
    let simulator = simulator().await;
    let base = simulator.access().base_url.clone();
    let include = "var Helper = Class.create();
        Helper.prototype = Object.extendsObject(AbstractAjaxProcessor, {
            greet: function () { return this.getParameter('sysparm_name') + ' ' + new GlideRecord('incident').isValid(); },
            type: 'Helper'
        });";
    let columns = json!({"name": "Helper", "script": include, "active": true, "client_callable": true});
    write(&simulator.access().base_url, "POST", "sys_script_include", columns).await;
    let action = json!({"name": "Send", "action_name": "send_now", "table": "incident", "active": true,
        "script": "current.work_notes = 'sent'; current.update(); new Helper({sysparm_name: 'from a button'}).greet()"});
    write(&simulator.access().base_url, "POST", "sys_ui_action", action).await;
    let (_, created) = write(&simulator.access().base_url, "POST", "incident", json!({})).await;
    let pressed = simulator.press("send_now", "incident", &key(&created)).await;
    assert_eq!(pressed.as_deref(), Ok("from a button true"));
    assert_eq!(&simulator.rows("sys_journal_field").last().unwrap()["value"], "sent");
    let ajax =
        json!({"run": {"ajax": {"processor": "Helper", "method": "greet", "parameters": {"sysparm_name": "form"}}}});
    let (status, answer) = send("POST", &format!("{base}/simulator/scripts"), JSON, ajax.to_string()).await;
    assert_eq!((status, answer.as_str()), (200, r#"{"result":"form true"}"#));
    for bad in
        [json!({}), json!({"run": {"ajax": {"processor": "a b", "method": "x"}}}), json!({"run": {"script": "nope()"}})]
    {
        let (status, answer) = send("POST", &format!("{base}/simulator/scripts"), JSON, bad.to_string()).await;
        assert_eq!(status, 400, "{answer}");
    }
}

#[tokio::test]
async fn a_rule_sees_new_comments_and_what_a_new_record_was_given() {
    let simulator = simulator().await;
    for when in ["before", "after"] {
        let script = "gs.info([current.operation(), current.comments.changes(), '' + current.comments, current.urgency.changesTo(1),
            '' + current.priority, previous === null].join(), 'probe');";
        rule(&simulator.access().base_url, "incident", when, script).await;
    }
    let (_, created) =
        write(&simulator.access().base_url, "POST", "incident", json!({"urgency": "1", "comments": "first"})).await;
    write(&simulator.access().base_url, "PATCH", &format!("incident/{}", key(&created)), json!({"comments": "second"}))
        .await;
    assert_eq!(
        simulator.log(),
        [
            "0 probe: insert,true,first,true,3,true",
            "0 probe: insert,true,first,true,3,true",
            "0 probe: update,true,second,false,3,false",
            "0 probe: update,true,second,false,3,false",
        ]
    );
    assert_eq!(created["result"]["comments"], "", "a journal reads back empty");
}

#[tokio::test]
async fn a_rule_cannot_make_a_record_another_one() {
    let simulator = simulator().await;
    let (_, victim) =
        write(&simulator.access().base_url, "POST", "incident", json!({"short_description": "victim"})).await;
    let (_, other) =
        write(&simulator.access().base_url, "POST", "incident", json!({"short_description": "other"})).await;
    let script = format!("current.setValue('sys_id', '{}'); current.urgency = 1;", key(&victim));
    rule(&simulator.access().base_url, "incident", "before", &script).await;
    let path = format!("incident/{}", key(&other));
    let (status, answer) = write(&simulator.access().base_url, "PATCH", &path, json!({"impact": "1"})).await;
    assert_eq!((status, key(&answer), &answer["result"]["urgency"]), (200, key(&other), &json!("1")));
    assert_eq!(&simulator.rows("incident")[0]["short_description"], "victim");
}

#[tokio::test]
async fn rules_run_for_deletes_overridden_methods_and_parts_of_a_batch() {
    let simulator = simulator().await;
    let base = simulator.access().base_url.clone();
    for when in ["before", "after", "async"] {
        rule(&simulator.access().base_url, "incident", when, &format!("gs.info(current.operation(), '{when}')")).await;
    }
    let create = json!({"batch_request_id": "1", "rest_requests": [{"id": "1", "method": "POST", "url": "/api/now/table/incident",
        "headers": [{"name": "Content-Type", "value": "application/json"}], "body": "e30="}]});
    assert_eq!(send("POST", &format!("{base}/api/now/v1/batch"), JSON, create.to_string()).await.0, 200);
    let path = format!("/api/now/table/task/{}", &simulator.rows("incident")[0]["sys_id"]);
    let overridden = [("content-type", JSON), ("x-http-method-override", "PATCH")];
    let (status, ..) = servicenow_test_support::client::ask(
        &simulator.access().base_url,
        servicenow_test_support::client::INTEGRATION,
        "GET",
        &path,
        &overridden,
        r#"{"urgency":"1"}"#,
    )
    .await;
    assert_eq!(status, 200);
    assert_eq!(send("DELETE", &format!("{base}{path}"), JSON, String::new()).await.0, 204);
    simulator.settled().await;
    let mut seen = simulator.log();
    seen.sort();
    let expected =
        ["after", "async", "before"].map(|when| ["delete", "insert", "update"].map(|what| format!("0 {when}: {what}")));
    assert_eq!(seen, expected.concat());
}
