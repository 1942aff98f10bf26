//! An HTTP server for deliveries: to try things on, and as a model for an engine's own.
//!
//! What the instance is answered changes nothing there, for it does not try again; it stands in its outbound log.

use super::delivering::NotDelivered;
use super::service::EventSync;
use crate::bindings::exports::servicenow::plugin::callbacks::{Change, Delivery, Verdict};
use crate::telemetry;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::{AbortHandle, JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};

/// The component takes 4 MiB and says so itself; the surplus is for that answer.
const MAX_BODY_BYTES: usize = 5 * 1024 * 1024;

/// How long a client may take for its headers, so that silent ones do not pile up.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// How many connections are served at once; more wait. An instance has a few dozen workers that deliver.
const MAX_CONNECTIONS: usize = 256;

/// How long it is waited where no connection can be accepted.
const PAUSE: Duration = Duration::from_millis(100);

/// How long a body may take.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// What deliveries are for.
pub trait ChangeHandler: Send + Sync + 'static {
    /// Takes a change. It is remembered only where this succeeds.
    fn handle(&self, change: &Change) -> impl Future<Output = Result<(), String>> + Send;

    /// Sees how a delivery was judged.
    fn judged(&self, verdict: &Result<Verdict, NotDelivered<String>>);
}

/// A running receiver. It stops when dropped.
pub struct Receiver {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Receiver {
    /// Starts to listen; port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// If the address cannot be listened on.
    pub async fn start<T: ChangeHandler>(
        listen: SocketAddr,
        sync: Arc<EventSync>,
        authorization: String,
        rules: Option<String>,
        handler: Arc<T>,
    ) -> std::io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        let service = Arc::new(ReceiverService { sync, authorization, rules, handler });
        let task = tokio::spawn(async move {
            // With this task its connections end.
            let mut connections = JoinSet::new();
            // Those that presented no secret yet, the oldest first.
            let mut silent: VecDeque<(Arc<AtomicBool>, AbortHandle)> = VecDeque::new();
            let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
            loop {
                silent.retain(|(authentic, task)| !authentic.load(Ordering::Acquire) && !task.is_finished());
                if places.available_permits() == 0 {
                    // A delivery does not wait for those who only hold connections open.
                    silent.pop_front().into_iter().for_each(|(_, task)| task.abort());
                }
                let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
                let Ok((stream, _)) = listener.accept().await else {
                    // Out of descriptors, mostly: trying again at once would only keep a processor busy.
                    sleep(PAUSE).await;
                    continue;
                };
                while connections.try_join_next().is_some() {}
                let (service, authentic) = (Arc::clone(&service), Arc::new(AtomicBool::new(false)));
                let seen = Arc::clone(&authentic);
                let serve = service_fn(move |request| {
                    let (service, seen) = (Arc::clone(&service), Arc::clone(&seen));
                    async move { Ok::<_, std::convert::Infallible>(service.answer(request, &seen).await) }
                });
                let mut connection = http1::Builder::new();
                connection.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
                let served = connection.serve_connection(TokioIo::new(stream), serve);
                let task = connections.spawn(async move {
                    let _place = place;
                    // A connection that breaks says nothing.
                    let _ = served.await;
                });
                silent.push_back((authentic, task));
            }
        });
        Ok(Self { address, task })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct ReceiverService<T> {
    sync: Arc<EventSync>,
    authorization: String,
    rules: Option<String>,
    handler: Arc<T>,
}

impl<T: ChangeHandler> ReceiverService<T> {
    async fn answer(&self, request: Request<Incoming>, authentic: &AtomicBool) -> Response<Full<Bytes>> {
        if request.method() != Method::POST {
            return answer(StatusCode::METHOD_NOT_ALLOWED, "post a delivery");
        }
        let (head, body) = request.into_parts();
        let headers = head.headers.iter();
        let headers =
            headers.map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
        let mut delivery =
            Delivery { authorization: self.authorization.clone(), headers: headers.collect(), body: Vec::new() };
        // Before a body is read from an unauthenticated client.
        if !self.sync.is_authentic(&delivery) {
            let verdict = Ok(Verdict::Unauthenticated);
            telemetry::delivered(&verdict);
            self.handler.judged(&verdict);
            return answer(StatusCode::UNAUTHORIZED, "unauthenticated");
        }
        authentic.store(true, Ordering::Release);
        let body = timeout(BODY_TIMEOUT, Limited::new(body, MAX_BODY_BYTES).collect()).await;
        let Ok(Ok(body)) = body else {
            telemetry::delivered(&Err(()));
            return answer(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large, too slow, or broke off");
        };
        delivery.body = body.to_bytes().into();
        let handler = &self.handler;
        let verdict = self
            .sync
            .deliver_authentic(delivery, self.rules.clone(), |change| async move { handler.handle(&change).await })
            .await;
        self.handler.judged(&verdict);
        match &verdict {
            Ok(Verdict::Accepted(_)) => answer(StatusCode::OK, "accepted"),
            Ok(Verdict::Late(_)) => answer(StatusCode::OK, "late"),
            Ok(Verdict::Duplicate) => answer(StatusCode::OK, "duplicate"),
            Ok(Verdict::Stale) => answer(StatusCode::OK, "stale"),
            Ok(Verdict::Echo) => answer(StatusCode::OK, "echo"),
            Ok(Verdict::Ignored(_)) => answer(StatusCode::OK, "ignored"),
            Ok(Verdict::Unauthenticated) => answer(StatusCode::UNAUTHORIZED, "unauthenticated"),
            Ok(Verdict::InvalidData(_)) => answer(StatusCode::BAD_REQUEST, "no delivery of a known form"),
            Err(_) => answer(StatusCode::SERVICE_UNAVAILABLE, "not taken"),
        }
    }
}

fn answer(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    response
}
