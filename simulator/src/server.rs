//! The server: accepts connections, lets faults strike, and passes requests to the router.

use super::answer::{Answer, cancelled, compressed, error};
use super::effect::Strike;
use super::request_log::Logged;
use super::{Instance, admin, lock, router, script};
use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

type Body = http_body_util::combinators::UnsyncBoxBody<Bytes, Broken>;

/// Why a connection is closed without a whole answer: a fault, or a client that is gone.
#[derive(Debug, thiserror::Error)]
#[error("the connection was closed on purpose")]
struct Broken;

/// A snapshot of some million records.
const MAX_SNAPSHOT_BYTES: usize = 1 << 30;

/// How many connections may wait to be accepted; the kernel has a limit of its own. A connection beyond is reset, which is
/// a fault that nobody asked for.
const BACKLOG: u32 = 65_535;

/// Listens at an address.
pub fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves until the task is dropped; the connections end with it.
pub async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>, instance: Arc<Instance>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok((stream, _)) = listener.accept().await else { continue };
        let _ = stream.set_nodelay(true);
        instance.connections.fetch_add(1, Ordering::Relaxed);
        let (tls, instance) = (tls.clone(), Arc::clone(&instance));
        connections.spawn(async move {
            match tls {
                None => converse(stream, instance).await,
                // A client that fails the handshake has its own words for it.
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        converse(stream, instance).await;
                    }
                }
            }
        });
    }
}

async fn converse(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, instance: Arc<Instance>) {
    let service = service_fn(move |request| respond(Arc::clone(&instance), request));
    // A broken conversation is the client's to notice.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn respond(instance: Arc<Instance>, request: Request<Incoming>) -> Result<Response<Body>, Broken> {
    let (head, body) = request.into_parts();
    let is_ours = head.uri.path().starts_with(admin::PREFIX);
    let limit = if is_ours { MAX_SNAPSHOT_BYTES } else { router::MAX_BODY_BYTES };
    let body = match Limited::new(body, limit).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            let length = head.headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
            return Ok(whole(router::too_large(&instance, length)));
        }
        Err(_) => return Err(Broken),
    };
    let request = Request::from_parts(head, body);
    let (method, path) = (request.method().as_str().to_string(), request.uri().path().to_string());
    if path.starts_with(admin::PREFIX) {
        return Ok(whole(answer(&instance, request).await));
    }
    let address = request.uri().path_and_query().map_or(path.clone(), |address| address.to_string());
    let address = address.as_str();
    let (keeps_requests, (least, most), quota_ms) = {
        let settings = instance.settings();
        (settings.keeps_requests, settings.latency_ms, settings.quota_ms)
    };
    if keeps_requests {
        lock(&instance.requests).push(Logged::of(&request));
    }
    if most > 0 {
        let ms = lock(&instance.latency).u64(least.min(most)..=most);
        tokio::time::sleep(Duration::from_millis(ms.min(quota_ms))).await;
        if ms > quota_ms {
            answer(&instance, request).await;
            return Ok(whole(cancelled()));
        }
    }
    let strike = lock(&instance.faults).strike(&method, address, request.body());
    let accepted = request.headers().clone();
    match strike {
        None => Ok(whole(compressed(answer(&instance, request).await, &accepted))),
        Some(Strike::Instead(instead)) => Ok(whole(instead)),
        Some(Strike::After(after)) => {
            answer(&instance, request).await;
            Ok(whole(after))
        }
        Some(Strike::Rewritten(from, to)) => {
            let answer = answer(&instance, request).await;
            Ok(whole(answer.map(|body| String::from_utf8_lossy(&body).replace(&from, &to).into())))
        }
        Some(Strike::Padded(bytes)) => {
            let padded = |body: Bytes| [&body[..], &vec![b' '; bytes]].concat().into();
            Ok(whole(answer(&instance, request).await.map(padded)))
        }
        Some(Strike::TokensExpired) => {
            lock(&instance.tokens).clear();
            Ok(whole(answer(&instance, request).await))
        }
        Some(Strike::Refusing(names)) => {
            let is_refused = names.iter().any(|name| accepted.contains_key(name))
                || accepted.get_all(header::AUTHORIZATION).iter().count() > 1;
            let refusal = || error(400, "Simulated failure", "the request has a header that it may not have");
            Ok(whole(if is_refused { refusal() } else { answer(&instance, request).await }))
        }
        Some(Strike::Delayed { time, committed: false }) => {
            tokio::time::sleep(time).await;
            Ok(whole(answer(&instance, request).await))
        }
        Some(Strike::Delayed { time, committed: true }) => {
            let late = answer(&instance, request).await;
            tokio::time::sleep(time).await;
            Ok(whole(late))
        }
        Some(Strike::Hung) => std::future::pending().await,
        Some(Strike::Late(time)) => {
            let late = Arc::clone(&instance);
            // In a task of its own: the caller's connection may be gone before.
            lock(&instance.late).spawn(async move {
                tokio::time::sleep(time).await;
                answer(&late, request).await;
            });
            std::future::pending().await
        }
        Some(Strike::Closed { committed }) => {
            if committed {
                answer(&instance, request).await;
            }
            Err(Broken)
        }
        Some(Strike::Truncated) => Ok(whole(answer(&instance, request).await.map(|body| body.slice(..body.len() / 2)))),
        Some(Strike::Broken) => Ok(broken(answer(&instance, request).await)),
    }
}

/// Answers a request, in a thread of its own where it may run scripts: those wait for what they call. What it left to be
/// done is then begun.
async fn answer(instance: &Arc<Instance>, request: Request<Bytes>) -> Answer {
    if !router::may_run_scripts(instance, &request) {
        return router::answer(instance, &request);
    }
    let inner = Arc::clone(instance);
    let answered = tokio::task::spawn_blocking(move || router::answer(&inner, &request)).await;
    work(instance);
    answered.unwrap_or_else(|_| error(500, "Simulated failure", "the simulator failed; its standard error says where"))
}

/// Begins what was left for later, in the background, unless somebody is at it.
pub fn work(instance: &Arc<Instance>) {
    if !lock(&instance.jobs).is_empty() && !instance.working.load(Ordering::Acquire) {
        let worker = Arc::clone(instance);
        let later = async move { drop(tokio::task::spawn_blocking(move || script::work(&worker)).await) };
        let mut late = lock(&instance.late);
        while late.try_join_next().is_some() {}
        late.spawn(later);
    }
}

fn whole(answer: Answer) -> Response<Body> {
    answer.map(|body| Full::new(body).map_err(|never| match never {}).boxed_unsync())
}

/// The first half of an answer, and then the end of the connection.
fn broken(answer: Answer) -> Response<Body> {
    answer.map(|body| {
        let half = body.slice(..body.len() / 2);
        let frames = [Ok(Frame::data(half)), Err(Broken)];
        StreamBody::new(futures_util::stream::iter(frames)).boxed_unsync()
    })
}
