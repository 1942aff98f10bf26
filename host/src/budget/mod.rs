//! Budgets of a host: what all its calls together may use of something, with a fair share for each authorization. Who finds
//! nothing free waits in turn; of those who wait, the authorization that holds least is served first.

mod fair;

use crate::telemetry::{BudgetLimit, BudgetOf};
use fair::Fair;
use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use tokio::sync::oneshot;

/// A budget. Clones share it.
#[derive(Clone)]
pub struct Budget {
    state: Arc<Mutex<State>>,
    /// What it is of, where operators see it.
    of: Option<BudgetOf>,
}

struct State {
    fair: Fair,
    waiting: HashMap<String, VecDeque<Waiter>>,
    /// Who of those that wait was served when: who holds as much as another is served after it.
    served: HashMap<String, u64>,
    turns: u64,
    /// Counts its size while it is there.
    limit: Option<BudgetLimit>,
}

struct Waiter {
    amount: usize,
    granted: oneshot::Sender<Held>,
}

/// Somebody in line.
struct Waiting<'b> {
    budget: &'b Budget,
    granted: oneshot::Receiver<Held>,
    is_over: bool,
}

/// An amount of a budget, given back when this is dropped.
pub struct Held {
    budget: Budget,
    who: String,
    amount: usize,
}

impl Budget {
    /// A budget of this size, of which each authorization may have so much.
    pub fn new(capacity: usize, max_each: usize) -> Self {
        let (waiting, served) = (HashMap::new(), HashMap::new());
        let state = State { fair: Fair::new(capacity, max_each), waiting, served, turns: 0, limit: None };
        Self { state: Arc::new(Mutex::new(state)), of: None }
    }

    /// A budget that operators see, all of which each authorization may have.
    pub fn seen(of: BudgetOf, capacity: usize) -> Self {
        let budget = Self { of: Some(of), ..Self::new(capacity, capacity) };
        budget.state().limit = Some(BudgetLimit::counted(of, capacity));
        budget
    }

    /// Divides it among so many authorizations.
    pub fn divide(&self, authorizations: usize) {
        self.state().fair.divide(authorizations.max(1));
    }

    /// Takes an amount where it is there, and nobody of the same authorization waits.
    pub fn try_take(&self, who: &str, amount: usize) -> Option<Held> {
        let is_taken = {
            let mut state = self.state();
            let is_first = state.waiting.get(who).is_none_or(VecDeque::is_empty);
            is_first && state.fair.take(who, amount)
        };
        is_taken.then(|| self.held(who, amount))
    }

    /// Takes an amount, or waits for it. `None` where it could never be there.
    pub async fn take(&self, who: &str, amount: usize) -> Option<Held> {
        if let Some(held) = self.try_take(who, amount) {
            return Some(held);
        }
        let waits = {
            let mut state = self.state();
            if !state.fair.could_give(amount) {
                return None;
            }
            let (granted, waits) = oneshot::channel();
            state.waiting.entry(who.to_string()).or_default().push_back(Waiter { amount, granted });
            waits
        };
        // What was given back in between.
        self.serve();
        Waiting { budget: self, granted: waits, is_over: false }.await
    }

    fn held(&self, who: &str, amount: usize) -> Held {
        if let Some(of) = self.of {
            of.take(amount);
        }
        Held { budget: self.clone(), who: who.to_string(), amount }
    }

    fn give(&self, who: &str, amount: usize) {
        if let Some(of) = self.of {
            of.give(amount);
        }
        self.state().fair.give(who, amount);
        self.serve();
    }

    /// Serves those who wait, as far as there is something.
    fn serve(&self) {
        if self.state().waiting.is_empty() {
            return;
        }
        loop {
            let Some((waiter, who)) = self.next() else { return };
            // Outside of the lock: what nobody waits for any more is given back at once.
            drop(waiter.granted.send(self.held(&who, waiter.amount)));
        }
    }

    /// The next who is served: of the authorizations whose first in line can be, the one that holds least.
    fn next(&self) -> Option<(Waiter, String)> {
        let mut state = self.state();
        let State { fair, waiting, served, turns, .. } = &mut *state;
        waiting.retain(|_, line| {
            // Those that went away from the middle are passed over when their turn comes.
            while line.pop_front_if(|first| first.granted.is_closed()).is_some() {}
            !line.is_empty()
        });
        served.retain(|name, _| waiting.contains_key(name));
        let mut names: Vec<_> = waiting.keys().cloned().collect();
        names.sort_by_key(|name| (fair.held(name), served.get(name).copied()));
        names.into_iter().find_map(|name| {
            let line = waiting.get_mut(&name)?;
            let amount = line.front()?.amount;
            if !fair.take(&name, amount) {
                return None;
            }
            *turns += 1;
            served.insert(name.clone(), *turns);
            line.pop_front().map(|waiter| (waiter, name))
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Future for Waiting<'_> {
    type Output = Option<Held>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Held>> {
        let granted = Pin::new(&mut self.granted).poll(context).map(Result::ok);
        self.is_over = granted.is_ready();
        granted
    }
}

impl Drop for Waiting<'_> {
    /// One that goes away from the head of a line lets those behind it be served.
    fn drop(&mut self) {
        if !self.is_over {
            self.granted.close();
            self.budget.serve();
        }
    }
}

impl Held {
    /// Adds what was taken besides.
    pub fn add(&mut self, mut more: Held) {
        self.amount += std::mem::take(&mut more.amount);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.amount > 0 {
            self.budget.give(&self.who, self.amount);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::task::Waker;

    fn poll<T>(future: std::pin::Pin<&mut impl Future<Output = T>>) -> Poll<T> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn who_holds_least_is_served_first_and_in_turn() {
        let budget = Budget::new(4, 4);
        let held: Vec<_> = (0..3).map(|_| budget.try_take("busy", 1).unwrap()).collect();
        let last = budget.try_take("quiet", 1).unwrap();
        let mut first = pin!(budget.take("busy", 1));
        let mut second = pin!(budget.take("other", 1));
        let mut third = pin!(budget.take("other", 1));
        assert!(
            poll(first.as_mut()).is_pending()
                && poll(second.as_mut()).is_pending()
                && poll(third.as_mut()).is_pending()
        );
        drop(last);
        assert!(poll(first.as_mut()).is_pending() && poll(third.as_mut()).is_pending());
        let Poll::Ready(Some(second)) = poll(second.as_mut()) else { panic!("not served") };
        // One who went away is passed over, and what it would have had goes to the next.
        drop(held);
        assert!(poll(third.as_mut()).is_ready() && poll(first.as_mut()).is_ready());
        drop(second);
        assert_eq!(budget.state().fair.held("other"), 0);
    }

    #[test]
    fn what_can_never_be_there_is_not_waited_for_and_what_is_abandoned_is_given_on() {
        let budget = Budget::new(2, 2);
        assert!(matches!(poll(pin!(budget.take("a", 3)).as_mut()), Poll::Ready(None)));
        let all = budget.try_take("a", 2);
        {
            let mut abandoned = pin!(budget.take("b", 1));
            assert!(poll(abandoned.as_mut()).is_pending());
        }
        let mut waits = pin!(budget.take("b", 2));
        assert!(poll(waits.as_mut()).is_pending());
        drop(all);
        let Poll::Ready(Some(mut held)) = poll(waits.as_mut()) else { panic!("not served") };
        assert!(budget.try_take("a", 1).is_none());
        {
            let mut large = Box::pin(budget.take("a", 2));
            let mut small = pin!(budget.take("a", 1));
            assert!(poll(large.as_mut()).is_pending() && poll(small.as_mut()).is_pending());
            held.amount = 1;
            budget.give("b", 1);
            assert!(poll(large.as_mut()).is_pending() && poll(small.as_mut()).is_pending());
            drop(large);
            assert!(poll(small.as_mut()).is_ready(), "who stood behind one that went away is served");
        }
        drop(held);
        assert!(budget.try_take("a", 2).is_some());
    }
}
