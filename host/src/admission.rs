//! Admission: how many calls run at once. The others wait in the order they came, inside their deadlines.

use crate::authorizations::Authorizations;
use crate::limits::Limits;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The places of a host: some per authorization, and some in all.
#[derive(Clone)]
pub struct Admission {
    all: Arc<Semaphore>,
    each: Arc<HashMap<String, Arc<Semaphore>>>,
}

/// A call's places, free again when this is dropped.
pub struct Admitted {
    _each: Option<OwnedSemaphorePermit>,
    _all: OwnedSemaphorePermit,
}

impl Admission {
    /// The places of a new engine.
    pub fn new(authorizations: &Authorizations, limits: &Limits) -> Self {
        Self { all: places(limits.max_calls), each: Arc::default() }.with(authorizations, limits)
    }

    /// The same engine's places, with other authorizations.
    pub fn with(&self, authorizations: &Authorizations, limits: &Limits) -> Self {
        let of = |name: &String| (name.clone(), places(limits.max_calls_per_authorization));
        Self { all: Arc::clone(&self.all), each: Arc::new(authorizations.iter().map(|(name, _)| of(name)).collect()) }
    }

    /// Waits for the places of a call. First for the authorization's, so that a busy one does not hold the others up.
    pub async fn enter(&self, authorization: &str) -> Admitted {
        let each = match self.each.get(authorization) {
            Some(places) => Some(enter(places).await),
            None => None,
        };
        Admitted { _each: each, _all: enter(&self.all).await }
    }
}

fn places(count: usize) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(count.clamp(1, Semaphore::MAX_PERMITS)))
}

async fn enter(places: &Arc<Semaphore>) -> OwnedSemaphorePermit {
    // It is never closed, which is the only error.
    Arc::clone(places).acquire_owned().await.expect("the semaphore stays open")
}
