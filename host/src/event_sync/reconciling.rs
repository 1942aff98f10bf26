//! What deliveries missed: read from the tables, page by page.

use super::call_ledger::{CallLedger, MAX_TEXT};
use super::delivering::{MAX_READINGS, NEVER_ENDS, NotDelivered, check, handled};
use super::service::{AFTER_DEADLINE, EventSync};
use crate::bindings::exports::servicenow::plugin::callbacks::Change;
use crate::bindings::exports::servicenow::plugin::changes::{ChangesOutcome, Selection};
use crate::bindings::exports::servicenow::plugin::types::Call;
use crate::intent::Intent;
use crate::runner::Report;
use std::collections::HashSet;
use std::time::Instant;

/// How a reconciliation went.
#[derive(Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reconciled {
    /// How many changes were handed on.
    pub accepted: usize,
    /// How many were known, or the host's own.
    pub known: usize,
}

impl EventSync {
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
}
