//! Processor time: guests that compute for long share all threads of the runtime but one, in turn by authorization, so that the
//! others' calls find a thread that is free.
//!
//! A guest that computes is interrupted at each epoch. From its first interruption on it computes only with one of the host's
//! permits, for an epoch at a time; and so does every guest of the same authorization meanwhile, or each new call would have an
//! epoch for free.

use crate::budget::{Budget, Held};
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll};
use tokio::runtime::Handle;

/// The processor time of a host. Clones share it.
#[derive(Clone, Default)]
pub struct Processor(Arc<Inner>);

#[derive(Default)]
struct Inner {
    permits: OnceLock<Budget>,
    /// How many guests of each authorization compute for long.
    computing: Mutex<HashMap<String, usize>>,
}

/// What one call computes.
#[derive(Clone)]
pub struct Computing(Arc<Call>);

struct Call {
    processor: Processor,
    who: String,
    epochs: AtomicU32,
}

impl Processor {
    /// A call of this authorization.
    pub fn call(&self, who: &str) -> Computing {
        Computing(Arc::new(Call { processor: self.clone(), who: who.to_string(), epochs: AtomicU32::new(0) }))
    }

    /// The permits: one less than the runtime has threads, so that one is left for calls that compute little.
    fn permits(&self) -> &Budget {
        self.0.permits.get_or_init(|| {
            let threads = Handle::current().metrics().num_workers();
            let permits = threads.saturating_sub(1).max(1);
            Budget::new(permits, permits)
        })
    }

    fn computing(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.0.computing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Computing {
    /// Counts an epoch in which the guest computed. How many there were.
    pub fn epoch(&self) -> u32 {
        let epochs = self.0.epochs.fetch_add(1, Ordering::AcqRel) + 1;
        if epochs == 1 {
            *self.0.processor.computing().entry(self.0.who.clone()).or_default() += 1;
        }
        epochs
    }

    /// Whether a permit is needed to go on.
    fn needs_permit(&self) -> bool {
        self.0.epochs.load(Ordering::Acquire) > 0 || self.0.processor.computing().contains_key(&self.0.who)
    }

    /// Lets the guest go on with a permit, where it needs one.
    pub fn govern<F: Future>(&self, guest: F) -> Governed<F> {
        Governed { call: self.clone(), guest: Box::pin(guest), waits: None }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if *self.epochs.get_mut() > 0 {
            let mut computing = self.processor.computing();
            if let Some(guests) = computing.get_mut(&self.who) {
                *guests -= 1;
                if *guests == 0 {
                    computing.remove(&self.who);
                }
            }
        }
    }
}

/// A guest that goes on with a permit, where it needs one.
pub struct Governed<F> {
    call: Computing,
    guest: Pin<Box<F>>,
    waits: Option<Pin<Box<dyn Future<Output = Option<Held>> + Send>>>,
}

impl<F: Future> Future for Governed<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let mut permit = None;
        if self.waits.is_some() || self.call.needs_permit() {
            let call = self.call.clone();
            let waits = self
                .waits
                .get_or_insert_with(|| Box::pin(async move { call.0.processor.permits().take(&call.0.who, 1).await }));
            match waits.as_mut().poll(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(held) => permit = held,
            }
            self.waits = None;
        }
        let polled = self.guest.as_mut().poll(context);
        drop(permit);
        polled
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Waker;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_guest_that_computes_needs_a_permit_and_so_do_the_others_of_its_authorization() {
        let processor = Processor::default();
        let (busy, same, other) = (processor.call("busy"), processor.call("busy"), processor.call("other"));
        assert!(!busy.needs_permit() && !same.needs_permit());
        assert_eq!((busy.epoch(), busy.epoch()), (1, 2));
        assert!(busy.needs_permit() && same.needs_permit() && !other.needs_permit());

        // The one permit is held: who needs it waits, and who does not goes on.
        let held = processor.permits().take("elsewhere", 1).await;
        let mut context = Context::from_waker(Waker::noop());
        let (mut waits, mut goes_on) = (same.govern(async { 1 }), other.govern(async { 2 }));
        assert!(Pin::new(&mut waits).poll(&mut context).is_pending());
        assert_eq!(Pin::new(&mut goes_on).poll(&mut context), Poll::Ready(2));
        drop(held);
        assert_eq!(Pin::new(&mut waits).poll(&mut context), Poll::Ready(1));
        drop(busy);
        assert!(!same.needs_permit());
    }
}
