//! A small HTTP server for who has a token: that of the agents, and that of the figures.

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONNECTION, HeaderValue, WWW_AUTHENTICATE};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use subtle::ConstantTimeEq;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::sleep;

/// How many clients are connected at once; more wait.
const MAX_CONNECTIONS: usize = 256;

/// How long a client may take for a header section, the pause before it included, and for a body: others wait for its place.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// How long after a connection that could not be taken, as where there are too many open files, the next is.
const AFTER_A_REFUSAL: Duration = Duration::from_millis(100);

/// An answer.
pub type Answer = Response<BoxBody<Bytes, Infallible>>;

/// Serves for ever.
pub async fn serve<F, A>(listener: TcpListener, answer: F) -> Infallible
where
    F: Fn(Request<Incoming>) -> A + Clone + Send + 'static,
    A: Future<Output = Answer> + Send + 'static,
{
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
        let answer = answer.clone();
        tokio::spawn(async move {
            let answer = service_fn(move |request| {
                let answer = answer(request);
                async move { Ok::<_, Infallible>(answer.await) }
            });
            let mut connection = http1::Builder::new();
            connection.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
            // An error is that of a client, which went away or does not speak HTTP.
            let _ = connection.serve_connection(TokioIo::new(stream), answer).await;
            drop(place);
        });
    }
}

/// What is answered to who does not have the token; nothing to who has it.
pub fn refused(headers: &HeaderMap, token: &[u8]) -> Option<Answer> {
    let given = headers.get(AUTHORIZATION).and_then(|value| value.as_bytes().split_at_checked("Bearer ".len()));
    let has_it =
        given.is_some_and(|(scheme, given)| scheme.eq_ignore_ascii_case(b"bearer ") && bool::from(given.ct_eq(token)));
    (!has_it).then(|| {
        let text = "give the token of this server as Authorization: Bearer\n";
        let mut refusal = plain(StatusCode::UNAUTHORIZED, text);
        refusal.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        refusal
    })
}

/// A refusal. It ends the connection: whoever is refused keeps no place.
pub fn plain(status: StatusCode, text: &'static str) -> Answer {
    let mut response = Response::new(Full::from(text).boxed());
    *response.status_mut() = status;
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
