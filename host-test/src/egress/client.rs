//! The pooled HTTP client, one per authorization: connections are shared by all calls of an authorization and by no
//! other's.

use crate::authorizations::{Authorization, Authorizations};
use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::Full;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use std::collections::HashMap;
use std::error::Error as StdError;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use std::{fmt, io};
use tower_service::Service;
use wasmtime_wasi_http::Error;

/// ServiceNow closes idle connections after 20 to 70 seconds; ours go first, so that no request meets a closing one.
const IDLE: Duration = Duration::from_secs(15);

type Connector = HttpsConnector<HttpConnector<Resolver>>;

/// A CA file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("authorization {authorization:?}: ca-file {path}: {problem}; give a PEM file with at least one certificate")]
pub struct TlsFile {
    authorization: String,
    path: String,
    problem: String,
}

/// The clients of all authorizations.
#[derive(Clone)]
pub struct Clients(Arc<HashMap<String, Client<Connector, Tracked>>>);

impl Clients {
    /// One client per authorization, over the platform's certificates and the authorization's own.
    pub fn new(authorizations: &Authorizations) -> Result<Self, TlsFile> {
        let mut roots = RootCertStore::empty();
        let platform = rustls_native_certs::load_native_certs();
        for error in &platform.errors {
            tracing::warn!(%error, "a certificate of the platform cannot be read");
        }
        roots.add_parsable_certificates(platform.certs);
        let clients = authorizations
            .iter()
            .map(|(name, authorization)| Ok((name.clone(), client(name, authorization, roots.clone())?)));
        Ok(Self(Arc::new(clients.collect::<Result<_, TlsFile>>()?)))
    }

    /// Sends a request over the authorization's connections. `sent` tells at any time whether anything may have left.
    pub async fn send(
        &self,
        authorization: &str,
        request: Request<Bytes>,
        sent: &Sent,
    ) -> Result<Response<Incoming>, Error> {
        let client = self.0.get(authorization).ok_or(Error::HttpRequestDenied)?;
        if request.body().is_empty() && request.method() != Method::GET {
            // No connection asks for an empty body, so nothing would tell when it left.
            sent.mark();
        }
        let request = request.map(|bytes| Tracked { body: Full::new(bytes), sent: sent.clone() });
        client.request(request).await.map_err(|error| classify(&error))
    }
}

fn client(
    name: &str,
    authorization: &Authorization,
    mut roots: RootCertStore,
) -> Result<Client<Connector, Tracked>, TlsFile> {
    if let Some(path) = &authorization.ca_file {
        let fail =
            |problem: String| TlsFile { authorization: name.to_string(), path: path.display().to_string(), problem };
        let certificates = CertificateDer::pem_file_iter(path).map_err(|error| fail(error.to_string()))?;
        let certificates: Vec<_> = certificates.collect::<Result<_, _>>().map_err(|error| fail(error.to_string()))?;
        if roots.add_parsable_certificates(certificates).0 == 0 {
            return Err(fail("no certificate in it".to_string()));
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        // The provider supports both versions, which is all this checks.
        .expect("ring supports TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut http = HttpConnector::new_with_resolver(Resolver(GaiResolver::new()));
    http.enforce_http(false);
    http.set_nodelay(true);
    let connector =
        HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(http);
    Ok(Client::builder(TokioExecutor::new()).pool_idle_timeout(IDLE).pool_timer(TokioTimer::new()).build(connector))
}

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
    fn mark(&self) -> bool {
        self.0.compare_exchange(WAITING, HANDED_OUT, Ordering::AcqRel, Ordering::Acquire) != Err(REVOKED)
    }
}

/// The request was given up before its bytes were handed out.
#[derive(Debug, thiserror::Error)]
#[error("the request was given up")]
struct GivenUp;

/// A body that notes when a connection first asks for it: before that, nothing of the request has left.
struct Tracked {
    body: Full<Bytes>,
    sent: Sent,
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

/// Resolves names as the platform does, and marks its errors so that they can be told from others.
#[derive(Clone)]
struct Resolver(GaiResolver);

#[derive(Debug)]
struct Unresolved(io::Error);

impl fmt::Display for Unresolved {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "name resolution: {}", self.0)
    }
}

impl StdError for Unresolved {}

impl Service<Name> for Resolver {
    type Response = <GaiResolver as Service<Name>>::Response;
    type Error = Unresolved;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Unresolved>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Unresolved>> {
        self.0.poll_ready(context).map_err(Unresolved)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let resolving = self.0.call(name);
        Box::pin(async move { resolving.await.map_err(Unresolved) })
    }
}

/// What went wrong, as the guest is told it. A failure to connect proves that nothing left; of anything else the marker of
/// the request tells.
fn classify(error: &hyper_util::client::legacy::Error) -> Error {
    if !error.is_connect() {
        return Error::ConnectionTerminated;
    }
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(inner) = cause {
        if inner.is::<Unresolved>() {
            return Error::DnsError { rcode: None, info_code: None };
        }
        if is_tls(inner) {
            return Error::TlsCertificateError;
        }
        // An `io::Error` shows the cause inside it only this way.
        let nested = inner.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        cause = nested.map(|nested| nested as &(dyn StdError + 'static)).or_else(|| inner.source());
    }
    Error::ConnectionRefused
}

fn is_tls(error: &(dyn StdError + 'static)) -> bool {
    error.is::<rustls::Error>()
}
