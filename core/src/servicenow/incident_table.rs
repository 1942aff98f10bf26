//! The incident table as delivered: each column with its kind and its meaning.
//!
//! Names and kinds follow a dump of a real instance's dictionary. Instances differ: they have columns that are not here
//! (custom ones start with `u_`), and `columns` reads what an instance really has.

/// What a column holds, as far as it decides how a sent value is compared with the stored one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text and choices: equal text is stored.
    Text,
    /// `true` and `false`; `1` and `0` are accepted on the way in.
    Boolean,
    /// A whole number, compared by its value.
    Integer,
    /// A sys_id of another table.
    Reference,
    /// Sys_ids, separated by commas; their order has no meaning.
    List,
    /// A date and time in UTC.
    DateTime,
    /// A length of time.
    Duration,
    /// Text that is appended to a journal and reads back empty.
    Journal,
}

/// A column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// What it means.
    pub meaning: &'static str,
}

/// A column by name; `None` for one that is not delivered with the table, such as a custom one.
pub fn column(name: &str) -> Option<&'static Column> {
    COLUMNS.iter().find(|column| column.name == name)
}

const fn col(name: &'static str, kind: Kind, meaning: &'static str) -> Column {
    Column { name, kind, meaning }
}

use Kind::{Boolean, DateTime, Duration, Integer, Journal, List, Reference, Text};

/// Every column of the table as delivered, ordered by name.
pub const COLUMNS: &[Column] = &[
    col("active", Boolean, "Whether the incident is open: true until it is closed or cancelled"),
    col("activity_due", DateTime, "When the next activity is due; shown as UNKNOWN where none is"),
    col("additional_assignee_list", List, "Users who work on the incident beside the one it is assigned to"),
    col("approval", Text, "Where the incident stands in an approval"),
    col("approval_history", Journal, "Journal of approvals"),
    col("approval_set", DateTime, "When the approval last changed"),
    col("assigned_to", Reference, "The user who works on the incident"),
    col("assignment_group", Reference, "The group that works on the incident"),
    col("business_duration", Duration, "Time from opened to resolved within business hours"),
    col("business_impact", Text, "What the incident means for the business"),
    col("business_service", Reference, "The business service affected"),
    col("business_stc", Integer, "Seconds from opened to resolved within business hours"),
    col("calendar_duration", Duration, "Time from opened to resolved by the calendar"),
    col("calendar_stc", Integer, "Seconds from opened to resolved by the calendar"),
    col("caller_id", Reference, "The user who reported the incident"),
    col("category", Text, "What the incident is about; it decides which subcategories exist"),
    col("cause", Text, "What caused the incident, in words"),
    col("caused_by", Reference, "The change request that caused the incident"),
    col("child_incidents", Integer, "How many incidents have this one as parent"),
    col("close_code", Text, "The resolution code; required to resolve or close"),
    col("close_notes", Text, "The resolution notes; required to resolve or close"),
    col("closed_at", DateTime, "When the incident was closed"),
    col("closed_by", Reference, "The user who closed the incident"),
    col("cmdb_ci", Reference, "The configuration item affected"),
    col("comments", Journal, "Additional comments, which the caller sees too; a value is appended to the journal"),
    col("comments_and_work_notes", Journal, "Comments and work notes as one journal"),
    col("company", Reference, "The company the incident belongs to"),
    col("contact_type", Text, "How the incident was reported, such as phone or email"),
    col("contract", Reference, "The contract that covers the incident"),
    col("correlation_display", Text, "The name of the other system that the correlation id comes from"),
    col("correlation_id", Text, "The incident's key in another system; not unique in ServiceNow"),
    col("delivery_plan", Reference, "The delivery plan followed"),
    col("delivery_task", Reference, "The delivery task followed"),
    col("description", Text, "The incident in detail"),
    col("due_date", DateTime, "When the incident should be done"),
    col("escalation", Integer, "How far the incident is escalated"),
    col("expected_start", DateTime, "When work is expected to start"),
    col("follow_up", DateTime, "When somebody should look at the incident again"),
    col("group_list", List, "Groups that take an interest"),
    col("hold_reason", Integer, "Why the incident is on hold"),
    col("impact", Integer, "How much is affected: 1 high, 2 medium, 3 low"),
    col("incident_state", Integer, "The state again; ServiceNow keeps it equal to state"),
    col("knowledge", Boolean, "Whether a knowledge article is to be made from the incident"),
    col("location", Reference, "Where the incident is"),
    col("made_sla", Boolean, "Whether the service level was met, by the old way of measuring"),
    col("notify", Integer, "How people are notified"),
    col("number", Text, "The number people know the incident by, such as INC0010001"),
    col("opened_at", DateTime, "When the incident was opened"),
    col("opened_by", Reference, "The user who opened the incident"),
    col("order", Integer, "A position among other tasks"),
    col("origin_id", Text, "The sys_id of the record that the incident came from"),
    col("origin_table", Text, "The table of the record that the incident came from"),
    col("parent", Reference, "The task that this one belongs to"),
    col("parent_incident", Reference, "The incident that this one is a part of"),
    col("priority", Integer, "1 critical to 5 planning; computed from impact and urgency, a sent value is replaced"),
    col("problem_id", Reference, "The problem behind the incident"),
    col("reassignment_count", Integer, "How often the assignment changed between groups"),
    col("rejection_goto", Reference, "The task to go to when an approval is rejected"),
    col("reopen_count", Integer, "How often the incident was reopened"),
    col("reopened_by", Reference, "The user who last reopened the incident"),
    col("reopened_time", DateTime, "When the incident was last reopened"),
    col("resolved_at", DateTime, "When the incident was resolved"),
    col("resolved_by", Reference, "The user who resolved the incident"),
    col("rfc", Reference, "The change request that resolves the incident"),
    col("route_reason", Integer, "Why the incident was routed"),
    col("service_offering", Reference, "The offering of the business service affected"),
    col("severity", Integer, "How bad it is for the business: 1 high, 2 medium, 3 low"),
    col("short_description", Text, "The incident in one line"),
    col("skills", List, "Skills that the work takes"),
    col("sla_due", DateTime, "When the old service level is due; shown as UNKNOWN where none is"),
    col("state", Integer, "1 new, 2 in progress, 3 on hold, 6 resolved, 7 closed, 8 canceled"),
    col("subcategory", Text, "What the incident is about within its category"),
    col("sys_class_name", Text, "The table the record belongs to: incident"),
    col("sys_created_by", Text, "The user name of whoever created the record"),
    col("sys_created_on", DateTime, "When the record was created"),
    col("sys_domain", Reference, "The domain the record belongs to"),
    col("sys_domain_path", Text, "The path of that domain"),
    col("sys_id", Text, "The record's key: 32 hexadecimal digits"),
    col("sys_mod_count", Integer, "How often the record was changed"),
    col("sys_tags", Text, "Tags on the record"),
    col("sys_updated_by", Text, "The user name of whoever changed the record last"),
    col("sys_updated_on", DateTime, "When the record was changed last"),
    col("task_effective_number", Text, "The number to show: the incident's own or its universal request's"),
    col("time_worked", Duration, "Time spent on the incident"),
    col("universal_request", Reference, "The universal request that the incident belongs to"),
    col("upon_approval", Text, "What happens when the approval is given"),
    col("upon_reject", Text, "What happens when the approval is refused"),
    col("urgency", Integer, "How soon it must be solved: 1 high, 2 medium, 3 low"),
    col("user_input", Text, "What users entered along the way"),
    col("watch_list", List, "People who are told of every change"),
    col("wf_activity", Reference, "The workflow activity that the record waits for"),
    col("work_end", DateTime, "When work ended"),
    col(
        "work_notes",
        Journal,
        "Work notes, which only the people who work on it see; a value is appended to the journal",
    ),
    col("work_notes_list", List, "People who are told of work notes"),
    col("work_start", DateTime, "When work started"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_ordered_and_unique() {
        assert!(COLUMNS.windows(2).all(|pair| pair[0].name < pair[1].name));
    }

    #[test]
    fn a_custom_column_is_not_in_the_table_as_delivered() {
        assert_eq!(column("comments").map(|column| column.kind), Some(Journal));
        assert!(column("u_rack").is_none());
    }
}
