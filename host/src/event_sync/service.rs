//! Two-way event sync, for an engine: the second component, and what its host remembers.
//!
//! - [`EventSync::push`] brings an event into ServiceNow.
//! - [`EventSync::deliver`] takes in what the instance posted, hands on what is new, and remembers it.
//! - [`EventSync::reconcile`] brings what deliveries missed.
//! - [`EventSync::apply`] and its siblings set the instance up.

use super::call_ledger::CallLedger;
use super::ledger::Ledger;
use super::outbox::Outbox;
use super::remembered::Remembered;
use super::turns::Turns;
use crate::bindings::exports::servicenow::plugin::callbacks::NamesOutcome;
use crate::bindings::exports::servicenow::plugin::mapping::{
    InstanceColumn, ItemsOutcome, PathsOutcome, PreviewOutcome,
};
use crate::bindings::exports::servicenow::plugin::push::PushOutcome;
use crate::bindings::exports::servicenow::plugin::types::Call;
use crate::egress::of_rules;
use crate::engine::component::LoadedComponent;
use crate::engine::functions::{FunctionIndex, SyncFunctions};
use crate::error::BuildError;
use crate::host::Host;
use crate::intent::Intent;
use crate::runner::{EndedBy, Report, Runner};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Two-way event sync, with the authorizations, tokens and connections of the host it was made from.
pub struct EventSync {
    pub(super) runner: Runner,
    exports: Arc<SyncFunctions>,
    pub(super) remembered: Remembered,
    pub(super) turns: Turns,
}

/// A push ends at its deadline, and nobody waits for it this long after.
pub const AFTER_DEADLINE: Duration = Duration::from_secs(5);

/// The world of the component.
const WORLD: &str = "sync";

impl Host {
    /// Two-way event sync with the component that is built with this crate, beside the incident node.
    ///
    /// # Errors
    ///
    /// If this host cannot load the component.
    #[cfg(feature = "bundled-sync")]
    pub fn event_sync(&self, ledger: impl Ledger) -> Result<EventSync, BuildError> {
        self.event_sync_with(crate::bundled::SYNC_COMPONENT, ledger)
    }

    /// The same with another component of the world `sync`.
    ///
    /// # Errors
    ///
    /// If the bytes are not such a component.
    pub fn event_sync_with(&self, component: &[u8], ledger: impl Ledger) -> Result<EventSync, BuildError> {
        let functions = SyncFunctions::load(&self.runner.engine, component, self.cache.as_deref());
        let functions = functions.map_err(|error| BuildError::Component { world: WORLD, error })?;
        Ok(EventSync::new(self.runner.clone(), functions, ledger))
    }
}

impl EventSync {
    /// The same component for another host's authorizations and another ledger. Nothing is compiled again.
    pub fn of(&self, host: &Host, ledger: impl Ledger) -> Self {
        Self::new(host.runner.clone(), self.exports.afresh(), ledger)
    }

    fn new(runner: Runner, exports: SyncFunctions, ledger: impl Ledger) -> Self {
        let ledger: Arc<dyn Ledger> = Arc::new(ledger);
        Self {
            runner,
            exports: Arc::new(exports),
            turns: Turns::new(Arc::clone(&ledger)),
            remembered: Remembered(ledger),
        }
    }

    /// What is remembered.
    pub fn ledger(&self) -> &dyn Ledger {
        &*self.remembered.0
    }

    /// The events of an authorization that wait for a consumer.
    pub fn outbox(&self, authorization: &str) -> Arc<Outbox> {
        Arc::new(Outbox::new(Arc::clone(&self.remembered.0), authorization))
    }

    /// Shows what a push would send, as far as that is known without an instance. Needs no network.
    pub async fn preview(&self, rules: String, event: String, manual: bool) -> wasmtime::Result<PreviewOutcome> {
        self.preview_for(rules, event, manual, Vec::new()).await
    }

    /// The same with warnings by the columns of an instance, as [`Host::columns`] reads them.
    pub async fn preview_for(
        &self,
        rules: String,
        event: String,
        manual: bool,
        columns: Vec<InstanceColumn>,
    ) -> wasmtime::Result<PreviewOutcome> {
        let (component, preview) = self.function(|exports| &exports.preview);
        self.runner.compute("", |state| state, component, preview, (rules, event, manual, columns)).await
    }

    /// The events that an event holds, by the `for_each` of the rules; without one the event itself.
    pub async fn items(&self, rules: String, event: String) -> wasmtime::Result<ItemsOutcome> {
        let (component, items) = self.function(|exports| &exports.items);
        self.runner.compute("", |state| state, component, items, (rules, event)).await
    }

    /// Lists what an event offers.
    pub async fn paths(&self, event: String) -> wasmtime::Result<PathsOutcome> {
        let (component, paths) = self.function(|exports| &exports.paths);
        self.runner.compute("", |state| state, component, paths, (event,)).await
    }

    /// Pushes an event. What it wrote is remembered, so that its delivery is known as an echo, and a repeated event writes nothing.
    pub async fn push(&self, call: Call, rules: String, event: String, manual: bool) -> Report<PushOutcome> {
        let started = Instant::now();
        let authorization = call.authorization.clone();
        let at_most = self.runner.shared.limits.timeout(call.timeout_ms) + AFTER_DEADLINE;
        let _writing = match self.turns.writing(&authorization, at_most) {
            Ok(writing) => writing,
            // Before anything is written: a delivery of this write would be told as somebody's change.
            Err(error) => return Report::not_begun(started, &format!("the ledger cannot be used: {error}")),
        };
        let ledger = Some(self.ledger_of(&authorization, at_most));
        let intent = Intent { headers: of_rules(&rules), ledger, ..Intent::write() };
        let push = self.function(|exports| &exports.push);
        self.runner.run(started, call, intent, push, |call| (call, rules, event, manual)).await
    }

    /// Pushes each event that an event holds, one after the other: they may be of the same incident. Each has the call's deadline
    /// for itself. `pushed` is told of each as it ends, with how many there are. A failure of one does not keep the others from
    /// being pushed.
    pub async fn push_each(
        &self,
        call: Call,
        rules: String,
        event: String,
        manual: bool,
        mut pushed: impl FnMut(&Report<PushOutcome>, usize),
    ) -> wasmtime::Result<Vec<Report<PushOutcome>>> {
        let started = Instant::now();
        let events = match self.items(rules.clone(), event).await? {
            ItemsOutcome::Items(events) => events,
            ItemsOutcome::InvalidData(violations) => {
                let refused =
                    Report::without_exchange(started, PushOutcome::InvalidData(violations), EndedBy::Component);
                pushed(&refused, 1);
                return Ok(vec![refused]);
            }
        };
        let mut reports = Vec::with_capacity(events.len());
        let all = events.len();
        for event in events {
            let report = self.push(call.clone(), rules.clone(), event, manual).await;
            pushed(&report, all);
            reports.push(report);
        }
        Ok(reports)
    }

    /// The names behind a record's references.
    pub async fn names(&self, call: Call, table: String, sys_id: String) -> Report<NamesOutcome> {
        let names = self.function(|exports| &exports.names);
        self.runner.run(Instant::now(), call, Intent::read(), names, |call| (call, table, sys_id)).await
    }

    /// What a call is told and tells, of what is remembered.
    pub(super) fn ledger_of(&self, authorization: &str, at_most: Duration) -> CallLedger {
        CallLedger::new(self.remembered.clone(), authorization, at_most)
    }

    /// A function with the component that has it.
    pub(super) fn function(
        &self,
        function: impl FnOnce(&SyncFunctions) -> &FunctionIndex,
    ) -> (&LoadedComponent, &FunctionIndex) {
        (&self.exports.component, function(&self.exports))
    }
}
