//! Which part of the instance answers a request.

use super::access::Caller;
use super::answer::{Answer, error, hibernating};
use super::table_api::{Call, empty};
use super::{Instance, admin, authentication, batch, dictionary, lock, oauth};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, header};
use url::form_urlencoded;

/// `glide.rest.max_content_length` as delivered.
pub const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;

/// The media types that the Table API names.
const MEDIA_TYPES: &str = "application/json, application/xml, text/xml";

/// The cookies of every answer to somebody who signed in (facts 2.5).
const COOKIES: [&str; 2] = [
    "JSESSIONID=6C1A2D0B5E4F48A69D3B7C8E9F0A1B2C; Path=/; HttpOnly",
    "glide_user_route=glide.2f0c3d4e5a6b7c8d9e0f1a2b3c4d5e6f; Max-Age=2147483647; Path=/; HttpOnly",
];

/// The answer to a body above the limit, of this length where the caller named one.
pub fn too_large(length: Option<&str>) -> Answer {
    let length = length.unwrap_or("unknown");
    let detail = format!(
        "Rejected large REST payload with content-length = {length} bytes. Max allowed: {MAX_BODY_BYTES} bytes."
    );
    error(400, "Exception while reading request", &detail)
}

/// Answers a request.
pub fn answer(instance: &Instance, request: &Request<Bytes>) -> Answer {
    let path = request.uri().path();
    if path.starts_with(admin::PREFIX) {
        return admin::answer(instance, request);
    }
    if instance.settings().is_hibernating {
        return hibernating();
    }
    if path == oauth::PATH && request.method() == Method::POST {
        return oauth::token(instance, request.headers(), request.body());
    }
    if batch::PATHS.contains(&path) && request.method() == Method::POST {
        return match authentication::check(instance, request.headers()) {
            Ok(_) => batch::answer(instance, request),
            Err(refused) => *refused,
        };
    }
    let Some(resource) = Resource::of(path) else {
        return error(400, "Requested URI does not represent any resource", "");
    };
    let (rules, now) = (instance.settings().rate_limits.clone(), instance.store().source.peek());
    if rules.is_empty() {
        return api(instance, request, &resource);
    }
    // Held while the request is answered, so that no two count as one.
    lock(&instance.rates).apply(&rules, path, now, || api(instance, request, &resource))
}

/// Answers a request to a table.
fn api(instance: &Instance, request: &Request<Bytes>, resource: &Resource<'_>) -> Answer {
    let caller = match authentication::check(instance, request.headers()) {
        Ok(caller) => caller,
        Err(refused) => return *refused,
    };
    let method = match method(request) {
        Some(method) => method,
        None => return error(405, "Method Not Allowed", ""),
    };
    let mut answer = match accepts_json(request) {
        true => table(instance, request, &method, &caller, resource),
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
    // A client that keeps them sends them back; they let nobody in here.
    for cookie in COOKIES {
        headers.append(header::SET_COOKIE, HeaderValue::from_static(cookie));
    }
    answer
}

/// What a path names: `/api/now[/v1|/v2]/table|stats/TABLE[/SYS_ID]`.
struct Resource<'a> {
    /// The version segment, with its slash; empty where there is none.
    version: &'a str,
    is_stats: bool,
    table: &'a str,
    sys_id: Option<&'a str>,
}

impl<'a> Resource<'a> {
    fn of(path: &'a str) -> Option<Self> {
        let rest = path.strip_prefix("/api/now")?;
        let versions = ["/v1", "/v2"].into_iter();
        let mut versioned = versions.filter_map(|version| Some((version, rest.strip_prefix(version)?)));
        let (version, rest) = versioned.find(|(_, rest)| rest.starts_with('/')).unwrap_or(("", rest));
        let (is_stats, rest) = match (rest.strip_prefix("/table/"), rest.strip_prefix("/stats/")) {
            (Some(rest), _) => (false, rest),
            (_, Some(rest)) => (true, rest),
            _ => return None,
        };
        let (table, sys_id) = rest.split_once('/').map_or((rest, None), |(table, sys_id)| (table, Some(sys_id)));
        Some(Self { version, is_stats, table, sys_id })
    }
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

fn table(
    instance: &Instance,
    request: &Request<Bytes>,
    method: &Method,
    caller: &Caller,
    resource: &Resource<'_>,
) -> Answer {
    let query = request.uri().query().unwrap_or_default();
    let parameters: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let settings = instance.settings().clone();
    let mut store = instance.store();
    let tables_url = format!("{}/api/now{}/table", instance.base_url, resource.version);
    let Some(table) = dictionary::table(resource.table) else {
        return error(400, &format!("Invalid table {}", resource.table), "");
    };
    let mut call = Call { settings: &settings, store: &mut store, caller, tables_url, table, parameters };
    let body = request.body();
    if matches!(*method, Method::POST | Method::PUT | Method::PATCH) && !is_json(request) {
        let message =
            format!("Invalid content-type. Supported request media types for this service are: [{MEDIA_TYPES}]");
        return error(415, &message, "");
    }
    match (method, resource.sys_id) {
        (&Method::GET, None) if resource.is_stats => call.stats(),
        _ if resource.is_stats => error(405, "Method Not Allowed", ""),
        (&Method::GET, None) => call.list(),
        (&Method::GET, Some(sys_id)) => call.read(sys_id),
        (&Method::POST, None) => call.insert(body),
        (&Method::PUT | &Method::PATCH, Some(sys_id)) => call.update(sys_id, body),
        (&Method::DELETE, Some(sys_id)) => call.delete(sys_id),
        _ => error(405, "Method Not Allowed", ""),
    }
}

fn is_json(request: &Request<Bytes>) -> bool {
    let media_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let has_body = !request.body().is_empty();
    media_type.map_or(!has_body, |value| value.to_ascii_lowercase().starts_with("application/json"))
}
