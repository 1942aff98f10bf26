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

/// Of those, what a process has mapped before its first host: some 200 were measured. What it has beyond, such as the places of
/// another host, is not left for calls: a process without mappings can start no thread.
const AT_START: u64 = 1_000;

/// Where the kernel does not say: Linux's default for `vm.max_map_count`.
const USUAL_MAPPINGS: u64 = 65_530;

/// The descriptors of everything else in the process, but for an engine's own sockets.
const OTHER_DESCRIPTORS: u64 = 64;

/// Of the descriptors that are left, one part of this many is for sockets of this library: the rest is for those of the engine,
/// which may have one for each of its callers.
const ENGINE_AND_LIBRARY: u64 = 2;

/// Of the memory that is left, one part of this many is for calls.
const HOST_AND_OTHERS: u64 = 2;

/// Where the kernel does not say.
const USUAL_MEMORY: u64 = 1024 * 1024 * 1024;

/// One call must run.
const LEAST_MEMORY: u64 = 256 * 1024 * 1024;

/// More than calls can be.
const MOST_SOCKETS: u64 = 2 * MAX_CALLS as u64;

/// How many calls can run at once, by the limits that the kernel sets for this process, and by what it has mapped: a second host
/// in a process has fewer places.
pub fn max_calls() -> usize {
    let mappings = fs::read_to_string("/proc/sys/vm/max_map_count").ok();
    let mappings = mappings.and_then(|text| text.trim().parse().ok()).unwrap_or(USUAL_MAPPINGS);
    let mapped = fs::read("/proc/self/maps").map_or(0, |maps| maps.iter().filter(|byte| **byte == b'\n').count());
    calls_from(mappings, mapped as u64)
}

/// What calls may have of memory: half of what the machine, or the container, has left when the host is built.
pub fn max_memory() -> usize {
    let kib = |line: &str| line.split_ascii_whitespace().nth(1)?.parse::<u64>().ok();
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let available = text.lines().find(|line| line.starts_with("MemAvailable:")).and_then(kib).map(|kib| kib * 1024);
    memory_from(available, cgroup_memory())
}

/// What the process's container has left, where it has a limit.
fn cgroup_memory() -> Option<u64> {
    let read = |name: &str| fs::read_to_string(format!("/sys/fs/cgroup/{name}")).ok()?.trim().parse::<u64>().ok();
    Some(read("memory.max")?.saturating_sub(read("memory.current")?))
}

fn memory_from(available: Option<u64>, container: Option<u64>) -> usize {
    let left = available.unwrap_or(2 * USUAL_MEMORY).min(container.unwrap_or(u64::MAX));
    usize::try_from((left / HOST_AND_OTHERS).max(LEAST_MEMORY)).unwrap_or(usize::MAX)
}

/// How many sockets can be open at once, by the descriptors that the kernel lets this process have.
pub fn max_sockets() -> usize {
    sockets_from(getrlimit(Resource::Nofile).current)
}

fn calls_from(mappings: u64, mapped: u64) -> usize {
    let others = OTHER_MAPPINGS + mapped.saturating_sub(AT_START);
    let places = mappings.saturating_sub(others) / MAPPINGS_PER_CALL;
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
        for (mappings, mapped, calls) in [
            (65_530, 200, 9_832),
            (65_530, 20_400, 6_599),
            (65_530, 65_000, 1),
            (1_000_000, 200, 12_000),
            (100, 100, 1),
        ] {
            assert_eq!(calls_from(mappings, mapped), calls, "{mappings}, {mapped} mapped");
        }
        const GIB: u64 = 1024 * 1024 * 1024;
        for (available, container, gib) in [
            (Some(8 * GIB), None, 4),
            (Some(8 * GIB), Some(2 * GIB), 1),
            (Some(2 * GIB), Some(8 * GIB), 1),
            (None, None, 1),
        ] {
            assert_eq!(memory_from(available, container) as u64, gib * GIB, "{available:?} {container:?}");
        }
        assert_eq!(memory_from(Some(1), None) as u64, LEAST_MEMORY);
        for (descriptors, sockets) in [(Some(1_024), 480), (Some(1_000_000), 24_000), (None, 24_000), (Some(10), 1)] {
            assert_eq!(sockets_from(descriptors), sockets, "{descriptors:?}");
        }
    }
}
