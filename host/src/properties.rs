//! What must hold whatever is given. The tests below try some on every run, and the fuzz targets in `fuzz/` as many as there is
//! time for.

use crate::authorizations::Authorizations;
use crate::bindings::servicenow::plugin::transport::{Body, Header, Method, Request};
use crate::call_state::{Budgets, CallState, Shared};
use crate::egress::headers::{carries_credential, may_leave, of_rules};
use crate::egress::policy::Allowed;
use crate::egress::{Connections, Journal, Proxy};
use crate::files;
use crate::intent::Intent;
use crate::limits::Limits;
use crate::origin::Origin;
use crate::secret::Secret;
use crate::secrets::{LAYERS, Secrets, strings};
use crate::transport::to_http;
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use http::uri::Authority;
use http::{HeaderName, Uri, header};
use servicenow_core::headers::{NEVER, may_be_added};
use std::fmt::Write;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::LazyLock;
use std::time::Instant;
use url::Url;

/// What a component may set of a request's head, and the length that the host says.
const KNOWN_HEADERS: [&str; 5] = ["accept", "accept-language", "content-length", "content-type", "user-agent"];

/// The tables that a node without event sync reaches.
const KNOWN_TABLES: [&str; 3] = ["incident", "sys_choice", "sys_dictionary"];

/// How one spelling of a text is made of another.
const ENCODINGS: [fn(&str) -> String; 8] = [json, json_escapes, slashes, percent, form, html, html_codes, hex];

/// A secret is found in a text that holds it as it is, as base64, or in any three of the spellings that we claim, and nothing of it
/// is left after redaction.
pub fn a_secret_is_found_in_every_spelling(secret: &str, before: &str, behind: &str, spellings: &[u8]) {
    // What is shorter is not searched for; what has a scheme in front is known without it; stars look like what was struck.
    let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'*';
    if !(8..=200).contains(&secret.len()) || !secret.bytes().all(is_plain) {
        return;
    }
    let secrets = Secrets::default();
    secrets.add([secret]);
    let is_base64 = spellings.first().is_some_and(|first| first % 3 == 0);
    // What stands beside it is encoded with it: its neighbours may look like a part of an escape.
    let mut text = match is_base64 {
        // Of a short secret too little is its own in the encoded text.
        true if secret.len() < 12 => return,
        true if before.len().is_multiple_of(2) => BASE64_STANDARD.encode(format!("{before}{secret}{behind}")),
        true => BASE64_URL_SAFE_NO_PAD.encode(format!("{before}{secret}{behind}")),
        false => format!("{before}{secret}{behind}"),
    };
    for spelling in spellings.iter().take(LAYERS) {
        text = ENCODINGS[usize::from(*spelling) % ENCODINGS.len()](&text);
    }
    assert!(secrets.are_in(text.as_bytes()), "{secret:?} in {text:?}");
    // In an outcome it is found as deep.
    let outcome = strings(&serde_json::json!({"message": text, "detail": behind})).unwrap_or_default();
    assert!(secrets.are_in(&outcome), "{secret:?} in {outcome:?}");
    let redacted = secrets.redact(text.clone().into());
    assert_eq!(redacted.len(), text.len(), "{text:?}");
    assert!(std::str::from_utf8(&redacted).is_ok(), "{text:?}");
    assert!(!secrets.are_in(&redacted), "{secret:?} in {redacted:?}");
}

/// A text without a secret stays as it is.
pub fn a_text_without_a_secret_is_left_alone(text: &[u8]) {
    let secrets = Secrets::default();
    // Another each time: a fuzzer learns what it is compared with.
    secrets.add([Secret::one_time().expose()]);
    assert_eq!(secrets.redact(text.to_vec().into()), text);
}

/// No name of a header lets a guest say whose request it is, where it goes, or how its body is read.
pub fn a_header_that_leaves_is_a_known_one(name: &[u8]) {
    let Ok(name) = HeaderName::from_bytes(name) else { return };
    let is_dangerous = |name: &HeaderName| !may_be_added(name.as_str()) || carries_credential(name);
    assert!(!may_leave(&name, &[], false) || !is_dangerous(&name), "{name}");
    let rules = serde_json::json!({"headers": {name.as_str(): "x"}}).to_string();
    for allowed in of_rules(&rules) {
        assert!(!is_dangerous(&allowed), "{allowed}");
    }
}

/// A request that a component makes at `transport` leaves for its own instance, with headers that a component may set and the length
/// that its body has; or it is refused.
pub fn a_request_leaves_for_its_own_instance_or_not_at_all(
    method: u8,
    url: &str,
    headers: &[(String, String)],
    body: Option<&[u8]>,
) {
    static SHARED: LazyLock<Shared> = LazyLock::new(|| {
        let file = "[authorizations.main]\ninstance = \"https://dev1.service-now.com\"\ngrant = \"bearer\"\ntoken = \"a-token-of-ours\"";
        let (authorizations, limits) = (Authorizations::parse(file, Path::new("a.toml")), Limits::default());
        let (authorizations, budgets) = (authorizations.expect("it is a file"), Budgets::new(&limits));
        Shared::new(authorizations, limits, &Proxy::default(), &budgets, Connections::Kept)
            .expect("it has what it needs")
    });
    let deadline = Instant::now() + SHARED.limits.max_timeout;
    let call = CallState::new(&SHARED, "main", &Intent::write(), Journal::default(), deadline).egress;
    let header = |(name, value): &(String, String)| Header { name: name.clone(), value: value.clone() };
    let request = Request {
        method: [Method::Get, Method::Post, Method::Patch, Method::Delete][usize::from(method) % 4],
        url: url.to_string(),
        headers: headers.iter().map(header).collect(),
        body: body.map(|body| String::from_utf8(body.to_vec()).map_or_else(|_| Body::Bytes(body.to_vec()), Body::Text)),
        within_ms: 0,
    };
    let Ok(request) = to_http(request, &call) else { return };
    let length = request.headers().get(header::CONTENT_LENGTH).map(|length| length.as_bytes().to_vec());
    let expected = body.filter(|body| !body.is_empty()).map(|body| body.len().to_string().into_bytes());
    assert_eq!(length, expected);
    let is_known = |name: &HeaderName| KNOWN_HEADERS.contains(&name.as_str());
    assert!(request.headers().keys().all(is_known), "{:?}", request.headers());
    let Ok(Allowed { uri, .. }) = call.admit(&request) else { return };
    assert_eq!(
        (uri.scheme_str(), uri.authority().map(Authority::as_str)),
        (Some("https"), Some("dev1.service-now.com"))
    );
    let path = uri.path().to_ascii_lowercase().replace("%2e", ".").replace("%2f", "/");
    let is_known = KNOWN_TABLES
        .iter()
        .any(|table| path.strip_prefix("/api/now/table/").is_some_and(|path| path.starts_with(table)));
    assert!(is_known && !path.split('/').any(|part| part == ".."), "{uri}");
    assert!(!uri.to_string().contains("a-token-of-ours"), "{uri}");
}

/// What an authorization takes for its instance is the origin that requests to it have, in both parsers of addresses.
pub fn an_instance_is_one_origin_for_both_parsers(instance: &str) {
    let Ok(origin) = Origin::parse(instance) else { return };
    let address = format!("{origin}/api/now/table/incident");
    assert_eq!(Url::parse(&address).ok().as_ref().and_then(Origin::of).as_ref(), Some(&origin), "{instance:?}");
    assert_eq!(Origin::parse(origin.as_str()).ok().as_ref(), Some(&origin), "{instance:?}");
    // Hosts with an underscore are the one thing that only one of them takes: no call is made to them.
    let Ok(uri) = address.parse::<Uri>() else { return };
    assert_eq!((uri.path(), uri.query()), ("/api/now/table/incident", None), "{instance:?}");
    let authority = uri.authority().map(|authority| authority.as_str().to_string()).unwrap_or_default();
    assert_eq!(format!("{}://{authority}", uri.scheme_str().unwrap_or_default()), origin.as_str(), "{instance:?}");
}

/// Whatever stands at a path: a regular file of ours is replaced, and nothing else is read or changed.
pub fn only_regular_files_are_read_and_only_ours_replaced(folder: &Path, kind: u8, content: &[u8], max: usize) {
    let (path, other) = (folder.join("given"), folder.join("other"));
    let _ = (fs::remove_file(&path), fs::remove_dir(&path));
    fs::write(&other, b"another's").expect("the folder can be written");
    let is_regular = match kind % 5 {
        0 => fs::write(&path, content).is_ok(),
        1 => symlink(&other, &path).is_err(),
        2 => symlink(folder.join("missing"), &path).is_err(),
        3 => fs::create_dir(&path).is_err(),
        _ => {
            rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0).is_err()
        }
    };
    let read = files::read(&path, max);
    assert_eq!(read.is_ok(), is_regular && content.len() <= max, "kind {kind}");
    assert!(read.is_err() || read.is_ok_and(|read| *read.bytes == content));
    let is_ours = |present: &[u8]| present.starts_with(b"ours");
    let replaced = files::replace(&path, b"ours", is_ours).is_ok();
    assert_eq!(replaced, is_regular && (content.is_empty() || is_ours(content)), "kind {kind} {content:?}");
    assert_eq!(fs::read(&other).expect("it is there"), b"another's");
}

fn json(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

fn json_escapes(text: &str) -> String {
    text.encode_utf16().fold(String::new(), |mut all, unit| {
        let _ = write!(all, "\\u{unit:04X}");
        all
    })
}

fn slashes(text: &str) -> String {
    json(text).replace('/', "\\/")
}

fn percent(text: &str) -> String {
    text.bytes().fold(String::new(), |mut all, byte| {
        let _ = write!(all, "%{byte:02x}");
        all
    })
}

fn form(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn html(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&#39;")
}

fn html_codes(text: &str) -> String {
    text.chars().fold(String::new(), |mut all, c| {
        let _ = write!(all, "&#{};", u32::from(c));
        all
    })
}

fn hex(text: &str) -> String {
    text.bytes().fold(String::new(), |mut all, byte| {
        let _ = write!(all, "\\x{byte:02x}");
        all
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::{any, prop_oneof, proptest};

    proptest! {
        #[test]
        fn secrets_are_found(secret in "[!-~]{8,40}", before in ".{0,8}", behind in ".{0,8}", spellings in vec(any::<u8>(), 0..4)) {
            a_secret_is_found_in_every_spelling(&secret, &before, &behind, &spellings);
        }

        #[test]
        fn other_texts_stay(text in vec(any::<u8>(), 0..200)) {
            a_text_without_a_secret_is_left_alone(&text);
        }

        #[test]
        fn headers_are_known(name in "(x-)?(forwarded-|http-)?[a-zA-Z-]{1,12}") {
            a_header_that_leaves_is_a_known_one(name.as_bytes());
        }

        #[test]
        fn requests_leave_for_their_instance(
            method in any::<u8>(),
            url in prop_oneof![
                "https://dev1\\.service-now\\.com/api/now/table/incident([/?][a-z0-9=%./^&]{0,16})?",
                "(https?://)?(dev1\\.service-now\\.com|[a-z.@:]{0,12})(/api/now/table/incident)?[!-~]{0,12}",
            ],
            headers in vec((prop_oneof![9 => "accept|content-type|user-agent", 1 => "content-length|host|[a-zA-Z-]{0,8}"], "[ -~]{0,12}"), 0..4),
            body in proptest::option::of(vec(any::<u8>(), 0..40)),
        ) {
            a_request_leaves_for_its_own_instance_or_not_at_all(method, &url, &headers, body.as_deref());
        }

        #[test]
        fn origins_agree(instance in "(https?://)?[a-zA-Z0-9.:_%\\[\\]@-]{0,24}/?") {
            an_instance_is_one_origin_for_both_parsers(&instance);
        }

        #[test]
        fn files_are_regular(kind in any::<u8>(), content in "(ours)?.{0,8}", max in 0..16_usize) {
            let folder = tempfile::tempdir().unwrap();
            only_regular_files_are_read_and_only_ours_replaced(folder.path(), kind, content.as_bytes(), max);
        }
    }

    #[test]
    fn no_dangerous_header_is_among_the_known() {
        for name in NEVER.iter().chain(&["x-forwarded-host", "X-Forwarded-For", "x-sn-apikey"]) {
            a_header_that_leaves_is_a_known_one(name.as_bytes());
        }
    }
}
