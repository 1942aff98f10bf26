//! What goes up and down again.

use super::{BUDGET_LIMIT, BUDGET_USED};

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

/// So much more of a budget is in use, or less.
pub fn add_to_budget(budget: &'static str, amount: f64) {
    metrics::gauge!(BUDGET_USED, "budget" => budget).increment(amount);
}

/// Counts the size of a budget until this is dropped.
pub struct BudgetLimit {
    budget: &'static str,
    capacity: f64,
}

impl BudgetLimit {
    /// So much more there is.
    pub fn counted(budget: &'static str, capacity: usize) -> Self {
        let capacity = capacity as f64;
        metrics::gauge!(BUDGET_LIMIT, "budget" => budget).increment(capacity);
        Self { budget, capacity }
    }
}

impl Drop for BudgetLimit {
    fn drop(&mut self) {
        metrics::gauge!(BUDGET_LIMIT, "budget" => self.budget).decrement(self.capacity);
    }
}
