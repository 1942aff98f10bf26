//! Why a write is refused, in ServiceNow's words (docs/servicenow-api.md 2.6).

/// Why a write is refused.
#[derive(Debug, PartialEq)]
pub enum Refused {
    /// A second record with the same key.
    Key(String),
    /// Resolved or closed without code and notes.
    DataPolicy,
    /// On hold without a reason.
    HoldReason,
    /// A business rule stopped it.
    Rule {
        /// The rule's name.
        name: String,
        /// The rule's key.
        sys_id: String,
    },
}

impl Refused {
    /// The detail of ServiceNow's answer, for a write to this table.
    pub fn detail(&self, table: &str) -> String {
        let mandatory =
            |fields: &str| format!("Data Policy Exception: \n\tThe following fields are mandatory: {fields}");
        match self {
            Refused::Key(key) => {
                format!("Unique Key violation detected by database (Duplicate entry '{key}' for key 'PRIMARY')")
            }
            Refused::DataPolicy => mandatory("Resolution code, Close notes"),
            Refused::HoldReason => mandatory("On hold reason"),
            Refused::Rule { name, sys_id } => format!(
                "Operation against file '{table}' was aborted by Business Rule '{name}^{sys_id}'. Business Rule Stack:{name}"
            ),
        }
    }
}
