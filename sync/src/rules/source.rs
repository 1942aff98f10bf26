//! Where a value comes from: a place in the event, or a template over it.

use servicenow_core::incidents::violations::Violations;

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Source<'r> {
    /// A place in the event.
    Path(&'r str),
    /// A template.
    Template(&'r str),
}

impl<'r> Source<'r> {
    /// What rules say; they were checked.
    pub fn of(path: Option<&'r str>, value: Option<&'r str>) -> Self {
        match (path, value) {
            (Some(path), _) => Source::Path(path),
            (None, value) => Source::Template(value.unwrap_or_default()),
        }
    }

    /// Checks that it is one of the two.
    pub fn check(place: &str, path: Option<&str>, value: Option<&str>, violations: &mut Violations) {
        let expected = "one of the two: \"path\", a place in the event, or \"value\", a template";
        match (path, value) {
            (Some(path), Some(_)) => violations.add(place, path, expected),
            (None, None) => violations.add(place, "neither path nor value", expected),
            _ => {}
        }
    }
}
