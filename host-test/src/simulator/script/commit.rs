//! A write, with the business rules that it sets off: those before it may change or stop it, those after it see it stored, and
//! the asynchronous ones run when it was answered.
//!
//! No lock is held while a script runs: what a script asks, and what it calls, may ask the instance in turn.

use super::engine::{self, Done, Subject, with_stack};
use super::outbound::{Message, Response};
use super::reach::{Script, as_json, log};
use super::rules::{self, Operation, Rule};
use crate::simulator::access::Caller;
use crate::simulator::dictionary::{self, Table};
use crate::simulator::query::Now;
use crate::simulator::row::Row;
use crate::simulator::write::{Draft, Refused, Sent, Write};
use crate::simulator::{Instance, lock};
use serde_json::Value;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// How deep rules set off rules. The platform stops such a loop as well.
const MAX_DEPTH: u8 = 8;

/// Who writes, and from how deep within scripts.
#[derive(Clone)]
pub struct Actor {
    /// The user.
    pub caller: Caller,
    depth: u8,
    runs_rules: bool,
}

impl Actor {
    /// A user who writes from outside.
    pub fn new(caller: Caller) -> Self {
        Self { caller, depth: 0, runs_rules: true }
    }

    /// The same user, by a script.
    pub fn within(&self, runs_rules: bool) -> Self {
        Self { caller: self.caller.clone(), depth: self.depth.saturating_add(1), runs_rules }
    }

    /// Sends a request for a script, and logs it where the instance logs such requests.
    pub fn send(&self, instance: &Instance, message: &Message, left: Duration) -> Value {
        let response = instance.outbound.send(message, left);
        note(instance, message, &response);
        serde_json::to_value(response).unwrap_or_default()
    }
}

/// What is to be done when the answer is out.
pub enum Job {
    /// An asynchronous rule.
    Rule(Box<Queued>),
    /// A request that a script left to be sent.
    Request(Actor, Value),
}

/// An asynchronous rule, with its record as it was stored.
pub struct Queued {
    rule: Rule,
    table: &'static Table,
    operation: Operation,
    row: Row,
    actor: Actor,
}

/// A write to a table.
pub struct Commit<'a> {
    /// The instance.
    pub instance: &'a Arc<Instance>,
    /// The table.
    pub table: &'static Table,
    /// Who writes.
    pub actor: Actor,
    /// Whether values are display values.
    pub display_values: bool,
    /// Whether a script writes, whom no access rule holds back.
    pub by_script: bool,
}

impl Commit<'_> {
    /// Inserts a record. The row as it is stored.
    pub fn insert(&self, sent: &Sent) -> Result<Row, Refused> {
        if !self.has_rules() {
            return self.write(|write| write.insert(sent));
        }
        self.with_rules(|| {
            let mut draft = self.write(|write| write.draft(sent))?;
            self.before(Operation::Insert, &mut draft)?;
            let row = self.write(|write| write.keep(draft))?;
            self.follow(Operation::Insert, &row, &Row::default());
            Ok(row)
        })
    }

    /// Updates a record. The row as it is stored; `None` where there is none.
    pub fn update(&self, sys_id: &str, sent: &Sent) -> Result<Option<Row>, Refused> {
        if !self.has_rules() {
            return self.write(|write| write.update(sys_id, sent));
        }
        self.with_rules(|| {
            let Some(mut draft) = self.write(|write| write.change(sys_id, sent)) else { return Ok(None) };
            let class = dictionary::table(&draft.row["sys_class_name"]).unwrap_or(self.table);
            let this = Commit { table: class, actor: self.actor.clone(), ..*self };
            let set = this.before(Operation::Update, &mut draft)?;
            // The record may have changed while the scripts ran: what was sent, and what they set, goes onto what it is now.
            let stored = this.write(|write| {
                let Some(mut draft) = write.change(sys_id, sent) else { return Ok(None) };
                let before = draft.before.clone();
                write.set(&mut draft, &set);
                write.keep(draft).map(|row| Some((row, before)))
            })?;
            let Some((row, before)) = stored else { return Ok(None) };
            this.follow(Operation::Update, &row, &before);
            Ok(Some(row))
        })
    }

    /// Removes a record. The row, if it was there.
    pub fn delete(&self, sys_id: &str) -> Result<Option<Row>, Refused> {
        let remove = || self.instance.store().remove(self.table.name, sys_id);
        if !self.has_rules() {
            return Ok(remove());
        }
        self.with_rules(|| {
            let Some(row) = self.instance.store().find(self.table.name, sys_id).cloned() else { return Ok(None) };
            let mut draft = Draft::of(row.clone());
            self.before(Operation::Delete, &mut draft)?;
            let removed = remove();
            self.follow(Operation::Delete, &row, &row);
            Ok(removed)
        })
    }

    fn has_rules(&self) -> bool {
        self.actor.runs_rules && self.instance.store().rows("sys_script").next().is_some()
    }

    fn with_rules<T: Send>(&self, work: impl FnOnce() -> Result<T, Refused> + Send) -> Result<T, Refused> {
        if self.actor.depth > 0 { work() } else { with_stack(work) }
    }

    fn write<T>(&self, work: impl FnOnce(&mut Write<'_>) -> T) -> T {
        let settings = self.instance.settings().clone();
        work(&mut Write {
            store: &mut self.instance.store(),
            settings: &settings,
            table: self.table,
            user: &self.actor.caller.sys_id,
            user_name: &self.actor.caller.user_name,
            display_values: self.display_values,
            by_script: self.by_script,
        })
    }

    /// The rules before a write, each of which sees what the one before it made of the record. Returns what they set.
    fn before(&self, operation: Operation, draft: &mut Draft) -> Result<Sent, Refused> {
        let mut set = Sent::new();
        for rule in self.rules(operation, "before", &draft.row) {
            let before = (operation != Operation::Insert).then(|| as_json(&draft.before));
            let subject = self.subject(operation, &draft.row, before);
            let Some(done) = run_rule(self.instance, &self.actor, &rule, &subject) else { continue };
            let changed: Sent = done.set.into_iter().collect();
            self.write(|write| write.set(draft, &changed));
            set.extend(changed);
            if done.aborted || rule.aborts {
                return Err(Refused::Rule { name: rule.name, sys_id: rule.sys_id });
            }
        }
        Ok(set)
    }

    /// The rules after a write, and those that are left for later.
    fn follow(&self, operation: Operation, row: &Row, before: &Row) {
        for rule in self.rules(operation, "after", row) {
            let before = (operation != Operation::Insert).then(|| as_json(before));
            let subject = self.subject(operation, row, before);
            run_rule(self.instance, &self.actor, &rule, &subject);
        }
        for rule in self.rules(operation, "async", row) {
            let (table, row, actor) = (self.table, row.clone(), self.actor.within(true));
            let job = Job::Rule(Box::new(Queued { rule, table, operation, row, actor }));
            lock(&self.instance.jobs).push_back(job);
        }
    }

    fn rules(&self, operation: Operation, when: &str, row: &Row) -> Vec<Rule> {
        if self.actor.depth >= MAX_DEPTH {
            log(self.instance, "error", "rules set off rules too deep; this write sets off none", self.table.name);
            return Vec::new();
        }
        let store = self.instance.store();
        let now = Now { time: store.source.peek(), user: &self.actor.caller.sys_id };
        rules::applicable(&store, self.table, operation, when, row, &now)
    }

    fn subject(&self, operation: Operation, row: &Row, before: Option<Value>) -> Subject<'static> {
        Subject { table: self.table.name, operation: operation.name(), row: as_json(row), before }
    }
}

/// Runs a rule whose condition holds. `None` where it does not hold, and where a script failed: that is a matter of the log.
fn run_rule(instance: &Arc<Instance>, actor: &Actor, rule: &Rule, subject: &Subject<'_>) -> Option<Done> {
    if !rule.condition.trim().is_empty() {
        let condition = format!("!!({})", rule.condition);
        if run(instance, actor, &rule.name, &condition, Some(subject))?.value != "true" {
            return None;
        }
    }
    run(instance, actor, &rule.name, &rule.script, Some(subject))
}

/// Runs a script. Its failure goes to the instance's log, and the requests it left are sent later.
pub fn run(
    instance: &Arc<Instance>,
    actor: &Actor,
    name: &str,
    source: &str,
    subject: Option<&Subject<'_>>,
) -> Option<Done> {
    let script = Script { instance: Arc::clone(instance), actor: actor.clone(), source: name.to_string() };
    let time = Duration::from_millis(instance.settings().script_ms);
    match engine::run(name, source, subject, Rc::new(script), time) {
        Ok(mut done) => {
            let requests = done.requests.drain(..).map(|request| Job::Request(actor.clone(), request));
            lock(&instance.jobs).extend(requests);
            Some(done)
        }
        Err(engine::Failed(problem)) => {
            log(instance, "error", &problem, name);
            None
        }
    }
}

/// Does what was left for later, in the order it was left. One thread at a time.
pub fn work(instance: &Arc<Instance>) {
    let _working = lock(&instance.working);
    while let Some(job) = { lock(&instance.jobs).pop_front() } {
        match job {
            Job::Rule(queued) => with_stack(|| {
                let Queued { rule, table, operation, row, actor } = *queued;
                // An asynchronous rule has no previous record.
                let subject =
                    Subject { table: table.name, operation: operation.name(), row: as_json(&row), before: None };
                run_rule(instance, &actor, &rule, &subject);
            }),
            Job::Request(actor, request) => {
                if let Ok(message) = serde_json::from_value(request) {
                    let time = Duration::from_millis(instance.settings().script_ms);
                    actor.send(instance, &message, time);
                }
            }
        }
    }
}

fn note(instance: &Instance, message: &Message, response: &Response) {
    let status = if response.status == 0 { String::new() } else { response.status.to_string() };
    let method = message.method.to_ascii_uppercase();
    for table in instance.settings().clone().outbound_logs {
        let Some(table) = dictionary::table(&table) else { continue };
        let mut store = instance.store();
        let now = store.source.peek().strftime("%Y-%m-%d %H:%M:%S").to_string();
        let columns = [
            ("url", message.endpoint.as_str()),
            ("method", &method),
            ("response_status", &status),
            ("request_body", &message.body),
            ("response_body", &response.body),
            ("error", response.error.as_deref().unwrap_or_default()),
            ("sys_created_on", &now),
        ];
        store.add(table.name, Row::new(table.name, columns));
    }
}
