//! The pooled HTTP client, one per authorization: connections are shared by all calls of an authorization and by no
//! other's.

use super::connect::{Connector, Proxy};
use super::fault::classify;
use crate::authorizations::{Authorization, Authorizations};
use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::Full;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::client::Resumption;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use rustls::{ClientConfig, RootCertStore};
use std::collections::HashMap;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use wasmtime_wasi_http::Error;

/// ServiceNow closes idle connections after 20 to 70 seconds; ours go first, so that no request meets a closing one.
const IDLE: Duration = Duration::from_secs(15);

/// How many connections of an authorization stay open without a call: some for its next calls, and not so many that those of
/// many authorizations use up the process's descriptors.
const MAX_IDLE: usize = 64;

/// The smallest buffer that the HTTP library takes.
const MIN_BUFFER: usize = 8 * 1024;

type Pooled = Client<HttpsConnector<Connector>, Tracked>;

/// A certificate or key file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("authorization {authorization:?}: {key} {path}: {problem}")]
pub struct TlsFile {
    authorization: String,
    key: &'static str,
    path: String,
    problem: String,
}

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
pub struct Clients(Arc<HashMap<String, Pooled>>);

impl Clients {
    /// One client per authorization, over the platform's certificates and the authorization's own.
    pub fn new(
        authorizations: &Authorizations,
        proxy: &Proxy,
        max_header_bytes: usize,
        connections: Connections,
    ) -> Result<Self, TlsFile> {
        let mut roots = RootCertStore::empty();
        let platform = rustls_native_certs::load_native_certs();
        for error in &platform.errors {
            tracing::warn!(%error, "a certificate of the platform cannot be read");
        }
        roots.add_parsable_certificates(platform.certs);
        let client = |(name, authorization): (&String, &Authorization)| {
            let connector = connector(name, authorization, roots.clone(), proxy.clone(), connections)?;
            let client = Client::builder(TokioExecutor::new())
                .pool_idle_timeout(IDLE)
                .pool_max_idle_per_host(if connections == Connections::Kept { MAX_IDLE } else { 0 })
                .pool_timer(TokioTimer::new())
                .http1_max_buf_size(max_header_bytes.max(MIN_BUFFER))
                .build(connector);
            Ok((name.clone(), client))
        };
        let clients = authorizations.iter().map(client);
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
            if !sent.mark() {
                return Err(Error::ConnectionTimeout);
            }
        }
        let request = request.map(|bytes| Tracked { body: Full::new(bytes), sent: sent.clone() });
        client.request(request).await.map_err(|error| classify(authorization, &error))
    }
}

fn connector(
    name: &str,
    authorization: &Authorization,
    mut roots: RootCertStore,
    proxy: Proxy,
    connections: Connections,
) -> Result<HttpsConnector<Connector>, TlsFile> {
    for path in &authorization.ca_files {
        if roots.add_parsable_certificates(certificates(name, "ca-files", path)?).0 == 0 {
            return Err(unusable(name, "ca-files", path)("it holds no certificate of an authority"));
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        // The provider supports both versions, which is all this checks.
        .expect("ring supports TLS 1.2 and 1.3")
        .with_root_certificates(roots);
    let mut tls = match &authorization.client_certificate {
        None => tls.with_no_client_auth(),
        Some(own) => {
            let chain = certificates(name, "client-certificate", &own.certificate)?;
            let unusable = unusable(name, "client-key", &own.key);
            let key = PrivateKeyDer::from_pem_file(&own.key).map_err(|error| unusable(&pem_problem(&error)))?;
            tls.with_client_auth_cert(chain, key).map_err(|error| unusable(&error.to_string()))?
        }
    };
    if connections == Connections::PerRequest {
        tls.resumption = Resumption::disabled();
    }
    let connector = Connector::new(authorization.addresses.clone(), proxy);
    Ok(HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(connector))
}

fn certificates(name: &str, key: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsFile> {
    let unusable = unusable(name, key, path);
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let certificates = read.map_err(|error| unusable(&pem_problem(&error)))?;
    if certificates.is_empty() {
        return Err(unusable("it holds no certificate; give a PEM file with at least one"));
    }
    Ok(certificates)
}

/// Never quotes the file: it may hold a private key.
fn pem_problem(error: &rustls::pki_types::pem::Error) -> String {
    match error {
        rustls::pki_types::pem::Error::Io(error) => format!("{error}; give a readable PEM file"),
        rustls::pki_types::pem::Error::NoItemsFound => "nothing of this kind in it; give a PEM file".to_string(),
        _ => "this is no PEM file".to_string(),
    }
}

fn unusable(name: &str, key: &'static str, path: &Path) -> impl Fn(&str) -> TlsFile {
    let (authorization, path) = (name.to_string(), path.display().to_string());
    move |problem| TlsFile {
        authorization: authorization.clone(),
        key,
        path: path.clone(),
        problem: problem.to_string(),
    }
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
