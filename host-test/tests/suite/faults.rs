//! The faults of a network, as scripts of a server, and the outcome of a create for each.

use servicenow_host::types::{Reason, WriteHappened};
use servicenow_test_support::{Step, answer};

/// What an instance answers a create with.
pub const RECORD: &str = r#"{"result":{"number":"INC1","sys_id":"189d7fc183a51210d81dc590ceaad387","urgency":"1"}}"#;

/// Reads a request, and then does this.
pub fn after_request(steps: &[Step]) -> Vec<Step> {
    [&[Step::Read], steps].concat()
}

/// Reads a request, sends this and closes.
pub fn sends(bytes: impl Into<Vec<u8>>) -> Vec<Step> {
    after_request(&[Step::Send(bytes.into())])
}

fn chunked(body: &str, trailers: &str) -> String {
    format!(
        "HTTP/1.1 201 Created\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\ntrailer: x-note\r\n\r\n{:x}\r\n{body}\r\n0\r\n{trailers}\r\n",
        body.len()
    )
}

/// A fault of the network, and the outcome of a create.
pub struct Fault {
    /// Its name.
    pub name: &'static str,
    /// What the server does.
    pub script: Vec<Step>,
    /// How a create ends.
    pub expected: Ended,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ended {
    /// The outcome's case.
    pub case: &'static str,
    /// Reason and write of its failure, where it has one.
    pub failure: Option<(Reason, WriteHappened)>,
}

impl Ended {
    /// Whether the deadline passed.
    pub fn at_deadline(self) -> bool {
        matches!(self.failure, Some((Reason::Deadline, _)))
    }

    /// Whether it failed, and nothing was written.
    pub fn wrote_nothing(self) -> bool {
        matches!(self.failure, Some((_, WriteHappened::No)))
    }
}

/// The end where nothing is wrong.
pub const CREATED: Ended = Ended { case: "incident-created", failure: None };

/// The end in a case with a failure.
pub const fn failed(case: &'static str, reason: Reason, written: WriteHappened) -> Ended {
    Ended { case, failure: Some((reason, written)) }
}

/// Every fault, and two of no fault.
pub fn faults() -> Vec<Fault> {
    let head = |length: usize| {
        format!("HTTP/1.1 201 Created\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n")
    };
    let whole = answer("201 Created", "", RECORD.as_bytes());
    let html = |status: &str, page: &str| {
        format!("HTTP/1.1 {status}\r\ncontent-type: text/html\r\ncontent-length: {}\r\n\r\n{page}", page.len())
    };
    let fault = |(name, script, expected)| Fault { name, script, expected };
    [
        ("whole, as a control", sends(whole.clone()), CREATED),
        ("closed after the request", sends(""), failed("error", Reason::Lost, WriteHappened::Unknown)),
        (
            "reset after the request",
            after_request(&[Step::Reset]),
            failed("error", Reason::Lost, WriteHappened::Unknown),
        ),
        (
            "reset in the head",
            after_request(&[Step::Send(b"HTTP/1.1 201 Cre".into()), Step::Reset]),
            failed("error", Reason::Lost, WriteHappened::Unknown),
        ),
        (
            "closed in the head",
            sends("HTTP/1.1 201 Created\r\ncontent-"),
            failed("error", Reason::Lost, WriteHappened::Unknown),
        ),
        (
            "reset after the head",
            after_request(&[Step::Send(head(9).into()), Step::Reset]),
            failed("error", Reason::Lost, WriteHappened::Unknown),
        ),
        (
            "closed in the body",
            sends(format!("{}{{\"res", head(90))),
            failed("error", Reason::Lost, WriteHappened::Unknown),
        ),
        ("silent from the start", vec![Step::Hold], failed("timeout", Reason::Deadline, WriteHappened::Unknown)),
        (
            "silent after the request",
            after_request(&[Step::Hold]),
            failed("timeout", Reason::Deadline, WriteHappened::Unknown),
        ),
        (
            "silent in the head",
            after_request(&[Step::Send(b"HTTP/1.1 2".into()), Step::Hold]),
            failed("timeout", Reason::Deadline, WriteHappened::Unknown),
        ),
        (
            "silent in the body",
            after_request(&[Step::Send(head(90).into()), Step::Hold]),
            failed("timeout", Reason::Deadline, WriteHappened::Unknown),
        ),
        (
            "a head that drips",
            after_request(&[Step::Drip(whole.clone())]),
            failed("timeout", Reason::Deadline, WriteHappened::Unknown),
        ),
        (
            "a body that drips",
            after_request(&[Step::Send(head(RECORD.len()).into()), Step::Drip(RECORD.into())]),
            failed("timeout", Reason::Deadline, WriteHappened::Unknown),
        ),
        ("no HTTP at all", sends("SSH-2.0-OpenSSH_9.6\r\n\r\n"), failed("error", Reason::Lost, WriteHappened::Unknown)),
        (
            "a login page",
            sends(html("200 OK", "<html>login")),
            failed("create-incident-failure", Reason::NotJson, WriteHappened::Unknown),
        ),
        (
            "hibernating",
            sends(html("200 OK", "<html class=\"instance-hibernating-page\">")),
            failed("create-incident-failure", Reason::Hibernating, WriteHappened::No),
        ),
        (
            "a proxy's page",
            sends(html("502 Bad Gateway", "<html>")),
            failed("create-incident-failure", Reason::ServerError, WriteHappened::Unknown),
        ),
        (
            "empty 201",
            sends(answer("201 Created", "", b"")),
            failed("create-incident-failure", Reason::NotJson, WriteHappened::Unknown),
        ),
        (
            "empty 200",
            sends(answer("200 OK", "", b"")),
            failed("create-incident-failure", Reason::UnexpectedStatus, WriteHappened::Unknown),
        ),
        (
            "204",
            sends("HTTP/1.1 204 No Content\r\n\r\n"),
            failed("create-incident-failure", Reason::UnexpectedStatus, WriteHappened::Unknown),
        ),
        (
            "201 without sys_id",
            sends(answer("201 Created", "", br#"{"result":{"number":"INC1"}}"#)),
            failed("create-incident-failure", Reason::UnexpectedAnswer, WriteHappened::Yes),
        ),
        (
            "rows and an error under 200",
            sends(answer(
                "200 OK",
                "",
                br#"{"result":[{"number":"INC1"}],"error":{"message":"Transaction cancelled"}}"#,
            )),
            failed("create-incident-failure", Reason::Cancelled, WriteHappened::Unknown),
        ),
        (
            "cut-off rows and an error under 201",
            sends(answer(
                "201 Created",
                "",
                br#"{"result":[{"number":"IN"error":{"message":"Transaction cancelled"}}"#,
            )),
            failed("create-incident-failure", Reason::Cancelled, WriteHappened::Unknown),
        ),
        (
            "compressed unasked",
            sends(answer("201 Created", "content-encoding: gzip\r\n", b"\x1f\x8b\x08\0\0\0\0\0\0\x03")),
            failed("create-incident-failure", Reason::Encoded, WriteHappened::Unknown),
        ),
        (
            "a length too long",
            sends(format!("{}{RECORD}", head(RECORD.len() + 9))),
            failed("error", Reason::Lost, WriteHappened::Unknown),
        ),
        (
            "a length too short",
            sends(format!("{}{RECORD}", head(9))),
            failed("create-incident-failure", Reason::NotJson, WriteHappened::Unknown),
        ),
        (
            "a length that is none",
            sends("HTTP/1.1 201 Created\r\ncontent-length: x\r\n\r\n"),
            failed("error", Reason::Lost, WriteHappened::Unknown),
        ),
        (
            "two lengths",
            sends(format!(
                "HTTP/1.1 201 Created\r\ncontent-length: 9\r\ncontent-length: {}\r\n\r\n{RECORD}",
                RECORD.len()
            )),
            failed("error", Reason::Lost, WriteHappened::Unknown),
        ),
        ("a byte order mark", sends(answer("201 Created", "", format!("\u{feff}{RECORD}").as_bytes())), CREATED),
        (
            "no UTF-8",
            sends(answer("201 Created", "", b"{\"result\":\"\xff\"}")),
            failed("create-incident-failure", Reason::NotJson, WriteHappened::Unknown),
        ),
        ("100 first", sends([b"HTTP/1.1 100 Continue\r\n\r\n".to_vec(), whole.clone()].concat()), CREATED),
        ("trailers", sends(chunked(RECORD, "x-note: 1\r\n")), CREATED),
        (
            "a chunk that is none",
            sends(chunked(RECORD, "").replace("\r\n0\r\n", "\r\nxyz\r\n")),
            failed("error", Reason::Lost, WriteHappened::Unknown),
        ),
        (
            "20 MB",
            sends(answer("201 Created", "", &vec![b' '; 20 << 20])),
            failed("create-incident-failure", Reason::TooLarge, WriteHappened::Unknown),
        ),
        (
            "a header of 1 MB",
            sends(answer("201 Created", &format!("x-note: {}\r\n", "x".repeat(1 << 20)), RECORD.as_bytes())),
            failed("create-incident-failure", Reason::TooLarge, WriteHappened::Unknown),
        ),
        (
            "1000 headers",
            sends(answer("201 Created", &"x-note: 1\r\n".repeat(1000), RECORD.as_bytes())),
            failed("create-incident-failure", Reason::TooLarge, WriteHappened::Unknown),
        ),
    ]
    .map(fault)
    .into()
}
