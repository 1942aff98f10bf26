//! The dictionary: the simulated tables, which of them extends which, and the columns of each with type, length and
//! referenced table (docs/servicenow-api.md 5).

use std::collections::HashMap;
use std::sync::LazyLock;

/// A table.
#[derive(Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// The table it extends, whose columns it has too.
    pub parent: Option<&'static str>,
    /// What its records' numbers start with, where they have one.
    pub prefix: Option<&'static str>,
    /// Its columns, those of its parents included.
    pub columns: Vec<Column>,
}

/// A column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// ServiceNow's internal type.
    pub kind: &'static str,
    /// The table that declares it.
    pub declared_by: &'static str,
    /// Its length, or the table it refers to.
    detail: &'static str,
}

impl Column {
    /// The table it refers to.
    pub fn reference(&self) -> Option<&'static str> {
        match self.kind {
            "reference" => Some(self.detail),
            _ => None,
        }
    }

    /// Its length.
    pub fn max_length(&self) -> &'static str {
        if self.kind == "reference" { "32" } else { self.detail }
    }

    /// Whether it is true or false, and never neither.
    pub fn is_boolean(&self) -> bool {
        self.kind == "boolean"
    }

    /// The table that a list of keys refers to.
    pub fn listed(&self) -> Option<&'static str> {
        match (self.kind, self.name) {
            ("glide_list", "group_list") => Some("sys_user_group"),
            ("glide_list", _) => Some("sys_user"),
            _ => None,
        }
    }

    /// Whether a write is appended to a journal instead of stored.
    pub fn is_journal(&self) -> bool {
        self.kind.starts_with("journal")
    }
}

impl Table {
    /// A column by its name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

/// A table by its name.
pub fn table(name: &str) -> Option<&'static Table> {
    TABLES.get(name)
}

/// The columns of a table; none of an unknown one.
pub fn columns(name: &str) -> &'static [Column] {
    table(name).map_or(&[], |table| &table.columns)
}

/// The table that a table extends in the end: keys are one of a kind among all that extend it.
pub fn root(name: &str) -> &str {
    table(name).and_then(|table| table.parent).unwrap_or(name)
}

/// All tables.
pub fn tables() -> impl Iterator<Item = &'static Table> {
    DECLARED.iter().filter_map(|(name, ..)| table(name))
}

/// What a person calls a table.
pub fn label(name: &str) -> String {
    match name {
        "sc_request" => "Request".to_string(),
        "sc_req_item" => "Requested Item".to_string(),
        "sc_task" => "Catalog Task".to_string(),
        "cmdb_ci" => "Configuration Item".to_string(),
        "cmdb_ci_appl" => "Application".to_string(),
        "cmdb_ci_win_server" => "Windows Server".to_string(),
        name => {
            let words = name.trim_start_matches("cmdb_ci_").split('_').filter(|word| !word.is_empty());
            words.map(|word| word[..1].to_uppercase() + &word[1..]).collect::<Vec<_>>().join(" ")
        }
    }
}

/// The table and those that extend it.
pub fn with_children(name: &str) -> impl Iterator<Item = &'static str> {
    let extends = move |table: &&'static Table| table.name == name || table.parent == Some(name);
    tables().filter(extends).map(|table| table.name)
}

static TABLES: LazyLock<HashMap<&str, Table>> = LazyLock::new(|| {
    let table = |(name, parent, prefix, _): &(&'static str, &'static str, &'static str, &str)| {
        let (parent, prefix) =
            (Some(*parent).filter(|text| !text.is_empty()), Some(*prefix).filter(|text| !text.is_empty()));
        let mut columns = declared(name);
        columns.extend(parent.map(declared).unwrap_or_default());
        columns.extend(parse(SYSTEM, parent.unwrap_or(name)));
        (*name, Table { name, parent, prefix, columns })
    };
    DECLARED.iter().map(table).collect()
});

fn declared(name: &'static str) -> Vec<Column> {
    DECLARED.iter().filter(|table| table.0 == name).flat_map(|table| parse(table.3, name)).collect()
}

/// Reads columns from a text: `name:kind:detail`.
fn parse(text: &'static str, declared_by: &'static str) -> impl Iterator<Item = Column> {
    text.split_whitespace().map(move |column| {
        let mut parts = column.splitn(3, ':');
        let mut part = || parts.next().unwrap_or_default();
        Column { name: part(), kind: part(), detail: part(), declared_by }
    })
}

/// What every record has.
const SYSTEM: &str = "sys_id:GUID:32 sys_created_by:string:40 sys_created_on:glide_date_time \
    sys_updated_by:string:40 sys_updated_on:glide_date_time sys_mod_count:integer sys_tags:related_tags";

/// Name, parent, the start of its numbers, and its own columns. The columns of task and incident are those of a dumped
/// instance and one custom column; of the other tables only what integrations use.
const DECLARED: [(&str, &str, &str, &str); 39] = [
    ("task", "", "TASK", TASK),
    ("incident", "task", "INC", INCIDENT),
    (
        "problem",
        "task",
        "PRB",
        "known_error:boolean problem_state:integer workaround:string:4000 cause_notes:string:4000 fix_notes:string:4000 \
         resolution_code:string:40 duplicate_of:reference:problem category:string:40",
    ),
    (
        "change_request",
        "task",
        "CHG",
        "type:string:40 risk:integer start_date:glide_date_time end_date:glide_date_time requested_by:reference:sys_user \
         category:string:40 reason:string:40 justification:string:4000 chg_model:reference:chg_model on_hold:boolean \
         on_hold_reason:string:4000 close_code:string:40",
    ),
    (
        "sc_request",
        "task",
        "REQ",
        "requested_for:reference:sys_user request_state:string:40 special_instructions:string:4000 stage:string:40",
    ),
    (
        "sc_req_item",
        "task",
        "RITM",
        "request:reference:sc_request cat_item:reference:sc_cat_item requested_for:reference:sys_user stage:string:40 \
         quantity:integer",
    ),
    ("sc_task", "task", "SCTASK", "request_item:reference:sc_req_item request:reference:sc_request"),
    (
        "sys_user",
        "",
        "",
        "name:string:151 user_name:string:40 first_name:string:50 last_name:string:50 email:email:100 title:string:60 \
         active:boolean locked_out:boolean password_needs_reset:boolean web_service_access_only:boolean \
         internal_integration_user:boolean user_password:password:40 department:reference:cmn_department \
         manager:reference:sys_user phone:ph_number:40 time_zone:string:40",
    ),
    (
        "sys_user_group",
        "",
        "",
        "name:string:80 description:string:1000 active:boolean email:email:100 manager:reference:sys_user",
    ),
    ("sys_user_role", "", "", "name:string:100 description:string:1000"),
    (
        "change_task",
        "task",
        "CTASK",
        "change_request:reference:change_request change_task_type:string:40 planned_start_date:glide_date_time \
         planned_end_date:glide_date_time on_hold:boolean on_hold_reason:string:4000 close_code:string:40",
    ),
    (
        "problem_task",
        "task",
        "PTASK",
        "problem:reference:problem problem_task_type:string:40 started_by:reference:sys_user \
         started_at:glide_date_time close_code:string:40",
    ),
    ("core_company", "", "", "name:string:80 city:string:50 country:string:40 customer:boolean vendor:boolean"),
    ("cmn_location", "", "", "name:string:100 city:string:40 country:string:40 street:multi_two_lines:255"),
    ("cmn_department", "", "", "name:string:100 description:string:1000 dept_head:reference:sys_user"),
    ("cmdb_ci", "", "", CMDB_CI),
    ("cmdb_ci_computer", "cmdb_ci", "", COMPUTER),
    ("cmdb_ci_server", "cmdb_ci", "", COMPUTER),
    ("cmdb_ci_linux_server", "cmdb_ci", "", COMPUTER),
    ("cmdb_ci_win_server", "cmdb_ci", "", COMPUTER),
    ("cmdb_ci_appl", "cmdb_ci", "", "version:string:255 tcp_port:integer"),
    ("cmdb_ci_service", "cmdb_ci", "", "busines_criticality:string:40 service_classification:string:40"),
    ("cmdb_rel_ci", "", "", "parent:reference:cmdb_ci child:reference:cmdb_ci type:reference:cmdb_rel_type"),
    (
        "kb_knowledge",
        "",
        "KB",
        "number:string:40 short_description:string:100 text:html:65000 workflow_state:string:40 active:boolean \
         author:reference:sys_user published:glide_date",
    ),
    (
        "task_sla",
        "",
        "",
        "task:reference:task sla:reference:contract_sla stage:string:40 start_time:glide_date_time \
         end_time:glide_date_time has_breached:boolean active:boolean percentage:percent_complete:15",
    ),
    (
        "sys_db_object",
        "",
        "",
        "name:string:80 label:string:80 super_class:reference:sys_db_object is_extendable:boolean",
    ),
    (
        "sys_user_has_role",
        "",
        "",
        "user:reference:sys_user role:reference:sys_user_role inherited:boolean state:string:40",
    ),
    ("sys_user_grmember", "", "", "user:reference:sys_user group:reference:sys_user_group"),
    (
        "sys_properties",
        "",
        "",
        "name:string:100 value:string:4000 type:string:40 description:string:512 ignore_cache:boolean \
         choices:string:4000 is_private:boolean read_roles:user_roles:255 write_roles:user_roles:255 suffix:string:100",
    ),
    (
        "sys_script",
        "",
        "",
        "name:string:40 collection:table_name:80 when:string:40 order:integer active:boolean advanced:boolean action_insert:boolean \
         action_update:boolean action_delete:boolean condition:string:254 script:script:8000 abort_action:boolean \
         filter_condition:conditions:4000 action_query:boolean add_message:boolean message:html:4000 \
         role_conditions:user_roles:255 priority:integer is_rest:boolean client_callable:boolean access:string:40 \
         description:string:4000",
    ),
    (
        "sys_script_include",
        "",
        "",
        "name:string:100 api_name:string:200 script:script:8000 active:boolean client_callable:boolean \
         access:string:40 description:string:4000",
    ),
    (
        "sys_ui_action",
        "",
        "",
        "name:string:100 table:table_name:80 action_name:string:40 script:script:8000 condition:string:254 active:boolean \
         order:integer comments:string:4000 form_button:boolean form_link:boolean list_button:boolean client:boolean \
         onclick:string:254 show_insert:boolean show_update:boolean hint:string:254",
    ),
    (
        "sys_choice",
        "",
        "",
        "name:string:80 element:string:80 value:string:60 label:string:60 dependent_value:string:60 language:string:3 \
         inactive:boolean sequence:integer",
    ),
    (
        "sys_dictionary",
        "",
        "",
        "name:string:80 element:string:80 column_label:string:80 internal_type:string:40 max_length:integer \
         mandatory:boolean read_only:boolean reference:string:80 active:boolean",
    ),
    ("sys_journal_field", "", "", "name:string:80 element:string:80 element_id:string:32 value:string:4000"),
    ("sys_outbound_http_log", "", "", OUTBOUND_LOG),
    ("sys_outbound_rest_message_log", "", "", OUTBOUND_LOG),
    (
        "sys_attachment",
        "",
        "",
        "table_name:string:80 table_sys_id:string:100 file_name:string:100 content_type:string:100 size_bytes:integer \
         size_compressed:integer average_image_color:color_display:40 chunk_size_bytes:integer state:string:40 hash:string:65 compressed:boolean image_width:integer image_height:integer",
    ),
    ("syslog", "", "", "level:integer message:string:4000 source:string:40"),
];

/// Of these tables only the classes that clients ask for, each right below the table that all extend.
const CMDB_CI: &str = "\
name:string:255 sys_class_name:sys_class_name:80 asset_tag:string:40 serial_number:string:255 ip_address:ip_addr:255 \
fqdn:string:255 environment:string:40 operational_status:integer install_status:integer category:string:255 \
short_description:string:1000 mac_address:string:18 assigned_to:reference:sys_user managed_by:reference:sys_user \
support_group:reference:sys_user_group company:reference:core_company location:reference:cmn_location \
discovery_source:string:40 correlation_id:string:512";

const COMPUTER: &str = "\
host_name:string:255 os:string:40 os_version:string:255 ram:integer cpu_count:integer cpu_core_count:integer \
disk_space:decimal:20";

const OUTBOUND_LOG: &str = "url:string:1024 method:string:40 response_status:integer request_body:string:4000 \
    response_body:string:4000 error:string:4000";

const TASK: &str = "\
active:boolean activity_due:due_date additional_assignee_list:glide_list:4000 approval:string:40 \
approval_history:journal:4000 approval_set:glide_date_time assigned_to:reference:sys_user \
assignment_group:reference:sys_user_group business_duration:glide_duration \
business_service:reference:cmdb_ci_service calendar_duration:glide_duration \
closed_at:glide_date_time closed_by:reference:sys_user close_notes:string:4000 cmdb_ci:reference:cmdb_ci \
comments:journal_input:4000 comments_and_work_notes:journal_list:4000 company:reference:core_company \
contact_type:string:40 contract:reference:ast_contract correlation_display:string:100 correlation_id:string:100 \
delivery_plan:reference:sc_cat_item_delivery_plan delivery_task:reference:sc_cat_item_delivery_task \
description:string:4000 due_date:glide_date_time escalation:integer expected_start:glide_date_time \
follow_up:glide_date_time group_list:glide_list impact:integer knowledge:boolean location:reference:cmn_location \
made_sla:boolean number:string:40 opened_at:glide_date_time opened_by:reference:sys_user order:integer \
parent:reference:task priority:integer reassignment_count:integer route_reason:integer \
service_offering:reference:service_offering short_description:string:160 sla_due:due_date state:integer \
sys_class_name:sys_class_name:80 sys_domain:domain_id:32 sys_domain_path:domain_path:255 \
task_effective_number:string:40 time_worked:timer universal_request:reference:task upon_approval:string:40 \
upon_reject:string:40 urgency:integer user_input:user_input:4000 watch_list:glide_list:4000 work_end:glide_date_time \
work_notes:journal_input:4000 work_notes_list:glide_list:4000 work_start:glide_date_time";

const INCIDENT: &str = "\
business_impact:string:4000 business_stc:integer calendar_stc:integer caller_id:reference:sys_user \
category:string:40 cause:string:4000 caused_by:reference:change_request child_incidents:integer \
close_code:string:40 hold_reason:integer incident_state:integer notify:integer origin_id:document_id:32 \
origin_table:table_name:80 parent_incident:reference:incident problem_id:reference:problem reopen_count:integer \
reopened_by:reference:sys_user reopened_time:glide_date_time resolved_at:glide_date_time \
resolved_by:reference:sys_user rfc:reference:change_request severity:integer subcategory:string:40 \
u_rack:string:40";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_its_parent_s_columns_and_every_reference_its_kind() {
        let incident = table("incident").unwrap();
        assert_eq!(incident.column("short_description").unwrap().declared_by, "task");
        assert_eq!(incident.column("caller_id").unwrap().declared_by, "incident");
        assert_eq!(incident.column("caller_id").unwrap().reference(), Some("sys_user"));
        assert!(table("task").unwrap().column("caller_id").is_none());
        assert_eq!(with_children("task").count(), 9);
        assert_eq!(with_children("sys_user").collect::<Vec<_>>(), ["sys_user"]);
        for table in tables() {
            let mut names: Vec<_> = table.columns.iter().map(|column| column.name).collect();
            names.sort_unstable();
            let all = names.len();
            names.dedup();
            assert_eq!(names.len(), all, "{} declares a column twice", table.name);
        }
    }
}
