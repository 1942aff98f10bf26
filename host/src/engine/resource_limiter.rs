//! What a guest may use of memory, tables and instances, and how much memory it came to.

use crate::budget::{Budget, Held};
use crate::limits::{Limits, MAX_MEMORIES};
use std::pin::Pin;
use std::time::{Duration, Instant};
use tokio::time::timeout_at;
use wasmtime::{Error, ResourceLimiter, ResourceLimiterAsync, Result, StoreLimits, StoreLimitsBuilder};

/// How long a guest waits for memory that others hold. They may wait for it as well, so it is not for long.
const MAX_WAIT: Duration = Duration::from_secs(1);

/// The bounds of one store.
pub struct Bounds {
    limits: StoreLimits,
    /// The most linear memory that the guest had, in bytes: a memory never shrinks.
    pub memory: usize,
    budget: Budget,
    who: String,
    held: Option<Held>,
    deadline: Instant,
}

impl Bounds {
    /// By the limits of a call, with memory of this budget for this authorization. What goes beyond ends in a trap.
    pub fn new(limits: &Limits, budget: Budget, who: &str, deadline: Instant) -> Self {
        let limits = StoreLimitsBuilder::new()
            .memory_size(limits.max_memory)
            .memories(MAX_MEMORIES)
            .tables(limits.max_instances)
            .instances(limits.max_instances)
            .table_elements(limits.max_table_elements)
            .trap_on_grow_failure(true)
            .build();
        Self { limits, memory: 0, budget, who: who.to_string(), held: None, deadline }
    }

    /// Takes over the memory of an instance that is called again.
    pub fn take_over(&mut self, earlier: &mut Self) {
        (self.memory, self.held) = (earlier.memory, earlier.held.take());
    }

    fn hold(&mut self, more: Held) {
        match &mut self.held {
            Some(held) => held.add(more),
            None => self.held = Some(more),
        }
    }

    async fn charge(&mut self, bytes: usize) -> Result<()> {
        if let Some(more) = self.budget.try_take(&self.who, bytes) {
            self.hold(more);
            return Ok(());
        }
        let until = self.deadline.min(Instant::now() + MAX_WAIT);
        match timeout_at(until.into(), self.budget.take(&self.who, bytes)).await {
            Ok(Some(more)) => {
                self.hold(more);
                Ok(())
            }
            Ok(None) | Err(_) => Err(Error::msg("the memory that all calls together may have is used up")),
        }
    }
}

/// An answer of a limiter, which may wait.
type Growing<'a> = Pin<Box<dyn Future<Output = Result<bool>> + Send + 'a>>;

// The functions are spelled as `async-trait` makes them of `async fn`: that is what the trait was made with.
impl ResourceLimiterAsync for Bounds {
    fn memory_growing<'life0, 'async_trait>(
        &'life0 mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Growing<'async_trait>
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        Box::pin(async move {
            let grows = self.limits.memory_growing(current, desired, maximum)?;
            if grows {
                self.charge(desired.saturating_sub(current)).await?;
                self.memory = self.memory.max(desired);
            }
            Ok(grows)
        })
    }

    fn memory_grow_failed(&mut self, error: Error) -> Result<()> {
        self.limits.memory_grow_failed(error)
    }

    fn table_growing<'life0, 'async_trait>(
        &'life0 mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Growing<'async_trait>
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        let grows = self.limits.table_growing(current, desired, maximum);
        Box::pin(async move { grows })
    }

    fn table_grow_failed(&mut self, error: Error) -> Result<()> {
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
