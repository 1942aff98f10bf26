//! What must hold of the simulated tables whatever is written and asked: tried with random records and queries.

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use servicenow_simulator::{InProcess, Options};

const INCIDENTS: &str = "/api/now/table/incident";

/// A column's value, and what the instance makes of it: a choice outside its list falls back, text stays.
fn columns() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let text = "[a-zA-Z0-9 éß🔥\"'\\\\<>&=%]{1,12}";
    let choice = "[1-5]";
    (proptest::option::of(text), proptest::option::of(text), proptest::option::of(choice), proptest::option::of(choice))
        .prop_map(|(short, rack, urgency, impact)| {
            let columns = [("short_description", short), ("u_rack", rack), ("urgency", urgency), ("impact", impact)];
            columns.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
        })
}

fn instance() -> InProcess {
    InProcess::new(Options { seed: Some(1), ..Options::default() })
}

fn insert(instance: &InProcess, columns: &[(&str, String)]) -> Value {
    let body: Map<String, Value> = columns.iter().map(|(name, value)| (name.to_string(), json!(value))).collect();
    let (status, mut answer) = instance.answer("POST", INCIDENTS, Value::from(body).to_string().as_bytes()).unwrap();
    assert_eq!(status, 201);
    answer["result"].take()
}

fn list(instance: &InProcess, parameters: &[(&str, &str)]) -> Vec<Value> {
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    let (status, mut answer) = instance.answer("GET", &format!("{INCIDENTS}?{query}"), b"").unwrap();
    assert_eq!(status, 200);
    serde_json::from_value(answer["result"].take()).unwrap()
}

/// A condition, written as a query and told by hand.
#[derive(Clone, Debug)]
struct Condition {
    column: &'static str,
    operator: &'static str,
    value: String,
}

impl Condition {
    fn holds(&self, row: &Value) -> bool {
        let cell = row[self.column].as_str().unwrap().to_lowercase();
        let value = self.value.to_lowercase();
        match self.operator {
            "=" => cell == value,
            "!=" => cell != value,
            "LIKE" => cell.contains(&value),
            "NOT LIKE" => !cell.contains(&value),
            "STARTSWITH" => cell.starts_with(&value),
            "ENDSWITH" => cell.ends_with(&value),
            "IN" => value.split(',').any(|value| value == cell),
            "ISEMPTY" => cell.is_empty(),
            "ISNOTEMPTY" => !cell.is_empty(),
            ">" => cell.parse::<i64>().unwrap() > value.parse().unwrap(),
            "<=" => cell.parse::<i64>().unwrap() <= value.parse().unwrap(),
            other => panic!("{other}"),
        }
    }
}

fn condition() -> impl Strategy<Value = Condition> {
    let texts = prop::sample::select(vec!["=", "!=", "LIKE", "NOT LIKE", "STARTSWITH", "ENDSWITH", "IN"]);
    let numbers = prop::sample::select(vec!["=", "!=", ">", "<=", "IN"]);
    let empties = prop::sample::select(vec!["ISEMPTY", "ISNOTEMPTY"]);
    prop_oneof![
        (texts, "[ab]{1,2}").prop_map(|(operator, value)| Condition { column: "u_rack", operator, value }),
        (numbers, "[1-3]").prop_map(|(operator, value)| Condition { column: "urgency", operator, value }),
        empties.prop_map(|operator| Condition { column: "u_rack", operator, value: String::new() }),
    ]
}

/// Alternatives of conjunctions of alternatives: `^NQ`, `^` and `^OR`.
type Conditions = Vec<Vec<Vec<Condition>>>;

fn written(query: &Conditions) -> String {
    let one = |condition: &Condition| format!("{}{}{}", condition.column, condition.operator, condition.value);
    let any = |group: &Vec<Condition>| group.iter().map(one).collect::<Vec<_>>().join("^OR");
    let all = |groups: &Vec<Vec<Condition>>| groups.iter().map(any).collect::<Vec<_>>().join("^");
    query.iter().map(all).collect::<Vec<_>>().join("^NQ")
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_record_reads_back_as_it_was_written_under_the_rules(columns in columns()) {
        let instance = instance();
        let written = insert(&instance, &columns);
        let key = written["sys_id"].as_str().unwrap().to_string();
        let (_, read) = instance.answer("GET", &format!("{INCIDENTS}/{key}"), b"").unwrap();
        prop_assert_eq!(&read["result"], &written);
        for (name, value) in &columns {
            let is_level = matches!(value.as_str(), "1" | "2" | "3");
            let expected = if matches!(*name, "urgency" | "impact") && !is_level { "3" } else { value };
            prop_assert_eq!(&read["result"][*name], expected, "{}", name);
        }
        let level = |name: &str| read["result"][name].as_str().unwrap().parse::<u8>().unwrap();
        prop_assert_eq!(level("priority"), level("impact") + level("urgency") - 1);
    }

    #[test]
    fn a_query_selects_what_its_conditions_say(
        racks in prop::collection::vec(("[ab]{0,3}", "[1-3]"), 0..8),
        query in prop::collection::vec(prop::collection::vec(prop::collection::vec(condition(), 1..3), 1..3), 1..3),
    ) {
        let instance = instance();
        for (rack, urgency) in &racks {
            insert(&instance, &[("u_rack", rack.clone()), ("urgency", urgency.clone())]);
        }
        let all = list(&instance, &[]);
        let holds = |row: &&Value| query.iter().any(|groups| groups.iter().all(|group| group.iter().any(|one| one.holds(row))));
        let expected: Vec<&Value> = all.iter().filter(holds).collect();
        let written = written(&query);
        let found = list(&instance, &[("sysparm_query", &written)]);
        prop_assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{}", written);
    }

    #[test]
    fn pages_of_any_size_are_the_whole_list(count in 0..12_usize, limit in 1..6_usize) {
        let instance = instance();
        (0..count).for_each(|_| drop(insert(&instance, &[])));
        let mut pages = Vec::new();
        for offset in (0..=count).step_by(limit) {
            pages.extend(list(&instance, &[("sysparm_limit", &limit.to_string()), ("sysparm_offset", &offset.to_string())]));
        }
        prop_assert_eq!(pages, list(&instance, &[]));
    }
}
