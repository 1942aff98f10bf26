//! Two-way event sync, for an engine: the second component, and what its host remembers.
//!
//! - [`EventSync::push`] brings an event into ServiceNow.
//! - [`EventSync::deliver`] takes in what the instance posted, hands on what is new, and remembers it.
//! - [`EventSync::reconcile`] brings what deliveries missed.
//! - [`EventSync::apply`] and its siblings set the instance up.

use super::ledger::Ledger;
use super::turns::{MAX_HANDLING, Turns};
use crate::bindings::exports::servicenow::plugin::callbacks::{
    Change, Delivery, Judgement, Known, NamesOutcome, Novelty, Verdict, Version,
};
use crate::bindings::exports::servicenow::plugin::changes::{ChangesOutcome, Selection};
use crate::bindings::exports::servicenow::plugin::mapping::{PathsOutcome, PreviewOutcome};
use crate::bindings::exports::servicenow::plugin::provisioning::{
    InspectOutcome, ProbeOutcome, Settings, StepsOutcome,
};
use crate::bindings::exports::servicenow::plugin::sync::{PushOutcome, Pushed};
use crate::bindings::exports::servicenow::plugin::types::Call;
use crate::egress::of_rules;
use crate::engine::component::LoadedComponent;
use crate::engine::functions::{FunctionIndex, SyncFunctions};
use crate::error::BuildError;
use crate::host::Host;
use crate::intent::Intent;
use crate::runner::{Report, Runner};
use crate::secret::Secret;
use crate::secrets::{NoRoom, Room};
use servicenow_core::callback_secret::{HEADER, presented};
use servicenow_core::set_up::SetUp;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// Two-way event sync, with the authorizations, tokens and connections of the host it was made from.
pub struct EventSync {
    runner: Runner,
    exports: Arc<SyncFunctions>,
    ledger: Arc<dyn Ledger>,
    turns: Turns,
}

/// A push ends at its deadline, and what it wrote is noted within this time.
const AFTER_DEADLINE: Duration = Duration::from_secs(5);

/// The world of the component.
const WORLD: &str = "events";

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

    /// The same with another component of the world `events`.
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
        Self { runner, exports: Arc::new(exports), turns: Turns::new(Arc::clone(&ledger)), ledger }
    }

    /// What is remembered.
    pub fn ledger(&self) -> &dyn Ledger {
        &*self.ledger
    }

    /// Shows what a push would send. Needs no network.
    pub async fn preview(&self, rules: String, event: String, manual: bool) -> wasmtime::Result<PreviewOutcome> {
        let (component, preview) = self.function(|exports| &exports.preview);
        self.runner.compute(None, component, preview, (rules, event, manual)).await
    }

    /// Lists what an event offers.
    pub async fn paths(&self, event: String) -> wasmtime::Result<PathsOutcome> {
        let (component, paths) = self.function(|exports| &exports.paths);
        self.runner.compute(None, component, paths, (event,)).await
    }

    /// Pushes an event. The version it wrote is remembered, so that its delivery is known as an echo.
    pub async fn push(&self, call: Call, rules: String, event: String, manual: bool) -> Report<PushOutcome> {
        let authorization = call.authorization.clone();
        let at_most = self.runner.shared.limits.timeout(call.timeout_ms) + AFTER_DEADLINE;
        let writing = self.turns.writing(&authorization, at_most);
        let intent = Intent { headers: of_rules(&rules), ..Intent::write() };
        let push = self.function(|exports| &exports.push);
        let report = self.runner.run(Instant::now(), call, intent, push, |call| (call, rules, event, manual)).await;
        if let PushOutcome::Created(pushed)
        | PushOutcome::Updated(pushed)
        | PushOutcome::Commented(pushed)
        | PushOutcome::Reopened(pushed)
        | PushOutcome::Resolved(pushed) = &report.outcome
        {
            let Pushed { sys_id, version, .. } = pushed;
            if let Some(Err(error)) = version.map(|version| self.ledger.settled(&authorization, sys_id, version)) {
                // Without it the delivery of this write counts as a change, which changes nothing.
                tracing::warn!(%error, "an own write is not remembered");
            }
        }
        drop(writing);
        report
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
        let (component, subject) = self.function(|exports| &exports.subject);
        let sys_id: Option<String> = self
            .runner
            .compute(None, component, subject, (delivery.body.clone(),))
            .await
            .map_err(NotDelivered::Component)?;
        self.turns.written(&authorization).await.map_err(NotDelivered::Ledger)?;
        let record = sys_id.as_deref().unwrap_or_default();
        let turn = self.turns.turn(&authorization, record).await.map_err(NotDelivered::Ledger)?;
        let known = self.ledger.known(&authorization, record).map_err(NotDelivered::Ledger)?;
        let (component, receive) = self.function(|exports| &exports.receive);
        let verdict: Verdict = self
            .runner
            .compute(Some((&authorization, one_time)), component, receive, (delivery, rules, known))
            .await
            .map_err(NotDelivered::Component)?;
        match &verdict {
            Verdict::Accepted(accepted) => {
                handled(act(accepted.change.clone())).await?;
                self.remember(&authorization, record, &accepted.remember)?;
            }
            Verdict::Echo(version) => self.remember(&authorization, record, version)?,
            Verdict::Ignored(ignored) => {
                let settled = ignored.mod_count.map(|count| self.ledger.settled(&authorization, record, count));
                settled.unwrap_or(Ok(())).map_err(NotDelivered::Ledger)?;
            }
            Verdict::Duplicate | Verdict::Stale | Verdict::Unauthenticated | Verdict::InvalidData(_) => {}
        }
        drop(turn);
        Ok(verdict)
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
        loop {
            let cursor = self.ledger.cursor(&call.authorization).map_err(NotDelivered::Ledger)?;
            let report = self.since(call.clone(), selection.clone(), rules.clone(), cursor).await;
            let ChangesOutcome::ChangesPage(page) = &report.outcome else { return Ok((report, reconciled)) };
            self.turns.written(&call.authorization).await.map_err(NotDelivered::Ledger)?;
            for change in &page.changes {
                let turn = self.turns.turn(&call.authorization, &change.sys_id).await;
                let turn = turn.map_err(NotDelivered::Ledger)?;
                let known = self.ledger.known(&call.authorization, &change.sys_id).map_err(NotDelivered::Ledger)?;
                let judged = self.judge(&change.version, known).await.map_err(NotDelivered::Component)?;
                match judged.novelty {
                    Novelty::New => {
                        handled(act(change.clone())).await?;
                        reconciled.accepted += 1;
                        // It was read from the table itself, so that its count is believed however far it is.
                        let version = Version { mod_count: change.version.mod_count, ..judged.remember };
                        self.remember(&call.authorization, &change.sys_id, &version)?;
                    }
                    Novelty::Echo => {
                        reconciled.known += 1;
                        self.remember(&call.authorization, &change.sys_id, &judged.remember)?;
                    }
                    Novelty::Duplicate | Novelty::Stale => reconciled.known += 1,
                }
                drop(turn);
            }
            self.ledger.move_cursor(&call.authorization, &page.cursor).map_err(NotDelivered::Ledger)?;
            if !page.more {
                return Ok((report, reconciled));
            }
        }
    }

    /// One page of changes, and nothing remembered.
    pub async fn since(
        &self,
        call: Call,
        selection: Selection,
        rules: Option<String>,
        cursor: Option<String>,
    ) -> Report<ChangesOutcome> {
        let since = self.function(|exports| &exports.since);
        self.runner.run(Instant::now(), call, Intent::read(), since, |call| (call, selection, rules, cursor)).await
    }

    /// The names behind a record's references.
    pub async fn names(&self, call: Call, table: String, sys_id: String) -> Report<NamesOutcome> {
        let names = self.function(|exports| &exports.names);
        self.runner.run(Instant::now(), call, Intent::read(), names, |call| (call, table, sys_id)).await
    }

    /// What setting up would do.
    pub async fn plan(&self, call: Call, settings: Settings) -> Report<StepsOutcome> {
        self.steps(call, settings, false, |exports| &exports.plan).await
    }

    /// Sets the instance up.
    pub async fn apply(&self, call: Call, settings: Settings) -> Report<StepsOutcome> {
        self.steps(call, settings, true, |exports| &exports.apply).await
    }

    /// Writes the callback secret anew.
    pub async fn rotate(&self, call: Call, settings: Settings) -> Report<StepsOutcome> {
        self.steps(call, settings, true, |exports| &exports.rotate).await
    }

    /// Switches deliveries off.
    pub async fn pause(&self, call: Call, settings: Settings) -> Report<StepsOutcome> {
        self.steps(call, settings, true, |exports| &exports.pause).await
    }

    /// Switches deliveries on.
    pub async fn resume(&self, call: Call, settings: Settings) -> Report<StepsOutcome> {
        self.steps(call, settings, true, |exports| &exports.resume).await
    }

    /// Removes what was set up.
    pub async fn remove(&self, call: Call, settings: Settings) -> Report<StepsOutcome> {
        self.steps(call, settings, true, |exports| &exports.remove).await
    }

    /// Shows the set-up as it is.
    pub async fn inspect(&self, call: Call, settings: Settings) -> Report<InspectOutcome> {
        let inspect = self.function(|exports| &exports.inspect);
        let intent = Intent::set_up(set_up(&settings), false);
        self.runner.run(Instant::now(), call, intent, inspect, |call| (call, settings)).await
    }

    /// Makes a harmless change, so that a delivery follows.
    pub async fn probe(&self, call: Call, settings: Settings) -> Report<ProbeOutcome> {
        let probe = self.function(|exports| &exports.probe);
        let intent = Intent::set_up(set_up(&settings), true);
        self.runner.run(Instant::now(), call, intent, probe, |call| (call, settings)).await
    }

    async fn steps(
        &self,
        call: Call,
        settings: Settings,
        writes: bool,
        function: impl FnOnce(&SyncFunctions) -> &FunctionIndex,
    ) -> Report<StepsOutcome> {
        let function = self.function(function);
        let intent = Intent::set_up(set_up(&settings), writes);
        self.runner.run(Instant::now(), call, intent, function, |call| (call, settings)).await
    }

    async fn judge(&self, version: &Version, known: Known) -> wasmtime::Result<Judgement> {
        let (component, judge) = self.function(|exports| &exports.judge);
        self.runner.compute(None, component, judge, (version.clone(), known)).await
    }

    fn remember<E>(&self, authorization: &str, sys_id: &str, version: &Version) -> Result<(), NotDelivered<E>> {
        self.ledger.seen(authorization, sys_id, version).map_err(NotDelivered::Ledger)
    }

    /// A function with the component that has it.
    fn function(&self, function: impl FnOnce(&SyncFunctions) -> &FunctionIndex) -> (&LoadedComponent, &FunctionIndex) {
        (&self.exports.component, function(&self.exports))
    }
}

/// Hands a change on, for as long as a record's turn allows.
async fn handled<E>(handling: impl Future<Output = Result<(), E>>) -> Result<(), NotDelivered<E>> {
    let handled = timeout(MAX_HANDLING, handling).await.map_err(|_| NotDelivered::HandlerTooSlow)?;
    handled.map_err(NotDelivered::HandlerFailed)
}

/// What the operator asks for, as the policy checks it.
fn set_up(settings: &Settings) -> SetUp {
    SetUp {
        product: settings.product.clone(),
        callback_url: settings.callback_url.clone(),
        tables: settings.tables.clone(),
        condition: settings.condition.clone(),
        columns: settings.columns.clone(),
        automatic: settings.automatic,
        button: settings.button,
        legacy_rules: settings.legacy_rules.clone(),
    }
}
