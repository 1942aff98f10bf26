//! The server over streamable HTTP: on loopback alone, for who has the token.

use super::Server;
use crate::http_server::{Answer, PATIENCE, plain, refused, serve};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::time::timeout;

/// Where the server is on its address.
const PATH: &str = "/mcp";

/// What a model writes into a record: far more than an incident has.
const MAX_BODY: usize = 1024 * 1024;

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
        serve(listener, move |request| answer(service.clone(), token.clone(), request)).await
    }
}

async fn answer(service: Service, token: Option<Arc<[u8]>>, request: Request<Incoming>) -> Answer {
    if request.uri().path() != PATH {
        return plain(StatusCode::NOT_FOUND, "this server is at /mcp\n");
    }
    if let Some(refusal) = token.and_then(|token| refused(request.headers(), &token)) {
        return refusal;
    }
    let (head, body) = request.into_parts();
    match timeout(PATIENCE, Limited::new(body, MAX_BODY).collect()).await {
        Ok(Ok(body)) => service.handle(Request::from_parts(head, Full::new(body.to_bytes()))).await,
        Ok(Err(_)) => plain(StatusCode::PAYLOAD_TOO_LARGE, "the body is cut off, or has more than 1 MiB\n"),
        Err(_) => plain(StatusCode::REQUEST_TIMEOUT, "the body did not come within 5 s\n"),
    }
}
