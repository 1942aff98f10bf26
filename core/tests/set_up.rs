//! The records of a set-up: their names, keys, marks and queries, by which they are found again.

#![allow(clippy::unwrap_used, reason = "in a test an unwrap is an assertion")]

use servicenow_core::servicenow::sys_id::SysId;
use servicenow_core::set_up::{
    Kind, SetUp, TestIncident, Wanted, by_key, delivery_address, delivery_query, everything, mark, marked_query,
    property, rule_name, shipped_query, wanted,
};

fn set_up() -> SetUp {
    SetUp {
        product: "Neo Agent".into(),
        callback_url: "https://example.com/hook?a=1".into(),
        mid_server: None,
        rule_name: None,
        tables: Vec::new(),
        condition: String::new(),
        columns: Vec::new(),
        automatic: true,
        button: false,
        legacy: Vec::new(),
    }
}

fn one(set_up: &SetUp, kind: Kind) -> Wanted {
    everything(set_up).into_iter().find(|wanted| wanted.kind == kind).unwrap()
}

#[test]
fn a_set_up_has_the_records_that_its_settings_ask_for() {
    let kinds = |automatic, button| {
        let set_up = SetUp { automatic, button, ..set_up() };
        wanted(&set_up).iter().map(|wanted| wanted.kind).collect::<Vec<_>>()
    };
    let base = [Kind::CallbackUrl, Kind::CallbackSecret, Kind::DeliveryScript];
    assert_eq!(kinds(false, false), base);
    assert_eq!(kinds(true, false), [&base[..], &[Kind::BusinessRule]].concat());
    assert_eq!(kinds(false, true), [&base[..], &[Kind::Button]].concat());
    assert_eq!(everything(&set_up()).len(), 5);
}

#[test]
fn names_are_made_of_the_product_s() {
    let set_up = set_up();
    assert_eq!(property(&set_up), "x_neo_agent");
    for (kind, table, name, mark_column) in [
        (Kind::CallbackUrl, "sys_properties", "x_neo_agent.callback_url", "description"),
        (Kind::CallbackSecret, "sys_properties", "x_neo_agent.callback_secret", "description"),
        (Kind::DeliveryScript, "sys_script_include", "NeoAgentDelivery", "description"),
        (Kind::BusinessRule, "sys_script", "Neo Agent: deliver changes", "description"),
        (Kind::Button, "sys_ui_action", "Send to Neo Agent", "comments"),
    ] {
        let record = one(&set_up, kind);
        assert_eq!((record.table, record.name.as_str(), record.mark_column), (table, name, mark_column));
        assert_eq!(record.column("name"), Some(name));
        assert_eq!(record.column(mark_column), Some(format!("{}3", mark(&set_up)).as_str()));
        assert_eq!(record.can_rest(), kind == Kind::BusinessRule);
        assert_eq!(record.column("no_such"), None);
        let is_on_by_default = matches!(kind, Kind::BusinessRule | Kind::Button);
        assert_eq!(record.initial, if is_on_by_default { vec![("active", "true".to_string())] } else { vec![] });
    }
    assert_eq!(one(&set_up, Kind::Button).column("action_name"), Some("send_to_neo_agent"));
    assert_eq!(one(&set_up, Kind::CallbackUrl).column("value"), Some("https://example.com/hook?a=1"));
    assert!(one(&set_up, Kind::BusinessRule).column("script").unwrap().contains("new NeoAgentDelivery()"));
    assert!(one(&set_up, Kind::Button).column("script").unwrap().contains("NeoAgentDelivery"));
}

#[test]
fn a_secret_is_filled_in_beside_the_columns_that_show_where_it_goes() {
    for (kind, column, goes) in [
        (Kind::CallbackSecret, "name", true),
        (Kind::CallbackSecret, "value", true),
        (Kind::CallbackSecret, "is_private", true),
        (Kind::CallbackSecret, "description", false),
        (Kind::CallbackUrl, "value", false),
    ] {
        assert_eq!(one(&set_up(), kind).goes_with_secret(column), goes, "{kind:?} {column}");
    }
}

#[test]
fn a_rule_of_another_name_keeps_its_key() {
    let named = SetUp { rule_name: Some("Tell Neo".into()), ..set_up() };
    assert_eq!((rule_name(&set_up()), rule_name(&named)), ("Neo Agent: deliver changes".into(), "Tell Neo".into()));
    let key = SysId::derive("provisioning/Neo Agent", "Neo Agent: deliver changes");
    for set_up in [set_up(), named] {
        let rule = one(&set_up, Kind::BusinessRule);
        assert_eq!(rule.key(&set_up), key);
        let query = format!("name={}^ORsys_id={key}^ORDERBYsys_created_on", rule_name(&set_up));
        assert_eq!(rule.query(&set_up), query);
        assert_eq!(by_key(&key), format!("sys_id={key}"));
    }
    let button = one(&set_up(), Kind::Button);
    assert_eq!(button.key(&set_up()), SysId::derive("provisioning/Neo Agent", "Send to Neo Agent"));
}

#[test]
fn a_record_is_the_set_up_s_by_two_of_key_name_and_mark() {
    let set_up = set_up();
    let button = one(&set_up, Kind::Button);
    let (key, other) = (button.key(&set_up).to_string(), "0".repeat(32));
    let (own, older) = (format!("{}3", mark(&set_up)), format!("{}1", mark(&set_up)));
    for (sys_id, name, marked, is_own) in [
        (&key, "Send to Neo Agent", "edited", true),
        (&key, "Renamed", own.as_str(), true),
        (&other, "Send to Neo Agent", older.as_str(), true),
        (&key, "Renamed", "edited", false),
        (&other, "Send to Neo Agent", "by hand", false),
        (&other, "Renamed", own.as_str(), false),
    ] {
        assert_eq!(button.is_own(&set_up, sys_id, name, marked), is_own, "{sys_id} {name} {marked}");
    }
}

#[test]
fn queries_find_what_is_marked_delivered_and_shipped() {
    assert_eq!(
        marked_query(&set_up(), "comments"),
        "commentsSTARTSWITHManaged for Neo Agent; do not edit, changes are overwritten. Version "
    );
    for (url, address) in [
        ("https://example.com/hook?a=1", "https://example.com/hook"),
        ("https://example.com/a^b", "https://example.com/a"),
        ("https://example.com/hook", "https://example.com/hook"),
    ] {
        assert_eq!(delivery_address(url), address);
        assert_eq!(delivery_query(url), format!("urlSTARTSWITH{address}^ORDERBYDESCsys_created_on"));
    }
    assert_eq!((shipped_query("sys_properties"), shipped_query("sys_script")), ("name=glide.sys.default.tz", ""));
}

#[test]
fn the_incident_of_a_test_is_known_until_somebody_rewrites_it() {
    let test = TestIncident::of(&set_up());
    let (key, other) = (test.key.to_string(), "0".repeat(32));
    assert_eq!(test.key, SysId::derive("provisioning/Neo Agent", "delivery probe"));
    assert_eq!(test.query(), format!("sys_id={key}^ORshort_description=Neo Agent: test of deliveries"));
    let mark = "Made by Neo Agent to test deliveries. 1";
    for (sys_id, title, description, is) in [
        (&key, "x", mark, true),
        (&other, test.title.as_str(), mark, true),
        (&other, "x", mark, false),
        (&key, test.title.as_str(), "mine", false),
    ] {
        assert_eq!(test.is(sys_id, title, description), is, "{sys_id} {title} {description}");
    }
}

#[test]
fn a_rule_s_condition_names_its_tables_and_what_else_is_asked() {
    let all = "incident,sc_request,sc_req_item,sc_task,change_request,problem";
    for (tables, condition, expected) in [
        (&[][..], "", format!("sys_class_nameIN{all}^EQ")),
        (&["incident", "problem"], "", "sys_class_nameINincident,problem^EQ".into()),
        (&["incident"], "active=true", "sys_class_nameINincident^active=true^EQ".into()),
        (&["incident"], "active=true^EQ", "sys_class_nameINincident^active=true^EQ".into()),
    ] {
        let tables = tables.iter().map(ToString::to_string).collect();
        let set_up = SetUp { tables, condition: condition.into(), ..set_up() };
        let rule = one(&set_up, Kind::BusinessRule);
        assert_eq!(rule.column("filter_condition"), Some(expected.as_str()));
    }
}

#[test]
fn a_delivery_has_the_usual_columns_and_those_asked_for() {
    let with = SetUp { columns: vec!["u_site".into()], mid_server: Some("mid-1".into()), ..set_up() };
    let script = one(&with, Kind::DeliveryScript).column("script").unwrap().to_string();
    for part in
        ["'short_description', 'description', 'state'", "['u_site']", "mid-1", "x_neo_agent", "NeoAgentDelivery"]
    {
        assert!(script.contains(part), "{part}");
    }
    assert!(!script.contains("__"), "something is not filled in");
    let plain = one(&set_up(), Kind::DeliveryScript).column("script").unwrap().to_string();
    assert!(!plain.contains("u_site") && !plain.contains("mid-1"));
}
