//! Encoded queries: parsed into conditions, printed again, and asked of rows (docs/servicenow-api.md 2.8).
//!
//! `^` is and, `^OR` binds to the condition before it, `^NQ` starts a new query whose rows are added. A condition on an
//! unknown column is dropped, so that it matches everything, unless the instance is set to return no rows then.

mod condition;
mod dates;

use crate::tables::dictionary;
use crate::tables::store::INDEXED;
use crate::tables::{Row, Store};
use condition::Condition;
pub use condition::Now;
use std::borrow::Cow;
use std::fmt;

/// What a text query is introduced by.
const TEXT_QUERY: &str = "123TEXTQUERY321=";

/// A parsed query.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    /// Queries of which one must match; each of groups that must all match; each of conditions of which one must.
    any_of: Vec<Vec<Vec<Condition>>>,
    order: Vec<Order>,
    /// Whether nothing is to match at all.
    nothing: bool,
}

#[derive(Clone, Debug, PartialEq)]
struct Order {
    path: String,
    descending: bool,
}

impl Query {
    /// Parses a query. What is no condition is left out, as an instance leaves it out.
    pub fn parse(text: &str) -> Self {
        let mut query = Self { any_of: vec![Vec::new()], ..Self::default() };
        let mut related = false;
        for part in text.split('^').filter(|part| !part.is_empty() && *part != "EQ") {
            // Queries on related lists are not simulated: they match everything.
            related = (related || part.starts_with("RLQUERY")) && part != "ENDRLQUERY";
            if related || part == "ENDRLQUERY" {
                continue;
            }
            if let Some(path) = part.strip_prefix("ORDERBYDESC") {
                query.order.push(Order { path: path.to_string(), descending: true });
            } else if let Some(path) = part.strip_prefix("ORDERBY") {
                query.order.push(Order { path: path.to_string(), descending: false });
            } else {
                query.push(part);
            }
        }
        query
    }

    /// Conditions that plain parameters stand for, all of which must match.
    pub fn equal<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let group = |(path, value)| vec![Condition::equal(path, value)];
        Self { any_of: vec![pairs.into_iter().map(group).collect()], ..Self::default() }
    }

    fn push(&mut self, part: &str) {
        let (part, joins) = match (part.strip_prefix("NQ"), part.strip_prefix("OR")) {
            (Some(part), _) => {
                self.any_of.push(Vec::new());
                (part, false)
            }
            (_, Some(part)) => (part, true),
            _ => (part, false),
        };
        let condition = match part.strip_prefix(TEXT_QUERY) {
            Some(text) => Some(Condition::text(text)),
            None => Condition::parse(part),
        };
        let (Some(condition), Some(groups)) = (condition, self.any_of.last_mut()) else { return };
        match groups.last_mut().filter(|_| joins) {
            Some(group) => group.push(condition),
            None => groups.push(vec![condition]),
        }
    }

    /// The query as a table understands it at this time: unknown columns dropped, or nothing matched where the instance is
    /// set to that, and dates computed.
    pub fn on(mut self, table: &str, strict: bool, now: &Now<'_>) -> Self {
        let mut unknown = false;
        for groups in &mut self.any_of {
            for group in groups.iter_mut() {
                group.retain(|condition| {
                    let known = condition.is_known(table) && condition.can_be_computed(now);
                    unknown |= !known;
                    known
                });
                group.iter_mut().for_each(|condition| condition.compute(table, now));
            }
            groups.retain(|group| !group.is_empty());
        }
        self.order.retain(|order| is_column(table, &order.path));
        self.nothing = strict && unknown;
        self
    }

    /// A column and value that every matching row has, if the query says so: its rows need not be searched for.
    fn indexed(&self, columns: &[&str]) -> Option<(&str, &str)> {
        let [groups] = self.any_of.as_slice() else { return None };
        let alone = groups.iter().filter_map(|group| match group.as_slice() {
            [condition] => condition.wants(),
            _ => None,
        });
        let mut alone =
            alone.filter(|(path, value)| !value.is_empty() && (*path == "sys_id" || columns.contains(path)));
        alone.next()
    }

    /// The rows of a table that the query selects, in its order.
    pub fn select<'a>(&self, store: &'a Store, table: &'a str) -> Vec<&'a Row> {
        let mut found: Vec<&Row> = match self.indexed(&INDEXED) {
            Some(("sys_id", key)) => store.find(table, key).into_iter().collect(),
            Some((column, value)) => store.by(table, column, value).collect(),
            None => store.rows(table).collect(),
        };
        found.retain(|row| self.matches(store, table, row));
        self.sort(store, table, &mut found);
        found
    }

    /// Whether a row matches.
    pub fn matches(&self, store: &Store, table: &str, row: &Row) -> bool {
        let matches = |condition: &Condition| condition.matches(&|path: &str| value(store, table, row, path));
        !self.nothing && self.any_of.iter().any(|groups| groups.iter().all(|group| group.iter().any(matches)))
    }

    /// Puts rows into the query's order. Without one they stay as they were inserted.
    fn sort(&self, store: &Store, table: &str, rows: &mut [&Row]) {
        if self.order.is_empty() {
            return;
        }
        rows.sort_by(|one, other| {
            let compare = |order: &Order| {
                let (one, other) = (value(store, table, one, &order.path), value(store, table, other, &order.path));
                let ordering = condition::order(&one, &other);
                if order.descending { ordering.reverse() } else { ordering }
            };
            self.order.iter().map(compare).find(|ordering| ordering.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
        });
    }
}

fn value<'a>(store: &'a Store, table: &str, row: &'a Row, path: &str) -> Cow<'a, str> {
    store.value(table, row, path).unwrap_or_default()
}

/// Whether a table has a column, also one of a table it refers to.
fn is_column(table: &str, path: &str) -> bool {
    let Some(mut table) = dictionary::table(table) else { return false };
    let mut steps = path.split('.').peekable();
    while let Some(step) = steps.next() {
        let Some(column) = table.column(step) else { return false };
        if steps.peek().is_none() {
            return true;
        }
        let Some(referred) = column.reference() else { return false };
        // Of a table that is not simulated every column is there, and empty.
        let Some(next) = dictionary::table(referred) else { return true };
        table = next;
    }
    false
}

impl fmt::Display for Query {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        for (at, groups) in self.any_of.iter().enumerate() {
            for (within, group) in groups.iter().enumerate() {
                for (place, condition) in group.iter().enumerate() {
                    let joint = match (at, within, place) {
                        _ if first && at == 0 => "",
                        (_, 0, 0) if at > 0 => "^NQ",
                        (_, _, 0) => "^",
                        _ => "^OR",
                    };
                    write!(out, "{joint}{condition}")?;
                    first = false;
                }
            }
        }
        for order in &self.order {
            let joint = if first { "" } else { "^" };
            let keyword = if order.descending { "ORDERBYDESC" } else { "ORDERBY" };
            write!(out, "{joint}{keyword}{}", order.path)?;
            first = false;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn select(query: &str, strict: bool) -> String {
        let mut store = Store::new(Some(1));
        let caller = Row::new("sys_user", [("sys_id", "u1"), ("name", "Ann"), ("email", "ann@example.com")]);
        store.add("sys_user", caller);
        for (number, state, urgency, caller) in
            [("a", "1", "3", "u1"), ("b", "2", "1", ""), ("c", "6", "1", "u1"), ("d", "", "2", "")]
        {
            let columns =
                [("number", number), ("state", state), ("urgency", urgency), ("caller_id", caller), ("impact", "2")];
            store.add("incident", Row::new("incident", columns));
        }
        let now = Now::of(&store, "u1");
        let query = Query::parse(query).on("incident", strict, &now);
        query.select(&store, "incident").into_iter().map(|row| &row["number"]).collect()
    }

    fn numbers(store: &Store, query: &str) -> Vec<String> {
        let query = Query::parse(query).on("incident", false, &Now::of(store, ""));
        query.select(store, "incident").iter().map(|row| row["number"].to_string()).collect()
    }

    #[test]
    fn a_changed_row_keeps_its_place_and_a_key_has_no_case() {
        let mut store = Store::new(Some(1));
        for at in 0..3 {
            let (key, number) = (format!("AAAA{at}"), format!("INC{at}"));
            let columns = [("sys_id", key.as_str()), ("number", &number), ("correlation_id", "same")];
            store.add("incident", Row::new("incident", columns));
        }
        let mut first = store.find("incident", "aaaa0").unwrap().clone();
        first.set("short_description", "changed");
        store.replace("incident", first);
        for query in ["correlation_id=same", "correlation_idINsame", ""] {
            assert_eq!(numbers(&store, query), ["INC0", "INC1", "INC2"], "{query}");
        }
        assert_eq!(numbers(&store, "sys_id=AAAA1"), ["INC1"]);
        assert!(store.remove("incident", "aaaa1").is_some());
        assert_eq!(numbers(&store, "correlation_id=SAME"), ["INC0", "INC2"]);
    }

    #[test]
    fn conditions_join_as_documented() {
        for (query, found) in [
            ("", "abcd"),
            ("number=a", "a"),
            ("number=A", "a"),
            ("NUMBER=a", "abcd"),
            ("urgency=1^state=2", "b"),
            ("state=1^ORstate=2", "ab"),
            ("urgency=1^state=1^ORstate=2", "b"),
            ("state=1^NQstate=6", "ac"),
            ("state=1^ORstate=2^NQurgency=2", "abd"),
            ("stateIN1,6", "ac"),
            ("stateNOT IN1,6", "bd"),
            ("state!=1", "bcd"),
            ("stateISEMPTY", "d"),
            ("stateEMPTYSTRING", "d"),
            ("stateANYTHING", "abcd"),
            ("stateISNOTEMPTY^EQ", "abc"),
            ("urgency<=2", "bcd"),
            ("urgency<10", "abcd"),
            ("urgencyBETWEEN2@3", "ad"),
            ("urgencySAMEASimpact", "d"),
            ("urgencyNSAMEASimpact", "abc"),
            ("urgencyGT_FIELDimpact", "a"),
            ("urgencyLT_FIELDimpact", "bc"),
            ("number%a", "a"),
            ("number!*a", "bcd"),
            ("numberLIKEA", "a"),
            ("caller_id.email=ann@example.com", "ac"),
            ("caller_id.emailLIKEexample^state=6", "c"),
            ("caller_id.bunk=1", "abcd"),
            ("cmdb_ci.name=web01", ""),
            ("sys_created_on>javascript:gs.bunk()", "abcd"),
            ("due_date<2030-01-01", ""),
            ("caller_id=javascript:gs.getUserID()", "ac"),
            ("caller_idDYNAMIC90d1921e5f510100a9ad2572f2b477fe", "ac"),
            ("123TEXTQUERY321=b", "b"),
            ("ORDERBYDESCnumber", "dcba"),
            ("ORDERBYurgency^ORDERBYDESCnumber", "cbda"),
            ("ORDERBYcaller_id.name^ORDERBYnumber", "bdac"),
            ("RLQUERYtask.parent,>=1^active=true^ENDRLQUERY^state=1", "a"),
            ("bunk=1", "abcd"),
            ("bunk=1^state=1", "a"),
            ("^^state=1^", "a"),
            ("state", "abcd"),
        ] {
            assert_eq!(select(query, false), found, "{query}");
        }
        assert_eq!(select("bunk=1", true), "", "glide.invalid_query.returns_no_rows");
        assert_eq!(select("state=1", true), "a");
    }

    #[test]
    fn any_values_are_put_in_order() {
        let mut values: Vec<String> =
            (0..500).map(|at| format!("{}{}", at % 13, ["", "a", "x1", "-"][at % 4])).collect();
        values.sort_by(|one, other| condition::order(one, other));
        for (one, other) in values.iter().zip(&values[1..]) {
            assert!(condition::order(one, other).is_le(), "{one} {other}");
        }
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

        #[test]
        fn whatever_is_parsed_is_printed_and_parsed_alike(text in "(\\PC*|((\\^|\\^OR|\\^NQ)?(state|urgency|caller_id.name|ORDERBY)(=|!=|IN|LIKE|BETWEEN|%|ISEMPTY)?[0-9a-z@,]{0,4}){0,5})") {
            let query = Query::parse(&text);
            let printed = query.to_string();
            proptest::prop_assert_eq!(Query::parse(&printed).to_string(), printed);
            // And asking it never fails, whatever it says.
            select(&text, false);
        }

        #[test]
        fn an_index_finds_what_looking_at_every_row_finds(column in "(number|state|sys_id|urgency)", value in "[a-d1-6]", more in "(\\^urgency=[123]|\\^ORstate=[126])?") {
            let query = format!("{column}={value}{more}");
            // The same question so that no index answers it.
            let slow = format!("{column}IN{value}{more}");
            proptest::prop_assert_eq!(select(&query, false), select(&slow, false));
        }
    }

    #[test]
    fn a_query_is_printed_as_it_was_parsed() {
        for query in [
            "number=a",
            "state=1^ORstate=2^urgency=1",
            "state=1^NQstate=6^ORDERBYDESCnumber",
            "ORDERBYnumber",
            "number!*a^stateISEMPTY",
            "123TEXTQUERY321=printer",
        ] {
            assert_eq!(Query::parse(query).to_string(), query);
        }
    }
}
