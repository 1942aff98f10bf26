//! The writing half of the Table API: a body in, a record or a refusal out (docs/servicenow-api.md 2.6, 2.7).

use super::Instance;
use super::answer::{Answer, error, json};
use super::api_errors::Refused;
use super::script::Actor;
use super::script::commit::Commit;
use super::table_api::{Asked, missing};
use super::write::Sent;
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use std::sync::Arc;

impl Asked<'_> {
    /// POST on a table.
    pub fn insert(&self, instance: &Arc<Instance>, body: &[u8]) -> Answer {
        let sent = match self.writable("Insert", body) {
            Ok(sent) => sent,
            Err(answer) => return *answer,
        };
        match self.commit(instance).insert(&sent) {
            Ok(row) => {
                let record = self.shape().record(&instance.store(), self.table.name, &row);
                let mut answer = json(201, &json!({"result": record}));
                let location = format!("{}/{}/{}", self.tables_url, self.table.name, &row["sys_id"]);
                if let Ok(location) = HeaderValue::from_str(&location) {
                    answer.headers_mut().insert(header::LOCATION, location);
                }
                answer
            }
            Err(refused) => self.refused(&refused),
        }
    }

    /// PUT and PATCH on a record: both change what is sent and leave the rest.
    pub fn update(&self, instance: &Arc<Instance>, sys_id: &str, body: &[u8]) -> Answer {
        let sent = match self.writable("Update", body) {
            Ok(sent) => sent,
            Err(answer) => return *answer,
        };
        if let Some(answer) = self.may_not_close(instance, sys_id, &sent) {
            return answer;
        }
        match self.commit(instance).update(sys_id, &sent) {
            Ok(Some(row)) => {
                let record = self.shape().record(&instance.store(), self.table.name, &row);
                json(200, &json!({"result": record}))
            }
            Ok(None) => missing(),
            Err(refused) => self.refused(&refused),
        }
    }

    /// DELETE on a record.
    pub fn delete(&self, instance: &Arc<Instance>, sys_id: &str) -> Answer {
        if self.table.name == "syslog" || !self.caller.deletes() {
            return denied("Delete");
        }
        match self.commit(instance).delete(sys_id) {
            Ok(Some(_)) => empty(StatusCode::NO_CONTENT),
            Ok(None) => missing(),
            Err(refused) => self.refused(&refused),
        }
    }

    fn commit<'i>(&self, instance: &'i Arc<Instance>) -> Commit<'i> {
        Commit {
            instance,
            table: self.table,
            actor: Actor::new(self.caller.clone()),
            display_values: self.is_true("sysparm_input_display_value"),
            by_script: false,
        }
    }

    /// Closing takes an administrator of incidents (docs/servicenow-api.md 4).
    fn may_not_close(&self, instance: &Instance, sys_id: &str, sent: &Sent) -> Option<Answer> {
        if self.caller.has(&["itil_admin"]) {
            return None;
        }
        let closes = ["state", "incident_state"].iter().any(|name| sent.get(*name).is_some_and(|state| state == "7"));
        let store = instance.store();
        let incident = store.find("incident", sys_id)?;
        let is_kept = &incident["state"] == "7" && !self.settings.may_change_closed;
        (closes || is_kept).then(|| denied("Update"))
    }

    fn writable(&self, action: &str, body: &[u8]) -> Result<Sent, Box<Answer>> {
        // The log of what scripts sent is the instance's own (docs/servicenow-api.md 7).
        let is_log = matches!(self.table.name, "sys_outbound_http_log" | "sys_outbound_rest_message_log");
        if is_log || !self.caller.writes(self.table.name) {
            return Err(Box::new(denied(action)));
        }
        // An empty body writes nothing, and of many records only the first is taken.
        let body: &[u8] = if body.trim_ascii().is_empty() { b"{}" } else { body };
        let members = match serde_json::from_slice::<Value>(body) {
            Ok(Value::Object(members)) => members,
            Ok(Value::Array(records)) => match records.into_iter().next() {
                Some(Value::Object(members)) => members,
                _ => return Err(Box::new(self.unreadable())),
            },
            Ok(_) | Err(_) => return Err(Box::new(self.unreadable())),
        };
        Ok(members.into_iter().map(|(name, value)| (name, text(value))).collect())
    }

    fn unreadable(&self) -> Answer {
        error(
            self.settings.may_refuse_malformed_with,
            "Exception while reading request",
            "The payload is not valid JSON",
        )
    }

    fn refused(&self, refused: &Refused) -> Answer {
        let status = if matches!(refused, Refused::Key(_)) { self.settings.may_refuse_key_with } else { 403 };
        error(status, "Operation Failed", &refused.detail(self.table.name))
    }
}

/// A column's value as text: an instance takes numbers and truths for their text, and null for none.
pub fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn denied(action: &str) -> Answer {
    error(403, "Operation Failed", &format!("ACL Exception {action} Failed due to security constraints"))
}

/// An answer without a body.
pub fn empty(status: StatusCode) -> Answer {
    let mut answer = json(status.as_u16(), &Value::Null).map(|_| Bytes::new());
    answer.headers_mut().remove(header::CONTENT_TYPE);
    answer
}
