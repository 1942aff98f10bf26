//! The host's own HTTP client, through the interface `transport`.

use crate::bindings::credentials::{self, CredentialError, Granted, Header};
use crate::bindings::transport::{self, Body, Broken, BrokenReason};
use crate::bindings::types::Reason;
use crate::host::{Host, Method, Request, Response, TransportError};

/// The host behind the component's imports.
pub struct ImportedHost;

impl Host for ImportedHost {
    fn send(
        &mut self,
        request: &Request,
        credential: Option<&Header>,
        within_ms: u64,
    ) -> Result<Response, TransportError> {
        let header = |name: &str, value: &str| transport::Header { name: name.to_string(), value: value.to_string() };
        let headers = request.headers.iter().map(|(name, value)| header(name, value));
        let headers = headers.chain(credential.map(|credential| header(&credential.name, &credential.value)));
        let sent = transport::send(&transport::Request {
            method: match request.method {
                Method::Get => transport::Method::Get,
                Method::Post => transport::Method::Post,
                Method::Patch => transport::Method::Patch,
                Method::Delete => transport::Method::Delete,
            },
            url: request.url.clone(),
            headers: headers.collect(),
            body: request.body.clone().map(Body::Text),
            within_ms,
        });
        let response = sent.map_err(broken)?;
        let header = |header: transport::Header| (header.name.to_ascii_lowercase(), header.value);
        Ok(Response {
            status: response.status,
            headers: response.headers.into_iter().map(header).collect(),
            body: match response.body {
                Body::Text(text) => text.into_bytes(),
                Body::Bytes(bytes) => bytes,
            },
        })
    }

    fn now_ms(&self) -> u64 {
        transport::now_ms()
    }

    fn unix_seconds(&self) -> u64 {
        transport::unix_seconds()
    }

    fn wait_ms(&mut self, ms: u64) {
        transport::wait_ms(ms);
    }

    fn random(&mut self) -> [u8; 16] {
        let (high, low) = transport::random();
        (u128::from(high) << 64 | u128::from(low)).to_be_bytes()
    }

    fn credential(&mut self, authorization: &str) -> Result<Granted, CredentialError> {
        credentials::get(authorization)
    }

    fn fresh_credential(&mut self, authorization: &str) -> Result<Granted, CredentialError> {
        credentials::refused(authorization)
    }
}

fn broken(Broken { reason, status, not_sent }: Broken) -> TransportError {
    let reason = match reason {
        BrokenReason::Dns => Reason::Dns,
        BrokenReason::Connect => Reason::Connect,
        BrokenReason::Tls => Reason::Tls,
        BrokenReason::Deadline => Reason::Deadline,
        BrokenReason::Lost => Reason::Lost,
        BrokenReason::TooLarge => Reason::TooLarge,
        BrokenReason::DeniedByHost => Reason::DeniedByHost,
        BrokenReason::Limit => Reason::Limit,
    };
    // An answer has begun: something was sent, whatever the host says.
    TransportError { reason, status, not_sent: not_sent && status.is_none() }
}
