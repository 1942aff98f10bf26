//! Work that is done beside a guest and not on its stack: a fiber that only waits stays small.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The place for what one call waits for.
#[derive(Clone, Default)]
pub struct Beside(Arc<Mutex<Option<Work>>>);

impl Beside {
    /// Has work done by whoever [`drives`](Self::drive) this, and waits for it.
    pub async fn run<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        let done = Arc::new(Mutex::new(None));
        let result = Arc::clone(&done);
        *locked(&self.0) = Some(Box::pin(async move {
            let value = work.await;
            *locked(&result) = Some(value);
        }));
        // Nobody needs to be woken: whoever did the work polls this next.
        poll_fn(|_| locked(&done).take().map_or(Poll::Pending, Poll::Ready)).await
    }

    /// Polls a guest, and while it waits what it waits for: a guest whose work is not done can do nothing else.
    pub async fn drive<T>(&self, guest: impl Future<Output = T>) -> T {
        let _emptied = Emptied(self);
        let mut guest = pin!(guest);
        poll_fn(|context| {
            loop {
                let mut place = locked(&self.0);
                match place.as_mut().map(|work| work.as_mut().poll(context)) {
                    Some(Poll::Pending) => return Poll::Pending,
                    Some(Poll::Ready(())) => *place = None,
                    None => {}
                }
                drop(place);
                if let Poll::Ready(value) = guest.as_mut().poll(context) {
                    return Poll::Ready(value);
                }
                if locked(&self.0).is_none() {
                    return Poll::Pending;
                }
            }
        })
        .await
    }
}

/// Drops what is not done when nobody drives it any more: the connection of an exchange is free then.
struct Emptied<'b>(&'b Beside);

impl Drop for Emptied<'_> {
    fn drop(&mut self) {
        let left = locked(&self.0.0).take();
        drop(left);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
