//! The checks. Each asks the host for something, and judges what it does.

use servicenow_core::bindings::credentials::{Credential, CredentialError, Granted, Header};
use servicenow_core::bindings::types::{Call, Reason};
use servicenow_core::host::{Host, Method, Request, Response, TransportError};
use std::sync::OnceLock;

/// The duty was kept.
#[derive(Debug, PartialEq)]
pub struct Kept;

/// The duty, or what the host did in its place.
type Checked = Result<Kept, String>;

const INCIDENTS: &str = "/api/now/table/incident";

/// A key that no record has.
const NO_KEY: &str = "00000000000000000000000000000000";

/// Time enough for what is answered at once.
const PATIENT_MS: u64 = 5_000;

/// The time of a request that is not answered, and how much later a host may end it.
const WITHIN_MS: u64 = 300;
const LATE_MS: u64 = 250;

/// How much earlier a pause may end by another clock.
const EARLY_MS: u64 = 5;

/// 2020: no machine's clock is right before it.
const LONG_PAST: u64 = 1_577_836_800;

/// Text with letters of one, two, three and four bytes.
const TEXT: &str = "aä火🖨 \"\\\n";

/// Which authorization this instance has served, in its memory.
static SERVED: OnceLock<String> = OnceLock::new();

/// Makes a check by its name.
pub fn check(name: &str, call: &Call, host: &mut impl Host) -> Checked {
    // In every call: memory outlives a call where a host keeps instances.
    isolation(call)?;
    let mut asked = Asked { call, host };
    match name {
        "credential-stays-outside" => asked.credential_stays_outside(),
        "other-authorization" => asked.other_authorization(),
        "credential-is-added" => asked.incidents().and_then(|response| status(&response, 200)),
        "fresh-after-401" => asked.fresh_after_401(),
        "other-origin" => asked.other_origins(),
        "other-call" => asked.other_calls(),
        "header-set" => asked.headers_set(),
        "header-shown" => asked.headers_shown(),
        "redirect" => asked.incidents().and_then(|response| status(&response, 302)),
        "server-error" => asked.incidents().and_then(|response| status(&response, 500)),
        "connection-lost" => asked.broken(PATIENT_MS, &[Reason::Lost]),
        "too-large" => asked.broken(PATIENT_MS, &[Reason::TooLarge]),
        "no-connection" => asked.no_connection(),
        "request-deadline" => asked.request_deadline(),
        "text" => asked.text(),
        "clocks" => asked.clocks(),
        "isolation" => Ok(Kept),
        "silent-past-the-deadline" => asked.broken(u64::MAX, &[Reason::Deadline]),
        "waits-past-the-deadline" => asked.waits_past_the_deadline(),
        "computes-for-ever" => compute(),
        "computes-for-ever-after-a-write" => {
            asked.write("Before a check that never ends")?;
            compute()
        }
        "grows-for-ever" => grow(),
        other => Err(format!("{other:?} is no check; engines/host-checks.json lists them")),
    }
}

/// A host that is asked, in a call.
struct Asked<'a, H> {
    call: &'a Call,
    host: &'a mut H,
}

impl<H: Host> Asked<'_, H> {
    fn granted(&mut self) -> Result<Granted, String> {
        let granted = self.host.credential(&self.call.authorization);
        granted.map_err(|error| format!("there was no credential for the call's own authorization: {error:?}"))
    }

    fn credential_stays_outside(&mut self) -> Checked {
        match self.granted()?.credential {
            Credential::AddedByHost => Ok(Kept),
            Credential::Header(_) => Err("the component was given the header with the credential".to_string()),
            Credential::Grant(_) => Err("the component was given the client's secret".to_string()),
        }
    }

    fn other_authorization(&mut self) -> Checked {
        match self.host.credential("second") {
            Err(CredentialError::UnknownAuthorization) => Ok(Kept),
            answer => Err(format!("an authorization that is not the call's was answered: {}", kind(&answer))),
        }
    }

    fn fresh_after_401(&mut self) -> Checked {
        let response = self.incidents()?;
        if response.status != 401 {
            // What is no token does not expire.
            return status(&response, 200);
        }
        match self.host.fresh_credential(&self.call.authorization) {
            Ok(_) => status(&self.incidents()?, 200),
            // What is no OAuth grant has no other.
            Err(CredentialError::Refused(_)) => Ok(Kept),
            answer => Err(format!("after a 401 the answer was: {}", kind(&answer))),
        }
    }

    fn other_origins(&mut self) -> Checked {
        let origin = self.granted()?.origin;
        let (scheme, authority) = origin.split_once("://").unwrap_or_default();
        let other_scheme = if scheme == "https" { "http" } else { "https" };
        for origin in [
            "http://127.0.0.1:9".to_string(),
            format!("{other_scheme}://{authority}"),
            format!("{scheme}://{authority}.example.com"),
            format!("{scheme}://{authority}@127.0.0.1:9"),
            format!("{scheme}://user@{authority}"),
        ] {
            self.is_denied(Method::Get, format!("{origin}{INCIDENTS}"))?;
        }
        Ok(Kept)
    }

    fn other_calls(&mut self) -> Checked {
        let origin = self.granted()?.origin;
        for (method, path) in [
            (Method::Get, "/api/now/table/sys_user_has_password".to_string()),
            (Method::Get, "/api/now/table/incident/../sys_user_has_password".to_string()),
            (Method::Get, "/api/now/table/incident/%2e%2e/sys_user_has_password".to_string()),
            (Method::Get, "/api/now/table/incident_task".to_string()),
            (Method::Post, "/api/now/v1/batch".to_string()),
            (Method::Post, "/api/now/table/sys_choice".to_string()),
            (Method::Delete, format!("{INCIDENTS}/{NO_KEY}")),
        ] {
            self.is_denied(method, format!("{origin}{path}"))?;
        }
        Ok(Kept)
    }

    /// Headers that would change what is called, or by whom, are refused or left out.
    fn headers_set(&mut self) -> Checked {
        for (name, value) in [
            ("authorization", "Bearer of-my-own"),
            ("x-http-method-override", "DELETE"),
            ("cookie", "JSESSIONID=of-my-own"),
            ("x-of-my-own", "said"),
        ] {
            let mut request = self.request(Method::Get, INCIDENTS)?;
            request.headers.push((name.to_string(), value.to_string()));
            match self.send(&request, PATIENT_MS) {
                Ok(response) if response.status == 200 => {}
                Err(error) if error.reason == Reason::DeniedByHost && error.not_sent => {}
                answer => return Err(format!("the header {name} was let out: {}", told(&answer))),
            }
        }
        Ok(Kept)
    }

    fn headers_shown(&mut self) -> Checked {
        let response = self.incidents()?;
        let is_secret = |name: &str| ["set-cookie", "authorization", "proxy-authorization"].contains(&name);
        match response.headers.iter().find(|(name, _)| is_secret(name)) {
            None => status(&response, 200),
            Some((name, _)) => Err(format!("the component was shown the header {name}")),
        }
    }

    /// A request that reached the instance, and brought no whole answer.
    fn broken(&mut self, within_ms: u64, reasons: &[Reason]) -> Checked {
        let request = self.request(Method::Get, INCIDENTS)?;
        match self.send(&request, within_ms) {
            Err(error) if reasons.contains(&error.reason) && !error.not_sent => Ok(Kept),
            answer => Err(format!("expected is {reasons:?}, and that something was sent: {}", told(&answer))),
        }
    }

    fn no_connection(&mut self) -> Checked {
        let request = self.request(Method::Get, INCIDENTS)?;
        match self.send(&request, PATIENT_MS) {
            Err(TransportError { reason: Reason::Connect, not_sent: true, .. }) => Ok(Kept),
            answer => Err(format!("expected is that no connection was made, and nothing sent: {}", told(&answer))),
        }
    }

    fn request_deadline(&mut self) -> Checked {
        let began = self.host.now_ms();
        self.broken(WITHIN_MS, &[Reason::Deadline])?;
        let took = self.host.now_ms().saturating_sub(began);
        let is_right = (WITHIN_MS - EARLY_MS..=WITHIN_MS + LATE_MS).contains(&took);
        is_right.then_some(Kept).ok_or(format!("a request that may take {WITHIN_MS} ms took {took} ms"))
    }

    fn text(&mut self) -> Checked {
        let response = self.write(TEXT)?;
        status(&response, 201)?;
        // JSON escapes three of its characters.
        let is_whole = String::from_utf8(response.body).is_ok_and(|body| body.contains("aä火🖨 \\\"\\\\\\n"));
        is_whole.then_some(Kept).ok_or("the text that was sent did not come back as it was".to_string())
    }

    fn clocks(&mut self) -> Checked {
        let (began, random) = (self.host.now_ms(), self.host.random());
        self.host.wait_ms(WITHIN_MS);
        let took = self.host.now_ms().saturating_sub(began);
        if took + EARLY_MS < WITHIN_MS || took > WITHIN_MS + LATE_MS {
            return Err(format!("a pause of {WITHIN_MS} ms took {took} ms by the clock"));
        }
        if self.host.unix_seconds() < LONG_PAST {
            return Err(format!("the time of day is {} seconds after 1970", self.host.unix_seconds()));
        }
        let is_new = random != self.host.random();
        is_new.then_some(Kept).ok_or("the same 16 bytes came twice".to_string())
    }

    fn waits_past_the_deadline(&mut self) -> Checked {
        let began = self.host.now_ms();
        self.host.wait_ms(u64::MAX);
        let took = self.host.now_ms().saturating_sub(began);
        (took >= WITHIN_MS).then_some(Kept).ok_or(format!("a pause without an end ended after {took} ms"))
    }

    /// A read of incidents.
    fn incidents(&mut self) -> Result<Response, String> {
        let request = self.request(Method::Get, INCIDENTS)?;
        self.send(&request, PATIENT_MS).map_err(|error| format!("there was no answer: {}", told(&Err(error))))
    }

    /// Creates an incident.
    fn write(&mut self, title: &str) -> Result<Response, String> {
        let mut request = self.request(Method::Post, INCIDENTS)?;
        let title = title.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        request.headers.push(("content-type".to_string(), "application/json".to_string()));
        request.body = Some(format!("{{\"short_description\":\"{title}\"}}"));
        self.send(&request, PATIENT_MS).map_err(|error| format!("there was no answer: {}", told(&Err(error))))
    }

    fn request(&mut self, method: Method, path: &str) -> Result<Request, String> {
        let origin = self.granted()?.origin;
        let headers = vec![("accept".to_string(), "application/json".to_string())];
        Ok(Request { method, url: format!("{origin}{path}?sysparm_limit=1"), headers, body: None })
    }

    fn is_denied(&mut self, method: Method, url: String) -> Checked {
        let request = Request { method, url, headers: Vec::new(), body: None };
        match self.send(&request, PATIENT_MS) {
            Err(TransportError { reason: Reason::DeniedByHost, not_sent: true, .. }) => Ok(Kept),
            answer => Err(format!("{method:?} {} was not refused: {}", request.url, told(&answer))),
        }
    }

    /// Sends, with the credential where the host gave one.
    fn send(&mut self, request: &Request, within_ms: u64) -> Result<Response, TransportError> {
        let header = match self.host.credential(&self.call.authorization) {
            Ok(Granted { credential: Credential::Header(header), .. }) => Some(header),
            _ => None::<Header>,
        };
        self.host.send(request, header.as_ref(), within_ms)
    }
}

/// An instance that has served another authorization holds what came from it.
fn isolation(call: &Call) -> Checked {
    let served = SERVED.get_or_init(|| call.authorization.clone());
    let is_own = *served == call.authorization;
    is_own.then_some(Kept).ok_or(format!("this instance served the authorization {served:?} before"))
}

fn compute() -> Checked {
    let mut at = 0_u64;
    loop {
        at = std::hint::black_box(at.wrapping_add(1));
    }
}

fn grow() -> Checked {
    let mut held = Vec::new();
    loop {
        held.push(std::hint::black_box(vec![1_u8; 1024 * 1024]));
    }
}

fn status(response: &Response, expected: u16) -> Checked {
    let is_right = response.status == expected;
    is_right.then_some(Kept).ok_or(format!("the status is {}; expected is {expected}", response.status))
}

fn told(answer: &Result<Response, TransportError>) -> String {
    match answer {
        Ok(response) => format!("the status is {}", response.status),
        Err(error) => format!("{:?}, {}", error.reason, if error.not_sent { "nothing sent" } else { "something sent" }),
    }
}

fn kind(answer: &Result<Granted, CredentialError>) -> String {
    match answer {
        Ok(_) => "with a credential".to_string(),
        Err(error) => format!("{error:?}"),
    }
}
