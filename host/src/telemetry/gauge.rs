//! What goes up and down again.

use super::{BUDGET_LIMIT, BUDGET_USED};
use metrics::Gauge;

/// Counts in a gauge until this is dropped.
pub struct Counted(&'static str);

impl Counted {
    /// One more, in the gauge of this name.
    pub fn in_gauge(name: &'static str) -> Self {
        metrics::gauge!(name).increment(1.0);
        Self(name)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        metrics::gauge!(self.0).decrement(1.0);
    }
}

/// What all calls of an engine share.
#[derive(Clone, Copy)]
pub enum BudgetOf {
    /// Memory, in bytes.
    Memory,
    /// Connections.
    Connections,
}

impl BudgetOf {
    /// How much is in use. By constants: this is asked with each part of an answer.
    fn used(self) -> Gauge {
        match self {
            BudgetOf::Memory => metrics::gauge!(BUDGET_USED, "budget" => "memory"),
            BudgetOf::Connections => metrics::gauge!(BUDGET_USED, "budget" => "connections"),
        }
    }

    /// How much there is.
    fn limit(self) -> Gauge {
        match self {
            BudgetOf::Memory => metrics::gauge!(BUDGET_LIMIT, "budget" => "memory"),
            BudgetOf::Connections => metrics::gauge!(BUDGET_LIMIT, "budget" => "connections"),
        }
    }

    /// So much was taken.
    pub fn take(self, amount: usize) {
        self.used().increment(amount as f64);
    }

    /// So much was given back.
    pub fn give(self, amount: usize) {
        self.used().decrement(amount as f64);
    }
}

/// Counts the size of a budget until this is dropped.
pub struct BudgetLimit {
    of: BudgetOf,
    capacity: f64,
}

impl BudgetLimit {
    /// So much more there is.
    pub fn counted(of: BudgetOf, capacity: usize) -> Self {
        let capacity = capacity as f64;
        of.limit().increment(capacity);
        Self { of, capacity }
    }
}

impl Drop for BudgetLimit {
    fn drop(&mut self) {
        self.of.limit().decrement(self.capacity);
    }
}
