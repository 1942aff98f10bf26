//! The server: reads a request, makes the call, writes the reply. One instance serves one request.

use crate::bindings::callbacks::{self, Delivery, Verdict};
use crate::bindings::{authorization, credentials, incidents, manifest, mapping, push};
use crate::inputs::{MethodCall, read};
use crate::openapi::openapi;
use crate::reply::Reply;
use crate::route::{Head, Route, SINK, TOKEN, callback_secret, route, unauthentic};
use servicenow_core::bindings::types::Reason;
use servicenow_core::host::{Host, Method, Request, TransportError};
use servicenow_core::imports::ImportedHost;
use servicenow_json::to_json;
use wasip2::cli::environment::get_environment;
use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{
    Fields, IncomingRequest, Method as HttpMethod, OutgoingBody, OutgoingResponse, ResponseOutparam,
};
use wasip2::io::streams::StreamError;

/// ServiceNow refuses larger request bodies.
const MAX_BODY_BYTES: usize = 11 * 1024 * 1024;

/// The component that reads a delivery takes 4 MiB and says so itself; the surplus is for that answer.
const MAX_DELIVERY_BYTES: usize = 5 * 1024 * 1024;

/// How much of a body is read at a time.
const CHUNK: u64 = 64 * 1024;

/// How long the sink may take: whoever delivers waits for the answer meanwhile.
const SINK_MS: u64 = 8_000;

struct Server;

wasip2::http::proxy::export!(Server with_types_in wasip2);

impl Guest for Server {
    fn handle(request: IncomingRequest, answered: ResponseOutparam) {
        let head = head(&request);
        let reply = reply(&head, request).unwrap_or_else(|refusal| refusal);
        write(reply, answered);
    }
}

fn head(request: &IncomingRequest) -> Head {
    let method = match request.method() {
        HttpMethod::Get => "GET".to_string(),
        HttpMethod::Post => "POST".to_string(),
        HttpMethod::Head => "HEAD".to_string(),
        HttpMethod::Put => "PUT".to_string(),
        HttpMethod::Delete => "DELETE".to_string(),
        HttpMethod::Connect => "CONNECT".to_string(),
        HttpMethod::Options => "OPTIONS".to_string(),
        HttpMethod::Trace => "TRACE".to_string(),
        HttpMethod::Patch => "PATCH".to_string(),
        HttpMethod::Other(name) => name,
    };
    let header =
        |(name, value): (String, Vec<u8>)| (name.to_ascii_lowercase(), String::from_utf8(value).unwrap_or_default());
    let headers = request.headers().entries().into_iter().map(header).collect();
    Head { method, path: request.path_with_query().unwrap_or_default(), headers }
}

fn variable(name: &str) -> Option<String> {
    get_environment().into_iter().find(|(known, _)| known == name).map(|(_, value)| value)
}

fn reply(head: &Head, request: IncomingRequest) -> Result<Reply, Reply> {
    Ok(match route(head, variable(TOKEN).as_deref())? {
        Route::Health => Reply::json(&serde_json::json!({"status": "pass"})),
        Route::Manifest => Reply::json(&to_json(&manifest::describe())),
        Route::OpenApi => Reply::json(&openapi(&manifest::describe())),
        Route::Call(method) => {
            let refused = |message: String| Reply::problem(400, "Bad Request", &message);
            call(read(method, &body(request, MAX_BODY_BYTES)?).map_err(refused)?)
        }
        Route::Callback(authorization) => {
            // Before anything of the body is taken in.
            if !credentials::verify_callback(&authorization, callback_secret(head)?) {
                return Err(unauthentic());
            }
            let (headers, body) = (head.headers.clone(), body(request, MAX_DELIVERY_BYTES)?);
            deliver(Delivery { authorization, headers, body })?
        }
    })
}

fn call(invocation: MethodCall) -> Reply {
    match invocation {
        MethodCall::Create(call, body, options) => Reply::outcome(&incidents::create(&call, &body, &options)),
        MethodCall::Get(call, incident) => Reply::outcome(&incidents::get(&call, &incident)),
        MethodCall::Update(call, sys_id, body, options) => {
            Reply::outcome(&incidents::update(&call, &sys_id, &body, &options))
        }
        MethodCall::Find(call, query, limit, offset) => Reply::outcome(&incidents::find(&call, &query, limit, offset)),
        MethodCall::Columns(call) => Reply::outcome(&incidents::columns(&call)),
        MethodCall::Authenticate(call) => Reply::outcome(&authorization::authenticate(&call)),
        MethodCall::Push(call, rules, event, manual) => Reply::outcome(&push::push(&call, &rules, &event, manual)),
        MethodCall::Items(rules, event) => Reply::outcome(&mapping::items(&rules, &event)),
    }
}

/// Forwards a delivery. Nothing is remembered, so that any number of servers can run: the event's id tells its consumer what
/// comes twice.
fn deliver(delivery: Delivery) -> Result<Reply, Reply> {
    let change = match callbacks::receive(&delivery, None) {
        Verdict::Accepted(accepted) | Verdict::Late(accepted) => accepted.change,
        Verdict::Unauthenticated => return Err(unauthentic()),
        Verdict::InvalidData(violations) => {
            let told = violations.iter().map(|no| format!("{}: {} is not {}", no.field, no.given, no.expected));
            return Err(Reply::problem(400, "Bad Request", &told.collect::<Vec<_>>().join("; ")));
        }
        Verdict::Duplicate | Verdict::Stale | Verdict::Echo | Verdict::Ignored(_) => return Ok(Reply::empty(204)),
    };
    let is_address = |url: &String| url.starts_with("https://") || url.starts_with("http://");
    let Some(url) = variable(SINK).filter(is_address) else {
        let detail = format!("there is nowhere to forward deliveries to: set {SINK} to an address of https or http");
        return Err(Reply::problem(503, "Service Unavailable", &detail));
    };
    let event = Request {
        method: Method::Post,
        url,
        headers: vec![("content-type".to_string(), "application/cloudevents+json".to_string())],
        body: Some(change.cloud_event),
    };
    let refused = |why: String| Reply::problem(502, "Bad Gateway", &format!("the sink did not take the event: {why}"));
    match ImportedHost.send(&event, None, SINK_MS) {
        Ok(answer) if (200..300).contains(&answer.status) => Ok(Reply::empty(204)),
        Ok(answer) => Err(refused(format!("it answered {}", answer.status))),
        Err(TransportError { reason: Reason::Deadline, .. }) => Err(refused("no answer in time".to_string())),
        Err(broken) if broken.not_sent => Err(refused("it cannot be reached".to_string())),
        Err(_) => Err(refused("the connection broke".to_string())),
    }
}

fn body(request: IncomingRequest, most: usize) -> Result<Vec<u8>, Reply> {
    let broken = || Reply::problem(400, "Bad Request", "the body broke off");
    let body = request.consume().map_err(|()| broken())?;
    let stream = body.stream().map_err(|()| broken())?;
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(CHUNK) {
            Ok(chunk) if bytes.len() + chunk.len() > most => {
                let detail = format!("this body has at most {most} bytes");
                return Err(Reply::problem(413, "Content Too Large", &detail));
            }
            Ok(chunk) => bytes.extend_from_slice(&chunk),
            Err(StreamError::Closed) => return Ok(bytes),
            Err(StreamError::LastOperationFailed(_)) => return Err(broken()),
        }
    }
}

fn write(reply: Reply, answered: ResponseOutparam) {
    let mut headers = vec![("content-length".to_string(), reply.body.len().to_string().into_bytes())];
    if !reply.media_type.is_empty() {
        headers.push(("content-type".to_string(), reply.media_type.into()));
    }
    headers.extend(reply.headers.into_iter().map(|(name, value)| (name.to_string(), value.into_bytes())));
    // They are this file's own, so they are headers.
    let response = OutgoingResponse::new(Fields::from_list(&headers).unwrap_or_else(|_| Fields::new()));
    let _ = response.set_status_code(reply.status);
    let body = response.body();
    ResponseOutparam::set(answered, Ok(response));
    let Ok(body) = body else { return };
    if let Ok(stream) = body.write() {
        for chunk in reply.body.as_bytes().chunks(4096) {
            // Whoever asked went away.
            if stream.blocking_write_and_flush(chunk).is_err() {
                return;
            }
        }
    }
    let _ = OutgoingBody::finish(body, None);
}
