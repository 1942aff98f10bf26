//! What operators see of a host: a span for each call and each exchange, by [`tracing`], and figures by the facade [`metrics`].
//! An embedder who installs no subscriber and no recorder pays next to nothing.
//!
//! A recorder has to be there before a host is built. Names are OpenTelemetry's where it has one. A span names the method, the
//! authorization, the outcome, and of an exchange the server and the allowed call that its path falls under. No span's field
//! and no label holds a secret, a query, a key of a record or a value of one; no label holds a name that a caller could make up.

mod gauge;
mod spans;
mod trace_context;

pub use trace_context::{TraceContext, TraceHeaders};

pub(crate) use gauge::{BudgetLimit, BudgetOf, Counted};
pub(crate) use spans::{CallSpan, ExchangeSpan};

#[cfg(feature = "sync")]
use crate::bindings::exports::servicenow::plugin::callbacks::Verdict;
use crate::tokens::NoCredential;
use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// How long calls took, in seconds, by `method`, `outcome` and `ended_by`: its count is that of calls. A call that its caller
/// dropped has the outcome `cancelled`.
pub const CALL_DURATION: &str = "servicenow.call.duration";

/// How many calls run.
pub const CALLS_ACTIVE: &str = "servicenow.calls.active";

/// How many calls wait for a place.
pub const CALLS_WAITING: &str = "servicenow.calls.waiting";

/// What is in use of what all calls of an engine share, by `budget`: `memory` in bytes, `connections`.
pub const BUDGET_USED: &str = "servicenow.budget.used";

/// How much of it there is.
pub const BUDGET_LIMIT: &str = "servicenow.budget.limit";

/// How long exchanges took, in seconds, those with token services too: OpenTelemetry's name and labels.
pub const EXCHANGE_DURATION: &str = "http.client.request.duration";

/// How many tokens were asked for, by `result`: `issued`, `refused`, `unreachable`, `timeout`.
pub const TOKEN_FETCHES: &str = "servicenow.token.fetches";

/// How many times an authorization was told to pause, by `authorization`.
pub const RATE_LIMIT_PAUSES: &str = "servicenow.rate_limit.pauses";

/// How many deliveries came, by `verdict`; `not-taken` is one that could not be judged or handed on.
#[cfg(feature = "sync")]
pub const DELIVERIES: &str = "servicenow.deliveries";

/// How many events wait in the outbox, by `authorization`.
#[cfg(feature = "sync")]
pub const OUTBOX_LENGTH: &str = "servicenow.outbox.length";

/// Tells the recorder what each figure means, and its unit. Call it once a recorder is installed.
pub fn describe() {
    describe_histogram!(CALL_DURATION, Unit::Seconds, "Duration of calls by method and outcome");
    describe_gauge!(CALLS_ACTIVE, Unit::Count, "Calls that run");
    describe_gauge!(CALLS_WAITING, Unit::Count, "Calls that wait for a place");
    describe_gauge!(BUDGET_USED, Unit::Count, "What all calls use of memory (bytes) and connections");
    describe_gauge!(BUDGET_LIMIT, Unit::Count, "What all calls may use of memory (bytes) and connections");
    describe_histogram!(EXCHANGE_DURATION, Unit::Seconds, "Duration of HTTP requests to instances and token services");
    describe_counter!(TOKEN_FETCHES, Unit::Count, "Tokens that were asked for, by result");
    describe_counter!(RATE_LIMIT_PAUSES, Unit::Count, "Pauses that ServiceNow's rate limit called for");
    #[cfg(feature = "sync")]
    {
        describe_counter!(DELIVERIES, Unit::Count, "Deliveries by verdict");
        describe_gauge!(OUTBOX_LENGTH, Unit::Count, "Events that wait for the consumer");
    }
}

/// A token was asked for.
pub(crate) fn token_fetched<T>(fetched: &Result<T, NoCredential>) {
    let result = match fetched {
        Ok(_) => "issued",
        Err(NoCredential::Refused(_)) => "refused",
        Err(NoCredential::Unreachable(_)) => "unreachable",
        Err(NoCredential::Timeout) => "timeout",
    };
    metrics::counter!(TOKEN_FETCHES, "result" => result).increment(1);
}

/// An authorization that the host knows was told to pause.
pub(crate) fn paused(authorization: &str) {
    metrics::counter!(RATE_LIMIT_PAUSES, "authorization" => authorization.to_string()).increment(1);
}

/// A delivery came.
#[cfg(feature = "sync")]
pub(crate) fn delivered<E>(verdict: &Result<Verdict, E>) {
    let verdict = match verdict {
        Ok(Verdict::Accepted(_)) => "accepted",
        Ok(Verdict::Late(_)) => "late",
        Ok(Verdict::Duplicate) => "duplicate",
        Ok(Verdict::Stale) => "stale",
        Ok(Verdict::Echo) => "echo",
        Ok(Verdict::Ignored(_)) => "ignored",
        Ok(Verdict::Unauthenticated) => "unauthenticated",
        Ok(Verdict::InvalidData(_)) => "invalid-data",
        Err(_) => "not-taken",
    };
    metrics::counter!(DELIVERIES, "verdict" => verdict).increment(1);
}

/// So many events wait in the outbox of an authorization.
#[cfg(feature = "sync")]
pub(crate) fn outbox_has(authorization: &str, length: usize) {
    metrics::gauge!(OUTBOX_LENGTH, "authorization" => authorization.to_string()).set(length as f64);
}
