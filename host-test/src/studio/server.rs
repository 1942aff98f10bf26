//! The server of the page: on loopback alone, for who has the token, and for no page of another origin.

use super::events::Events;
use super::{Studio, assets, instance};
use crate::http_server::{Answer, PATIENCE, plain, refused, serve};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderValue, ORIGIN, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use serde_json::{Value, json};
use servicenow_simulator::Simulator;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::time::timeout;

/// An event of some megabytes and its rules.
const MAX_BODY: usize = 16 * 1024 * 1024;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// A server that listens.
pub struct Listening {
    listener: TcpListener,
    address: SocketAddr,
    served: Arc<Served>,
}

struct Served {
    studio: Studio,
    token: Vec<u8>,
    /// What a browser may call this server.
    hosts: [String; 2],
}

impl Listening {
    /// Listens on an address of loopback.
    ///
    /// # Errors
    ///
    /// If the address is none of this machine, or is taken.
    pub async fn start(studio: Studio, address: SocketAddr, token: &str) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        // A browser leaves the port of HTTP out.
        let port = if address.port() == 80 { String::new() } else { format!(":{}", address.port()) };
        let host = match address.ip() {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        };
        let hosts = [format!("{host}{port}"), format!("localhost{port}")];
        let served = Served { studio, token: token.into(), hosts };
        Ok(Self { listener, address, served: Arc::new(served) })
    }

    /// Where the page is. What follows `#` is sent to no server.
    pub fn url(&self) -> String {
        format!("http://{}/#token={}", self.address, String::from_utf8_lossy(&self.served.token))
    }

    /// Serves for ever.
    pub async fn run(self) -> Infallible {
        let served = self.served;
        serve(self.listener, move |request| {
            let served = Arc::clone(&served);
            async move { served.answer(request).await }
        })
        .await
    }
}

impl Served {
    async fn answer(&self, request: Request<Incoming>) -> Answer {
        if !self.is_ours(request.headers()) {
            return plain(StatusCode::FORBIDDEN, "open the address that host-test studio printed\n");
        }
        let Some(path) = request.uri().path().strip_prefix("/api/").map(str::to_string) else {
            return asset(&request);
        };
        if let Some(refusal) = refused(request.headers(), &self.token) {
            return refusal;
        }
        let (method, query) = (request.method().clone(), request.uri().query().unwrap_or_default().to_string());
        if (&method, path.as_str()) == (&Method::GET, "events") {
            return events(&self.studio.events);
        }
        let body = match timeout(PATIENCE, Limited::new(request.into_body(), MAX_BODY).collect()).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(_)) => return told(StatusCode::PAYLOAD_TOO_LARGE, &"the body is cut off, or has more than 16 MiB"),
            Err(_) => return told(StatusCode::REQUEST_TIMEOUT, &"the body did not come in time"),
        };
        let body = match body.is_empty() {
            true => Ok(Value::Null),
            false => serde_json::from_slice(&body).map_err(|error| format!("the body is not JSON: {error}")),
        };
        let answered = match body {
            Ok(body) => self.asked(&method, &path, &query, body).await,
            Err(problem) => Some(Err(problem)),
        };
        match answered {
            Some(Ok(value)) => json_answer(StatusCode::OK, &value),
            Some(Err(problem)) => told(StatusCode::BAD_REQUEST, &problem),
            None => told(StatusCode::NOT_FOUND, &"this server has nothing there"),
        }
    }

    /// A page of another name reaches loopback too, but cannot hide its name.
    fn is_ours(&self, headers: &HeaderMap) -> bool {
        let is = |name, prefix: &str| {
            headers.get(name).map(|value: &HeaderValue| {
                let value = value.to_str().unwrap_or_default();
                value.strip_prefix(prefix).is_some_and(|value| self.hosts.iter().any(|host| host == value))
            })
        };
        is(HOST, "").unwrap_or(false) && is(ORIGIN, "http://").unwrap_or(true)
    }

    /// What an address answers; nothing where there is none.
    async fn asked(&self, method: &Method, path: &str, query: &str, body: Value) -> Option<Result<Value, String>> {
        let studio = &self.studio;
        let simulator = studio.simulator.as_ref().map(|(simulator, _)| simulator);
        if *method == Method::GET && path == "about" {
            return Some(Ok(studio.about()));
        }
        if let Some(name) = path.strip_prefix("call/").filter(|_| *method == Method::POST) {
            let inputs = if body.is_null() { json!({}) } else { body };
            return Some(studio.invoke(name, inputs).await);
        }
        match (method.as_str(), path) {
            ("POST", "map") => return Some(studio.preview(body).await),
            ("POST", "push") => return Some(studio.push(body).await),
            _ => {}
        }
        self.of_simulator(simulator?, method, path, query, body).await
    }

    async fn of_simulator(
        &self,
        simulator: &Simulator,
        method: &Method,
        path: &str,
        query: &str,
        body: Value,
    ) -> Option<Result<Value, String>> {
        let studio = &self.studio;
        if let Some(table) = path.strip_prefix("table/").filter(|_| *method == Method::GET) {
            let number = |name: &str| {
                let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
                pairs.find(|(key, _)| *key == name).and_then(|(_, value)| value.parse().ok())
            };
            let (offset, limit) = (number("offset").unwrap_or(0), number("limit").unwrap_or(usize::MAX));
            return instance::page(simulator, table, offset, limit).map(Ok);
        }
        let done = match (method.as_str(), path) {
            ("POST", "faults") => {
                let name = body["name"].as_str().unwrap_or_default();
                let on = body["on"].as_bool().unwrap_or_default();
                let active = studio.faults.switch(name, on, simulator).ok_or(format!("there is no fault {name:?}"));
                return Some(active.map(|active| {
                    studio.events.tell(&json!({"kind": "faults", "active": active}));
                    json!({})
                }));
            }
            ("POST", "reset") => studio.reset(simulator).await,
            ("GET", "receiver") => Ok(()),
            ("POST", "receiver") => studio.receive(body["on"].as_bool().unwrap_or_default()).await,
            ("POST", "provision") => studio.provision().await,
            ("POST", "agent") => studio.agent(simulator, body).await,
            ("POST", "reconcile") => studio.reconcile().await,
            _ => return None,
        };
        Some(done.map(|()| studio.ways(simulator)))
    }
}

/// A file of the page.
fn asset(request: &Request<Incoming>) -> Answer {
    let Some(asset) = assets::at(request.uri().path()).filter(|_| *request.method() == Method::GET) else {
        return plain(StatusCode::NOT_FOUND, "there is no such page\n");
    };
    let mut response = Response::new(Full::from(asset.text).boxed());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, asset.media_type.clone());
    headers.insert(CONTENT_SECURITY_POLICY, assets::POLICY);
    headers.insert(X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    headers.insert(CACHE_CONTROL, NO_STORE);
    response
}

/// What happened, and what happens from now on, as server-sent events. A greeting is between them.
fn events(events: &Events) -> Answer {
    let (past, pages) = events.hear();
    let greeting = Arc::from(events.now().to_string());
    let past = stream::iter(past.into_iter().chain([greeting]));
    let told = stream::unfold(pages, |mut pages| async move {
        // A page that missed some asks again, and is told what happened before.
        let event = pages.recv().await.ok()?;
        Some((event, pages))
    });
    let frames = past
        .chain(told)
        .map(|event: Arc<str>| Ok::<_, Infallible>(Frame::data(Bytes::from(format!("data: {event}\n\n")))));
    let mut response = Response::new(BodyExt::boxed(StreamBody::new(frames)));
    response.headers_mut().insert(CONTENT_TYPE, EVENT_STREAM);
    response.headers_mut().insert(CACHE_CONTROL, NO_STORE);
    response
}

fn told(status: StatusCode, detail: &dyn std::fmt::Display) -> Answer {
    json_answer(status, &json!({"detail": detail.to_string()}))
}

fn json_answer(status: StatusCode, value: &Value) -> Answer {
    let mut response = Response::new(Full::from(value.to_string()).boxed());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response.headers_mut().insert(CACHE_CONTROL, NO_STORE);
    response
}
