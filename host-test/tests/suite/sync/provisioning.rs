//! Setting an instance up: what is written, what is left alone, and what becomes of a set-up that broke off.

use super::test_bed::{RULES, TestBed};
use serde_json::json;
use servicenow_host::provisioning::{
    Artifact, InspectOutcome, Inspection, LegacyKind, LegacyRecord, Settings, StepAction, StepsOutcome,
};
use servicenow_host::types::Reason;
use servicenow_host::{Authorizations, Limits, MemoryLedger, Outcome};
use servicenow_simulator::{Effect, Fault, Row};

const SECRET: &str = "simulated-callback-secret";

fn actions(outcome: &StepsOutcome) -> Vec<StepAction> {
    match outcome {
        StepsOutcome::Steps(steps) => steps.iter().map(|step| step.action).collect(),
        other => panic!("{other:?}"),
    }
}

/// The records that a set-up consists of, without what the instance notes by itself.
fn records(bed: &TestBed) -> Vec<Row> {
    let tables = ["sys_properties", "sys_script_include", "sys_script", "sys_ui_action"];
    let mut rows: Vec<Row> = tables.iter().flat_map(|table| bed.simulator.rows(table)).collect();
    for row in &mut rows {
        for column in ["sys_updated_on", "sys_created_on", "sys_mod_count"] {
            row.set(column, "");
        }
    }
    rows
}

fn writes(bed: &TestBed) -> usize {
    bed.simulator.requests().iter().filter(|request| !request.starts_with("GET") && !request.contains("oauth")).count()
}

async fn inspected(bed: &TestBed, settings: Settings) -> Inspection {
    match bed.sync.inspect(bed.call("setup"), settings).await.outcome {
        InspectOutcome::Inspected(inspection) => inspection,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_plan_says_what_applying_does_and_applying_twice_writes_once() {
    let bed = TestBed::set().await;
    let settings = Settings { button: true, ..bed.settings() };
    let plan = bed.sync.plan(bed.call("setup"), settings.clone()).await.outcome;
    assert_eq!(writes(&bed), 0);
    let applied = bed.sync.apply(bed.call("setup"), settings.clone()).await.outcome;
    assert_eq!(plan, applied);
    assert_eq!((actions(&applied), writes(&bed)), (vec![StepAction::Create; 5], 5));
    let again = bed.sync.apply(bed.call("setup"), settings).await.outcome;
    assert_eq!((actions(&again), writes(&bed)), (vec![StepAction::Keep; 5], 5));
}

#[tokio::test]
async fn the_secret_is_written_by_the_host_and_stands_nowhere_else() {
    let bed = TestBed::set().await;
    let report = bed.sync.apply(bed.call("setup"), bed.settings()).await;
    let seen = format!("{report:?}");
    assert!(!seen.contains(SECRET), "{seen}");
    let secrets = bed.simulator.rows("sys_properties").into_iter().filter(|row| &row["value"] == SECRET);
    let secrets: Vec<_> = secrets.map(|row| (row["name"].to_string(), row["is_private"].to_string())).collect();
    assert_eq!(secrets, [("x_acme.callback_secret".to_string(), "true".to_string())]);
    for table in ["sys_script", "sys_script_include"] {
        for row in bed.simulator.rows(table) {
            assert!(!row["script"].contains(SECRET) && !row["script"].contains("flows.example.com"), "{table}");
        }
    }
}

#[tokio::test]
async fn a_product_with_spaces_a_rule_s_own_name_and_a_mid_server_are_set_up_deliver_and_are_removed() {
    let mut bed = TestBed::set().await;
    bed.receive(RULES).await;
    let shipped = records(&bed);
    let settings = Settings {
        product: "Neo Agent".into(),
        rule_name: Some("Neo Agent - Ticket Updates".into()),
        mid_server: Some("mid-1".into()),
        button: true,
        ..bed.settings()
    };
    let applied = bed.sync.apply(bed.call("setup"), settings.clone()).await.outcome;
    assert_eq!(actions(&applied), vec![StepAction::Create; 5], "{applied:?}");
    let names = |table: &str| bed.simulator.rows(table).iter().map(|row| row["name"].to_string()).collect::<Vec<_>>();
    assert!(names("sys_properties").contains(&"x_neo_agent.callback_secret".to_string()));
    assert!(names("sys_script_include").contains(&"NeoAgentDelivery".to_string()));
    assert!(names("sys_script").contains(&"Neo Agent - Ticket Updates".to_string()));
    assert!(names("sys_ui_action").contains(&"Send to Neo Agent".to_string()));
    bed.agent("incident", json!({"short_description": "x"})).await;
    assert_eq!(bed.verdict().await, "accepted");
    let again = bed.sync.apply(bed.call("setup"), settings.clone()).await.outcome;
    assert_eq!(actions(&again), vec![StepAction::Keep; 5]);
    // Another name for the rule is the same rule.
    let settings = Settings { rule_name: Some("Neo Agent - Tickets".into()), ..settings };
    let renamed = bed.sync.apply(bed.call("setup"), settings.clone()).await.outcome;
    assert_eq!(actions(&renamed).iter().filter(|action| **action == StepAction::Update).count(), 1);
    assert_eq!(&bed.simulator.rows("sys_script")[1]["name"], "Neo Agent - Tickets");
    assert_eq!(inspected(&bed, settings.clone()).await.orphans, Vec::<String>::new());
    assert!(bed.sync.remove(bed.call("setup"), settings).await.outcome.is_success());
    assert_eq!(records(&bed), shipped);
}

#[tokio::test]
async fn an_authorization_without_a_secret_sets_nothing_up() {
    let bed = TestBed::set().await;
    let file = bed.simulator.authorizations_file().replace(&format!("callback-secret = {SECRET:?}\n"), "");
    let authorizations = Authorizations::parse(&file, std::path::Path::new("a.toml")).unwrap();
    let host = crate::support::host_with(authorizations, Limits::default());
    let sync = bed.sync.of(&host, MemoryLedger::default());
    let outcome = sync.apply(bed.call("setup"), bed.settings()).await.outcome;
    assert_eq!(outcome.case(), "error");
    assert!(!bed.simulator.rows("sys_properties").iter().any(|row| row["name"].ends_with("secret")));
}

#[tokio::test]
async fn what_drifted_is_told_and_written_back_and_a_pause_is_left_alone() {
    let bed = TestBed::set().await;
    bed.apply().await;
    let key = |table: &str, name: &str| {
        let rows = bed.simulator.rows(table);
        rows.iter().find(|row| &row["name"] == name).unwrap()["sys_id"].to_string()
    };
    let script = format!("sys_script_include/{}", key("sys_script_include", "AcmeDelivery"));
    bed.agent(&script, json!({"script": "hacked"})).await;
    let paused = bed.sync.pause(bed.call("setup"), bed.settings()).await.outcome;
    assert_eq!(actions(&paused), [StepAction::Update]);
    let seen = inspected(&bed, bed.settings()).await;
    let state = |artifact| seen.artifacts.iter().find(|state| state.artifact == artifact).unwrap();
    assert_eq!(state(Artifact::DeliveryScript).drifted, ["script"]);
    assert!(!state(Artifact::BusinessRule).active);
    assert_eq!(state(Artifact::CallbackSecret).version.as_deref(), Some("3"));
    use StepAction::{Keep, Update};
    assert_eq!(actions(&bed.apply().await), [Keep, Keep, Update, Keep]);
    assert!(!inspected(&bed, bed.settings()).await.artifacts[3].active);
    let resumed = bed.sync.resume(bed.call("setup"), bed.settings()).await.outcome;
    assert_eq!(actions(&resumed), [Update]);
    assert!(inspected(&bed, bed.settings()).await.artifacts.iter().all(|state| state.active));
}

#[tokio::test]
async fn a_set_up_that_breaks_off_at_any_request_is_completed_by_the_second_run_and_so_is_a_removal() {
    let whole = TestBed::set().await;
    let settings = Settings { button: true, ..whole.settings() };
    whole.sync.apply(whole.call("setup"), settings.clone()).await;
    let expected: Vec<_> =
        records(&whole).iter().map(|row| (row["name"].to_string(), row["description"].to_string())).collect();
    for effect in [Effect::Close, Effect::CommitThenClose] {
        for after in 0..10 {
            let bed = TestBed::set().await;
            let fault = |after| Fault {
                path: "/api/now/table".to_string(),
                after,
                // A read is tried again by itself.
                times: 3,
                ..Fault::once("GET", "", effect.clone())
            };
            let cut = Fault { method: None, ..fault(after) };
            bed.simulator.inject(cut.clone());
            let first = bed.sync.apply(bed.call("setup"), settings.clone()).await.outcome;
            assert_ne!(first.case(), "steps", "{after}");
            bed.simulator.heal();
            let second = bed.sync.apply(bed.call("setup"), settings.clone()).await.outcome;
            assert_eq!(second.case(), "steps", "{after} {second:?}");
            let names = records(&bed).into_iter().map(|row| (row["name"].to_string(), row["description"].to_string()));
            assert_eq!(names.collect::<Vec<_>>(), expected, "{effect:?} {after}");
            let secrets = bed.simulator.rows("sys_properties").into_iter().filter(|row| &row["value"] == SECRET);
            assert_eq!(secrets.count(), 1, "{effect:?} {after}");

            bed.simulator.inject(cut);
            assert_ne!(bed.sync.remove(bed.call("setup"), settings.clone()).await.outcome.case(), "steps", "{after}");
            bed.simulator.heal();
            assert_eq!(bed.sync.remove(bed.call("setup"), settings.clone()).await.outcome.case(), "steps", "{after}");
            let left: Vec<_> = records(&bed).iter().map(|row| row["name"].to_string()).collect();
            assert_eq!(
                left,
                ["glide.sys.default.tz", "ArrayUtil", "mark closed", "Close Incident"],
                "{effect:?} {after}"
            );
        }
    }
}

#[tokio::test]
async fn a_record_that_others_made_is_neither_changed_nor_removed() {
    let bed = TestBed::set().await;
    let own = json!({"name": "x_acme.callback_url", "value": "https://other.example.com"});
    bed.agent("sys_properties", own).await;
    let outcome = bed.apply().await;
    let StepsOutcome::ProvisioningFailure(broken_off) = &outcome else { panic!("{outcome:?}") };
    assert!(broken_off.failure.message.contains("x_acme.callback_url"), "{}", broken_off.failure.message);
    assert_eq!(writes(&bed), 1);
    let removed = bed.sync.remove(bed.call("setup"), bed.settings()).await.outcome;
    assert_eq!(actions(&removed), [StepAction::Keep]);
    assert_eq!(&bed.simulator.rows("sys_properties")[1]["value"], "https://other.example.com");
}

#[tokio::test]
async fn records_that_were_made_by_hand_for_the_same_purpose_are_told_and_give_way() {
    let bed = TestBed::set().await;
    let by_hand = [
        (LegacyKind::ScriptInclude, "sys_script_include", "IncidentWebhookHelper"),
        (LegacyKind::ScriptInclude, "sys_script_include", "IncidentWebhookHelperAjax"),
        (LegacyKind::Rule, "sys_script", "Send To Acme"),
        (LegacyKind::Button, "sys_ui_action", "Send To Acme"),
    ];
    let shipped = records(&bed);
    for (_, table, name) in by_hand {
        bed.agent(table, json!({"name": name})).await;
    }
    let record = |(kind, _, name): (LegacyKind, &str, &str)| LegacyRecord { kind, name: name.to_string() };
    let named = |legacy: &LegacyRecord| (legacy.kind, legacy.name.clone());
    let legacy: Vec<_> = by_hand.into_iter().map(record).collect();
    // The button is called by nearly the same name.
    let settings = Settings { legacy: legacy.clone(), button: true, ..bed.settings() };
    let told: Vec<_> = inspected(&bed, settings.clone()).await.legacy.iter().map(named).collect();
    assert_eq!(told, legacy.iter().map(named).collect::<Vec<_>>());
    let applied = bed.sync.apply(bed.call("setup"), settings.clone()).await.outcome;
    let StepsOutcome::Steps(steps) = &applied else { panic!("{applied:?}") };
    // What calls goes before what is called.
    let removed = steps.iter().filter(|step| step.action == StepAction::Remove).map(|step| step.artifact);
    use Artifact::{LegacyButton, LegacyRule, LegacyScriptInclude};
    assert_eq!(removed.collect::<Vec<_>>(), [LegacyRule, LegacyButton, LegacyScriptInclude, LegacyScriptInclude]);
    assert!(inspected(&bed, settings.clone()).await.legacy.is_empty());
    assert!(bed.sync.remove(bed.call("setup"), settings).await.outcome.is_success());
    assert_eq!(records(&bed), shipped);
}

#[tokio::test]
async fn the_incident_of_a_test_is_removed_after_it_and_with_the_set_up() {
    let bed = TestBed::set().await;
    bed.apply().await;
    for removes_all in [false, true] {
        assert_eq!(bed.sync.probe(bed.call("setup"), bed.settings()).await.outcome.case(), "changed");
        assert_eq!(bed.simulator.rows("incident").len(), 1);
        let removed = match removes_all {
            false => bed.sync.end_probe(bed.call("setup"), bed.settings()).await.outcome,
            true => bed.sync.remove(bed.call("setup"), bed.settings()).await.outcome,
        };
        let StepsOutcome::Steps(steps) = &removed else { panic!("{removed:?}") };
        let last = steps.last().map(|step| (step.artifact, step.action));
        assert_eq!(last, Some((Artifact::TestIncident, StepAction::Remove)));
        assert_eq!(bed.simulator.rows("incident"), []);
    }
    let nothing = bed.sync.end_probe(bed.call("setup"), bed.settings()).await.outcome;
    assert_eq!(actions(&nothing), []);
}

#[tokio::test]
async fn what_the_user_is_not_shown_is_not_taken_for_absent() {
    let bed = TestBed::set().await;
    bed.apply().await;
    // The rows are there, and the instance leaves them out of its answers, as an access rule does.
    let hide = |table: &str| {
        bed.simulator.inject(
            Fault::once("GET", &format!("/api/now/table/{table}"), Effect::json(200, r#"{"result":[]}"#)).times(1_000),
        );
    };
    hide("sys_script");
    let before = records(&bed);
    let outcomes = [
        bed.sync.remove(bed.call("setup"), bed.settings()).await.outcome,
        bed.sync.apply(bed.call("setup"), bed.settings()).await.outcome,
        bed.sync.plan(bed.call("setup"), bed.settings()).await.outcome,
        bed.sync.pause(bed.call("setup"), bed.settings()).await.outcome,
    ];
    for outcome in outcomes {
        let failure = outcome.failure().unwrap_or_else(|| panic!("{outcome:?}")).clone();
        assert_eq!(failure.reason, Reason::Forbidden, "{failure:?}");
        assert!(
            failure.message.contains("sys_script") && failure.message.contains("give the user the role"),
            "{failure:?}"
        );
    }
    let rules = |rows: &[Row]| rows.iter().filter(|row| row["name"].ends_with("deliver changes")).count();
    assert_eq!((rules(&before), rules(&records(&bed))), (1, 1), "the rule still fires, and nobody says otherwise");
    let inspection = inspected(&bed, bed.settings()).await;
    assert!(inspection.missing_roles.iter().any(|missing| missing.contains("sys_script")), "{inspection:?}");
}

#[tokio::test]
async fn an_edited_description_is_repaired_and_another_secret_on_the_instance_is_seen() {
    let bed = TestBed::set().await;
    bed.apply().await;
    let set_up = records(&bed);
    let key = |name: &str| {
        let all = ["sys_properties", "sys_script"].map(|table| bed.simulator.rows(table)).concat();
        let row = all.into_iter().find(|row| &row["name"] == name).unwrap();
        row["sys_id"].to_string()
    };
    let edits = [
        ("sys_script", "Acme: deliver changes", json!({"description": "Do not touch! Ask the platform team."})),
        ("sys_properties", "x_acme.callback_url", json!({"description": ""})),
        ("sys_properties", "x_acme.callback_secret", json!({"value": "a-secret-of-somebody-else"})),
    ];
    for (table, name, columns) in edits {
        bed.agent(&format!("{table}/{}", key(name)), columns).await;
    }
    let drifted: Vec<_> = inspected(&bed, bed.settings()).await.artifacts.into_iter().map(|of| of.drifted).collect();
    assert_eq!(drifted, [vec!["description"], vec!["value"], vec![], vec!["description"]]);
    use StepAction::{Keep, Update};
    assert_eq!(actions(&bed.apply().await), [Update, Update, Keep, Update]);
    assert_eq!(records(&bed), set_up);
    assert_eq!(actions(&bed.apply().await), [Keep; 4]);
}

#[tokio::test]
async fn a_record_that_stays_is_not_told_as_removed() {
    let bed = TestBed::set().await;
    bed.apply().await;
    // Answered as if it were removed, by a rule that aborts without a word.
    bed.simulator.inject(Fault::once("DELETE", "/api/now/table/sys_script", Effect::json(204, "")));
    let removed = bed.sync.remove(bed.call("setup"), bed.settings()).await.outcome;
    let failure = removed.failure().unwrap_or_else(|| panic!("{removed:?}"));
    assert!(failure.message.contains("still has the record"), "{failure:?}");
    let removed = bed.sync.remove(bed.call("setup"), bed.settings()).await.outcome;
    assert!(matches!(removed, StepsOutcome::Steps(_)), "{removed:?}");
    assert_eq!(bed.simulator.rows("sys_script").len(), 1, "the shipped one");
}

#[tokio::test]
async fn a_record_left_over_from_another_name_is_told_as_an_orphan() {
    let bed = TestBed::set().await;
    bed.sync.apply(bed.call("setup"), Settings { button: true, ..bed.settings() }).await;
    let orphans = inspected(&bed, bed.settings()).await.orphans;
    assert_eq!(orphans, ["sys_ui_action: Send to Acme"]);
    // A set-up without the button takes it away.
    assert_eq!(actions(&bed.apply().await).last(), Some(&StepAction::Remove));
}

#[tokio::test]
async fn a_probe_is_delivered_and_the_log_of_the_instance_shows_it() {
    let mut bed = TestBed::delivering(RULES).await;
    for version in 0..2 {
        let outcome = bed.sync.probe(bed.call("setup"), bed.settings()).await.outcome;
        let servicenow_host::provisioning::ProbeOutcome::Changed(probe) = outcome else { panic!("{outcome:?}") };
        assert_eq!(probe.version, version);
        let change = bed.change().await;
        assert_eq!((change.sys_id, change.mod_count), (probe.sys_id, Some(version)));
    }
    bed.simulator.settled().await;
    let deliveries = inspected(&bed, bed.settings()).await.deliveries;
    assert_eq!(deliveries.iter().map(|delivery| delivery.status.as_str()).collect::<Vec<_>>(), ["200", "200"]);
    assert_eq!(&bed.simulator.rows("incident")[0]["state"], "8");
    assert!(bed.simulator.log().is_empty());
}

#[tokio::test]
async fn both_secrets_are_accepted_while_one_takes_the_place_of_the_other() {
    let mut bed = TestBed::delivering(RULES).await;
    let file = bed.simulator.authorizations_file().replace(
        &format!("callback-secret = {SECRET:?}"),
        &format!("callback-secret = \"a-new-callback-secret\"\nprevious-callback-secret = {SECRET:?}"),
    );
    let authorizations = Authorizations::parse(&file, std::path::Path::new("a.toml")).unwrap();
    let host = crate::support::host_with(authorizations, Limits::default());
    bed.sync = std::sync::Arc::new(bed.sync.of(&host, MemoryLedger::default()));
    let url = bed.settings();
    bed.receive(RULES).await;
    // The address is another one: that is what this apply changes, and not the secret.
    let moved = bed.sync.apply(bed.call("setup"), bed.settings()).await.outcome;
    assert_eq!(actions(&moved)[..2], [StepAction::Update, StepAction::Keep]);
    assert_ne!(url.callback_url, bed.settings().callback_url);
    bed.agent("incident", json!({})).await;
    assert_eq!(bed.verdict().await, "accepted");
    let rotated = bed.sync.rotate(bed.call("setup"), bed.settings()).await.outcome;
    assert_eq!(actions(&rotated), [StepAction::Update]);
    assert_eq!(&bed.simulator.rows("sys_properties")[2]["value"], "a-new-callback-secret");
    bed.agent("incident", json!({})).await;
    assert_eq!(bed.verdict().await, "accepted");
}

#[tokio::test]
async fn rights_that_are_missing_are_told_by_table_and_nothing_is_written_without_them() {
    let bed = TestBed::set().await;
    let file = bed.simulator.authorizations_file().replace("\"provisioning\"", "\"incidents\"");
    let authorizations = Authorizations::parse(&file, std::path::Path::new("a.toml")).unwrap();
    let host = crate::support::host_with(authorizations, Limits::default());
    let sync = bed.sync.of(&host, MemoryLedger::default());
    let missing = async |sync: &servicenow_host::EventSync| {
        let outcome = sync.inspect(bed.call("setup"), bed.settings()).await.outcome;
        let InspectOutcome::Inspected(inspection) = outcome else { panic!("{outcome:?}") };
        inspection.missing_roles
    };
    // What the host does not allow is no role.
    let denied = ["sys_properties", "sys_script_include", "sys_script"]
        .map(|table| format!("{table}: no role, but \"provisioning\" among the authorization's allowed-calls"));
    assert_eq!(missing(&sync).await, denied);
    let forbidden = Effect::Status { status: 403, body: None, content_type: None, headers: Default::default() };
    for table in ["sys_properties", "sys_script"] {
        bed.simulator.inject(Fault::once("GET", &format!("/api/now/table/{table}"), forbidden.clone()).times(99));
    }
    let roles = ["sys_properties: admin", "sys_script_include: admin", "sys_script: business_rule_admin or admin"];
    assert_eq!(missing(&bed.sync).await, roles, "a path that begins so is another table's too");
    assert_eq!(sync.apply(bed.call("setup"), bed.settings()).await.outcome.case(), "error");
    assert_eq!(writes(&bed), 0);
}

#[tokio::test]
async fn a_record_that_was_given_another_name_is_found_by_its_key() {
    let bed = TestBed::set().await;
    bed.apply().await;
    let key = bed.simulator.rows("sys_script").last().unwrap()["sys_id"].to_string();
    let rename = json!({"name": "Renamed"});
    bed.agent(&format!("sys_script/{key}"), rename.clone()).await;
    assert_eq!(inspected(&bed, bed.settings()).await.artifacts[3].drifted, ["name"]);
    use StepAction::{Keep, Update};
    assert_eq!(actions(&bed.apply().await), [Keep, Keep, Keep, Update]);
    bed.agent(&format!("sys_script/{key}"), rename).await;
    assert_eq!(bed.sync.remove(bed.call("setup"), bed.settings()).await.outcome.case(), "steps");
    assert_eq!(bed.simulator.rows("sys_script").len(), 1, "the shipped one");
}

#[tokio::test]
async fn a_copy_of_the_rule_is_told_and_goes_with_it() {
    let bed = TestBed::set().await;
    bed.apply().await;
    let shipped = records(&bed).len() - 4;
    let rules = || bed.simulator.rows("sys_script").into_iter().filter(|row| row["name"].ends_with("deliver changes"));
    for removes in [false, true] {
        let rule = rules().next().unwrap();
        let columns: serde_json::Map<_, _> = rule
            .iter()
            .filter(|(name, _)| *name != "sys_id")
            .map(|(name, value)| (name.to_string(), value.into()))
            .collect();
        bed.agent("sys_script", columns.into()).await;
        let told = inspected(&bed, bed.settings()).await.orphans;
        assert!(told.len() == 1 && told[0].contains("a copy with the key"), "{told:?}");
        let outcome = match removes {
            false => bed.apply().await,
            true => bed.sync.remove(bed.call("setup"), bed.settings()).await.outcome,
        };
        assert!(actions(&outcome).contains(&StepAction::Remove), "{outcome:?}");
        assert_eq!(rules().count(), usize::from(!removes));
    }
    assert_eq!(records(&bed).len(), shipped);
}

#[tokio::test]
async fn the_incident_of_a_test_is_found_whatever_key_it_has_and_not_taken_for_removed() {
    let bed = TestBed::set().await;
    bed.apply().await;
    let end = || bed.sync.end_probe(bed.call("setup"), bed.settings());
    bed.simulator.set(|settings| settings.may_take_sys_id = false);
    for _ in 0..2 {
        assert_eq!(bed.sync.probe(bed.call("setup"), bed.settings()).await.outcome.case(), "changed");
        assert_eq!(bed.simulator.rows("incident").len(), 1, "the second changes the first's");
    }
    // Its rows are counted, and not shown.
    let hidden = Effect::json(200, r#"{"result":[]}"#).header("x-total-count", "1");
    bed.simulator.inject(Fault::once("GET", "/api/now/table/incident", hidden));
    assert_eq!(end().await.outcome.failure().map(|failure| failure.reason), Some(Reason::Forbidden));
    assert_eq!(actions(&end().await.outcome), [StepAction::Remove]);
    assert_eq!(bed.simulator.rows("incident"), []);
    // One that somebody made theirs stays.
    let title = json!({"short_description": "Acme: test of deliveries", "description": "mine"});
    bed.agent("incident", title).await;
    assert_eq!(actions(&end().await.outcome), []);
    assert_eq!(bed.simulator.rows("incident").len(), 1);
}

#[tokio::test]
async fn more_records_of_a_name_than_a_page_has_are_removed_and_another_spelling_is_told() {
    let bed = TestBed::set().await;
    for name in std::iter::repeat_n("old", 25).chain(["Old"]) {
        bed.agent("sys_script", json!({"name": name})).await;
    }
    let legacy = vec![LegacyRecord { kind: LegacyKind::Rule, name: "old".into() }];
    let outcome = bed.sync.apply(bed.call("setup"), Settings { legacy, ..bed.settings() }).await.outcome;
    let StepsOutcome::Steps(steps) = &outcome else { panic!("{outcome:?}") };
    let of_legacy = steps.iter().filter(|step| step.artifact == Artifact::LegacyRule);
    let kept: Vec<_> =
        of_legacy.clone().filter(|step| step.action == StepAction::Keep).map(|step| &*step.name).collect();
    assert_eq!((of_legacy.count(), kept), (26, vec!["Old"]));
}

#[tokio::test]
async fn an_exported_update_set_is_loaded_found_as_ours_and_delivers_when_the_secret_is_entered() {
    let mut bed = TestBed::set().await;
    bed.receive(RULES).await;
    let settings = Settings { button: true, condition: "priority<3^ORescalation>1".into(), ..bed.settings() };
    let update_set = bed.sync.update_set(settings.clone()).await.unwrap().unwrap();
    assert!(!update_set.contains(SECRET) && !update_set.contains("{{"), "{update_set}");
    assert_eq!(bed.simulator.commit(&update_set), Ok(5));
    assert_eq!(writes(&bed), 0, "nothing goes over REST");

    // What the administrator has left to do is told.
    let drifted = |inspection: &Inspection| {
        let all = inspection.artifacts.iter().filter(|state| !state.drifted.is_empty());
        all.map(|state| (state.artifact, state.drifted.join(" "))).collect::<Vec<_>>()
    };
    let seen = inspected(&bed, settings.clone()).await;
    assert!(seen.artifacts.iter().all(|state| state.sys_id.is_some() && state.version.as_deref() == Some("3")));
    let url = (Artifact::CallbackUrl, "is_private".to_string());
    assert_eq!(drifted(&seen), [url, (Artifact::CallbackSecret, "is_private value".to_string())]);
    for row in bed.simulator.rows("sys_properties").iter().filter(|row| row["name"].starts_with("x_acme.")) {
        let secret = row["name"].ends_with(".callback_secret");
        let entered = if secret { json!({"is_private": true, "value": SECRET}) } else { json!({"is_private": true}) };
        bed.agent(&format!("sys_properties/{}", &row["sys_id"]), entered).await;
    }
    assert_eq!(drifted(&inspected(&bed, settings.clone()).await), []);
    bed.agent("incident", json!({"short_description": "x", "impact": "1", "urgency": "1"})).await;
    assert_eq!(bed.verdict().await, "accepted");

    // A later one says what it would change, changes it, and leaves the secret.
    let later = Settings { columns: vec!["u_rack".into()], button: false, ..settings };
    let plan = bed.sync.plan(bed.call("setup"), later.clone()).await.outcome;
    use StepAction::{Keep, Remove, Update};
    assert_eq!(actions(&plan), [Keep, Keep, Update, Keep, Remove]);
    let newer = bed.sync.update_set(later.clone()).await.unwrap().unwrap();
    assert_eq!(bed.simulator.commit(&newer), Ok(3), "private properties are neither imported nor overwritten");
    let plan = bed.sync.plan(bed.call("setup"), later).await.outcome;
    assert_eq!(actions(&plan), [Keep; 4], "the button is gone");
    assert!(bed.simulator.rows("sys_properties").iter().any(|row| &row["value"] == SECRET));
}

#[tokio::test]
async fn an_update_set_of_settings_that_are_refused_says_which() {
    let bed = TestBed::set().await;
    let settings = Settings { product: "a'b".into(), ..bed.settings() };
    let by_hand = LegacyRecord { kind: LegacyKind::Rule, name: "old".into() };
    for (settings, field) in [
        (settings, "product"),
        (Settings { legacy: vec![by_hand], ..bed.settings() }, "legacy"),
        (Settings { condition: "short_description=\u{fffe}".into(), ..bed.settings() }, "condition"),
        (Settings { rule_name: Some("\u{ffff}".into()), ..bed.settings() }, "rule_name"),
    ] {
        let refused = bed.sync.update_set(settings).await.unwrap().unwrap_err();
        assert_eq!(refused.iter().map(|violation| &*violation.field).collect::<Vec<_>>(), [field]);
    }
    let settings = Settings { rule_name: Some("{{callback-secret}}".into()), ..bed.settings() };
    let update_set = bed.sync.update_set(settings).await.unwrap().unwrap();
    assert!(update_set.contains("<target_name>{{callback-secret}}</target_name>"), "a name is a name");
    for (text, problem) in [
        ("not xml", "unknown"),
        ("<unload/>", "sys_remote_update_set"),
        (
            "<unload><sys_remote_update_set><state>committed</state></sys_remote_update_set></unload>",
            "the state loaded",
        ),
    ] {
        let refused = bed.simulator.commit(text).unwrap_err();
        assert!(refused.contains(problem), "{refused}");
    }
}
