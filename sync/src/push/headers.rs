//! Adds the rules' own headers to each request.

use servicenow_core::bindings::credentials::{CredentialError, Granted, Header};
use servicenow_core::host::{Host, Request, Response, TransportError};
use std::collections::BTreeMap;

/// A host whose requests have further headers. They were checked with the rules.
pub struct WithHeaders<'h> {
    /// The host.
    pub host: &'h mut dyn Host,
    /// Names and values.
    pub headers: &'h BTreeMap<String, String>,
}

impl Host for WithHeaders<'_> {
    fn send(
        &mut self,
        request: &Request,
        credential: Option<&Header>,
        within_ms: u64,
    ) -> Result<Response, TransportError> {
        if self.headers.is_empty() {
            return self.host.send(request, credential, within_ms);
        }
        let mut request = request.clone();
        let own = self.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone()));
        request.headers.extend(own);
        self.host.send(&request, credential, within_ms)
    }

    fn now_ms(&self) -> u64 {
        self.host.now_ms()
    }

    fn unix_seconds(&self) -> u64 {
        self.host.unix_seconds()
    }

    fn wait_ms(&mut self, ms: u64) {
        self.host.wait_ms(ms);
    }

    fn random(&mut self) -> [u8; 16] {
        self.host.random()
    }

    fn credential(&mut self, authorization: &str) -> Result<Granted, CredentialError> {
        self.host.credential(authorization)
    }

    fn fresh_credential(&mut self, authorization: &str) -> Result<Granted, CredentialError> {
        self.host.fresh_credential(authorization)
    }
}
