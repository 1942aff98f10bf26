//! Who may do what: users with roles, and the access rules of the tables (docs/servicenow-api.md 1.5, 2.6 and the set-up guide).

use crate::tables::Row;
use crate::tables::Store;
use crate::tables::dictionary;

/// The user on whose behalf a request is made.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The key.
    pub sys_id: String,
    /// The name.
    pub user_name: String,
    roles: Vec<String>,
}

/// Roles that read incidents and other tasks.
const READS_TASKS: [&str; 3] = ["itil", "sn_incident_read", "sn_incident_write"];

/// Roles that write incidents.
const WRITES_INCIDENTS: [&str; 2] = ["itil", "sn_incident_write"];

/// Tables that anybody who signed in may read.
const PUBLIC: [&str; 11] = [
    "sys_user",
    "sys_user_group",
    "sys_choice",
    "sys_user_role",
    "sys_user_has_role",
    "sys_journal_field",
    "core_company",
    "cmn_location",
    "cmn_department",
    "kb_knowledge",
    "sys_db_object",
];

impl Caller {
    /// A user of the store, by name.
    pub fn of(store: &Store, user_name: &str) -> Option<Self> {
        let user = store.by("sys_user", "user_name", user_name).next()?;
        let held = store.by("sys_user_has_role", "user", &user["sys_id"]);
        let roles = held.map(|held| store.display("sys_user_role", &held["role"]).to_string()).collect();
        Some(Self { sys_id: user["sys_id"].to_string(), user_name: user_name.to_string(), roles })
    }

    /// Whether the user has one of these roles. An administrator has all.
    pub fn has(&self, roles: &[&str]) -> bool {
        self.roles.iter().any(|held| held == "admin" || roles.contains(&held.as_str()))
    }

    /// Whether the user sees the rows of a table.
    pub fn reads(&self, table: &str) -> bool {
        match table {
            // A file is seen by who sees its record, which the Attachment API checks.
            table if is_task(table) || table == "sys_attachment" => self.has(&READS_TASKS),
            "task_sla" | "cmdb_rel_ci" => self.has(&READS_TASKS),
            table if dictionary::root(table) == "cmdb_ci" => self.has(&READS_TASKS),
            "sys_dictionary" => self.has(&["personalize_dictionary"]),
            table => PUBLIC.contains(&table) || self.has(&[]),
        }
    }

    /// Whether the user may insert and update.
    pub fn writes(&self, table: &str) -> bool {
        match table {
            "incident" => self.has(&WRITES_INCIDENTS),
            table if is_task(table) || dictionary::root(table) == "cmdb_ci" => self.has(&["itil"]),
            _ => self.has(&[]),
        }
    }

    /// Whether the user may delete.
    pub fn deletes(&self) -> bool {
        self.has(&[])
    }
}

fn is_task(table: &str) -> bool {
    dictionary::root(table) == "task"
}

/// Adds a user with roles.
pub fn add_user(store: &mut Store, mut user: Row, roles: &[&str]) {
    if user["sys_id"].is_empty() {
        user.set("sys_id", store.source.sys_id());
    }
    let key = user["sys_id"].to_string();
    store.add("sys_user", user);
    for name in roles {
        let known = store.by("sys_user_role", "name", name).next().map(|role| role["sys_id"].to_string());
        let role = known.unwrap_or_else(|| {
            let made = store.source.sys_id();
            store.add("sys_user_role", Row::new("sys_user_role", [("sys_id", made.as_str()), ("name", name)]));
            made
        });
        let held = Row::new("sys_user_has_role", [("user", key.as_str()), ("role", &role), ("state", "active")]);
        store.add("sys_user_has_role", held);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_decide_what_a_user_reads_and_writes() {
        let mut store = Store::new(Some(1));
        for (name, roles) in [
            ("none", &[][..]),
            ("reader", &["sn_incident_read"]),
            ("writer", &["sn_incident_write"]),
            ("fulfiller", &["itil"]),
            ("administrator", &["admin"]),
        ] {
            add_user(&mut store, Row::new("sys_user", [("sys_id", name), ("user_name", name)]), roles);
        }
        for (name, table, reads, writes, deletes) in [
            ("none", "incident", false, false, false),
            ("none", "sys_user", true, false, false),
            ("reader", "incident", true, false, false),
            ("writer", "incident", true, true, false),
            ("writer", "problem", true, false, false),
            ("fulfiller", "problem", true, true, false),
            ("fulfiller", "sys_script", false, false, false),
            ("fulfiller", "sys_dictionary", false, false, false),
            ("administrator", "sys_dictionary", true, true, true),
            ("administrator", "incident", true, true, true),
        ] {
            let caller = Caller::of(&store, name).unwrap();
            assert_eq!(
                (caller.reads(table), caller.writes(table), caller.deletes()),
                (reads, writes, deletes),
                "{name} {table}"
            );
        }
        assert!(Caller::of(&store, "nobody").is_none());
    }
}
