//! Admission: how many calls run at once. The others wait in turn, inside their deadlines.

use crate::authorizations::Authorizations;
use crate::budget::{Budget, Held};
use crate::limits::Limits;
use crate::telemetry::{CALLS_ACTIVE, CALLS_WAITING, Counted};

/// The places of a host: some per authorization, and some in all.
#[derive(Clone)]
pub struct Admission {
    all: Budget,
    each: Budget,
}

/// A call's places, free again when this is dropped.
pub struct Admitted {
    _each: Option<Held>,
    _all: Option<Held>,
    _active: Counted,
}

impl Admission {
    /// The places of a new engine.
    pub fn new(authorizations: &Authorizations, limits: &Limits) -> Self {
        let max_calls = limits.max_calls.max(1);
        Self { all: Budget::new(max_calls, max_calls), each: Budget::new(0, 0) }.with(authorizations, limits)
    }

    /// The same engine's places, with other authorizations.
    pub fn with(&self, authorizations: &Authorizations, limits: &Limits) -> Self {
        self.all.divide(authorizations.iter().count());
        Self { all: self.all.clone(), each: Budget::new(usize::MAX, limits.max_calls_per_authorization.max(1)) }
    }

    /// Waits for the places of a call. First for the authorization's, so that a busy one does not hold the others up.
    pub async fn enter(&self, authorization: &str) -> Admitted {
        let _waiting = Counted::in_gauge(CALLS_WAITING);
        let each = self.each.take(authorization, 1).await;
        let all = self.all.take(authorization, 1).await;
        Admitted { _each: each, _all: all, _active: Counted::in_gauge(CALLS_ACTIVE) }
    }
}
