//! The engine that calls run on: places for instances are made once and used again, so that a call maps no memory.

use crate::capacity::{DECOMMIT_BATCH, MAX_CALLS, SPARE};
use crate::limits::{Limits, MAX_MEMORIES};
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

/// A component of this world is made of three core instances: its own module, and two small ones that wire it up.
const CORE_INSTANCES: u32 = 4;

/// And of two tables: its own, and the one of the wiring.
const TABLES: u32 = 2;

/// How much of a memory stays in place when a call ends, and is cleared instead of given back: what a usual call touches. Giving
/// back costs a system call and an interrupt of the other processors, and taking again a fault for each page.
const MEMORY_KEPT: usize = 128 * 1024;

/// The same of a table; the component's have some 100 elements.
const TABLE_KEPT: usize = 16 * 1024;

/// The incident node, and two-way event sync: either keeps instances of its own.
const COMPONENTS: u32 = 2;

/// An engine with places for as many calls as may run at once. Where the kernel does not grant the addresses for them, one that
/// maps memory for each call.
pub fn engine(limits: &Limits) -> wasmtime::Result<Engine> {
    let mut config = Config::new();
    config.epoch_interruption(true);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(places(limits)));
    match Engine::new(&config) {
        Ok(engine) => Ok(engine),
        Err(error) => {
            tracing::warn!(error = format!("{error:#}"), "no pool of instances: each call maps memory of its own");
            config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
            Engine::new(&config)
        }
    }
}

fn places(limits: &Limits) -> PoolingAllocationConfig {
    let calls = u32::try_from(limits.max_calls).unwrap_or(u32::MAX).clamp(1, MAX_CALLS);
    let idle = u32::try_from(limits.kept_instances).unwrap_or(u32::MAX).min(MAX_CALLS);
    let calls = calls + COMPONENTS * idle + SPARE;
    let mut places = PoolingAllocationConfig::new();
    places
        .total_component_instances(calls)
        .total_core_instances(calls * CORE_INSTANCES)
        .total_memories(calls)
        .total_tables(calls * TABLES)
        .total_stacks(calls)
        .max_memories_per_component(u32::try_from(MAX_MEMORIES).unwrap_or(1))
        .max_core_instances_per_component(u32::try_from(limits.max_instances).unwrap_or(u32::MAX))
        .max_tables_per_component(u32::try_from(limits.max_instances).unwrap_or(u32::MAX))
        .max_memory_size(limits.max_memory)
        .table_elements(limits.max_table_elements)
        .linear_memory_keep_resident(MEMORY_KEPT)
        .table_keep_resident(TABLE_KEPT)
        // Where the kernel tells which pages were written, only those are cleared.
        .pagemap_scan(Enabled::Auto)
        .decommit_batch_size(DECOMMIT_BATCH);
    places
}
