//! A whole host for a component that imports nothing of WASI: wasmtime, a blocking HTTP client, and one authorization. It creates
//! an incident. `docs/hosts.md` names the duties of a host; each is marked here.
//!
//! ```sh
//! cargo run --example transport -- servicenow-over-transport.wasm https://dev12345.service-now.com USER PASSWORD
//! ```

use base64::prelude::{BASE64_STANDARD, Engine as _};
use bindings::PluginOverTransport;
use bindings::exports::servicenow::plugin::incidents::{CreateOptions, CreateOutcome, RequestBody};
use bindings::exports::servicenow::plugin::types::{Call, Failure, Reason, Retry, WriteHappened};
use bindings::servicenow::plugin::credentials::{Credential, CredentialError, GrantType, Granted, Host as Credentials};
use bindings::servicenow::plugin::transport::{
    Body, Broken, BrokenReason, Header, Host as Transport, Method, Request, Response,
};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{Config, Engine, Result, Store, StoreLimits, StoreLimitsBuilder, UpdateDeadline};

#[allow(missing_docs, reason = "generated; wit/ has the documentation")]
pub mod bindings {
    wasmtime::component::bindgen!({ path: "../wit", world: "plugin-over-transport" });
}

/// The largest answer that is taken in.
const MAX_ANSWER: u64 = 10 * 1024 * 1024;

/// How long after its deadline a component that computes is ended.
const GRACE: Duration = Duration::from_millis(200);

/// How often it is looked whether a component computes for too long.
const TICK: Duration = Duration::from_millis(10);

/// What one call has: its authorization, and a client.
struct State {
    origin: String,
    credential: String,
    client: ureq::Agent,
    began: Instant,
    ends: Instant,
    /// Whether a write was sent.
    wrote: bool,
    limits: StoreLimits,
}

/// The headers that a component may set.
const HEADERS: [&str; 4] = ["accept", "accept-language", "content-type", "user-agent"];

/// The headers of an answer that a component reads. Others hold credentials, such as a session's cookie.
const SHOWN: [&str; 5] = ["content-encoding", "content-type", "retry-after", "x-ratelimit-reset", "x-total-count"];

/// Whether a request is one of those that this host is for: incidents and their choices, and nothing below or beside them.
fn is_allowed(method: Method, path: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default();
    let (table, key) = match path.strip_prefix("/api/now/table/").and_then(|rest| rest.split_once('/')) {
        Some((table, key)) => (table, Some(key)),
        None => (path.strip_prefix("/api/now/table/").unwrap_or_default(), None),
    };
    let is_key = |key: &str| key.len() == 32 && key.bytes().all(|byte| byte.is_ascii_hexdigit());
    match (method, table, key) {
        (Method::Get, "incident" | "sys_choice", None) | (Method::Post, "incident", None) => true,
        (Method::Get | Method::Patch, "incident", Some(key)) => is_key(key),
        _ => false,
    }
}

impl Credentials for State {
    // Credential: the component is told that the host adds it, and for the name of its call alone.
    fn get(&mut self, authorization: String) -> Result<Granted, CredentialError> {
        if authorization != "main" {
            return Err(CredentialError::UnknownAuthorization);
        }
        let (grant_type, credential) = (GrantType::Basic, Credential::AddedByHost);
        Ok(Granted { origin: self.origin.clone(), token_url: String::new(), grant_type, credential, token: None })
    }

    fn refused(&mut self, authorization: String) -> Result<Granted, CredentialError> {
        self.get(authorization)
    }

    fn verify_callback(&mut self, _: String, _: String) -> bool {
        false
    }
}

impl Transport for State {
    fn send(&mut self, request: Request) -> Result<Response, Broken> {
        let broken = |reason, not_sent| Broken { reason, status: None, not_sent };
        // Policy: the authorization's own origin, and the calls that this host is for.
        let path = request.url.strip_prefix(&self.origin).unwrap_or_default();
        let are_allowed = request.headers.iter().all(|header| HEADERS.contains(&header.name.as_str()));
        if !is_allowed(request.method, path) || !are_allowed {
            return Err(broken(BrokenReason::DeniedByHost, true));
        }
        let left = self.ends.saturating_duration_since(Instant::now());
        let within = left.min(Duration::from_millis(request.within_ms));
        self.wrote |= request.method != Method::Get;
        let method = match request.method {
            Method::Get => http::Method::GET,
            Method::Post => http::Method::POST,
            Method::Patch => http::Method::PATCH,
            Method::Delete => http::Method::DELETE,
        };
        let mut head = http::Request::builder().method(method).uri(&request.url);
        for Header { name, value } in &request.headers {
            head = head.header(name, value);
        }
        let body = match request.body {
            None => Vec::new(),
            Some(Body::Text(text)) => text.into_bytes(),
            Some(Body::Bytes(bytes)) => bytes,
        };
        let head = head.header("authorization", &self.credential).body(body);
        let head = head.map_err(|_| broken(BrokenReason::DeniedByHost, true))?;
        let head = self.client.configure_request(head).timeout_global(Some(within)).timeout_connect(Some(within));
        // Truth about what was sent: only what ends before a connection is there proves that nothing was.
        let answer = self.client.run(head.build()).map_err(|error| match error {
            ureq::Error::HostNotFound => broken(BrokenReason::Dns, true),
            ureq::Error::ConnectionFailed => broken(BrokenReason::Connect, true),
            ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                broken(BrokenReason::Connect, true)
            }
            ureq::Error::Timeout(ureq::Timeout::Resolve | ureq::Timeout::Connect) => {
                broken(BrokenReason::Deadline, true)
            }
            ureq::Error::Timeout(_) => broken(BrokenReason::Deadline, false),
            ureq::Error::Tls(_) | ureq::Error::Rustls(_) => broken(BrokenReason::Tls, true),
            _ => broken(BrokenReason::Lost, false),
        })?;
        // Whole answers, of a size that this host takes.
        let (head, mut body) = answer.into_parts();
        let bytes = body.with_config().limit(MAX_ANSWER).read_to_vec().map_err(|error| {
            let reason = match error {
                ureq::Error::BodyExceedsLimit(_) => BrokenReason::TooLarge,
                ureq::Error::Timeout(_) => BrokenReason::Deadline,
                _ => BrokenReason::Lost,
            };
            Broken { reason, status: Some(head.status.as_u16()), not_sent: false }
        })?;
        let header = |(name, value): (&http::HeaderName, &http::HeaderValue)| Header {
            name: name.to_string(),
            value: String::from_utf8_lossy(value.as_bytes()).into_owned(),
        };
        let headers = head.headers.iter().filter(|(name, _)| SHOWN.contains(&name.as_str())).map(header).collect();
        let body = String::from_utf8(bytes).map_or_else(|error| Body::Bytes(error.into_bytes()), Body::Text);
        Ok(Response { status: head.status.as_u16(), headers, body })
    }

    fn now_ms(&mut self) -> u64 {
        self.began.elapsed().as_millis() as u64
    }

    fn unix_seconds(&mut self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
    }

    fn wait_ms(&mut self, ms: u64) {
        std::thread::sleep(self.ends.saturating_duration_since(Instant::now()).min(Duration::from_millis(ms)));
    }

    fn random(&mut self) -> (u64, u64) {
        let random = ring::rand::generate::<[u8; 16]>(&ring::rand::SystemRandom::new());
        let random = u128::from_ne_bytes(random.expect("the system has random bytes").expose());
        ((random >> 64) as u64, random as u64)
    }
}

/// Creates an incident. The deadline is in milliseconds. An error is a component that this host cannot load.
pub fn create(component: &[u8], origin: &str, user: (&str, &str), title: &str, deadline: u32) -> Result<CreateOutcome> {
    let mut config = Config::new();
    config.epoch_interruption(true);
    let engine = Engine::new(&config)?;
    let component = Component::new(&engine, component)?;
    let mut linker = Linker::new(&engine);
    PluginOverTransport::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state)?;
    let ends = Instant::now() + Duration::from_millis(u64::from(deadline));
    let state = State {
        origin: origin.to_string(),
        credential: format!("Basic {}", BASE64_STANDARD.encode(format!("{}:{}", user.0, user.1))),
        client: client(),
        began: Instant::now(),
        ends,
        wrote: false,
        limits: StoreLimitsBuilder::new().memory_size(128 * 1024 * 1024).build(),
    };
    // Isolation: a store for the call, with a limit.
    let mut store = Store::new(&engine, state);
    store.limiter(|state| &mut state.limits);
    // Deadline: the component ends the call itself, and is ended where it computes beyond it.
    let late = move || Instant::now() >= ends + GRACE;
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(move |_| {
        Ok(if late() { UpdateDeadline::Interrupt } else { UpdateDeadline::Continue(1) })
    });
    let called = Arc::new(());
    let clock = Arc::downgrade(&called);
    std::thread::spawn(move || {
        while clock.upgrade().is_some() {
            std::thread::sleep(TICK);
            engine.increment_epoch();
        }
    });
    let node = PluginOverTransport::instantiate(&mut store, &component, &linker)?;
    let call = Call { authorization: "main".into(), instance: origin.into(), timeout_ms: Some(deadline) };
    let body = RequestBody::Fields(vec![("short_description".into(), title.into())]);
    let options = CreateOptions { correlation_id: None, input_display_values: false, choice_check: None };
    let outcome = node.servicenow_plugin_incidents().call_create(&mut store, &call, &body, &options);
    drop(called);
    // Truth about what was sent, by this host's own record, where the component did not come to say it.
    Ok(outcome.unwrap_or_else(|trap| {
        CreateOutcome::Error(Failure {
            status: None,
            reason: Reason::Limit,
            message: format!("the component was ended: {trap}"),
            detail: None,
            retry: if store.data().wrote { Retry::LookUpFirst } else { Retry::Never },
            retry_after_ms: None,
            write_happened: if store.data().wrote { WriteHappened::Unknown } else { WriteHappened::No },
            correlation_id: None,
        })
    }))
}

/// A client that follows no redirect, takes any status for an answer, and trusts whom this machine trusts.
fn client() -> ureq::Agent {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let native = rustls_native_certs::load_native_certs().certs;
    let roots = native.iter().map(|root| Certificate::from_der(root).to_owned()).collect::<Vec<_>>();
    let tls = TlsConfig::builder().root_certs(RootCerts::new_with_certs(&roots)).build();
    ureq::Agent::config_builder().max_redirects(0).http_status_as_error(false).tls_config(tls).build().into()
}

#[allow(dead_code, reason = "a test includes this file and calls create")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [component, origin, user, password] = arguments.as_slice() else {
        return Err("give four arguments: a component's file, an instance's origin, a user and a password".into());
    };
    println!("{:?}", create(&std::fs::read(component)?, origin, (user, password), "Made by a small host", 5_000)?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Method, is_allowed};

    #[test]
    fn what_lies_below_or_beside_the_tables_is_not_allowed() {
        let key = "a1b2c3d4e5f60718293a4b5c6d7e8f90";
        for (method, path, allowed) in [
            (Method::Get, "/api/now/table/incident?sysparm_limit=1".to_string(), true),
            (Method::Post, "/api/now/table/incident".into(), true),
            (Method::Patch, format!("/api/now/table/incident/{key}?sysparm_fields=number"), true),
            (Method::Get, "/api/now/table/sys_choice".into(), true),
            (Method::Get, "/api/now/table/incident_task".into(), false),
            (Method::Get, "/api/now/table/incident/../sys_user".into(), false),
            (Method::Get, format!("/api/now/table/incident/{key}/x"), false),
            (Method::Delete, format!("/api/now/table/incident/{key}"), false),
            (Method::Post, "/api/now/table/sys_choice".into(), false),
            (Method::Get, String::new(), false),
        ] {
            assert_eq!(is_allowed(method, &path), allowed, "{method:?} {path}");
        }
    }
}
