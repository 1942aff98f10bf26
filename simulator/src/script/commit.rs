//! A write, with the business rules that it sets off: those before it may change or stop it, those after it see it stored, and
//! the asynchronous ones run when it was answered.
//!
//! No lock is held while a script runs: what a script asks, and what it calls, may ask the instance in turn.

use super::actor::Actor;
use super::engine::{self, Done, Subject, Text, with_stack};
use super::reach::{Records, Script, as_json, log};
use super::rules::{self, Operation, Rule};
use crate::api_errors::Refused;
use crate::query::Now;
use crate::tables::Row;
use crate::tables::dictionary::{self, Table};
use crate::write::{Draft, Notes, Sent, Write};
use crate::{Instance, lock};
use serde_json::Value;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// How deep rules set off rules. The platform stops such a loop as well.
const MAX_DEPTH: u8 = 8;

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
            let notes = draft.notes();
            let row = self.write(|write| write.keep(draft))?;
            self.follow(Operation::Insert, noted(&row, &notes), &Row::default());
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
                write.set(&mut draft, &set);
                let (before, notes) = (draft.before.clone(), draft.notes());
                write.keep(draft).map(|row| Some((row, before, notes)))
            })?;
            let Some((row, before, notes)) = stored else { return Ok(None) };
            this.follow(Operation::Update, noted(&row, &notes), &before);
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
            let class = dictionary::table(&row["sys_class_name"]).unwrap_or(self.table);
            let this = Commit { table: class, actor: self.actor.clone(), ..*self };
            this.before(Operation::Delete, &mut Draft::of(row))?;
            let removed = remove();
            if let Some(row) = &removed {
                this.follow(Operation::Delete, row.clone(), row);
            }
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
        let shown = |draft: &Draft| self.write(|write| write.shown(draft));
        for rule in self.rules(operation, "before", &shown(draft)) {
            let subject = self.subject(operation, &shown(draft), &draft.before);
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
    fn follow(&self, operation: Operation, row: Row, before: &Row) {
        for rule in self.rules(operation, "after", &row) {
            let subject = self.subject(operation, &row, before);
            run_rule(self.instance, &self.actor, &rule, &subject);
        }
        for rule in self.rules(operation, "async", &row) {
            let (table, row, actor) = (self.table, row.clone(), self.actor.later());
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
        let now = Now::of(&store, &self.actor.caller.sys_id);
        rules::applicable(&store, self.table, operation, when, row, &now)
    }

    fn subject(&self, operation: Operation, row: &Row, before: &Row) -> Subject<'static> {
        let before = Some(as_json(before));
        Subject { table: self.table.name, operation: operation.name(), row: as_json(row), before }
    }
}

/// The writes of scripts, which set off rules in turn and are held back by no access rule.
struct ByScript;

impl Records for ByScript {
    fn insert(
        &self,
        instance: &Arc<Instance>,
        table: &'static Table,
        actor: Actor,
        sent: &Sent,
    ) -> Result<Row, Refused> {
        Self::commit(instance, table, actor).insert(sent)
    }

    fn update(
        &self,
        instance: &Arc<Instance>,
        table: &'static Table,
        actor: Actor,
        sys_id: &str,
        sent: &Sent,
    ) -> Result<Option<Row>, Refused> {
        Self::commit(instance, table, actor).update(sys_id, sent)
    }

    fn delete(
        &self,
        instance: &Arc<Instance>,
        table: &'static Table,
        actor: Actor,
        sys_id: &str,
    ) -> Result<Option<Row>, Refused> {
        Self::commit(instance, table, actor).delete(sys_id)
    }
}

impl ByScript {
    fn commit<'a>(instance: &'a Arc<Instance>, table: &'static Table, actor: Actor) -> Commit<'a> {
        Commit { instance, table, actor, display_values: false, by_script: true }
    }
}

/// A record with the new entries of its journals, which rules see in its columns.
fn noted(row: &Row, notes: &Notes) -> Row {
    let mut row = row.clone();
    notes.iter().for_each(|(name, value)| row.set(name, value.as_str()));
    row
}

/// Runs a rule whose condition holds. `None` where it does not hold, and where a script failed: that is a matter of the log.
fn run_rule(instance: &Arc<Instance>, actor: &Actor, rule: &Rule, subject: &Subject<'_>) -> Option<Done> {
    let script = Text { name: &rule.name, condition: &rule.condition, source: &rule.script };
    run(instance, actor, &script, Some(subject)).filter(|done| done.ran)
}

/// Runs a script. Its failure goes to the instance's log, and the requests it left are sent later.
pub fn run(instance: &Arc<Instance>, actor: &Actor, text: &Text<'_>, subject: Option<&Subject<'_>>) -> Option<Done> {
    let script = Script {
        instance: Arc::clone(instance),
        actor: actor.clone(),
        source: text.name.to_string(),
        records: &ByScript,
    };
    match engine::run(text, subject, Rc::new(script), actor.time(instance)) {
        Ok(mut done) => {
            let requests = done.requests.drain(..).map(|request| Job::Request(actor.later(), request));
            lock(&instance.jobs).extend(requests);
            Some(done)
        }
        Err(engine::Failed(problem)) => {
            log(instance, "error", &problem, text.name);
            None
        }
    }
}

/// Does what was left for later, in the order it was left, until nothing is; unless somebody is at it.
pub fn work(instance: &Arc<Instance>) {
    if instance.working.swap(true, Ordering::AcqRel) {
        return;
    }
    loop {
        let job = {
            let mut jobs = lock(&instance.jobs);
            let job = if instance.stopped.load(Ordering::Acquire) { None } else { jobs.pop_front() };
            if job.is_none() {
                // Before the jobs can be added to: whoever adds one sees that nobody is at it.
                instance.working.store(false, Ordering::Release);
            }
            job
        };
        let Some(job) = job else { break };
        // A job that fails in a way nobody thought of takes none of the others with it.
        let _ = catch_unwind(AssertUnwindSafe(|| perform(instance, job)));
    }
}

fn perform(instance: &Arc<Instance>, job: Job) {
    match job {
        Job::Rule(queued) => with_stack(|| {
            let Queued { rule, table, operation, row, actor } = *queued;
            // An asynchronous rule has no previous record.
            let subject = Subject { table: table.name, operation: operation.name(), row: as_json(&row), before: None };
            run_rule(instance, &actor, &rule, &subject);
        }),
        Job::Request(actor, request) => {
            if let Ok(message) = serde_json::from_value(request) {
                actor.send(instance, &message, actor.time(instance));
            }
        }
    }
}
