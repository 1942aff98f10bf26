//! Two-way event sync, for an engine: the second component, and what its host remembers.
//!
//! - [`EventSync::push`] brings an event into ServiceNow.
//! - [`EventSync::deliver`] takes in what the instance posted, hands on what is new, and remembers it.
//! - [`EventSync::reconcile`] brings what deliveries missed.
//! - [`EventSync::apply`] and its siblings set the instance up.

use super::call_ledger::{CallLedger, MAX_TEXT};
use super::ledger::Ledger;
use super::outbox::Outbox;
use super::remembered::Remembered;
use super::turns::{MAX_HANDLING, Turns};
use crate::bindings::exports::servicenow::plugin::callbacks::{Accepted, Change, Delivery, NamesOutcome, Verdict};
use crate::bindings::exports::servicenow::plugin::changes::{ChangesOutcome, Selection};
use crate::bindings::exports::servicenow::plugin::mapping::{PathsOutcome, PreviewOutcome};
use crate::bindings::exports::servicenow::plugin::push::PushOutcome;
use crate::bindings::exports::servicenow::plugin::types::Call;
use crate::call_state::CallState;
use crate::egress::of_rules;
use crate::engine::component::LoadedComponent;
use crate::engine::functions::{FunctionIndex, SyncFunctions};
use crate::error::BuildError;
use crate::host::Host;
use crate::intent::Intent;
use crate::runner::{HostFailed, Report, Runner};
use crate::secret::Secret;
use crate::secrets::{NoRoom, Room};
use servicenow_core::callback_secret::{HEADER, presented};
use servicenow_core::servicenow::sys_id::SysId;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// Two-way event sync, with the authorizations, tokens and connections of the host it was made from.
pub struct EventSync {
    pub(super) runner: Runner,
    exports: Arc<SyncFunctions>,
    remembered: Remembered,
    turns: Turns,
}

/// A push ends at its deadline, and nobody waits for it this long after.
const AFTER_DEADLINE: Duration = Duration::from_secs(5);

/// The world of the component.
const WORLD: &str = "sync";

/// How often a delivery is judged, and a page of changes read, where others see more of its records meanwhile. What is left then
/// comes with the next reading.
const MAX_READINGS: usize = 8;

/// What a component does that does not go by the ledger.
const NEVER_ENDS: &str = "the component goes on for ever: it does not judge by what the ledger has";

/// Why a delivery was not taken in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotDelivered<E> {
    /// The component does not keep to its world, or to the time.
    #[error("the component failed: {0:#}")]
    Component(wasmtime::Error),
    /// What the change was handed to did not take it. It is not remembered, so that it is new the next time.
    #[error("the change was not taken: {0}")]
    HandlerFailed(E),
    /// What the change was handed to took longer than a record may be kept from others.
    #[error("the change was not taken within {} s", MAX_HANDLING.as_secs())]
    HandlerTooSlow,
    /// What was seen could not be read, or not be written down.
    #[error("the ledger cannot be used: {0}")]
    Ledger(std::io::Error),
}

/// How a reconciliation went.
#[derive(Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reconciled {
    /// How many changes were handed on.
    pub accepted: usize,
    /// How many were known, or the host's own.
    pub known: usize,
}

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

    /// Shows what a push would send. Needs no network.
    pub async fn preview(&self, rules: String, event: String, manual: bool) -> wasmtime::Result<PreviewOutcome> {
        let (component, preview) = self.function(|exports| &exports.preview);
        self.runner.compute("", |state| state, component, preview, (rules, event, manual)).await
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

    /// Whether a delivery carries its authorization's callback secret. Its body need not be there yet.
    pub fn is_authentic(&self, delivery: &Delivery) -> bool {
        let known = self.runner.shared.authorizations.get(&delivery.authorization);
        known.zip(presented(&delivery.headers)).is_some_and(|(known, secret)| known.is_callback_secret(secret))
    }

    /// Judges a delivery; what is new is handed on, and remembered once it was taken. Deliveries of one record are judged one
    /// after the other, and none before the pushes that were on their way when it came: it may be the echo of one.
    pub async fn deliver<E, F: Future<Output = Result<(), E>>>(
        &self,
        delivery: Delivery,
        rules: Option<String>,
        act: impl FnOnce(Change) -> F,
    ) -> Result<Verdict, NotDelivered<E>> {
        // Unauthenticated deliveries are rejected before their body is parsed.
        match self.is_authentic(&delivery) {
            true => self.deliver_authentic(delivery, rules, act).await,
            false => Ok(Verdict::Unauthenticated),
        }
    }

    /// The same for a delivery that [`is_authentic`](Self::is_authentic).
    pub(super) async fn deliver_authentic<E, F: Future<Output = Result<(), E>>>(
        &self,
        delivery: Delivery,
        rules: Option<String>,
        act: impl FnOnce(Change) -> F,
    ) -> Result<Verdict, NotDelivered<E>> {
        let authorization = delivery.authorization.clone();
        let (delivery, one_time) = self.without_secrets(delivery).await.map_err(NotDelivered::Component)?;
        self.turns.written(&authorization).await.map_err(NotDelivered::Ledger)?;
        let (mut act, mut turn, mut told_verdict) = (Some(act), None, None);
        for _ in 0..MAX_READINGS {
            let ledger = self.ledger_of(&authorization, self.runner.shared.limits.default_timeout);
            let (one_time, told) = (one_time.clone(), ledger.clone());
            let prepare = |state: CallState| state.for_delivery(one_time, ledger);
            let (component, receive) = self.function(|exports| &exports.receive);
            let parameters = (delivery.clone(), rules.clone());
            let verdict: wasmtime::Result<Verdict> =
                self.runner.compute(&authorization, prepare, component, receive, parameters).await;
            let verdict = verdict.map_err(failed)?;
            let (Verdict::Accepted(accepted) | Verdict::Late(accepted)) = &verdict else {
                // What was acted on is what it was then, whatever became of the record meanwhile.
                return Ok(told_verdict.unwrap_or(verdict));
            };
            check(accepted).map_err(NotDelivered::Component)?;
            if turn.is_none() {
                let taken = self.turns.turn(&authorization, &accepted.change.sys_id).await;
                turn = Some(taken.map_err(NotDelivered::Ledger)?);
            }
            if self.is_news(&told, accepted).map_err(NotDelivered::Ledger)? {
                if let Some(act) = act.take() {
                    handled(act(accepted.change.clone())).await?;
                }
                if self.remember(&authorization, accepted)? {
                    return Ok(told_verdict.unwrap_or(verdict));
                }
                told_verdict = told_verdict.or(Some(verdict));
            }
            // Somebody else saw more of the record meanwhile: it is judged by that.
        }
        told_verdict.ok_or_else(|| NotDelivered::Component(wasmtime::Error::msg(NEVER_ENDS)))
    }

    /// A delivery as the component is shown it: a one-time value stands for the secret that it came with, and is the only one
    /// that `verify-callback` accepts. Nothing else that is secret is in it.
    async fn without_secrets(&self, mut delivery: Delivery) -> wasmtime::Result<(Delivery, Secret)> {
        let one_time = Secret::one_time();
        if let Some(known) = self.runner.shared.authorizations.get(&delivery.authorization) {
            let is_secret = |text: &str| known.secrets.are_in(text.as_bytes());
            delivery.headers.retain(|(name, value)| {
                name.eq_ignore_ascii_case(HEADER)
                    || !is_secret(value) && !known.secrets.are_in_name(&name.to_ascii_lowercase())
            });
            let room = Room { budgets: &self.runner.shared.budgets, who: &delivery.authorization };
            let redacted = known.secrets.redacted(std::mem::take(&mut delivery.body).into(), room).await;
            let redacted =
                redacted.map_err(|NoRoom| wasmtime::Error::msg("there is no memory to search the delivery"))?;
            delivery.body = redacted.into();
        }
        let presented = delivery.headers.iter_mut().filter(|(name, _)| name.eq_ignore_ascii_case(HEADER));
        presented.for_each(|(_, value)| *value = one_time.expose().to_string());
        Ok((delivery, one_time))
    }

    /// Reads the changes since the ledger's cursor, hands on what is new, and moves the cursor with each page. Without a cursor it
    /// sets one to now.
    pub async fn reconcile<E, F: Future<Output = Result<(), E>>>(
        &self,
        call: &Call,
        selection: &Selection,
        rules: Option<String>,
        mut act: impl FnMut(Change) -> F,
    ) -> Result<(Report<ChangesOutcome>, Reconciled), NotDelivered<E>> {
        let mut reconciled = Reconciled::default();
        let (name, tables) = (&call.authorization, &selection.tables);
        let at_most = self.runner.shared.limits.timeout(call.timeout_ms) + AFTER_DEADLINE;
        let (mut readings, mut acted) = (0, HashSet::new());
        loop {
            let cursor = self.remembered.cursor(name, tables).map_err(NotDelivered::Ledger)?;
            let told = self.ledger_of(name, at_most);
            let report = self.page(call.clone(), selection.clone(), rules.clone(), cursor.clone(), told.clone()).await;
            let ChangesOutcome::ChangesPage(page) = &report.outcome else { return Ok((report, reconciled)) };
            // What was read may be the write of a push that was under way.
            self.turns.written(name).await.map_err(NotDelivered::Ledger)?;
            let mut is_whole = true;
            for accepted in &page.changes {
                check(accepted).map_err(NotDelivered::Component)?;
                let turn = self.turns.turn(name, &accepted.change.sys_id).await;
                let _turn = turn.map_err(NotDelivered::Ledger)?;
                if !self.is_news(&told, accepted).map_err(NotDelivered::Ledger)? {
                    is_whole = false;
                    continue;
                }
                // Each change is handed on once, though it may be judged again.
                if acted.insert((accepted.change.sys_id.clone(), accepted.change.cloud_event.clone())) {
                    handled(act(accepted.change.clone())).await?;
                    reconciled.accepted += 1;
                }
                is_whole &= self.remember(name, accepted)?;
            }
            readings += 1;
            if !is_whole && readings < MAX_READINGS {
                continue;
            }
            reconciled.known += usize::try_from(page.known).unwrap_or(usize::MAX);
            if !is_whole {
                // The cursor stays: the next reading brings the rest.
                return Ok((report, reconciled));
            }
            if page.more && cursor.as_deref() == Some(&page.cursor) || page.cursor.len() > MAX_TEXT {
                return Err(NotDelivered::Component(wasmtime::Error::msg(NEVER_ENDS)));
            }
            (readings, acted) = (0, HashSet::new());
            self.remembered.move_cursor(name, tables, &page.cursor).map_err(NotDelivered::Ledger)?;
            if !page.more {
                return Ok((report, reconciled));
            }
        }
    }

    /// One page of changes that the ledger does not know.
    pub async fn since(
        &self,
        call: Call,
        selection: Selection,
        rules: Option<String>,
        cursor: Option<String>,
    ) -> Report<ChangesOutcome> {
        let at_most = self.runner.shared.limits.timeout(call.timeout_ms) + AFTER_DEADLINE;
        let ledger = self.ledger_of(&call.authorization, at_most);
        self.page(call, selection, rules, cursor, ledger).await
    }

    async fn page(
        &self,
        call: Call,
        selection: Selection,
        rules: Option<String>,
        cursor: Option<String>,
        ledger: CallLedger,
    ) -> Report<ChangesOutcome> {
        let since = self.function(|exports| &exports.since);
        let intent = Intent { ledger: Some(ledger), ..Intent::read() };
        self.runner.run(Instant::now(), call, intent, since, |call| (call, selection, rules, cursor)).await
    }

    /// The names behind a record's references.
    pub async fn names(&self, call: Call, table: String, sys_id: String) -> Report<NamesOutcome> {
        let names = self.function(|exports| &exports.names);
        self.runner.run(Instant::now(), call, Intent::read(), names, |call| (call, table, sys_id)).await
    }

    fn ledger_of(&self, authorization: &str, at_most: Duration) -> CallLedger {
        CallLedger::new(self.remembered.clone(), authorization, at_most)
    }

    /// Whether nobody else saw or settled more of a record since a change of it was judged.
    fn is_news(&self, told: &CallLedger, accepted: &Accepted) -> std::io::Result<bool> {
        let Accepted { change, before, .. } = accepted;
        let known = self.remembered.known(&told.authorization, &change.sys_id)?;
        // Later ones are of writes that began after this was judged.
        let up_to = change.mod_count.unwrap_or(u32::MAX);
        let settled = known.settled.into_iter().filter(|count| *count <= up_to);
        Ok(known.seen == *before && settled.eq(told.told_settled(&change.sys_id, up_to)))
    }

    /// Remembers a change that was acted on, unless somebody else remembered something of its record meanwhile. Whether it did.
    fn remember<E>(&self, authorization: &str, accepted: &Accepted) -> Result<bool, NotDelivered<E>> {
        let Accepted { change, before, after } = accepted;
        self.remembered.seen(authorization, &change.sys_id, before.as_deref(), after).map_err(NotDelivered::Ledger)
    }

    /// A function with the component that has it.
    pub(super) fn function(
        &self,
        function: impl FnOnce(&SyncFunctions) -> &FunctionIndex,
    ) -> (&LoadedComponent, &FunctionIndex) {
        (&self.exports.component, function(&self.exports))
    }
}

/// Hands a change on, for as long as a record's turn allows.
async fn handled<E>(handling: impl Future<Output = Result<(), E>>) -> Result<(), NotDelivered<E>> {
    let handled = timeout(MAX_HANDLING, handling).await.map_err(|_| NotDelivered::HandlerTooSlow)?;
    handled.map_err(NotDelivered::HandlerFailed)
}

/// Checks what of a change goes into the ledger.
fn check(accepted: &Accepted) -> wasmtime::Result<()> {
    let is_key = SysId::parse(&accepted.change.sys_id).is_some();
    match is_key && accepted.after.len() <= MAX_TEXT {
        true => Ok(()),
        false => Err(wasmtime::Error::msg("the component returned a change that cannot be remembered")),
    }
}

/// What a component failed for: itself, or the ledger.
fn failed<E>(error: wasmtime::Error) -> NotDelivered<E> {
    match error.downcast::<HostFailed>() {
        Ok(HostFailed(why)) => NotDelivered::Ledger(std::io::Error::other(why)),
        Err(error) => NotDelivered::Component(error),
    }
}
