//! Runs calls: each gets a store of its own, a place, a deadline, and an outcome whatever ends it.
//!
//! The store is dropped with the call: a call that is cut off leaves nothing behind, and no call can see another's. Where
//! the embedder has instances idle, a call may get one that served the same authorization before, with a new state.

use crate::admission::Admission;
use crate::authorizations::{Authorizations, CredentialMode};
use crate::bindings::exports::servicenow::plugin::types::{Call, Reason};
#[cfg(feature = "sync")]
use crate::bindings::exports::servicenow::plugin::types::{Failure, Retry};
use crate::call_state::{CallState, Shared};
use crate::capacity::DECOMMIT_BATCH;
use crate::egress::{Connections, Exchange, Journal, Proxy};
use crate::engine::component::{LoadedComponent, Outcomes, Parameters};
use crate::engine::functions::FunctionIndex;
use crate::engine::warm_pool::{Instance, MAX_KEPT_MEMORY};
use crate::error::BuildError;
use crate::intent::Intent;
use crate::limits::Limits;
use crate::outcome::{Outcome, ended_by_host};
use crate::secrets::Room;
use crate::telemetry::CallSpan;
use serde::Serialize;
use std::ops::{Deref, DerefMut};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{LazyLock, OnceLock, mpsc};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::time::timeout_at;
use tracing::Instrument;
use wasmtime::{Engine, Store, UpdateDeadline};

/// What runs calls, of whichever component.
#[derive(Clone)]
pub struct Runner {
    /// The engine.
    pub engine: Engine,
    /// What all calls share.
    pub shared: Shared,
    /// The places.
    pub admission: Admission,
    /// The way out.
    pub proxy: Proxy,
}

/// Who ended a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndedBy {
    /// The component returned the outcome.
    Component,
    /// The host ended the call, and made the outcome from its own journal.
    Host,
}

/// How a call ended.
#[derive(Debug)]
#[non_exhaustive]
pub struct Report<T> {
    /// The outcome, which the engine routes.
    pub outcome: T,
    /// How long the call took, all in all.
    pub elapsed: Duration,
    /// How long it waited, of that, until it was admitted: `Limits::max_calls` were under way.
    pub waited: Duration,
    /// How long the component ran, of that. What it asked of the host and was answered at once is included; its waits are not.
    pub computed: Duration,
    /// The HTTP exchanges that came to an end.
    pub exchanges: Vec<Exchange>,
    /// Who ended the call, and so whose report the outcome is.
    pub ended_by: EndedBy,
    /// The most linear memory that the guest had, in bytes. 0 where it did not come back.
    pub guest_memory: usize,
}

/// An instance that is dropped outside of the runtime's threads where its memory is large: giving that back to the kernel takes
/// milliseconds, in which no other call would go on.
struct DroppedElsewhere<'r> {
    runner: &'r Runner,
    component: &'r LoadedComponent,
    instance: Option<Instance>,
}

impl DroppedElsewhere<'_> {
    fn into_inner(mut self) -> Instance {
        // It is there until this or the drop takes it.
        self.instance.take().expect("the instance is there")
    }
}

impl Deref for DroppedElsewhere<'_> {
    type Target = Instance;

    fn deref(&self) -> &Instance {
        self.instance.as_ref().expect("the instance is there")
    }
}

impl DerefMut for DroppedElsewhere<'_> {
    fn deref_mut(&mut self) -> &mut Instance {
        self.instance.as_mut().expect("the instance is there")
    }
}

impl Drop for DroppedElsewhere<'_> {
    fn drop(&mut self) {
        let Some(instance) = self.instance.take_if(|instance| instance.store.data().bounds.memory > MAX_KEPT_MEMORY)
        else {
            return;
        };
        let (runner, component) = (self.runner.clone(), self.component.afresh());
        // Without a runtime nobody else is held up by it.
        let Ok(runtime) = Handle::try_current() else { return drop(instance) };
        let give_back = move || {
            drop(instance);
            // The engine gives places back to the kernel in batches, each thread its own. Small ones fill the batch, so that the
            // large one does not stay for want of others.
            for _ in 0..DECOMMIT_BATCH {
                if runtime.block_on(runner.instantiate(&component)).is_err() {
                    return;
                }
            }
        };
        // One thread for the process: the kernel holds the map of the whole process meanwhile, so it is asked for one at a time.
        static JANITOR: LazyLock<mpsc::Sender<Box<dyn FnOnce() + Send>>> = LazyLock::new(|| {
            let (sender, receiver) = mpsc::channel::<Box<dyn FnOnce() + Send>>();
            std::thread::spawn(move || {
                receiver.into_iter().for_each(|give_back| drop(catch_unwind(AssertUnwindSafe(give_back))))
            });
            sender
        });
        if let Err(mpsc::SendError(give_back)) = JANITOR.send(Box::new(give_back)) {
            give_back();
        }
    }
}

/// Why the host cannot answer what a component asks it, which ends the call. It is told in the outcome.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct HostFailed(pub String);

impl<T: Outcome> Report<T> {
    /// The report of an outcome for which no component was called, or nothing was sent.
    pub(crate) fn without_exchange(started: Instant, outcome: T, ended_by: EndedBy) -> Self {
        let (waited, computed) = (Duration::ZERO, Duration::ZERO);
        Self { outcome, elapsed: started.elapsed(), waited, computed, exchanges: Vec::new(), ended_by, guest_memory: 0 }
    }

    /// A call that the host did not begin, though it may be repeated.
    #[cfg(feature = "sync")]
    pub(crate) fn not_begun(started: Instant, message: &str) -> Self {
        let failure = Failure { retry: Retry::Later, ..ended_by_host(Reason::Limit, message, false, None) };
        Self::without_exchange(started, T::error(failure), EndedBy::Host)
    }
}

impl Runner {
    /// The same engine with other authorizations and limits.
    pub fn with(
        &self,
        authorizations: Authorizations,
        limits: Limits,
        connections: Connections,
    ) -> Result<Self, BuildError> {
        let admission = self.admission.with(&authorizations, &limits);
        let shared = Shared::new(authorizations, limits, &self.proxy, &self.shared.budgets, connections)?;
        let shared = Shared { trace: self.shared.trace.clone(), ..shared };
        let Self { engine, proxy, .. } = self.clone();
        Ok(Self { engine, shared, admission, proxy })
    }

    /// Makes an instance and drops it: what every call pays before its own work.
    pub async fn instantiate(&self, component: &LoadedComponent) -> wasmtime::Result<()> {
        let deadline = Instant::now() + self.shared.limits.default_timeout;
        let store = self.store(CallState::idle(&self.shared, deadline), deadline);
        let beside = store.data().beside.clone();
        // A component may wait, or send, while it is instantiated.
        let made = timeout_at(deadline.into(), beside.drive(component.instantiate(store))).await;
        made.map_err(|_| wasmtime::Error::msg("the component was not instantiated in time"))?.map(drop)
    }

    /// Calls a function that makes no request: it has no policy and no credential. `who` is the authorization whose share of the
    /// budgets it takes, and `prepare` adds what else the function may ask for. The error is a component that does not keep to its world, or to the
    /// time, or whose result holds a secret.
    pub async fn compute<P: Parameters, R: Outcomes + Serialize>(
        &self,
        who: &str,
        prepare: impl FnOnce(CallState) -> CallState,
        component: &LoadedComponent,
        function: &FunctionIndex,
        parameters: P,
    ) -> wasmtime::Result<R> {
        let deadline = Instant::now() + self.shared.limits.default_timeout;
        let computed = async {
            let _admitted = self.admission.enter(who).await;
            let store = self.store(prepare(CallState::offline(&self.shared, who, deadline)), deadline);
            let (computing, beside) = (store.data().computing.clone(), store.data().beside.clone());
            let called = async { component.instantiate(store).await?.call(function, parameters).await };
            let computed: R = beside.drive(computing.govern(called)).await?;
            match self.is_secret(who, &computed).await {
                true => Err(wasmtime::Error::msg("the component put a secret into its result, which is withheld")),
                false => Ok(computed),
            }
        };
        match timeout_at(deadline.into(), computed).await {
            Ok(Err(_)) | Err(_) if Instant::now() >= deadline => {
                Err(wasmtime::Error::msg("the component computes for too long: give it less"))
            }
            Ok(computed) => computed,
            Err(_) => Err(wasmtime::Error::msg("the component computes for too long: give it less")),
        }
    }

    /// Whether what a component returned holds a secret of the authorization, or cannot be searched for one.
    async fn is_secret(&self, authorization: &str, returned: &impl Serialize) -> bool {
        let Some(known) = self.shared.authorizations.get(authorization) else { return false };
        let room = Room { budgets: &self.shared.budgets, who: authorization };
        known.secrets.are_among(returned, room).await.unwrap_or(true)
    }

    /// A store for one call, in which everything ends at `deadline`.
    fn store(&self, state: CallState, deadline: Instant) -> Store<CallState> {
        let mut store = Store::new(&self.engine, state);
        store.limiter_async(|state| &mut state.bounds);
        self.bound(&mut store, deadline);
        store
    }

    /// An idle instance for one more call: nothing of the host's state of the last one is left.
    fn renewed(&self, mut idle: Instance, mut state: CallState, deadline: Instant) -> Instance {
        state.bounds.take_over(&mut idle.store.data_mut().bounds);
        *idle.store.data_mut() = state;
        self.bound(&mut idle.store, deadline);
        idle
    }

    /// Whether an instance may serve its authorization again: the embedder wants it, it did not grow, and it was shown no
    /// secret that it could tell later, when the host no longer looks for it.
    fn may_be_kept(&self, authorization: &str, memory: usize) -> bool {
        let known = self.shared.authorizations.get(authorization);
        let saw_no_secret = known.is_some_and(|known| known.credential == CredentialMode::HostInjected);
        self.shared.limits.kept_instances > 0 && saw_no_secret && memory <= MAX_KEPT_MEMORY
    }

    /// Bounds what the guest may do until the deadline.
    fn bound(&self, store: &mut Store<CallState>, deadline: Instant) {
        store.set_hostcall_fuel(self.shared.limits.hostcall_fuel);
        store.set_epoch_deadline(1);
        // Yielding lets the wall clock end a guest that computes; where the runtime is too busy to look at the clock, the
        // guest is ended here.
        let Limits { max_computing, epoch, .. } = self.shared.limits;
        store.epoch_deadline_callback(move |store| {
            if Instant::now() >= deadline {
                return Ok(UpdateDeadline::Interrupt);
            }
            let computing = &store.data().computing;
            if computing.used() > max_computing {
                return Err(wasmtime::Error::msg(format!("the component computed for more than {max_computing:?}")));
            }
            Ok(if computing.epoch(epoch) { UpdateDeadline::Yield(1) } else { UpdateDeadline::Continue(1) })
        });
    }

    /// Runs a call within its deadline. Whatever ends it, an outcome of the method comes back.
    pub async fn run<P: Parameters, T: Outcome + Outcomes + Serialize>(
        &self,
        started: Instant,
        call: Call,
        intent: Intent,
        function: (&LoadedComponent, &FunctionIndex),
        parameters: impl FnOnce(Call) -> P,
    ) -> Report<T> {
        let span = CallSpan::begin(T::METHOD, &call.authorization);
        let report = self.ended(started, call, intent, function, parameters).instrument(span.span.clone()).await;
        span.end(&report);
        report
    }

    async fn ended<P: Parameters, T: Outcome + Outcomes + Serialize>(
        &self,
        started: Instant,
        mut call: Call,
        intent: Intent,
        (component, function): (&LoadedComponent, &FunctionIndex),
        parameters: impl FnOnce(Call) -> P,
    ) -> Report<T> {
        let timeout = self.shared.limits.timeout(call.timeout_ms);
        let (deadline, guest_deadline) = (started + timeout, started + timeout - Limits::grace(timeout));
        let (journal, name) = (Journal::default(), call.authorization.clone());
        // When it was admitted, and what it computes since.
        let admitted = OnceLock::new();
        let ended = async {
            let _admitted = self.admission.enter(&call.authorization).await;
            let waited = started.elapsed();
            let state = CallState::new(&self.shared, &call.authorization, &intent, journal.clone(), guest_deadline);
            let (computing, beside) = (state.computing.clone(), state.beside.clone());
            admitted.get_or_init(|| (waited, computing.clone()));
            let mut instance = DroppedElsewhere {
                runner: self,
                component,
                instance: Some(match component.idle.take(&call.authorization) {
                    Some(idle) => self.renewed(idle, state, deadline),
                    None => {
                        let instance = component.instantiate(self.store(state, deadline));
                        beside.drive(computing.govern(instance)).await?
                    }
                }),
            };
            let left = guest_deadline.saturating_duration_since(Instant::now());
            let left = u32::try_from(left.as_millis()).unwrap_or(u32::MAX).max(1);
            // A deadline of 0 is the guest's to refuse.
            call.timeout_ms = Some(if call.timeout_ms == Some(0) { 0 } else { left });
            let authorization = call.authorization.clone();
            let outcome: T = beside.drive(computing.govern(instance.call(function, parameters(call)))).await?;
            let memory = instance.store.data().bounds.memory;
            let tells = self.is_secret(&authorization, &outcome).await;
            if !tells && self.may_be_kept(&authorization, memory) {
                // Reset the host state: an idle instance keeps no resources and no credential of the last call.
                let nobody = CallState::idle(&self.shared, deadline);
                let instance = self.renewed(instance.into_inner(), nobody, deadline);
                component.idle.keep(&authorization, instance, self.shared.limits.kept_instances);
            }
            Ok((outcome, tells, memory))
        };
        let by_host = |reason, message| ended_by_host(reason, message, journal.close(), intent.correlation_id.clone());
        let (mut guest_memory, mut ended_by) = (0, EndedBy::Host);
        let outcome = match timeout_at(deadline.into(), ended).await {
            Ok(Ok((_, true, _))) => {
                self.shared.log.warn(&name, &"the component put a secret into its outcome, which is withheld");
                T::error(by_host(
                    Reason::DeniedByHost,
                    "the host withheld the outcome: the component put a secret into it",
                ))
            }
            Ok(Ok((outcome, false, memory))) => {
                (guest_memory, ended_by) = (memory, EndedBy::Component);
                outcome
            }
            Ok(Err(error)) if Instant::now() < deadline => {
                let error: wasmtime::Error = error;
                self.shared.log.warn(&name, &format_args!("the component ended with a trap: {error:#}"));
                let message =
                    "the component ended with a trap or ran into a limit of the host; the host's log says which";
                T::error(by_host(
                    Reason::Limit,
                    error.downcast_ref::<HostFailed>().map_or(message, |HostFailed(why)| why),
                ))
            }
            Ok(Err(_)) | Err(_) => {
                T::timeout(by_host(Reason::Deadline, "the host ended the call: no outcome before the deadline"))
            }
        };
        // Whatever ended it: nothing leaves from here on.
        journal.close();
        let (elapsed, exchanges) = (started.elapsed(), journal.exchanges());
        let (waited, computed) =
            admitted.get().map_or((elapsed, Duration::ZERO), |(waited, computing)| (*waited, computing.ran()));
        Report { outcome, elapsed, waited, computed, exchanges, ended_by, guest_memory }
    }
}
