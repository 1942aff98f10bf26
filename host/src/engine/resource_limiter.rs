//! What a guest may use of memory, tables and instances, and how much memory it came to.

use crate::limits::{Limits, MAX_MEMORIES};
use wasmtime::{ResourceLimiter, Result, StoreLimits, StoreLimitsBuilder};

/// The bounds of one store.
pub struct Bounds {
    limits: StoreLimits,
    /// The most linear memory that the guest had, in bytes: a memory never shrinks.
    pub memory: usize,
}

impl Bounds {
    /// By the limits of a call. What goes beyond ends in a trap.
    pub fn new(limits: &Limits) -> Self {
        let limits = StoreLimitsBuilder::new()
            .memory_size(limits.max_memory)
            .memories(MAX_MEMORIES)
            .tables(limits.max_instances)
            .instances(limits.max_instances)
            .table_elements(limits.max_table_elements)
            .trap_on_grow_failure(true)
            .build();
        Self { limits, memory: 0 }
    }
}

impl ResourceLimiter for Bounds {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> Result<bool> {
        let grows = self.limits.memory_growing(current, desired, maximum)?;
        if grows {
            self.memory = self.memory.max(desired);
        }
        Ok(grows)
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> Result<()> {
        self.limits.memory_grow_failed(error)
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> Result<bool> {
        self.limits.table_growing(current, desired, maximum)
    }

    fn table_grow_failed(&mut self, error: wasmtime::Error) -> Result<()> {
        self.limits.table_grow_failed(error)
    }

    fn instances(&self) -> usize {
        self.limits.instances()
    }

    fn tables(&self) -> usize {
        self.limits.tables()
    }

    fn memories(&self) -> usize {
        self.limits.memories()
    }
}
