//! What the component asks of the world outside: one trait, and the requests and responses that pass through it.
//!
//! Requests are values, responses are values and time is an answer, so everything above this trait runs natively in
//! tests. The implementations for real are in `imports`.

use crate::bindings::credentials::{CredentialError, Granted, Header};
use crate::bindings::types::Reason;

/// An HTTP method that the component uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Creates, and asks for tokens.
    Post,
    /// Updates.
    Patch,
    /// Removes.
    Delete,
}

impl Method {
    /// Whether a request of this method may change a record. Requests for tokens are no requests of the Table API.
    pub fn is_write(self) -> bool {
        self != Method::Get
    }

    /// The status of a success in the Table API (docs/servicenow-api.md 2.1).
    pub fn success_status(self) -> u16 {
        match self {
            Method::Get | Method::Patch => 200,
            Method::Post => 201,
            Method::Delete => 204,
        }
    }
}

/// An HTTP request.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The absolute URL.
    pub url: String,
    /// Header names in lower case, and their values.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Option<String>,
}

/// An HTTP response, read to its end.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Header names in lower case, and their values.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Response {
    /// The first value of a header, by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// An exchange that brought no whole response.
#[derive(Clone, Debug, PartialEq)]
pub struct TransportError {
    /// Why: `deadline`, `dns`, `connect`, `tls`, `lost`, `too-large` or `denied-by-host`.
    pub reason: Reason,
    /// The status, where the head of a response arrived.
    pub status: Option<u16>,
    /// Whether it is proven that the request never left the machine.
    pub not_sent: bool,
}

/// The world outside the component.
pub trait Host {
    /// Sends a request, with a credential's header where there is one, and reads the response to its end, all within so
    /// many milliseconds.
    fn send(
        &mut self,
        request: &Request,
        credential: Option<&Header>,
        within_ms: u64,
    ) -> Result<Response, TransportError>;
    /// A clock that only goes forward, in milliseconds.
    fn now_ms(&self) -> u64;
    /// The time of day, in seconds since 1970.
    fn unix_seconds(&self) -> u64;
    /// Waits so many milliseconds.
    fn wait_ms(&mut self, ms: u64);
    /// Sixteen bytes that nobody can guess.
    fn random(&mut self) -> [u8; 16];
    /// The credential of an authorization.
    fn credential(&mut self, authorization: &str) -> Result<Granted, CredentialError>;
    /// A fresh credential, after ServiceNow refused the last.
    fn fresh_credential(&mut self, authorization: &str) -> Result<Granted, CredentialError>;
}
