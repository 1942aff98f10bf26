//! The connections of a host: in use and idle together no more than the process may open, with a fair share for each
//! authorization. Who finds none free closes the longest idle one, whoever's it is, or waits in turn.

use super::tracked::Tracked;
use crate::budget::{Budget, Held};
use crate::telemetry::BudgetOf;
use hyper::client::conn::http1::SendRequest;
use std::collections::{HashMap, VecDeque};
use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::time::sleep;

/// ServiceNow closes idle connections after 20 to 70 seconds; ours go first, so that no request meets a closing one.
const MAX_IDLE_TIME: Duration = Duration::from_secs(15);

/// How long a connection that nobody has any more may take to send what it holds and to say goodbye.
const MAX_CLOSING_TIME: Duration = Duration::from_secs(1);

/// How many connections of an authorization stay open without a call: enough for its next calls.
const MAX_IDLE: usize = 64;

/// The connections of a host. Clones share them.
#[derive(Clone)]
pub struct Sockets(Arc<Inner>);

struct Inner {
    max: usize,
    /// What is in use, and what is about to be.
    in_use: Budget,
    /// Open sockets, idle ones too.
    open: AtomicUsize,
    idle: Mutex<HashMap<Owner, VecDeque<Idle>>>,
}

/// Whose a connection is: an authorization of one host. Another host's of the same name may trust other certificates.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Owner(u64);

impl Owner {
    /// One that is no other.
    pub fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

struct Idle {
    origin: String,
    since: Instant,
    connection: Connection,
}

/// A connection that requests can be sent on, one after the other. With it its driver ends.
pub struct Connection {
    /// Where requests are sent.
    pub sender: SendRequest<Tracked>,
    _alive: oneshot::Sender<()>,
}

impl Connection {
    /// Drives a connection in a task of its own, until it ends or nobody has it any more. A peer that stops reading would keep the
    /// socket, and what was to be sent, for as long as it likes.
    pub fn drive<D: Future + Send + 'static>(sender: SendRequest<Tracked>, driver: D, open: Open) -> Self {
        let (alive, gone) = oneshot::channel();
        tokio::spawn(async move {
            let mut driver = Box::pin(driver);
            let mut abandoned = Box::pin(async move {
                let _ = gone.await;
                sleep(MAX_CLOSING_TIME).await;
            });
            let ended = |context: &mut Context<'_>| {
                let is_over = driver.as_mut().poll(context).is_ready() || abandoned.as_mut().poll(context).is_ready();
                if is_over { Poll::Ready(()) } else { Poll::Pending }
            };
            // What breaks it is told to the request that it breaks.
            poll_fn(ended).await;
            drop(open);
        });
        Self { sender, _alive: alive }
    }
}

/// Counts an open socket until this is dropped.
pub struct Open(Arc<Inner>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Sockets {
    /// At most so many.
    pub fn new(max: usize) -> Self {
        let max = max.max(1);
        let in_use = Budget::seen(BudgetOf::Connections, max);
        Self(Arc::new(Inner { max, in_use, open: AtomicUsize::new(0), idle: Mutex::default() }))
    }

    /// Divides them among so many authorizations.
    pub fn divide(&self, authorizations: usize) {
        self.0.in_use.divide(authorizations);
    }

    /// Waits until this authorization may use a connection.
    pub async fn enter(&self, authorization: &str) -> Option<Held> {
        self.0.in_use.take(authorization, 1).await
    }

    /// An idle connection of this owner to this origin, the one that was used last.
    pub fn take_idle(&self, owner: Owner, origin: &str) -> Option<Connection> {
        let mut all = self.idle();
        let idle = all.get_mut(&owner)?;
        while let Some(at) = idle.iter().rposition(|idle| idle.origin == origin) {
            let idle = idle.remove(at)?;
            if !idle.connection.sender.is_closed() && idle.since.elapsed() < MAX_IDLE_TIME {
                return Some(idle.connection);
            }
        }
        None
    }

    /// Counts a socket that is about to be opened. Where there are as many as there may be, the longest idle one is closed for it.
    pub fn open(&self) -> Open {
        if self.0.open.fetch_add(1, Ordering::AcqRel) >= self.0.max {
            self.close_longest_idle();
        }
        Open(Arc::clone(&self.0))
    }

    /// Closes the longest idle connection of any authorization. Whether there was one.
    pub fn close_longest_idle(&self) -> bool {
        let mut all = self.idle();
        let longest = all.iter_mut().filter(|(_, idle)| !idle.is_empty()).min_by_key(|(_, idle)| idle[0].since);
        longest.and_then(|(_, idle)| idle.pop_front()).is_some()
    }

    /// Keeps a connection for the next requests of this owner to this origin.
    pub fn keep(&self, owner: Owner, origin: String, connection: Connection) {
        let mut all = self.idle();
        let was_empty = all.is_empty();
        let idle = all.entry(owner).or_default();
        idle.push_back(Idle { origin, since: Instant::now(), connection });
        let surplus = if idle.len() > MAX_IDLE { idle.pop_front() } else { None };
        drop(all);
        drop(surplus);
        if was_empty {
            self.close_in_time();
        }
    }

    /// Closes connections that were idle for long, until there are none. It ends with the host.
    fn close_in_time(&self) {
        let inner = Arc::downgrade(&self.0);
        tokio::spawn(async move {
            loop {
                sleep(MAX_IDLE_TIME).await;
                let Some(inner) = inner.upgrade() else { return };
                let mut all = inner.idle.lock().unwrap_or_else(PoisonError::into_inner);
                all.retain(|_, idle| {
                    idle.retain(|idle| !idle.connection.sender.is_closed() && idle.since.elapsed() < MAX_IDLE_TIME);
                    !idle.is_empty()
                });
                if all.is_empty() {
                    return;
                }
            }
        });
    }

    fn idle(&self) -> MutexGuard<'_, HashMap<Owner, VecDeque<Idle>>> {
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
