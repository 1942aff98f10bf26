//! Scripts in queries: ServiceNow runs what stands behind `javascript:` in a condition, with the rights of the user. One that
//! reads a property could tell the callback secret by which rows it selects.

use url::form_urlencoded;

/// What a script in a query begins with.
const MARK: &str = "javascript:";

/// The functions that filters of lists are made of: of a user and their groups, and of dates.
const FUNCTIONS: [&str; 6] =
    ["gs.getUserID", "gs.user_id", "getMyGroups", "getMyAssignments", "gs.dateGenerate", "gs.datePart"];

/// What the names of the other functions of dates begin with, such as `gs.beginningOfToday`.
const DATES: [&str; 9] = [
    "gs.beginningOf",
    "gs.endOf",
    "gs.minutesAgo",
    "gs.hoursAgo",
    "gs.daysAgo",
    "gs.weeksAgo",
    "gs.monthsAgo",
    "gs.quartersAgo",
    "gs.yearsAgo",
];

/// Whether a query runs a script that is not one call of such a function.
pub fn runs_other_script(query: &str) -> bool {
    form_urlencoded::parse(query.as_bytes()).any(|(name, value)| has_other(&name) || has_other(&value))
}

fn has_other(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    lower.match_indices(MARK).any(|(at, mark)| {
        let script = &text[at + mark.len()..];
        let end = script.find(['^', '@']).unwrap_or(script.len());
        // An instance may read `^^` as a sign of the script.
        script[end..].starts_with("^^") || !is_known(script[..end].trim())
    })
}

/// Whether a script is one call with plain arguments.
fn is_known(script: &str) -> bool {
    let Some((function, arguments)) = script.strip_suffix(')').and_then(|call| call.split_once('(')) else {
        return false;
    };
    let is_name = |rest: &str| rest.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"', :-_.".contains(&byte);
    let is_function =
        FUNCTIONS.contains(&function) || DATES.iter().any(|start| function.strip_prefix(start).is_some_and(is_name));
    is_function && arguments.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_of_lists_run_and_other_scripts_do_not() {
        for (value, other) in [
            ("active=true^ORDERBYnumber", false),
            ("sys_id=javascript:gs.getUserID()", false),
            ("opened_atONToday@javascript:gs.beginningOfToday()@javascript:gs.endOfToday()", false),
            ("opened_at>javascript:gs.dateGenerate('2026-01-02','03:04:05')^active=true", false),
            ("opened_at>=javascript:gs.daysAgoStart(7)", false),
            ("assignment_groupINjavascript:getMyGroups()", false),
            ("short_descriptionSTARTSWITHjavascript:gs.getProperty('x_acme.callback_secret')", true),
            ("xSTARTSWITHJavaScript:gs.getProperty('x_acme.callback_secret')", true),
            ("x=javascript:gs['getPro'+'perty']('y')", true),
            ("x=javascript:gs.getUserID();gs.getProperty('y')", true),
            ("x=javascript:gs.getUserID()+gs.getProperty('y')", true),
            ("x=javascript:gs.daysAgo(gs.getProperty('y'))", true),
            ("x=javascript:gs.getUserID()^^gs.getProperty('y')", true),
            ("x=javascript:", true),
            ("x=javascript:gs.getUserID(),javascript:eval(y)", true),
        ] {
            let query = form_urlencoded::Serializer::new(String::new()).append_pair("sysparm_query", value).finish();
            assert_eq!(runs_other_script(&query), other, "{value}");
        }
    }
}
