//! Which part of the instance answers a request.

use super::access::Caller;
use super::answer::{Answer, error, hibernating, typed};
use super::resource::{Api, Resource};
use super::table_api::{Asked, Call};
use super::table_write::empty;
use super::{Instance, admin, attachments, authentication, batch, import, lock, oauth, tinyurl};
use crate::tables::dictionary;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, header};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use url::form_urlencoded;

/// `glide.rest.max_content_length` as delivered.
pub const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;

/// The media types that the Table API names.
const MEDIA_TYPES: &str = "application/json, application/xml, text/xml";

/// The address above which a server in front of the instance gives up. Clients keep below 2,048 or 10,000; the limit itself is
/// not documented.
const MAX_ADDRESS: usize = 16 * 1024;

/// The page of the frames, by which a client finds out how people sign in.
const HOME: &str = "/nav_to.do";

/// The two names of the log of what scripts sent.
const LOGS: [&str; 2] = ["sys_outbound_http_log", "sys_outbound_rest_message_log"];

/// The answer to a body above the limit, of this length where the caller named one.
pub fn too_large(instance: &Instance, length: Option<&str>) -> Answer {
    let length = length.unwrap_or("unknown");
    let detail = format!(
        "Rejected large REST payload with content-length = {length} bytes. Max allowed: {MAX_BODY_BYTES} bytes."
    );
    error(instance.settings().may_refuse_large_with, "Exception while reading request", &detail)
}

/// Answers a request.
pub fn answer(instance: &Arc<Instance>, request: &Request<Bytes>) -> Answer {
    let path = request.uri().path();
    if path.starts_with(admin::PREFIX) {
        return admin::answer(instance, request);
    }
    if instance.settings().is_hibernating {
        return hibernating();
    }
    if request.uri().path_and_query().is_some_and(|address| address.as_str().len() > MAX_ADDRESS) {
        return typed(414, "text/html", "<html><body><h1>414 Request-URI Too Large</h1></body></html>".to_string());
    }
    if path == oauth::REVOKE_PATH {
        return oauth::revoke(instance, request.uri().query().unwrap_or_default(), request.body());
    }
    if path == oauth::PATH && request.method() == Method::POST {
        return oauth::token(instance, request.headers(), request.body());
    }
    if batch::PATHS.contains(&path) && request.method() == Method::POST {
        return match authentication::check(instance, request.headers()) {
            Ok(_) => batch::answer(request, |inner| answer(instance, inner)),
            Err(refused) => *refused,
        };
    }
    if path == HOME && request.method() == Method::GET {
        return typed(200, "text/html;charset=UTF-8", "<html><body><h1>ServiceNow</h1></body></html>".to_string());
    }
    let Some(resource) = Resource::of(path) else {
        return error(400, "Requested URI does not represent any resource", "");
    };
    let (rules, now) = (instance.settings().rate_limits.clone(), instance.store().source.peek());
    // The lock is given back before the request is answered: it may run scripts, which may ask the instance.
    let counted = if rules.is_empty() { None } else { lock(&instance.rates).count(&rules, path, now) };
    match counted {
        Some(counted) => counted.answer(|| api(instance, request, &resource)),
        None => api(instance, request, &resource),
    }
}

/// Whether a request may run scripts: whatever writes, a batch, and what a test asks to be run.
pub fn may_run_scripts(instance: &Instance, request: &Request<Bytes>) -> bool {
    let path = request.uri().path();
    if path.starts_with(admin::PREFIX) || batch::PATHS.contains(&path) {
        return *request.method() == Method::POST;
    }
    method(request) != Some(Method::GET) && instance.store().rows("sys_script").next().is_some()
}

/// Answers a request to a table.
fn api(instance: &Arc<Instance>, request: &Request<Bytes>, resource: &Resource<'_>) -> Answer {
    let caller = match authentication::check(instance, request.headers()) {
        Ok(caller) => caller,
        Err(refused) => return *refused,
    };
    let method = match method(request) {
        Some(method) => method,
        None => return error(405, "Method Not Allowed", ""),
    };
    let mut answer = match accepts_json(request) {
        true => self::resource(instance, request, &method, &caller, resource),
        false => error(
            406,
            "Not Acceptable",
            &format!("Supported response media types for this service are: [{MEDIA_TYPES}]"),
        ),
    };
    let wants_no_body = request.headers().get("x-no-response-body").is_some_and(|value| value == "true");
    if method != Method::GET && answer.status().is_success() && wants_no_body {
        // A created record is still told by its address.
        let location = answer.headers().get(header::LOCATION).cloned();
        answer = empty(if location.is_some() { StatusCode::CREATED } else { StatusCode::NO_CONTENT });
        answer.headers_mut().extend(location.map(|location| (header::LOCATION, location)));
    }
    let headers = answer.headers_mut();
    headers.insert("x-is-logged-in", HeaderValue::from_static("true"));
    headers.insert("server-timing", HeaderValue::from_static("sem_wait;dur=0, sesh_wait;dur=0"));
    let transaction = instance.transactions.fetch_add(1, Ordering::Relaxed);
    headers.insert("x-transaction-id", text(format!("{transaction:012x}")));
    // A client that keeps them is let in by them (docs/servicenow-api.md 1.5, 2.5).
    let session = lock(&instance.tokens).session(&caller.user_name);
    for cookie in [
        format!("JSESSIONID={session}; Path=/; HttpOnly; SameSite=None; Secure"),
        "glide_user=; Max-Age=0; Path=/; HttpOnly".to_string(),
        "glide_user_session=; Max-Age=0; Path=/; HttpOnly".to_string(),
        format!("glide_user_route=glide.{}; Max-Age=2147483647; Path=/; HttpOnly", session.to_lowercase()),
    ] {
        headers.append(header::SET_COOKIE, text(cookie));
    }
    answer
}

fn text(value: String) -> HeaderValue {
    HeaderValue::try_from(value).unwrap_or(HeaderValue::from_static(""))
}

/// The method, as `X-HTTP-Method-Override` may change it. HEAD is a GET whose body is not sent.
fn method(request: &Request<Bytes>) -> Option<Method> {
    let method = match request.headers().get("x-http-method-override") {
        Some(name) => Method::from_bytes(name.as_bytes()).ok()?,
        None => request.method().clone(),
    };
    let known = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    if method == Method::HEAD { Some(Method::GET) } else { known.into_iter().find(|known| *known == method) }
}

/// Whether the answer's media type is one that the caller takes. XML is not simulated.
fn accepts_json(request: &Request<Bytes>) -> bool {
    let accept = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("*/*");
    let mut ranges = accept.split(',').map(|range| range.split(';').next().unwrap_or_default().trim());
    ranges.any(|range| matches!(range, "" | "*/*" | "application/*" | "application/json"))
}

/// Answers a request whose caller, method and media types are known.
fn resource(
    instance: &Arc<Instance>,
    request: &Request<Bytes>,
    method: &Method,
    caller: &Caller,
    resource: &Resource<'_>,
) -> Answer {
    let parameters = parameters(instance, request.uri().query().unwrap_or_default());
    let settings = instance.settings().clone();
    let tables_url = format!("{}/api/now{}/table", instance.base_url, resource.version);
    let name = match resource.api {
        Api::Table | Api::Stats => resource.table,
        Api::Import => "incident",
        Api::Attachment | Api::TinyUrl => attachments::TABLE,
    };
    let is_log = LOGS.contains(&name) && !settings.outbound_logs.iter().any(|known| known == name);
    let Some(table) = dictionary::table(name).filter(|_| !is_log) else {
        let staged = import::list(instance, name).filter(|_| (resource.api, method) == (Api::Table, &Method::GET));
        return staged.unwrap_or_else(|| error(400, &format!("Invalid table {name}"), ""));
    };
    let asked = Asked { settings: &settings, caller, tables_url, table, parameters };
    let body = request.body();
    let is_write = matches!(*method, Method::POST | Method::PUT | Method::PATCH);
    if is_write && resource.api != Api::Attachment && !is_json(request) {
        let message =
            format!("Invalid content-type. Supported request media types for this service are: [{MEDIA_TYPES}]");
        return error(415, &message, "");
    }
    let read = |answer: &dyn Fn(Call<'_>) -> Answer| answer(Call { asked: &asked, store: &instance.store() });
    match (resource.api, method, resource.sys_id) {
        (Api::Attachment, ..) => {
            attachments::answer(instance, &asked, method, request, (resource.table, resource.sys_id))
        }
        (Api::TinyUrl, &Method::POST, None) => tinyurl::shorten(instance, body),
        (Api::Import, &Method::POST, None | Some("insertMultiple")) => {
            import::answer(instance, &asked, resource.table, resource.sys_id.is_some(), body)
        }
        (Api::Import, &Method::GET, Some(sys_id)) => import::read(instance, resource.table, sys_id),
        (Api::Stats, &Method::GET, None) => read(&|call| call.stats()),
        (Api::Table, &Method::GET, None) => read(&|call| call.list()),
        (Api::Table, &Method::GET, Some(sys_id)) => read(&|call| call.read(sys_id)),
        (Api::Table, &Method::POST, None) => asked.insert(instance, body),
        (Api::Table, &Method::PUT | &Method::PATCH, Some(sys_id)) => asked.update(instance, sys_id, body),
        (Api::Table, &Method::DELETE, Some(sys_id)) => asked.delete(instance, sys_id),
        _ => error(405, "Method Not Allowed", ""),
    }
}

/// The parameters of a query, or those of the address that a short one stands for.
fn parameters(instance: &Instance, query: &str) -> Vec<(String, String)> {
    let read = |query: &str| form_urlencoded::parse(query.as_bytes()).into_owned().collect::<Vec<_>>();
    let sent = read(query);
    let key = sent.iter().find(|(name, _)| name == tinyurl::PARAMETER).map(|(_, key)| key.as_str());
    match key.and_then(|key| tinyurl::query(instance, key)) {
        Some(whole) => read(&whole),
        None => sent,
    }
}

fn is_json(request: &Request<Bytes>) -> bool {
    let media_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let has_body = !request.body().is_empty();
    media_type.map_or(!has_body, |value| value.to_ascii_lowercase().starts_with("application/json"))
}
