//! Deliveries: judged one after the other for each record, handed on, and remembered.

use super::call_ledger::{CallLedger, MAX_TEXT};
use super::service::EventSync;
use super::turns::MAX_HANDLING;
use crate::bindings::exports::servicenow::plugin::callbacks::{Accepted, Change, Delivery, Verdict};
use crate::call_state::CallState;
use crate::runner::HostFailed;
use crate::secret::Secret;
use crate::secrets::{NoRoom, Room};
use crate::telemetry;
use servicenow_core::callback_secret::{HEADER, presented};
use servicenow_core::servicenow::sys_id::SysId;
use tokio::time::timeout;

/// How often a delivery is judged, and a page of changes read, where others see more of its records meanwhile. What is left then
/// comes with the next reading.
pub const MAX_READINGS: usize = 8;

/// What a component does that does not go by the ledger.
pub const NEVER_ENDS: &str = "the component goes on for ever: it does not judge by what the ledger has";

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

impl EventSync {
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
            false => {
                let verdict = Ok(Verdict::Unauthenticated);
                telemetry::delivered(&verdict);
                verdict
            }
        }
    }

    /// The same for a delivery that [`is_authentic`](Self::is_authentic).
    pub(super) async fn deliver_authentic<E, F: Future<Output = Result<(), E>>>(
        &self,
        delivery: Delivery,
        rules: Option<String>,
        act: impl FnOnce(Change) -> F,
    ) -> Result<Verdict, NotDelivered<E>> {
        let verdict = self.judged(delivery, rules, act).await;
        telemetry::delivered(&verdict);
        verdict
    }

    async fn judged<E, F: Future<Output = Result<(), E>>>(
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

    /// Whether nobody else saw or settled more of a record since a change of it was judged.
    pub(super) fn is_news(&self, told: &CallLedger, accepted: &Accepted) -> std::io::Result<bool> {
        let Accepted { change, before, .. } = accepted;
        let known = self.remembered.known(&told.authorization, &change.sys_id)?;
        // Later ones are of writes that began after this was judged.
        let up_to = change.mod_count.unwrap_or(u32::MAX);
        let settled = known.settled.into_iter().filter(|count| *count <= up_to);
        Ok(known.seen == *before && settled.eq(told.told_settled(&change.sys_id, up_to)))
    }

    /// Remembers a change that was acted on, unless somebody else remembered something of its record meanwhile. Whether it did.
    pub(super) fn remember<E>(&self, authorization: &str, accepted: &Accepted) -> Result<bool, NotDelivered<E>> {
        let Accepted { change, before, after } = accepted;
        self.remembered.seen(authorization, &change.sys_id, before.as_deref(), after).map_err(NotDelivered::Ledger)
    }
}

/// Hands a change on, for as long as a record's turn allows.
pub async fn handled<E>(handling: impl Future<Output = Result<(), E>>) -> Result<(), NotDelivered<E>> {
    let handled = timeout(MAX_HANDLING, handling).await.map_err(|_| NotDelivered::HandlerTooSlow)?;
    handled.map_err(NotDelivered::HandlerFailed)
}

/// Checks what of a change goes into the ledger.
pub fn check(accepted: &Accepted) -> wasmtime::Result<()> {
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
