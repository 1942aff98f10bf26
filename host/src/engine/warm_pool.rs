//! Instances that are idle when their calls end, for later calls of the same authorization. No instance is idle unless the
//! embedder asks for it: see [`Limits::kept_instances`](crate::Limits::kept_instances).

use crate::call_state::CallState;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use wasmtime::{Store, component};

/// One whose memory grew beyond this is not idle: it would hold a large answer's memory while nobody calls.
pub const MAX_KEPT_MEMORY: usize = 4 * 1024 * 1024;

/// An instance in its store, with the state of a call or of none.
pub struct Instance {
    /// The store, with the state of the call that is made.
    pub store: Store<CallState>,
    /// The instance.
    pub instance: component::Instance,
}

/// Instances that nobody calls, the one that was called last at the end.
#[derive(Default)]
pub struct WarmPool(Mutex<VecDeque<(String, Instance)>>);

impl WarmPool {
    /// The instance that this authorization called last.
    pub fn take(&self, authorization: &str) -> Option<Instance> {
        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = idle.iter().rposition(|(name, _)| name == authorization)?;
        idle.remove(at).map(|(_, instance)| instance)
    }

    /// Keeps an instance for this authorization and no other. Evicts the least recently used instance beyond `max`.
    pub fn keep(&self, authorization: &str, instance: Instance, max: usize) {
        let surplus = {
            let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            idle.push_back((authorization.to_string(), instance));
            if idle.len() > max { idle.pop_front() } else { None }
        };
        // A store takes its time to drop, so that happens outside of the lock.
        drop(surplus);
    }
}
