//! The attacks.

use crate::bindings::servicenow::plugin::credentials::{self, Credential};
use crate::bindings::servicenow::plugin::transport;
use std::hint::black_box;
use wasip2::clocks::monotonic_clock;
use wasip2::http::outgoing_handler;
use wasip2::http::types::{Fields, IncomingResponse, Method, OutgoingBody, OutgoingRequest, Scheme};
use wasip2::io::poll::poll;
use wasip2::random::random::get_random_bytes;

/// What the test asked for, by names.
pub struct Order(pub Vec<(String, String)>);

/// A byte that stands nowhere in the component.
fn leaving() -> u8 {
    black_box(0xa5) ^ 0x0f
}

impl Order {
    /// What an order says under a name; nothing where it says nothing.
    pub fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// Sends by the host's own client, where the order says so.
    fn over_transport(&self) -> Option<Result<(u16, String, String), String>> {
        (self.text("way") == "transport").then(|| {
            let times = |name: &str| self.text(name).parse().unwrap_or(1);
            let header = |value: &str| transport::Header {
                name: self.text("header").to_string(),
                value: value.repeat(times("value times")),
            };
            let body = self.text("body").repeat(times("body times"));
            let sent = transport::send(&transport::Request {
                method: match self.text("method") {
                    "" | "GET" => transport::Method::Get,
                    "POST" => transport::Method::Post,
                    "PATCH" => transport::Method::Patch,
                    "DELETE" => transport::Method::Delete,
                    _ => return Err("refused: there is no such method".to_string()),
                },
                url: match (self.text("scheme"), self.text("authority")) {
                    ("", authority) => format!("http://{authority}{}", self.text("path")),
                    (scheme, authority) => format!("{scheme}://{authority}{}", self.text("path")),
                },
                headers: match self.text("header") {
                    "" => Vec::new(),
                    _ => vec![header(self.text("value")); times("header times")],
                },
                body: (!body.is_empty()).then_some(transport::Body::Text(body)),
                within_ms: self.text("within").parse().unwrap_or(60_000),
            });
            let response = sent.map_err(|broken| format!("{:?}, not sent: {}", broken.reason, broken.not_sent))?;
            let headers: Vec<_> =
                response.headers.iter().map(|header| format!("{}: {}", header.name, header.value)).collect();
            let body = match response.body {
                transport::Body::Text(text) => text,
                transport::Body::Bytes(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            };
            Ok((response.status, headers.join(", "), body))
        })
    }

    /// Sends, and reads everything that comes back.
    fn receive(&self) -> Result<(u16, String, String), String> {
        if let Some(received) = self.over_transport() {
            return received;
        }
        let response = self.exchange()?;
        let headers: Vec<_> = response.headers().entries();
        let headers: Vec<_> =
            headers.into_iter().map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(&value))).collect();
        let body = response.consume().map_err(|()| "no body")?;
        let stream = body.stream().map_err(|()| "no stream")?;
        let mut bytes = Vec::new();
        while let Ok(chunk) = stream.blocking_read(1 << 16) {
            bytes.extend_from_slice(&chunk);
        }
        Ok((response.status(), headers.join(", "), String::from_utf8_lossy(&bytes).into_owned()))
    }

    fn read(&self) -> String {
        self.receive().map_or_else(|error| error, |(status, headers, body)| format!("{status} {headers} {body}"))
    }

    fn send(&self) -> Result<u16, String> {
        if let Some(received) = self.over_transport() {
            let (status, headers, _) = received?;
            let is_shown =
                ["set-cookie: ", "authorization: ", "connection: "].iter().any(|name| headers.contains(name));
            return if is_shown { Err(format!("these headers were seen: {headers}")) } else { Ok(status) };
        }
        let response = self.exchange()?;
        let seen: Vec<_> = response.headers().entries().into_iter().map(|(name, _)| name).collect();
        if seen.iter().any(|name| ["set-cookie", "authorization", "connection"].contains(&name.as_str())) {
            return Err(format!("these headers were seen: {seen:?}"));
        }
        Ok(response.status())
    }

    fn exchange(&self) -> Result<IncomingResponse, String> {
        let request = self.request()?;
        let body = request.body().map_err(|()| "no body")?;
        let sending = outgoing_handler::handle(request, None).map_err(|code| format!("{code:?}"))?;
        let bytes = self.text("body").as_bytes();
        if !bytes.is_empty() {
            let stream = body.write().map_err(|()| "no stream")?;
            // A refusal is seen in the answer.
            let _ = stream.blocking_write_and_flush(bytes);
        }
        let _ = OutgoingBody::finish(body, None);
        sending.subscribe().block();
        let answer = sending.get().ok_or("not ready")?.map_err(|()| "taken")?;
        answer.map_err(|code| format!("{code:?}"))
    }

    fn request(&self) -> Result<OutgoingRequest, String> {
        let fields = Fields::new();
        if !self.text("header").is_empty() {
            let added = fields.append(self.text("header"), self.text("value").as_bytes());
            added.map_err(|error| format!("header: {error:?}"))?;
        }
        let request = OutgoingRequest::new(fields);
        let scheme = match self.text("scheme") {
            "http" | "" => Scheme::Http,
            "https" => Scheme::Https,
            other => Scheme::Other(other.to_string()),
        };
        let method = match self.text("method") {
            "" | "GET" => Method::Get,
            "POST" => Method::Post,
            "PATCH" => Method::Patch,
            "DELETE" => Method::Delete,
            other => Method::Other(other.to_string()),
        };
        request.set_method(&method).map_err(|()| "method refused")?;
        request.set_scheme(Some(&scheme)).map_err(|()| "scheme refused")?;
        request.set_authority(Some(self.text("authority"))).map_err(|()| "authority refused")?;
        request.set_path_with_query(Some(self.text("path"))).map_err(|()| "path refused")?;
        Ok(request)
    }

    fn secret(&self) -> String {
        match credentials::get(self.text("authorization")) {
            Ok(granted) => match granted.credential {
                Credential::Header(header) => header.value,
                Credential::Grant(client) => client.client_secret,
                Credential::AddedByHost => "nothing".to_string(),
            },
            Err(error) => format!("{error:?}"),
        }
    }

    /// Does it. What was seen.
    pub fn attack(&mut self) -> String {
        match self.text("attack") {
            "leave something" => {
                let size = self.text("of this size").parse().unwrap_or(4 << 20);
                std::mem::forget(black_box(vec![leaving(); size]));
                "left".to_string()
            }
            "look for it" => {
                let own = vec![leaving(); self.text("of this size").parse().unwrap_or_default()];
                let grown = core::arch::wasm32::memory_grow::<0>(64) != usize::MAX;
                let end = core::arch::wasm32::memory_size::<0>() << 16;
                // SAFETY: all of it is this instance's memory, and nothing writes it meanwhile.
                let memory = unsafe { std::slice::from_raw_parts(1024 as *const u8, end - 1024) };
                let is_left = |bytes: &[u8]| bytes.iter().all(|byte| *byte == leaving());
                let found = memory.chunks(64).any(is_left);
                drop(black_box(own));
                format!("grown {grown}, found {found}")
            }
            "send" => self.send().map_or_else(|error| error, |status| status.to_string()),
            "read" => {
                let _ = self.secret();
                self.read()
            }
            "read without a credential" => self.read(),
            "credential" => self.secret(),
            "steal" => {
                let secret = self.secret();
                let secret = secret.rsplit(' ').next().unwrap_or_default();
                self.0.iter_mut().for_each(|(_, value)| *value = value.replace("SECRET", secret));
                self.send().map_or_else(|error| error, |status| status.to_string())
            }
            "panic" => panic!("on purpose"),
            "compute without end" => loop {
                black_box(leaving());
            },
            "fill memory and wait" => {
                let held = black_box(vec![1_u8; 120 << 20]);
                monotonic_clock::subscribe_duration(u64::MAX).block();
                held.len().to_string()
            }
            "large list" => loop {
                let list = vec![(String::new(), Vec::new()); 600_000];
                drop(black_box(Fields::from_list(&list)));
            },
            "call the host without end" => loop {
                black_box(monotonic_clock::now());
            },
            "wait without end" => {
                monotonic_clock::subscribe_duration(u64::MAX).block();
                "waited".to_string()
            }
            "grow memory" => {
                let mut held = Vec::new();
                loop {
                    held.push(black_box(vec![1_u8; 1 << 20]));
                }
            }
            "recurse" => deeper(1).to_string(),
            "many fields" => {
                let fields = Fields::new();
                let appended =
                    (0..100_000).take_while(|at| fields.append(&format!("x-{at}"), b"value").is_ok()).count();
                appended.to_string()
            }
            "large random" => get_random_bytes(1 << 40).len().to_string(),
            "hold handles" => {
                let held: Vec<_> = (0..100_000).map(|_| Fields::new()).collect();
                held.len().to_string()
            }
            "many pollables" => {
                let held: Vec<_> = (0..100_000).map(|_| monotonic_clock::subscribe_duration(u64::MAX)).collect();
                poll(&held.iter().collect::<Vec<_>>()).len().to_string()
            }
            "many requests" => {
                let sending: Vec<_> =
                    (0..5_000).filter_map(|_| outgoing_handler::handle(self.request().ok()?, None).ok()).collect();
                let denied = sending.iter().filter(|sending| {
                    sending.subscribe().block();
                    matches!(sending.get(), Some(Ok(Err(_))))
                });
                denied.count().to_string()
            }
            "requests without end" => {
                let denied = (0..200).filter(|_| self.send().is_err_and(|error| error.contains("Denied"))).count();
                format!("{denied} denied")
            }
            "requests in turn" => (0..5_000).take_while(|_| self.send().is_ok()).count().to_string(),
            "provoke and ask" => {
                let seen = (0..8).map(|_| {
                    let seen = self.send();
                    let _ = credentials::refused(self.text("authorization"));
                    seen
                });
                format!("{:?}", seen.last())
            }
            "ask again and again" => {
                let name = self.text("authorization");
                (0..5_000).take_while(|_| credentials::refused(name).is_ok()).count().to_string()
            }
            "many unfinished bodies" => {
                let chunk = vec![b'x'; 1 << 20];
                let mut held = Vec::new();
                for _ in 0..300 {
                    let Ok(request) = self.request() else { return "refused".to_string() };
                    let Ok(body) = request.body() else { return "no body".to_string() };
                    let Ok(sending) = outgoing_handler::handle(request, None) else { return "not sent".to_string() };
                    if let Ok(stream) = body.write() {
                        (0..10).for_each(|_| drop(stream.blocking_write_and_flush(&chunk[..4096])));
                    }
                    held.push((body, sending));
                }
                held.len().to_string()
            }
            "body without end" => {
                let Ok(request) = self.request() else { return "refused".to_string() };
                let Ok(body) = request.body() else { return "no body".to_string() };
                let sending = outgoing_handler::handle(request, None);
                let Ok(stream) = body.write() else { return "no stream".to_string() };
                let chunk = [b'x'; 4096];
                while stream.blocking_write_and_flush(&chunk).is_ok() {}
                let Ok(sending) = sending else { return "not sent".to_string() };
                sending.subscribe().block();
                format!("{:?}", sending.get().map(|answer| answer.map(|answer| answer.map(|_| ()))))
            }
            "body without a finish" => {
                let Ok(request) = self.request() else { return "refused".to_string() };
                let Ok(body) = request.body() else { return "no body".to_string() };
                let Ok(sending) = outgoing_handler::handle(request, None) else { return "not sent".to_string() };
                let Ok(stream) = body.write() else { return "no stream".to_string() };
                let _ = stream.blocking_write_and_flush(b"{");
                sending.subscribe().block();
                format!("{:?}", sending.get().map(|answer| answer.map(|answer| answer.map(|_| ()))))
            }
            "large outcome" => "x".repeat(60 << 20),
            other => format!("no attack {other:?}"),
        }
    }
}

#[inline(never)]
fn deeper(depth: u64) -> u64 {
    if depth == u64::MAX {
        return depth;
    }
    let held = black_box([depth; 64]);
    held[0] + deeper(depth + 1) + held[63]
}
