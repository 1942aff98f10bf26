//! Processor time: guests that compute for long share all threads of the runtime but one, in turn by authorization, so that the
//! others' calls find a thread that is free.
//!
//! A guest that computes is interrupted at each epoch. From its first interruption on it computes only with one of the host's
//! permits, for an epoch at a time; and so does every guest of the same authorization meanwhile, or each new call would have an
//! epoch for free. An authorization whose many short calls take a large part of a thread needs permits as well, while there are
//! calls of others.

use crate::budget::{Budget, Held};
use std::collections::HashMap;
use std::future::pending;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

/// What an authorization computes is looked at over this time.
const WINDOW: Duration = Duration::from_millis(100);

/// An authorization that computed for longer than this in a window is busy: a quarter of a thread.
const BUSY: Duration = Duration::from_millis(25);

/// The processor time of a host. Clones share it.
#[derive(Clone, Default)]
pub struct Processor(Arc<Inner>);

#[derive(Default)]
struct Inner {
    permits: OnceLock<Budget>,
    /// For what is not a guest's: guests wait for none of it.
    elsewhere: OnceLock<Budget>,
    live: Mutex<HashMap<String, Live>>,
}

/// An authorization that has calls.
struct Live {
    calls: usize,
    /// How many of them compute for long.
    long: usize,
    window: Instant,
    used: Duration,
    was_busy: bool,
}

impl Live {
    fn new() -> Self {
        Self { calls: 0, long: 0, window: Instant::now(), used: Duration::ZERO, was_busy: false }
    }

    fn is_busy(&self) -> bool {
        self.long > 0 || self.used >= BUSY || self.was_busy && self.window.elapsed() < WINDOW
    }

    fn add(&mut self, ran: Duration) {
        let elapsed = self.window.elapsed();
        if elapsed >= WINDOW {
            self.was_busy = self.used >= BUSY && elapsed < 2 * WINDOW;
            (self.window, self.used) = (Instant::now(), Duration::ZERO);
        }
        self.used += ran;
    }
}

/// What one call computes.
#[derive(Clone)]
pub struct Computing(Arc<Call>);

struct Call {
    processor: Processor,
    /// Its authorization; none of an instance that is idle.
    who: Option<String>,
    epochs: AtomicU32,
    /// When the guest last went on.
    went_on: Mutex<Instant>,
    /// How long it computed before that.
    used: Mutex<Duration>,
}

impl Processor {
    /// A call of this authorization.
    pub fn call(&self, who: &str) -> Computing {
        self.live().entry(who.to_string()).or_insert_with(Live::new).calls += 1;
        self.computing(Some(who.to_string()))
    }

    /// No call: what an instance has while it is idle. Nobody gives way to it.
    pub fn idle(&self) -> Computing {
        self.computing(None)
    }

    fn computing(&self, who: Option<String>) -> Computing {
        let (epochs, went_on, used) = (AtomicU32::new(0), Mutex::new(Instant::now()), Mutex::default());
        Computing(Arc::new(Call { processor: self.clone(), who, epochs, went_on, used }))
    }

    /// Does a short piece of an authorization's work by a permit of its own kind, on a thread of those that may be held up.
    pub async fn elsewhere<T: Send + 'static>(&self, who: &str, work: impl FnOnce() -> T + Send + 'static) -> T {
        let permit = self.0.elsewhere.get_or_init(permits).take(who, 1).await;
        // The permit goes with the work: it is done even where nobody waits for it any more.
        match spawn_blocking(move || (work(), permit).0).await {
            Ok(done) => done,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                // The runtime is going down, and this call with it.
                Err(_) => pending().await,
            },
        }
    }

    fn permits(&self) -> &Budget {
        self.0.permits.get_or_init(permits)
    }

    fn live(&self) -> MutexGuard<'_, HashMap<String, Live>> {
        self.0.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One less than the runtime has threads, so that one is left for calls that compute little.
fn permits() -> Budget {
    let threads = Handle::current().metrics().num_workers();
    let permits = threads.saturating_sub(1).max(1);
    Budget::new(permits, permits)
}

impl Computing {
    /// How long the guest computed, its waits left out. For the guest that computes.
    pub fn used(&self) -> Duration {
        self.ran() + self.went_on().elapsed()
    }

    /// How long the guest computed until it waited last, or ended.
    pub fn ran(&self) -> Duration {
        *self.0.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts an epoch in which the guest computed. Whether it did: where it only just went on, the epoch is none of its own.
    pub fn epoch(&self, epoch: Duration) -> bool {
        if self.went_on().elapsed() < epoch / 2 {
            return false;
        }
        if self.0.epochs.fetch_add(1, Ordering::AcqRel) == 0 {
            self.0.of(&mut self.0.processor.live()).into_iter().for_each(|live| live.long += 1);
        }
        true
    }

    /// Whether a permit is needed to go on.
    fn needs_permit(&self) -> bool {
        let live = self.0.processor.live();
        let own = self.0.who.as_ref().and_then(|who| live.get(who));
        let Some(own) = own.filter(|own| own.is_busy()) else { return false };
        own.long > 0 || live.values().any(|other| other.calls > 0 && !other.is_busy())
    }

    /// Lets the guest go on with a permit, where it needs one.
    pub fn govern<F: Future>(&self, guest: F) -> Governed<F> {
        Governed { call: self.clone(), guest: Box::pin(guest), waits: None }
    }

    fn went_on(&self) -> MutexGuard<'_, Instant> {
        self.0.went_on.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Call {
    /// Its authorization among those that have calls.
    fn of<'l>(&self, live: &'l mut HashMap<String, Live>) -> Option<&'l mut Live> {
        live.get_mut(self.who.as_ref()?)
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let mut all = self.processor.live();
        let Some(live) = self.of(&mut all) else { return };
        live.calls -= 1;
        live.long -= usize::from(self.epochs.load(Ordering::Acquire) > 0);
        // A busy one is remembered beyond its calls: it may go on with others.
        let is_over = live.calls == 0 && !live.is_busy();
        if let Some(who) = self.who.as_ref().filter(|_| is_over) {
            all.remove(who);
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
            let waits = self.waits.get_or_insert_with(|| {
                Box::pin(
                    async move { call.0.processor.permits().take(call.0.who.as_deref().unwrap_or_default(), 1).await },
                )
            });
            match waits.as_mut().poll(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(held) => permit = held,
            }
            self.waits = None;
        }
        let began = Instant::now();
        *self.call.went_on() = began;
        let polled = self.guest.as_mut().poll(context);
        let ran = began.elapsed();
        *self.call.0.used.lock().unwrap_or_else(PoisonError::into_inner) += ran;
        self.call.0.of(&mut self.call.0.processor.live()).into_iter().for_each(|live| live.add(ran));
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
        assert!(!busy.epoch(Duration::from_secs(3_600)), "it only just began");
        assert!(!busy.needs_permit());
        assert!(busy.epoch(Duration::ZERO) && busy.epoch(Duration::ZERO));
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

    #[tokio::test]
    async fn an_authorization_with_many_short_calls_needs_permits_while_others_have_calls() {
        let processor = Processor::default();
        let busy = processor.call("busy");
        let used = |ran: Duration| processor.live().get_mut("busy").unwrap().add(ran);
        used(BUSY);
        assert!(!busy.needs_permit(), "there is nobody else");
        let other = processor.call("other");
        assert!(busy.needs_permit() && !other.needs_permit());
        drop(other);
        assert!(!busy.needs_permit());
    }

    #[tokio::test]
    async fn a_busy_authorization_gives_way_to_no_idle_instance_and_to_none_whose_calls_ended() {
        let processor = Processor::default();
        let (busy, ended) = (processor.call("busy"), processor.call("ended"));
        for who in ["busy", "ended"] {
            processor.live().get_mut(who).unwrap().add(BUSY);
        }
        // It is remembered for its window, and later says nothing.
        drop(ended);
        processor.live().get_mut("ended").unwrap().used = Duration::ZERO;
        let idle = processor.idle();
        assert!(!busy.needs_permit() && idle.epoch(Duration::ZERO) && !idle.needs_permit());
        drop(idle);
        let other = processor.call("ended");
        assert!(busy.needs_permit());
        drop(other);
        // What no authorization asked for, such as a description, is a call like any other.
        let _nobody_s = processor.call("");
        assert!(busy.needs_permit());
    }
}
