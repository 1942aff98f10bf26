//! The server over streamable HTTP: on loopback alone, for who has the token.

use super::Server;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONNECTION, HeaderValue, WWW_AUTHENTICATE};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use subtle::ConstantTimeEq;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

/// Where the server is on its address.
const PATH: &str = "/mcp";

/// How many clients are connected at once; more wait.
const MAX_CONNECTIONS: usize = 256;

/// What a model writes into a record: far more than an incident has.
const MAX_BODY: usize = 1024 * 1024;

/// How long a client may take for a header section, the pause before it included, and for a body: others wait for its place.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long after a connection that could not be taken, as where there are too many open files, the next is.
const AFTER_A_REFUSAL: Duration = Duration::from_millis(100);

type Service = StreamableHttpService<Server, NeverSessionManager>;

/// A server that listens.
pub struct Listening {
    listener: TcpListener,
    server: Server,
    token: Option<Arc<[u8]>>,
    address: SocketAddr,
}

impl Listening {
    /// Listens. Who calls has to give the token, where there is one.
    ///
    /// # Errors
    ///
    /// If the address is none of this machine, or is taken.
    pub async fn start(server: Server, address: SocketAddr, token: Option<&str>) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, server, token: token.map(|token| token.as_bytes().into()), address })
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("http://{}{PATH}", self.address)
    }

    /// Serves for ever.
    pub async fn run(self) -> Infallible {
        let Self { listener, server, token, address } = self;
        // A page in a browser reaches loopback under a name of its own, which it cannot hide in these headers.
        let hosts = [address.to_string(), format!("localhost:{}", address.port())];
        let origins = hosts.iter().map(|host| format!("http://{host}")).collect::<Vec<_>>();
        let config = StreamableHttpServerConfig::default()
            .with_legacy_session_mode(false)
            .with_json_response(true)
            .with_allowed_origins(origins)
            .enforce_origin_validation()
            .with_allowed_hosts(hosts);
        let service: Service = StreamableHttpService::new(move || Ok(server.clone()), Arc::default(), config);
        let connections = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        loop {
            // It is never closed.
            let Ok(place) = Arc::clone(&connections).acquire_owned().await else { continue };
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!("a connection was not taken: {error}");
                    sleep(AFTER_A_REFUSAL).await;
                    continue;
                }
            };
            let (service, token) = (service.clone(), token.clone());
            tokio::spawn(async move {
                let answer = service_fn(move |request| answer(service.clone(), token.clone(), request));
                let mut connection = http1::Builder::new();
                connection.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
                // An error is that of a client, which went away or does not speak HTTP.
                let _ = connection.serve_connection(TokioIo::new(stream), answer).await;
                drop(place);
            });
        }
    }
}

async fn answer(
    service: Service,
    token: Option<Arc<[u8]>>,
    request: Request<Incoming>,
) -> Result<Response<BoxBody<Bytes, Infallible>>, Infallible> {
    Ok(if request.uri().path() != PATH {
        plain(StatusCode::NOT_FOUND, "this server is at /mcp\n")
    } else if token.is_some_and(|token| !has_token(request.headers(), &token)) {
        let mut refusal = plain(StatusCode::UNAUTHORIZED, "give the token of this server as Authorization: Bearer\n");
        refusal.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        refusal
    } else {
        let (head, body) = request.into_parts();
        match timeout(PATIENCE, Limited::new(body, MAX_BODY).collect()).await {
            Ok(Ok(body)) => service.handle(Request::from_parts(head, Full::new(body.to_bytes()))).await,
            Ok(Err(_)) => plain(StatusCode::PAYLOAD_TOO_LARGE, "the body is cut off, or has more than 1 MiB\n"),
            Err(_) => plain(StatusCode::REQUEST_TIMEOUT, "the body did not come within 5 s\n"),
        }
    })
}

fn has_token(headers: &HeaderMap, token: &[u8]) -> bool {
    let given = headers.get(AUTHORIZATION).and_then(|value| value.as_bytes().split_at_checked("Bearer ".len()));
    given.is_some_and(|(scheme, given)| scheme.eq_ignore_ascii_case(b"bearer ") && bool::from(given.ct_eq(token)))
}

/// A refusal. It ends the connection: whoever is refused keeps no place.
fn plain(status: StatusCode, text: &'static str) -> Response<BoxBody<Bytes, Infallible>> {
    let mut response = Response::new(Full::from(text).boxed());
    *response.status_mut() = status;
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
