//! What calls may use. Every number is a default and can be changed before the host is built.

use crate::capacity;
pub use crate::capacity::SPARE;
use std::time::Duration;

/// The deadline of a call that names none: that of the original node.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);

/// The longest deadline a call may ask for: ServiceNow cancels a REST transaction after 60 s itself.
pub const MAX_TIMEOUT: Duration = Duration::from_secs(60);

/// Kept back from the deadline that the guest is given, so that it can still name the outcome itself; a quarter of a
/// deadline that is shorter than four times this.
pub const GRACE: Duration = Duration::from_millis(50);

/// Room for a page of 1,000 incidents in all display shapes, some 8 MB.
pub const MAX_RESPONSE_BYTES: usize = 10 * 1024 * 1024;

/// ServiceNow refuses larger request bodies by itself; the surplus is for the last chunk.
pub const MAX_REQUEST_BYTES: usize = 11 * 1024 * 1024;

/// A call makes at most some fifteen exchanges: a token, a choice list, a write and a read-back, where a read is sent at
/// most three times, and any of them once more with a fresh credential.
pub const MAX_REQUESTS: u32 = 20;

/// Setting an instance up takes three requests a record at most, to find it, to write it and to look once more: five records and
/// twenty of an earlier kind. The rest is for what is tried again.
pub const MAX_SET_UP_REQUESTS: u32 = 120;

/// The components make one request after the other.
pub const MAX_REQUESTS_IN_FLIGHT: usize = 2;

/// A create of 10 MB holds it as text, as columns and as the JSON that is sent, grown by doubling; its answer repeats it,
/// as text and as a record.
pub const MAX_MEMORY: usize = 128 * 1024 * 1024;

/// The component has one memory, and the limit of a memory holds for each.
pub const MAX_MEMORIES: usize = 2;

/// The component is made of a handful of core instances and tables.
pub const MAX_INSTANCES: usize = 32;

/// The component's table has some 100 elements.
pub const MAX_TABLE_ELEMENTS: usize = 10_000;

/// A call holds about a dozen resources at a time.
pub const MAX_RESOURCES: usize = 1_000;

/// An outcome repeats an answer as text and as fields.
pub const HOSTCALL_FUEL: usize = 3 * MAX_RESPONSE_BYTES + (1 << 20);

/// How often a guest that computes is interrupted, so that the wall clock can end it.
pub const EPOCH: Duration = Duration::from_millis(10);

/// The largest create, sent three times at most, with as many answers as large: all bodies of a call together.
pub const MAX_CALL_BYTES: usize = 64 * 1024 * 1024;

/// Response headers are below 4 KB; hosts of wasmtime allow fields of 128 KiB by default.
pub const MAX_HEADER_BYTES: usize = 128 * 1024;

/// More at once only queue in front of the instance, which has a few dozen workers for REST, and every queued call's
/// deadline runs.
pub const MAX_CALLS_PER_AUTHORIZATION: usize = 256;

/// A create computes for less than a millisecond, and a page of 5 MB for some 40; rules with large templates for more.
pub const MAX_COMPUTING: Duration = Duration::from_secs(1);

/// More at once than this is no key, nonce or seed, and cannot be interrupted.
pub const MAX_RANDOM_BYTES: u64 = 64 * 1024;

/// Enough to see what is wrong; a component that is denied without end cannot fill the log.
pub const MAX_LOG_LINES: u32 = 60;

/// What calls may use.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The deadline of a call that names none.
    pub default_timeout: Duration,
    /// The longest deadline that a call may ask for.
    pub max_timeout: Duration,
    /// How often a guest that computes is interrupted. It belongs to the engine: `Host::with` keeps the first one.
    pub epoch: Duration,
    /// The largest request body, in bytes.
    pub max_request_bytes: usize,
    /// The largest response body, in bytes.
    pub max_response_bytes: usize,
    /// All bodies of a call together, in bytes.
    pub max_call_bytes: usize,
    /// The largest header section, in bytes.
    pub max_header_bytes: usize,
    /// How many requests a call may make.
    pub max_requests: u32,
    /// How many requests a call may make that sets an instance up.
    pub max_set_up_requests: u32,
    /// How many requests of a call may be in flight at once; more wait in turn.
    pub max_requests_in_flight: usize,
    /// How many sockets are open at once, idle ones too. Who finds none free closes the longest idle one, or waits. It belongs to
    /// the engine: `Host::with` keeps the first one.
    pub max_sockets: usize,
    /// The largest linear memory, in bytes. `Host::with` can lower it: the engine's pool is made for the first one.
    pub max_memory: usize,
    /// The largest table, in elements. `Host::with` can lower it.
    pub max_table_elements: usize,
    /// How many core instances a component may be made of, and how many tables.
    pub max_instances: usize,
    /// How many resources a call may hold at once.
    pub max_resources: usize,
    /// How many bytes the guest may hand over in one host call, its result included.
    pub hostcall_fuel: usize,
    /// How long a call may compute, its waits left out. A guest that computes for longer is ended.
    pub max_computing: Duration,
    /// What all calls together may have of memory, in bytes: linear memories, and bodies on their way. Who finds none waits for a
    /// second, and then ends. It belongs to the engine: `Host::with` keeps the first one.
    pub max_total_memory: usize,
    /// How many lines of the log the components of one authorization may cause in a minute. What is left out is counted.
    pub max_log_lines: u32,
    /// How many calls of one authorization run at once; more wait in turn, inside their deadlines.
    pub max_calls_per_authorization: usize,
    /// How many calls run at once; more wait in turn. It belongs to the engine: `Host::with` keeps the first one.
    pub max_calls: usize,
    /// How many instances of each component are kept when their calls end, to serve the same authorization again. 0, the
    /// default: every call has an instance of its own. More gives a third more calls a second, and lets a component carry
    /// what one call gave it into a later call of the same authorization, never of another. An instance that was shown a
    /// credential, trapped, or ran out of time is not kept. `Host::with` can lower it: the engine's pool has places for the
    /// first one.
    pub kept_instances: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            default_timeout: DEFAULT_TIMEOUT,
            max_timeout: MAX_TIMEOUT,
            epoch: EPOCH,
            max_request_bytes: MAX_REQUEST_BYTES,
            max_response_bytes: MAX_RESPONSE_BYTES,
            max_call_bytes: MAX_CALL_BYTES,
            max_header_bytes: MAX_HEADER_BYTES,
            max_requests: MAX_REQUESTS,
            max_set_up_requests: MAX_SET_UP_REQUESTS,
            max_requests_in_flight: MAX_REQUESTS_IN_FLIGHT,
            max_sockets: capacity::max_sockets(),
            max_memory: MAX_MEMORY,
            max_table_elements: MAX_TABLE_ELEMENTS,
            max_instances: MAX_INSTANCES,
            max_resources: MAX_RESOURCES,
            hostcall_fuel: HOSTCALL_FUEL,
            max_computing: MAX_COMPUTING,
            max_total_memory: capacity::max_memory(),
            max_log_lines: MAX_LOG_LINES,
            max_calls_per_authorization: MAX_CALLS_PER_AUTHORIZATION,
            max_calls: capacity::max_calls(),
            kept_instances: 0,
        }
    }
}

impl Limits {
    /// The deadline for a call's wish: the host's cap wins.
    pub fn timeout(&self, wish_ms: Option<u32>) -> Duration {
        // 0 is refused by the component; until then it counts as no wish.
        wish_ms
            .filter(|ms| *ms > 0)
            .map_or(self.default_timeout, |ms| Duration::from_millis(ms.into()))
            .min(self.max_timeout)
    }

    /// What is kept back from a deadline.
    pub fn grace(timeout: Duration) -> Duration {
        GRACE.min(timeout / 4)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_s_cap_wins_over_the_call_s_wish() {
        let limits = Limits::default();
        for (wish, seconds) in [(None, 5), (Some(1_000), 1), (Some(60_000), 60), (Some(u32::MAX), 60)] {
            assert_eq!(limits.timeout(wish), Duration::from_secs(seconds), "{wish:?}");
        }
    }
}
