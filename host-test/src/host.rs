//! The host: built once, called many times and from many tasks at once.
//!
//! Each call gets a store of its own, which is dropped with the call: a call that is cut off leaves nothing behind, and
//! no call can see another's.

use crate::admission::Admission;
use crate::authorizations::Authorizations;
use crate::bindings::exports::servicenow::plugin::authorization::AuthenticateOutcome;
use crate::bindings::exports::servicenow::plugin::incidents::{
    ColumnsOutcome, CreateOptions, CreateOutcome, FindOutcome, GetOutcome, IncidentRef, RequestBody, UpdateOptions,
    UpdateOutcome,
};
use crate::bindings::exports::servicenow::plugin::manifest::Node;
use crate::bindings::exports::servicenow::plugin::types::{Call, Reason};
use crate::builder::{BuildError, Builder, share};
use crate::egress::{Connections, Exchange, Journal, Proxy};
use crate::exports::{Export, Exports, Outcomes, Parameters};
use crate::limits::Limits;
use crate::outcome::{Outcome, ended_by_host};
use crate::store::{CallState, Shared};
use serde::Serialize;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::timeout_at;
use wasmtime::{Engine, Store, UpdateDeadline};

/// A host with a loaded component.
pub struct Host {
    pub(crate) engine: Engine,
    pub(crate) exports: Arc<Exports>,
    pub(crate) shared: Shared,
    pub(crate) admission: Admission,
    pub(crate) proxy: Proxy,
}

/// How a call ended.
#[derive(Debug)]
pub struct Report<T> {
    /// The outcome, which the engine routes.
    pub outcome: T,
    /// How long the call took, all in all.
    pub elapsed: Duration,
    /// The HTTP exchanges that came to an end.
    pub exchanges: Vec<Exchange>,
    /// The most linear memory that the guest had, in bytes. 0 where it did not come back.
    pub guest_memory: usize,
}

impl Host {
    /// Starts to build a host.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The same component with other authorizations and limits, for an engine whose authorizations change while it runs.
    /// Nothing is compiled again; tokens and connections are new.
    pub fn with(&self, authorizations: Authorizations, limits: Limits) -> Result<Self, BuildError> {
        self.connecting(authorizations, limits, Connections::Kept)
    }

    /// The same with connections that are kept or not.
    pub(crate) fn connecting(
        &self,
        authorizations: Authorizations,
        limits: Limits,
        connections: Connections,
    ) -> Result<Self, BuildError> {
        let admission = self.admission.with(&authorizations, &limits);
        let shared = share(authorizations, limits, &self.proxy, connections)?;
        let (engine, exports, proxy) = (self.engine.clone(), Arc::clone(&self.exports), self.proxy.clone());
        Ok(Self { engine, exports, shared, admission, proxy })
    }

    /// Creates an incident. Where the call has no correlation id the host makes one: the guest's own would be lost with
    /// a call that has to be killed.
    pub async fn create(&self, call: Call, body: RequestBody, mut options: CreateOptions) -> Report<CreateOutcome> {
        let started = Instant::now();
        let key = correlation_id(&body, &options).unwrap_or_else(|| {
            let made = uuid::Uuid::new_v4().simple().to_string();
            options.correlation_id = Some(made.clone());
            made
        });
        self.run(started, call, Some(key), &self.exports.create, |call| (call, body, options)).await
    }

    /// Gets an incident.
    pub async fn get(&self, call: Call, incident: IncidentRef) -> Report<GetOutcome> {
        self.run(Instant::now(), call, None, &self.exports.get, |call| (call, incident)).await
    }

    /// Updates an incident.
    pub async fn update(
        &self,
        call: Call,
        sys_id: String,
        body: RequestBody,
        options: UpdateOptions,
    ) -> Report<UpdateOutcome> {
        self.run(Instant::now(), call, None, &self.exports.update, |call| (call, sys_id, body, options)).await
    }

    /// Finds incidents.
    pub async fn find(&self, call: Call, query: String, limit: u32, offset: u32) -> Report<FindOutcome> {
        self.run(Instant::now(), call, None, &self.exports.find, |call| (call, query, limit, offset)).await
    }

    /// Reads the columns of the incident table.
    pub async fn columns(&self, call: Call) -> Report<ColumnsOutcome> {
        self.run(Instant::now(), call, None, &self.exports.columns, |call| (call,)).await
    }

    /// Checks an authorization.
    pub async fn authenticate(&self, call: Call) -> Report<AuthenticateOutcome> {
        self.run(Instant::now(), call, None, &self.exports.authenticate, |call| (call,)).await
    }

    /// Describes the node. The error is a component that does not keep to its world.
    pub async fn describe(&self) -> wasmtime::Result<Node> {
        let deadline = Instant::now() + self.shared.limits.default_timeout;
        let described = async {
            let _admitted = self.admission.enter("").await;
            let mut store = self.store("", Journal::default(), deadline, deadline);
            self.exports.call(&self.exports.describe, &mut store, ()).await
        };
        timeout_at(deadline.into(), described)
            .await
            .unwrap_or_else(|_| Err(wasmtime::Error::msg("describe takes too long")))
    }

    /// Makes an instance and drops it: what every call pays before its own work.
    pub(crate) async fn instantiate(&self) -> wasmtime::Result<()> {
        let deadline = Instant::now() + self.shared.limits.default_timeout;
        let mut store = self.store("", Journal::default(), deadline, deadline);
        self.exports.instance.instantiate_async(&mut store).await.map(drop)
    }

    /// A store for one call: requests end at `guest_deadline`, everything at `deadline`.
    fn store(
        &self,
        authorization: &str,
        journal: Journal,
        guest_deadline: Instant,
        deadline: Instant,
    ) -> Store<CallState> {
        let limits = &self.shared.limits;
        let mut store = Store::new(&self.engine, CallState::new(&self.shared, authorization, journal, guest_deadline));
        store.limiter(|state| &mut state.bounds);
        store.set_hostcall_fuel(limits.hostcall_fuel);
        store.set_epoch_deadline(1);
        // Yielding lets the wall clock end a guest that computes; where the runtime is too busy to look at the clock, the
        // guest is ended here.
        store.epoch_deadline_callback(move |_| {
            Ok(if Instant::now() < deadline { UpdateDeadline::Yield(1) } else { UpdateDeadline::Interrupt })
        });
        store
    }

    /// Runs a call within its deadline. Whatever ends it, an outcome of the method comes back.
    async fn run<P: Parameters, T: Outcome + Outcomes + Serialize>(
        &self,
        started: Instant,
        mut call: Call,
        correlation_id: Option<String>,
        method: &Export,
        parameters: impl FnOnce(Call) -> P,
    ) -> Report<T> {
        let timeout = self.shared.limits.timeout(call.timeout_ms);
        let (deadline, guest_deadline) = (started + timeout, started + timeout - Limits::grace(timeout));
        let journal = Journal::default();
        let ended = async {
            let _admitted = self.admission.enter(&call.authorization).await;
            let mut store = self.store(&call.authorization, journal.clone(), guest_deadline, deadline);
            let left = guest_deadline.saturating_duration_since(Instant::now());
            let left = u32::try_from(left.as_millis()).unwrap_or(u32::MAX).max(1);
            // A deadline of 0 is the guest's to refuse.
            call.timeout_ms = Some(if call.timeout_ms == Some(0) { 0 } else { left });
            let outcome = self.exports.call(method, &mut store, parameters(call)).await?;
            let state = store.data();
            Ok((outcome, Arc::clone(&state.egress), state.bounds.memory))
        };
        let by_host = |reason, message| ended_by_host(reason, message, journal.close(), correlation_id);
        let mut guest_memory = 0;
        let outcome = match timeout_at(deadline.into(), ended).await {
            Ok(Ok((outcome, egress, _))) if egress.is_told(&outcome) => {
                tracing::warn!("the component put the credential it was handed into its outcome, which is withheld");
                T::error(by_host(
                    Reason::DeniedByHost,
                    "the host withheld the outcome: the component put a secret into it",
                ))
            }
            Ok(Ok((outcome, _, memory))) => {
                guest_memory = memory;
                outcome
            }
            Ok(Err(error)) if Instant::now() < deadline => {
                let error: wasmtime::Error = error;
                tracing::warn!(error = format!("{error:#}"), "the component ended with a trap");
                let message =
                    "the component ended with a trap or ran into a limit of the host; the host's log says which";
                T::error(by_host(Reason::Limit, message))
            }
            Ok(Err(_)) | Err(_) => {
                T::timeout(by_host(Reason::Deadline, "the host ended the call: no outcome before the deadline"))
            }
        };
        // Whatever ended it: nothing leaves from here on.
        journal.close();
        Report { outcome, elapsed: started.elapsed(), exchanges: journal.exchanges(), guest_memory }
    }
}

/// The correlation id that a create is made with, if it has one: read as the component reads it.
fn correlation_id(body: &RequestBody, options: &CreateOptions) -> Option<String> {
    let mut found = None;
    match body {
        _ if options.correlation_id.is_some() => return options.correlation_id.clone(),
        RequestBody::Fields(pairs) => {
            found = pairs.iter().find(|(name, _)| name == "correlation_id").map(|(_, value)| value.clone());
        }
        RequestBody::Json(text) => {
            // What is not JSON is the component's to refuse.
            let _ = servicenow_component::json::read_object(text, &mut |name, reader| {
                let value = reader.text()?;
                if name == "correlation_id" {
                    found = value;
                }
                Ok(())
            });
        }
    }
    found
}
