//! How much of something each authorization may have: a guaranteed share, and what is free of the rest.
//!
//! Half of the whole is divided among the authorizations, so that none can take what another needs; the other half goes to
//! whoever asks first.

use std::collections::HashMap;

/// What is left for whoever asks first: one part of this many.
const GENERAL: usize = 2;

/// A whole that is divided.
#[derive(Debug)]
pub struct Fair {
    capacity: usize,
    max_each: usize,
    /// How many have a guaranteed share.
    sharers: usize,
    /// What is held beyond the guaranteed shares.
    general: usize,
    total: usize,
    held: HashMap<String, usize>,
}

impl Fair {
    /// A whole of this size, of which each may have so much.
    pub fn new(capacity: usize, max_each: usize) -> Self {
        Self { capacity, max_each, sharers: 1, general: 0, total: 0, held: HashMap::new() }
    }

    /// Divides it among so many, or more than before.
    pub fn divide(&mut self, sharers: usize) {
        self.sharers = self.sharers.max(sharers);
        self.general = self.held.values().map(|held| held.saturating_sub(self.guaranteed())).sum();
    }

    fn guaranteed(&self) -> usize {
        self.capacity / GENERAL / self.sharers
    }

    /// Takes an amount. Whether it is there.
    pub fn take(&mut self, who: &str, amount: usize) -> bool {
        let before = self.held(who);
        let after = before.saturating_add(amount);
        let beyond = self.beyond(after) - self.beyond(before);
        let free = (self.capacity - self.guaranteed() * self.sharers).saturating_sub(self.general);
        // Names that are no sharer's come out of the whole as well.
        let is_whole_free = self.total.saturating_add(amount) <= self.capacity;
        if after > self.max_each || beyond > free || !is_whole_free {
            return false;
        }
        self.general += beyond;
        self.total += amount;
        self.held.insert(who.to_string(), after);
        true
    }

    /// Gives an amount back.
    pub fn give(&mut self, who: &str, amount: usize) {
        let before = self.held(who);
        let after = before.saturating_sub(amount);
        self.general = self.general.saturating_sub(self.beyond(before) - self.beyond(after));
        self.total = self.total.saturating_sub(before - after);
        match after {
            0 => drop(self.held.remove(who)),
            _ => drop(self.held.insert(who.to_string(), after)),
        }
    }

    /// What somebody holds.
    pub fn held(&self, who: &str) -> usize {
        self.held.get(who).copied().unwrap_or_default()
    }

    /// Whether an amount could be there at all.
    pub fn could_give(&self, amount: usize) -> bool {
        amount <= self.max_each.min(self.capacity)
    }

    fn beyond(&self, held: usize) -> usize {
        held.saturating_sub(self.guaranteed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_who_takes_all_there_is_leaves_the_others_their_share() {
        let mut fair = Fair::new(100, 100);
        fair.divide(5);
        let greedy = (0..200).filter(|_| fair.take("greedy", 1)).count();
        assert_eq!(greedy, 10 + 50);
        for who in ["a", "b", "c", "d"] {
            assert_eq!((0..200).filter(|_| fair.take(who, 1)).count(), 10, "{who}");
        }
        fair.give("greedy", 25);
        assert_eq!((0..200).filter(|_| fair.take("a", 1)).count(), 25);
        fair.give("a", 35);
        fair.give("greedy", 35);
        assert_eq!((fair.general, fair.held("greedy"), fair.held("a")), (0, 0, 0));
    }

    #[test]
    fn one_alone_may_have_the_whole_and_nobody_more_than_each_may() {
        let mut fair = Fair::new(100, 100);
        assert!(fair.take("only", 100) && !fair.take("only", 1) && !fair.could_give(101));
        let mut fair = Fair::new(100, 30);
        assert!(fair.take("a", 30) && !fair.take("a", 1) && fair.take("b", 30));
        // More who share than there is: first come, first served.
        let mut fair = Fair::new(2, 2);
        fair.divide(10);
        assert!(fair.take("a", 1) && fair.take("b", 1) && !fair.take("c", 1));
    }
}
