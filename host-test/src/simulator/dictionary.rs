//! The dictionary: the columns of the simulated tables, with type, length and referenced table.

use std::collections::HashMap;
use std::sync::LazyLock;

/// A column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// ServiceNow's internal type.
    pub kind: &'static str,
    /// Its length, or the table it refers to.
    detail: &'static str,
}

impl Column {
    /// The table it refers to.
    pub fn reference(&self) -> Option<&'static str> {
        (self.kind == "reference").then_some(self.detail)
    }

    /// Its length.
    pub fn max_length(&self) -> &'static str {
        if self.kind == "reference" { "32" } else { self.detail }
    }

    /// Whether a write is appended to a journal instead of stored.
    pub fn is_journal(&self) -> bool {
        self.kind.starts_with("journal")
    }
}

/// The tables, and the columns of each as a text: `name:kind:detail`.
const TABLES: [(&str, &str); 5] = [
    ("incident", INCIDENT),
    ("sys_user", "name:string:151 user_name:string:40 email:email:100"),
    ("sys_user_group", "name:string:80"),
    (
        "sys_choice",
        "name:string:80 element:string:80 value:string:60 label:string:60 dependent_value:string:60 language:string:3 inactive:boolean sequence:integer",
    ),
    (
        "sys_dictionary",
        "name:string:80 element:string:80 column_label:string:80 internal_type:string:40 max_length:integer mandatory:boolean read_only:boolean reference:string:80 active:boolean",
    ),
];

/// The columns of a table; none of an unknown one.
pub fn columns(table: &str) -> &'static [Column] {
    static PARSED: LazyLock<HashMap<&str, Vec<Column>>> =
        LazyLock::new(|| TABLES.iter().map(|(table, text)| (*table, parse(text))).collect());
    PARSED.get(table).map_or(&[], Vec::as_slice)
}

fn parse(text: &'static str) -> Vec<Column> {
    let own = text.split_whitespace().map(|column| {
        let mut parts = column.splitn(3, ':');
        let mut part = || parts.next().unwrap_or_default();
        Column { name: part(), kind: part(), detail: part() }
    });
    own.chain([Column { name: "sys_id", kind: "GUID", detail: "32" }]).collect()
}

/// Whether a table is simulated.
pub fn is_table(table: &str) -> bool {
    !columns(table).is_empty()
}

/// The incident table of a dumped instance, and one custom column.
const INCIDENT: &str = "\
active:boolean activity_due:due_date additional_assignee_list:glide_list:4000 approval:string:40 \
approval_history:journal:4000 approval_set:glide_date_time assigned_to:reference:sys_user \
assignment_group:reference:sys_user_group business_duration:glide_duration business_impact:string:4000 \
business_service:reference:cmdb_ci_service business_stc:integer calendar_duration:glide_duration \
calendar_stc:integer caller_id:reference:sys_user category:string:40 cause:string:4000 \
caused_by:reference:change_request child_incidents:integer close_code:string:40 close_notes:string:4000 \
closed_at:glide_date_time closed_by:reference:sys_user cmdb_ci:reference:cmdb_ci comments:journal_input:4000 \
comments_and_work_notes:journal_list:4000 company:reference:core_company contact_type:string:40 \
contract:reference:ast_contract correlation_display:string:100 correlation_id:string:100 \
delivery_plan:reference:sc_cat_item_delivery_plan delivery_task:reference:sc_cat_item_delivery_task \
description:string:4000 due_date:glide_date_time escalation:integer expected_start:glide_date_time \
follow_up:glide_date_time group_list:glide_list hold_reason:integer impact:integer incident_state:integer \
knowledge:boolean location:reference:cmn_location made_sla:boolean notify:integer number:string:40 \
opened_at:glide_date_time opened_by:reference:sys_user order:integer origin_id:document_id:32 \
origin_table:table_name:80 parent:reference:task parent_incident:reference:incident priority:integer \
problem_id:reference:problem reassignment_count:integer reopen_count:integer reopened_by:reference:sys_user \
reopened_time:glide_date_time resolved_at:glide_date_time resolved_by:reference:sys_user \
rfc:reference:change_request route_reason:integer service_offering:reference:service_offering severity:integer \
short_description:string:160 sla_due:due_date state:integer subcategory:string:40 \
sys_class_name:sys_class_name:80 sys_created_by:string:40 sys_created_on:glide_date_time \
sys_domain:domain_id:32 sys_domain_path:domain_path:255 sys_mod_count:integer sys_tags:related_tags \
sys_updated_by:string:40 sys_updated_on:glide_date_time task_effective_number:string:40 time_worked:timer \
universal_request:reference:task upon_approval:string:40 upon_reject:string:40 urgency:integer \
user_input:user_input:4000 watch_list:glide_list:4000 work_end:glide_date_time work_notes:journal_input:4000 \
work_notes_list:glide_list:4000 work_start:glide_date_time u_rack:string:40";
