//! One condition: a column, an operator and a value.

use super::dates;
use super::is_column;
use crate::ids_and_clock::FORMAT;
use crate::tables::Store;
use crate::tables::dictionary;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Longer ones first, so that `<=` is not read as `<`.
const OPERATORS: [&str; 33] = [
    "RELATIVEGE",
    "RELATIVELE",
    "RELATIVEGT",
    "RELATIVELT",
    "RELATIVEEE",
    "IN_HIERARCHY",
    "ISNOTEMPTY",
    "EMPTYSTRING",
    "STARTSWITH",
    "GT_FIELD",
    "LT_FIELD",
    "GT_OR_EQUALS_FIELD",
    "LT_OR_EQUALS_FIELD",
    "ANYTHING",
    "ENDSWITH",
    "NOT LIKE",
    "ISEMPTY",
    "BETWEEN",
    "DYNAMIC",
    "NSAMEAS",
    "NOT IN",
    "SAMEAS",
    "NOTON",
    "LIKE",
    "IN",
    "ON",
    "!=",
    "!*",
    "<=",
    ">=",
    "=",
    "<",
    ">",
];

/// The one-letter operators that end a list of their own: `%` and `*` are short for others.
const SHORT: [(&str, &str); 2] = [("%", "ENDSWITH"), ("*", "LIKE")];

/// The dynamic filter "Me".
const ME: &str = "90d1921e5f510100a9ad2572f2b477fe";

/// What stands for the user who asks.
const USER: &str = "gs.getUserID()";

/// The columns that a text query looks into.
const TEXT_COLUMNS: [&str; 4] = ["number", "short_description", "description", "name"];

/// When a query is asked, and by whom.
pub struct Now<'a> {
    /// The time.
    pub time: Timestamp,
    /// The user's key.
    pub user: &'a str,
    /// The user's time zone: times that the query says are read in it.
    pub zone: TimeZone,
    /// Whether letters with and without accents are the same.
    pub ignores_accents: bool,
}

impl<'a> Now<'a> {
    /// Now, for a user of the store. Where neither the user nor the instance has a zone it is UTC.
    pub fn of(store: &'a Store, user: &'a str) -> Self {
        let own = store.find("sys_user", user).map(|row| &row["time_zone"]).filter(|name| !name.is_empty());
        let zone = own.or_else(|| store.property("glide.sys.default.tz")).and_then(|name| TimeZone::get(name).ok());
        Self { time: store.source.peek(), user, zone: zone.unwrap_or(TimeZone::UTC), ignores_accents: false }
    }
}

/// A condition.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    path: String,
    operator: &'static str,
    value: String,
    /// The value in lower case, with what stands for a date or a user in its place.
    wanted: String,
    /// Whether letters with and without accents are the same.
    ignores_accents: bool,
}

impl Condition {
    fn new(path: &str, operator: &'static str, value: &str) -> Self {
        Self {
            path: path.to_string(),
            operator,
            value: value.to_string(),
            wanted: value.to_lowercase(),
            ignores_accents: false,
        }
    }

    /// Parses a condition. `None` where it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let end = text.find(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '.')))?;
        let (path, rest) = text.split_at(end);
        let full = || OPERATORS.into_iter().find(|operator| rest.starts_with(operator));
        let short = || SHORT.into_iter().find(|(short, _)| rest.starts_with(short));
        let (operator, length) = full()
            .map(|operator| (operator, operator.len()))
            .or_else(|| short().map(|(short, operator)| (operator, short.len())))?;
        (!path.is_empty()).then(|| Self::new(path, operator, &rest[length..]))
    }

    /// That a column has a value.
    pub fn equal(path: &str, value: &str) -> Self {
        Self::new(path, "=", value)
    }

    /// That a text is somewhere in the row.
    pub fn text(text: &str) -> Self {
        Self::new("", "TEXT", text)
    }

    /// Whether the table has the column.
    pub fn is_known(&self, table: &str) -> bool {
        self.operator == "TEXT" || is_column(table, &self.path)
    }

    /// The column and value that it asks for.
    pub fn wants(&self) -> Option<(&str, &str)> {
        (self.operator == "=" && !self.ignores_accents).then_some((&self.path, &self.wanted))
    }

    /// Whether everything that the value leaves to be computed can be.
    pub fn can_be_computed(&self, now: &Now<'_>) -> bool {
        self.value
            .split('@')
            .filter_map(|part| part.strip_prefix("javascript:"))
            .all(|script| script == USER || dates::computed(script, now.time).is_some())
    }

    /// Puts dates and the user in the place of what stands for them.
    pub fn compute(&mut self, table: &str, now: &Now<'_>) {
        let is_time = is_time(table, &self.path);
        self.ignores_accents = now.ignores_accents;
        self.wanted = match self.operator {
            "DYNAMIC" if self.value == ME => now.user.to_string(),
            "RELATIVEGE" | "RELATIVELE" | "RELATIVEGT" | "RELATIVELT" | "RELATIVEEE" => {
                dates::relative(&self.value, now.time).unwrap_or_default()
            }
            _ => {
                let parts = self.value.split('@').map(|part| match computed(part, now) {
                    Cow::Borrowed(said) if is_time => in_utc(said, &now.zone),
                    computed => computed,
                });
                parts.collect::<Vec<_>>().join("@").to_lowercase()
            }
        };
    }

    /// Whether a row matches, whose values are had this way.
    pub fn matches<'a>(&self, value: &impl Fn(&str) -> Cow<'a, str>) -> bool {
        if self.operator == "TEXT" {
            return TEXT_COLUMNS.iter().any(|column| value(column).to_lowercase().contains(&self.wanted));
        }
        let (got, wanted) = (value(&self.path).to_lowercase(), self.wanted.as_str());
        let other = || value(&self.value).to_lowercase();
        let between = |range: &str| {
            range.split_once('@').is_some_and(|(from, to)| order(&got, from).is_ge() && order(&got, to).is_le())
        };
        // `Today@from@to`: the first part is what a person reads.
        let on = || wanted.split_once('@').is_some_and(|(_, range)| between(range));
        match self.operator {
            "=" if self.ignores_accents => without_accents(&got) == without_accents(wanted),
            "=" | "DYNAMIC" | "IN_HIERARCHY" => got == wanted,
            "!=" => got != wanted,
            // Nothing is before or after anything.
            "<" | "<=" | ">" | ">=" | "LT_FIELD" | "GT_FIELD" | "LT_OR_EQUALS_FIELD" | "GT_OR_EQUALS_FIELD"
                if got.is_empty() =>
            {
                false
            }
            "<" => order(&got, wanted).is_lt(),
            "<=" => order(&got, wanted).is_le(),
            ">" => order(&got, wanted).is_gt(),
            ">=" => order(&got, wanted).is_ge(),
            "SAMEAS" => got == other(),
            "NSAMEAS" => got != other(),
            "GT_FIELD" => order(&got, &other()).is_gt(),
            "LT_FIELD" => order(&got, &other()).is_lt(),
            "GT_OR_EQUALS_FIELD" => order(&got, &other()).is_ge(),
            "LT_OR_EQUALS_FIELD" => order(&got, &other()).is_le(),
            "BETWEEN" => between(wanted),
            "ON" => on(),
            "NOTON" => !on(),
            "RELATIVEGT" => !got.is_empty() && got.as_str() > wanted,
            "RELATIVELT" => !got.is_empty() && got.as_str() < wanted,
            "RELATIVEGE" => !got.is_empty() && got.as_str() >= wanted,
            "RELATIVELE" => !got.is_empty() && got.as_str() <= wanted,
            "RELATIVEEE" => !wanted.is_empty() && got.get(..10) == wanted.get(..10),
            "LIKE" => got.contains(wanted),
            "NOT LIKE" | "!*" => !got.contains(wanted),
            "STARTSWITH" => got.starts_with(wanted),
            "ENDSWITH" => got.ends_with(wanted),
            "IN" => wanted.split(',').any(|wanted| wanted == got),
            "NOT IN" => !wanted.split(',').any(|wanted| wanted == got),
            "ISEMPTY" | "EMPTYSTRING" => got.is_empty(),
            "ISNOTEMPTY" => !got.is_empty(),
            // ANYTHING.
            _ => true,
        }
    }
}

fn computed<'a>(part: &'a str, now: &Now<'_>) -> Cow<'a, str> {
    match part.strip_prefix("javascript:") {
        None => Cow::Borrowed(part),
        Some(USER) => Cow::Owned(now.user.to_string()),
        Some(script) => Cow::Owned(dates::computed(script, now.time).unwrap_or_default()),
    }
}

fn without_accents(text: &str) -> String {
    text.nfd().filter(|c| !is_combining_mark(*c)).collect()
}

fn is_time(table: &str, path: &str) -> bool {
    let column = dictionary::table(table).and_then(|table| table.column(path));
    column.is_some_and(|column| column.kind == "glide_date_time")
}

/// A time of day in a zone, in UTC. Of a time that clocks repeat, the first is meant.
fn in_utc<'a>(said: &'a str, zone: &TimeZone) -> Cow<'a, str> {
    let instant = DateTime::strptime(FORMAT, said).ok().and_then(|time| zone.to_timestamp(time).ok());
    instant.map_or(Cow::Borrowed(said), |at| Cow::Owned(TimeZone::UTC.to_datetime(at).strftime(FORMAT).to_string()))
}

impl fmt::Display for Condition {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.operator {
            "TEXT" => write!(out, "{}{}", super::TEXT_QUERY, self.value),
            operator => write!(out, "{}{operator}{}", self.path, self.value),
        }
    }
}

/// Numbers by their value and before texts, texts as they are: a total order, whatever a column holds.
pub fn order(one: &str, other: &str) -> Ordering {
    match (one.parse::<i64>(), other.parse::<i64>()) {
        (Ok(one), Ok(other)) => one.cmp(&other),
        (Ok(_), Err(_)) => Ordering::Less,
        (Err(_), Ok(_)) => Ordering::Greater,
        (Err(_), Err(_)) => one.cmp(other),
    }
}
