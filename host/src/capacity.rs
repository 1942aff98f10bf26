//! How many calls this machine can run at once. A call that finds no room waits; it must not find out by an allocation
//! that fails.

use rustix::process::{Resource, getrlimit};
use std::fs;

/// What the addresses of a process have room for: a memory takes 4 GiB of them and a guard.
pub const MAX_CALLS: u32 = 12_000;

/// How many freed places of the engine's pool are given back to the kernel at once. Until then they are not free.
pub const DECOMMIT_BATCH: usize = 32;

/// Places beside those of the calls that may run: for the ones that are being given back.
pub const SPARE: u32 = 8 * DECOMMIT_BATCH as u32;

/// Memory mappings of a live call: its linear memory and guard, its stack and guard, and what the kernel splits off them.
/// 5.9 were measured, with 8,447 places in the pool used.
const MAPPINGS_PER_CALL: u64 = 6;

/// The mappings of everything else in the process: code, libraries, threads, and what the embedder maps.
const OTHER_MAPPINGS: u64 = 5_000;

/// Where the kernel does not say: Linux's default for `vm.max_map_count`.
const USUAL_MAPPINGS: u64 = 65_530;

/// The descriptors of everything else in the process, but for an engine's own sockets.
const OTHER_DESCRIPTORS: u64 = 64;

/// Of the descriptors that are left, one part of this many is for sockets of this library: the rest is for those of the engine,
/// which may have one for each of its callers.
const ENGINE_AND_LIBRARY: u64 = 2;

/// More than calls can be.
const MOST_SOCKETS: u64 = 2 * MAX_CALLS as u64;

/// How many calls can run at once, by the limits that the kernel sets for this process.
pub fn max_calls() -> usize {
    let mappings = fs::read_to_string("/proc/sys/vm/max_map_count").ok();
    let mappings = mappings.and_then(|text| text.trim().parse().ok()).unwrap_or(USUAL_MAPPINGS);
    calls_from(mappings)
}

/// How many sockets can be open at once, by the descriptors that the kernel lets this process have.
pub fn max_sockets() -> usize {
    sockets_from(getrlimit(Resource::Nofile).current)
}

fn calls_from(mappings: u64) -> usize {
    let places = mappings.saturating_sub(OTHER_MAPPINGS) / MAPPINGS_PER_CALL;
    usize::try_from(places.saturating_sub(SPARE.into()).clamp(1, MAX_CALLS.into())).unwrap_or(1)
}

fn sockets_from(descriptors: Option<u64>) -> usize {
    let sockets = descriptors.map(|descriptors| descriptors.saturating_sub(OTHER_DESCRIPTORS) / ENGINE_AND_LIBRARY);
    usize::try_from(sockets.unwrap_or(MOST_SOCKETS).clamp(1, MOST_SOCKETS)).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_s_limits_decide_and_one_call_always_runs() {
        for (mappings, calls) in [(65_530, 9_832), (1_000_000, 12_000), (100, 1)] {
            assert_eq!(calls_from(mappings), calls, "{mappings}");
        }
        for (descriptors, sockets) in [(Some(1_024), 480), (Some(1_000_000), 24_000), (None, 24_000), (Some(10), 1)] {
            assert_eq!(sockets_from(descriptors), sockets, "{descriptors:?}");
        }
    }
}
