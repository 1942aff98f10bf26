//! The records of a set-up as an update set, for administrators who give nobody admin rights over REST.
//!
//! The form is that of an update set that an instance exports to XML, with every element that such a file has
//! (docs/servicenow-api.md 7.1): one `sys_remote_update_set`, and a `sys_update_xml` for each record, whose payload is the record as
//! XML.

use super::{set_up, settings};
use crate::bindings::provisioning::Settings;
use jiff::Timestamp;
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesStart, BytesText, Event};
use servicenow_core::bindings::types::Violation;
use servicenow_core::host::Host;
use servicenow_core::incidents::violations::Violations;
use servicenow_core::servicenow::sys_id::SysId;
use servicenow_core::set_up::{Kind, SetUp, VERSION, Wanted, everything, wanted};
use std::io;

/// What an instance calls an insert, and an update where the key is there.
const UPSERT: (&str, &str) = ("action", "INSERT_OR_UPDATE");

/// What an instance calls a removal.
const DELETE: &str = "DELETE";

/// Who made the records, as the file says it.
const AUTHOR: &str = "admin";

/// An update set, and what is the same in all of its parts.
struct UpdateSet {
    set_up: SetUp,
    name: String,
    key: SysId,
    /// When it was made. A record that was changed on the instance after that is a conflict, which the preview tells.
    made_on: String,
}

/// The update set of these settings.
pub fn update_set(settings: &Settings, host: &dyn Host) -> Result<String, Vec<Violation>> {
    let mut violations = Violations::default();
    settings::check(settings, &mut violations);
    for record in &settings.legacy {
        let expected = "none here: an update set names records by their keys, so remove it by hand or with apply";
        violations.add("legacy", &record.name, expected);
    }
    if !violations.list.is_empty() {
        return Err(violations.list);
    }
    let seconds = i64::try_from(host.unix_seconds()).unwrap_or_default();
    let made_on = Timestamp::from_second(seconds).unwrap_or_default().strftime("%Y-%m-%d %H:%M:%S").to_string();
    let set_up = set_up(settings);
    // Another file is another update set: an instance would add the rows of one to those of the other.
    let key = SysId::derive(&format!("update-set/{}", set_up.product), &format!("{made_on} {settings:?}"));
    let name = format!("{}: deliveries, version {VERSION}, {made_on}", set_up.product);
    let set = UpdateSet { set_up, name, key, made_on };
    document(|xml| set.unload(xml)).map_err(|error| {
        violations.add("settings", &error.to_string(), "settings that can be written as XML");
        violations.list
    })
}

impl UpdateSet {
    fn unload(&self, xml: &mut Xml) -> io::Result<()> {
        let of_unload = [("unload_date", self.made_on.as_str())];
        xml.parent("unload", &of_unload, |xml| {
            xml.parent("sys_remote_update_set", &[UPSERT], |xml| self.description(xml))?;
            // What the set-up has no use for any more goes.
            let wanted = wanted(&self.set_up);
            everything(&self.set_up).iter().try_for_each(|record| {
                let action = if wanted.iter().any(|wanted| wanted.kind == record.kind) { UPSERT.1 } else { DELETE };
                xml.parent("sys_update_xml", &[UPSERT], |xml| self.update(xml, record, action))
            })
        })
    }

    fn description(&self, xml: &mut Xml) -> io::Result<()> {
        let text = format!(
            "Delivers changes to {}. After the commit, enter the callback secret as the value of the property that ends in \
             .callback_secret, and tick Private for both properties.",
            self.set_up.product
        );
        xml.shown("application", "Global", "global")?;
        xml.values(&[
            ("application_name", "Global"),
            ("application_scope", "global"),
            ("application_version", ""),
            ("collisions", ""),
            ("commit_date", ""),
            ("deleted", ""),
            ("description", &text),
            ("inserted", ""),
            ("name", &self.name),
            ("origin_sys_id", ""),
        ])?;
        xml.shown("parent", "", "")?;
        xml.value("release_date", "")?;
        xml.shown("remote_base_update_set", "", "")?;
        let remote = SysId::derive("update-set/remote", self.key.as_str());
        xml.values(&[
            ("remote_parent_id", ""),
            ("remote_sys_id", remote.as_str()),
            ("state", "loaded"),
            ("summary", ""),
            ("sys_class_name", "sys_remote_update_set"),
        ])?;
        xml.values(&self.stamps(&self.key))?;
        xml.shown("update_set", "", "")?;
        xml.shown("update_source", "", "")?;
        xml.value("updated", "")
    }

    fn update(&self, xml: &mut Xml, record: &Wanted, action: &str) -> io::Result<()> {
        let payload = document(|xml| self.payload(xml, record, action))?;
        let update_name = self.update_name(record);
        let key = SysId::derive(self.key.as_str(), &update_name);
        xml.value("action", action)?;
        xml.shown("application", "Global", "global")?;
        xml.values(&[
            ("category", "customer"),
            ("comments", ""),
            ("name", &update_name),
            ("payload", &payload),
            ("payload_hash", ""),
        ])?;
        xml.shown("remote_update_set", &self.name, self.key.as_str())?;
        xml.value("replace_on_upgrade", "false")?;
        xml.values(&self.stamps(&key))?;
        xml.values(&[
            ("sys_recorded_at", ""),
            ("table", record.column("collection").or(record.column("table")).unwrap_or_default()),
            ("target_name", &record.name),
            ("type", kind(record.table)),
            ("update_domain", "global"),
            ("update_guid", ""),
            ("update_guid_history", ""),
        ])?;
        xml.shown("update_set", "", "")?;
        xml.value("view", "")
    }

    /// The record as it is to be.
    fn payload(&self, xml: &mut Xml, record: &Wanted, action: &str) -> io::Result<()> {
        let (key, update_name) = (record.key(&self.set_up), self.update_name(record));
        xml.parent("record_update", &[("table", record.table)], |xml| {
            xml.parent(record.table, &[("action", action)], |xml| {
                for (column, value) in record.columns.iter().chain(&record.initial) {
                    xml.value(column, imported(record, column, value))?;
                }
                xml.values(&self.stamps(&key))?;
                xml.values(&[
                    ("sys_class_name", record.table),
                    ("sys_name", &record.name),
                    ("sys_update_name", &update_name),
                ])?;
                xml.shown("sys_package", "Global", "global")?;
                xml.shown("sys_scope", "Global", "global")
            })
        })
    }

    /// What an instance calls the updates of a record: its table and its key.
    fn update_name(&self, record: &Wanted) -> String {
        format!("{}_{}", record.table, record.key(&self.set_up))
    }

    /// What every record has.
    fn stamps<'a>(&'a self, key: &'a SysId) -> [(&'static str, &'a str); 6] {
        [
            ("sys_created_by", AUTHOR),
            ("sys_created_on", &self.made_on),
            ("sys_id", key.as_str()),
            ("sys_mod_count", "0"),
            ("sys_updated_by", AUTHOR),
            ("sys_updated_on", &self.made_on),
        ]
    }
}

/// What a column holds in the file. The secret is for the administrator to enter, and an instance imports no private property; nor
/// does it overwrite one, so that a later update set leaves the secret.
fn imported<'v>(record: &Wanted, column: &str, value: &'v str) -> &'v str {
    match (record.kind, column) {
        (_, "is_private") => "false",
        (Kind::CallbackSecret, "value") => "",
        _ => value,
    }
}

/// What an instance calls the kind of a record, to a person.
fn kind(table: &str) -> &'static str {
    match table {
        "sys_script" => "Business Rule",
        "sys_script_include" => "Script Include",
        "sys_ui_action" => "UI Action",
        _ => "System Property",
    }
}

/// XML that is being written.
struct Xml(Writer<Vec<u8>>);

/// A whole document.
fn document(write: impl FnOnce(&mut Xml) -> io::Result<()>) -> io::Result<String> {
    let mut xml = Xml(Writer::new(Vec::new()));
    xml.0.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    write(&mut xml)?;
    Ok(String::from_utf8_lossy(&xml.0.into_inner()).into_owned())
}

impl Xml {
    fn parent(
        &mut self,
        name: &str,
        attributes: &[(&str, &str)],
        write: impl FnOnce(&mut Self) -> io::Result<()>,
    ) -> io::Result<()> {
        let start = BytesStart::new(name).with_attributes(attributes.iter().copied());
        let end = start.to_end().into_owned();
        self.0.write_event(Event::Start(start.borrow()))?;
        write(self)?;
        self.0.write_event(Event::End(end))
    }

    fn value(&mut self, name: &str, value: &str) -> io::Result<()> {
        self.0.create_element(name).write_text_content(BytesText::new(value)).map(drop)
    }

    fn values(&mut self, all: &[(&str, &str)]) -> io::Result<()> {
        all.iter().try_for_each(|(name, value)| self.value(name, value))
    }

    /// A reference, with what is shown of it.
    fn shown(&mut self, name: &str, display: &str, value: &str) -> io::Result<()> {
        let element = self.0.create_element(name).with_attribute(("display_value", display));
        element.write_text_content(BytesText::new(value)).map(drop)
    }
}
