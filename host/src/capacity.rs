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

/// A live call holds a connection; a token fetch and a connection that is being closed may stand beside it.
const DESCRIPTORS_PER_CALL: u64 = 2;

/// The descriptors of everything else in the process.
const OTHER_DESCRIPTORS: u64 = 64;

/// How many calls can run at once, by the limits that the kernel sets for this process.
pub fn max_calls() -> usize {
    let mappings = fs::read_to_string("/proc/sys/vm/max_map_count").ok();
    let mappings = mappings.and_then(|text| text.trim().parse().ok()).unwrap_or(USUAL_MAPPINGS);
    from(mappings, getrlimit(Resource::Nofile).current)
}

fn from(mappings: u64, descriptors: Option<u64>) -> usize {
    let places = mappings.saturating_sub(OTHER_MAPPINGS) / MAPPINGS_PER_CALL;
    let by_mappings = places.saturating_sub(SPARE.into());
    let by_descriptors =
        descriptors.map(|descriptors| descriptors.saturating_sub(OTHER_DESCRIPTORS) / DESCRIPTORS_PER_CALL);
    let calls = by_mappings.min(by_descriptors.unwrap_or(u64::MAX)).clamp(1, MAX_CALLS.into());
    usize::try_from(calls).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scarcest_resource_decides_and_one_call_always_runs() {
        for (mappings, descriptors, calls) in [
            (65_530, Some(1_024), 480),
            (65_530, Some(1_000_000), 9_832),
            (65_530, None, 9_832),
            (1_000_000, None, 12_000),
            (100, Some(10), 1),
        ] {
            assert_eq!(from(mappings, descriptors), calls, "{mappings} {descriptors:?}");
        }
    }
}
