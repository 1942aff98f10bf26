//! A request's body that notes when it leaves, so that a write that was cut off can be told from one that never left.

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

/// Whether a request's bytes were asked for by a connection, and whether they still may be.
#[derive(Clone, Debug, Default)]
pub struct Sent(Arc<AtomicU8>);

/// Nothing was asked for yet.
const WAITING: u8 = 0;

/// Bytes were handed out.
const HANDED_OUT: u8 = 1;

/// The request was given up before any byte was handed out, and none will be.
const REVOKED: u8 = 2;

impl Sent {
    /// Gives the request up. Whether anything of it may have left the machine; if not, nothing will.
    pub fn revoke(&self) -> bool {
        self.0.compare_exchange(WAITING, REVOKED, Ordering::AcqRel, Ordering::Acquire) == Err(HANDED_OUT)
    }

    /// Hands the bytes out, unless the request was given up.
    pub fn mark(&self) -> bool {
        self.0.compare_exchange(WAITING, HANDED_OUT, Ordering::AcqRel, Ordering::Acquire) != Err(REVOKED)
    }
}

/// The request was given up before its bytes were handed out.
#[derive(Debug, thiserror::Error)]
#[error("the request was given up")]
pub struct GivenUp;

/// A body that notes when a connection first asks for it: before that, nothing of the request has left.
pub struct Tracked {
    body: Full<Bytes>,
    sent: Sent,
}

impl Tracked {
    /// A body that says by this when it leaves.
    pub fn new(bytes: Bytes, sent: Sent) -> Self {
        Self { body: Full::new(bytes), sent }
    }
}

impl Body for Tracked {
    type Data = Bytes;
    type Error = GivenUp;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, GivenUp>>> {
        if !self.sent.mark() {
            return Poll::Ready(Some(Err(GivenUp)));
        }
        Pin::new(&mut self.body).poll_frame(context).map_err(|never| match never {})
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
