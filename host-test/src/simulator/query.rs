//! Encoded queries: parsed into conditions, and matched against rows.
//!
//! `^` is and, `^OR` binds to the condition before it, `^NQ` starts a new query whose rows are added. A condition on an
//! unknown column is dropped, so that it matches everything.

use super::dictionary;
use super::store::Row;

/// A parsed query.
#[derive(Debug, Default, PartialEq)]
pub struct Query {
    /// Queries of which one must match; each of groups that must all match; each of conditions of which one must.
    any_of: Vec<Vec<Vec<Condition>>>,
    order: Vec<(String, bool)>,
}

#[derive(Debug, PartialEq)]
struct Condition {
    column: String,
    operator: &'static str,
    value: String,
}

/// Longer ones first, so that `<=` is not read as `<`.
const OPERATORS: [&str; 21] = [
    "ISNOTEMPTY",
    "ISEMPTY",
    "ANYTHING",
    "STARTSWITH",
    "ENDSWITH",
    "NOT LIKE",
    "LIKE",
    "NOT IN",
    "IN",
    "BETWEEN",
    "NSAMEAS",
    "SAMEAS",
    "!=",
    "!*",
    "<=",
    ">=",
    "=",
    "<",
    ">",
    "%",
    "*",
];

impl Query {
    /// Parses a query on a table.
    pub fn parse(text: &str, table: &str) -> Self {
        let columns = dictionary::columns(table);
        let is_known = |condition: &Condition| columns.iter().any(|column| column.name == condition.column);
        let mut query = Self { any_of: vec![Vec::new()], order: Vec::new() };
        for part in text.split('^').filter(|part| !part.is_empty() && *part != "EQ") {
            if let Some(column) = part.strip_prefix("ORDERBYDESC") {
                query.order.push((column.to_string(), true));
            } else if let Some(column) = part.strip_prefix("ORDERBY") {
                query.order.push((column.to_string(), false));
            } else {
                let (part, joins) = match (part.strip_prefix("NQ"), part.strip_prefix("OR")) {
                    (Some(part), _) => {
                        query.any_of.push(Vec::new());
                        (part, false)
                    }
                    (_, Some(part)) => (part, true),
                    _ => (part, false),
                };
                let Some(condition) = Condition::parse(part).filter(is_known) else { continue };
                let Some(groups) = query.any_of.last_mut() else { continue };
                match groups.last_mut().filter(|_| joins) {
                    Some(group) => group.push(condition),
                    None => groups.push(vec![condition]),
                }
            }
        }
        query
    }

    /// The key that the query asks for, where it asks for one alone: its row need not be searched for.
    pub fn key(&self) -> Option<&str> {
        let [groups] = self.any_of.as_slice() else { return None };
        let [group] = groups.as_slice() else { return None };
        let [condition] = group.as_slice() else { return None };
        (condition.column == "sys_id" && condition.operator == "=").then_some(&condition.value)
    }

    /// The rows that match, in the query's order.
    pub fn select<'a>(&self, rows: &'a [Row]) -> Vec<&'a Row> {
        let mut found: Vec<&Row> = rows.iter().filter(|row| self.matches(row)).collect();
        for (column, descending) in self.order.iter().rev() {
            let key = |row: &&Row| row.get(column).cloned().unwrap_or_default();
            found.sort_by_key(key);
            if *descending {
                found.reverse();
            }
        }
        found
    }

    fn matches(&self, row: &Row) -> bool {
        self.any_of.iter().any(|groups| groups.iter().all(|group| group.iter().any(|condition| condition.matches(row))))
    }
}

impl Condition {
    fn parse(text: &str) -> Option<Self> {
        let end = text.find(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '.')))?;
        let (column, rest) = text.split_at(end);
        let operator = OPERATORS.into_iter().find(|operator| rest.starts_with(operator))?;
        Some(Self { column: column.to_string(), operator, value: rest[operator.len()..].to_string() })
    }

    fn matches(&self, row: &Row) -> bool {
        let got = row.get(&self.column).map_or("", String::as_str);
        let (got, wanted) = (got.to_lowercase(), self.value.to_lowercase());
        match self.operator {
            "=" | "SAMEAS" => got == wanted,
            "!=" | "NSAMEAS" => got != wanted,
            "<" => order(&got, &wanted).is_lt(),
            "<=" => order(&got, &wanted).is_le(),
            ">" => order(&got, &wanted).is_gt(),
            ">=" => order(&got, &wanted).is_ge(),
            "BETWEEN" => {
                wanted.split_once('@').is_some_and(|(from, to)| order(&got, from).is_ge() && order(&got, to).is_le())
            }
            "LIKE" | "*" => got.contains(&wanted),
            "NOT LIKE" | "!*" => !got.contains(&wanted),
            "STARTSWITH" => got.starts_with(&wanted),
            "ENDSWITH" | "%" => got.ends_with(&wanted),
            "IN" => wanted.split(',').any(|wanted| wanted == got),
            "NOT IN" => !wanted.split(',').any(|wanted| wanted == got),
            "ISEMPTY" => got.is_empty(),
            "ISNOTEMPTY" => !got.is_empty(),
            _ => true,
        }
    }
}

/// Numbers by their value, everything else by its text.
fn order(got: &str, wanted: &str) -> std::cmp::Ordering {
    match (got.parse::<i64>(), wanted.parse::<i64>()) {
        (Ok(got), Ok(wanted)) => got.cmp(&wanted),
        _ => got.cmp(wanted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn select(query: &str) -> String {
        let row = |number: &str, state: &str, urgency: &str| {
            let columns = [("number", number), ("state", state), ("urgency", urgency), ("sys_id", number)];
            columns.map(|(name, value)| (name.to_string(), value.to_string())).into_iter().collect::<Row>()
        };
        let rows = [row("a", "1", "3"), row("b", "2", "1"), row("c", "6", "1"), row("d", "", "2")];
        Query::parse(query, "incident").select(&rows).into_iter().map(|row| row["number"].as_str()).collect()
    }

    #[test]
    fn conditions_join_as_documented() {
        for (query, found) in [
            ("", "abcd"),
            ("number=a", "a"),
            ("NUMBER=a", "abcd"),
            ("urgency=1^state=2", "b"),
            ("state=1^ORstate=2", "ab"),
            ("urgency=1^state=1^ORstate=2", "b"),
            ("state=1^NQstate=6", "ac"),
            ("state=1^ORstate=2^NQurgency=2", "abd"),
            ("stateIN1,6", "ac"),
            ("state!=1", "bcd"),
            ("stateISEMPTY", "d"),
            ("stateISNOTEMPTY^EQ", "abc"),
            ("urgency<=2", "bcd"),
            ("urgency<10", "abcd"),
            ("urgencyBETWEEN2@3", "ad"),
            ("number%a", "a"),
            ("number!*a", "bcd"),
            ("ORDERBYDESCnumber", "dcba"),
            ("ORDERBYurgency^ORDERBYDESCnumber", "cbda"),
            ("bunk=1", "abcd"),
            ("bunk=1^state=1", "a"),
        ] {
            assert_eq!(select(query), found, "{query}");
        }
    }
}
