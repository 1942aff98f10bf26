//! The pooled HTTP client, one per authorization: connections are shared by all calls of an authorization and by no
//! other's.

use super::connect::{Connector, Proxy};
use super::fault::{broken, is_exhausted, unconnected};
use super::sockets::{Connection, Owner, Sockets};
use super::tls::{TlsFile, connector};
use super::tracked::{Sent, Tracked};
use crate::authorizations::{Authorization, Authorizations};
use crate::budget::Held;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri, header};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_rustls::HttpsConnector;
use rustls::RootCertStore;
use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::{sleep, timeout, timeout_at};
use tower_service::Service;
use wasmtime_wasi_http::Error;

/// The smallest buffer that the HTTP library takes; beside the headers it holds the status line, and what came behind them.
const MIN_BUFFER: usize = 8 * 1024;

/// How long it is waited where the process has no descriptor or memory left for a socket, before it is tried again.
const PAUSE: Duration = Duration::from_millis(20);

/// An idle connection is ready at once.
const SOON: Duration = Duration::from_millis(50);

/// What is kept back of a deadline, to say that there was no connection to be had rather than that the time is over.
const TO_SAY_SO: Duration = Duration::from_millis(30);

/// What becomes of a connection when its request is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Connections {
    /// It is kept for the authorization's next calls, and so are TLS sessions.
    #[default]
    Kept,
    /// It is closed, and nothing is kept, as wasmtime's own sender does it. To compare with.
    PerRequest,
}

/// The clients of all authorizations.
#[derive(Clone)]
pub struct Clients(Arc<Inner>);

struct Inner {
    connectors: HashMap<String, (Owner, HttpsConnector<Connector>)>,
    sockets: Sockets,
    connections: Connections,
    max_header_bytes: usize,
}

/// An answer whose body is still to be read. Its connection is kept for the next request once that is done.
pub struct Answer {
    /// The answer.
    pub response: Response<Incoming>,
    kept: Kept,
}

/// A connection in use.
pub struct Kept {
    clients: Clients,
    owner: Owner,
    origin: String,
    connection: Connection,
    _in_use: Held,
}

impl Answer {
    /// The answer, and its connection.
    pub fn into_parts(self) -> (Response<Incoming>, Kept) {
        (self.response, self.kept)
    }
}

impl Kept {
    /// Keeps the connection: the body of the answer was read to its end.
    pub fn keep(self) {
        let inner = &self.clients.0;
        if inner.connections == Connections::Kept && !self.connection.sender.is_closed() {
            inner.sockets.keep(self.owner, self.origin, self.connection);
        }
    }
}

impl Clients {
    /// One client per authorization, over the platform's certificates and the authorization's own.
    pub fn new(
        authorizations: &Authorizations,
        proxy: &Proxy,
        sockets: Sockets,
        max_header_bytes: usize,
        connections: Connections,
    ) -> Result<Self, TlsFile> {
        let mut roots = RootCertStore::empty();
        let platform = rustls_native_certs::load_native_certs();
        for error in &platform.errors {
            tracing::warn!(%error, "a certificate of the platform cannot be read");
        }
        roots.add_parsable_certificates(platform.certs);
        let connector = |(name, authorization): (&String, &Authorization)| {
            let connector = connector(name, authorization, roots.clone(), proxy.clone(), connections)?;
            Ok((name.clone(), (Owner::new(), connector)))
        };
        let connectors = authorizations.iter().map(connector).collect::<Result<_, TlsFile>>()?;
        sockets.divide(authorizations.iter().count());
        Ok(Self(Arc::new(Inner { connectors, sockets, connections, max_header_bytes })))
    }

    /// Sends a request over the authorization's connections. `sent` tells at any time whether anything may have left.
    pub async fn send(
        &self,
        authorization: &str,
        request: Request<Bytes>,
        sent: &Sent,
        deadline: Instant,
    ) -> Result<Answer, Error> {
        let Inner { connectors, sockets, .. } = &*self.0;
        let (owner, connector) = connectors.get(authorization).ok_or(Error::HttpRequestDenied)?;
        if request.body().is_empty() && request.method() != Method::GET {
            // No connection asks for an empty body, so nothing would tell when it left.
            if !sent.mark() {
                return Err(Error::ConnectionTimeout);
            }
        }
        let (address, mut request) = in_origin_form(request.map(|bytes| Tracked::new(bytes, sent.clone())))?;
        let origin = address.to_string();
        let in_use = timeout_at((deadline - TO_SAY_SO).into(), sockets.enter(authorization)).await;
        let in_use = in_use.ok().flatten().ok_or(Error::ConnectionLimitReached)?;
        loop {
            let (mut connection, is_new) = match sockets.take_idle(*owner, &origin) {
                Some(connection) => (connection, false),
                None => (self.connect(authorization, connector, &address, deadline).await?, true),
            };
            // One that still sends its last request, whose answer came early, is not waited for.
            let ready = match is_new {
                true => connection.sender.ready().await,
                false => match timeout(SOON, connection.sender.ready()).await {
                    Ok(ready) => ready,
                    Err(_) => continue,
                },
            };
            let sending = match ready {
                Ok(()) => connection
                    .sender
                    .try_send_request(request)
                    .await
                    .map_err(|mut error| (error.take_message(), error.into_error())),
                // An idle connection was closed by the other side.
                Err(_) if !is_new => continue,
                Err(error) => return Err(broken(authorization, &error)),
            };
            match sending {
                Ok(response) if header_bytes(response.headers()) > self.0.max_header_bytes => {
                    return Err(Error::HttpResponseHeaderSectionSize(None));
                }
                Ok(response) => {
                    let (clients, owner) = (self.clone(), *owner);
                    let kept = Kept { clients, owner, origin, connection, _in_use: in_use };
                    return Ok(Answer { response, kept });
                }
                // Closed before anything of the request was taken.
                Err((Some(unsent), _)) if !is_new => request = unsent,
                Err((_, error)) => return Err(broken(authorization, &error)),
            }
        }
    }

    /// Makes a connection. Where the process has no descriptor or no memory for it, it is tried again until the deadline.
    async fn connect(
        &self,
        authorization: &str,
        connector: &HttpsConnector<Connector>,
        address: &Uri,
        deadline: Instant,
    ) -> Result<Connection, Error> {
        let mut connector = connector.clone();
        let (stream, open) = loop {
            let open = self.0.sockets.open();
            let made = async {
                poll_fn(|context| connector.poll_ready(context)).await?;
                connector.call(address.clone()).await
            };
            match made.await {
                Ok(stream) => break (stream, open),
                Err(error) if is_exhausted(&*error) => {
                    drop(open);
                    self.0.sockets.close_longest_idle();
                    if Instant::now() + PAUSE + TO_SAY_SO >= deadline {
                        return Err(Error::ConnectionLimitReached);
                    }
                    sleep(PAUSE).await;
                }
                Err(error) => return Err(unconnected(authorization, &*error)),
            }
        };
        let buffer = self.0.max_header_bytes.saturating_add(MIN_BUFFER);
        let handshake = http1::Builder::new().max_buf_size(buffer).handshake(stream).await;
        let (connection, driven) = handshake.map_err(|error| broken(authorization, &error))?;
        Ok(Connection::drive(connection, driven, open))
    }
}

/// How large a header section is: names, values, and what stands between them. The library's own limit is one of a buffer, and
/// lets a little more through.
fn header_bytes(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len()).sum()
}

/// A request as it is sent: with the path alone, and the host as a header.
fn in_origin_form(request: Request<Tracked>) -> Result<(Uri, Request<Tracked>), Error> {
    let (mut head, body) = request.into_parts();
    let scheme = head.uri.scheme_str().ok_or(Error::HttpRequestUriInvalid)?;
    let authority = head.uri.authority().ok_or(Error::HttpRequestUriInvalid)?;
    let origin = format!("{scheme}://{authority}/").parse().map_err(|_| Error::HttpRequestUriInvalid)?;
    let host = HeaderValue::from_str(authority.as_str()).map_err(|_| Error::HttpRequestUriInvalid)?;
    head.headers.insert(header::HOST, host);
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    head.uri = path.parse().map_err(|_| Error::HttpRequestUriInvalid)?;
    Ok((origin, Request::from_parts(head, body)))
}
