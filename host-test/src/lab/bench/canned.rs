//! The server that calls are timed against: canned bytes in a process of its own, the same small work for every request.

use bytes::{Bytes, BytesMut};
use memchr::memmem;
use serde::{Deserialize, Serialize};
use servicenow_simulator::{listen, tls};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// How long the slow listener takes for an answer: long enough for 10,000 calls to be in flight at once.
const SLOW: Duration = Duration::from_secs(2);

/// Larger than any request of the component's, but for a large create.
const READ_BYTES: usize = 16 * 1024;

/// Where the server listens. It prints this as one line of JSON.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Addresses {
    /// Over http.
    pub http: String,
    /// Over TLS.
    pub https: String,
    /// Over http, each answer after two seconds.
    pub slow: String,
    /// The certificate of the CA.
    pub ca: PathBuf,
}

/// The header that tells a body's length.
const LENGTH: &[u8] = b"content-length:";

/// What is answered, made once.
struct Answers {
    token: Bytes,
    created: Bytes,
    /// The same with display values, which aiosnow asks for.
    created_with_display_values: Bytes,
    updated: Bytes,
    /// Lists of one record, of a hundred, and of a thousand: 1 KB, 100 KB and 5 MB.
    lists: [Bytes; 3],
}

/// A server that is ready to be run.
pub struct Canned {
    /// Where it listens.
    pub addresses: Addresses,
    http: TcpListener,
    https: TcpListener,
    slow: TcpListener,
    tls: TlsAcceptor,
    answers: Arc<Answers>,
    connections: Arc<AtomicUsize>,
}

impl Canned {
    /// Listens, and writes a CA's certificate into a folder.
    pub fn bind(folder: PathBuf) -> std::io::Result<Self> {
        let any = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
        let (http, https, slow) = (listen(any)?, listen(any)?, listen(any)?);
        let acceptor = tls::generate(&folder)?;
        let origin = |scheme: &str, listener: &TcpListener| {
            Ok::<_, std::io::Error>(format!("{scheme}://{}", listener.local_addr()?))
        };
        let addresses = Addresses {
            http: origin("http", &http)?,
            https: origin("https", &https)?,
            slow: origin("http", &slow)?,
            ca: std::fs::canonicalize(tls::ca_path(&folder))?,
        };
        Ok(Self {
            addresses,
            http,
            https,
            slow,
            tls: acceptor,
            answers: Arc::new(Answers::new()),
            connections: Arc::default(),
        })
    }

    /// Serves until the process ends.
    pub async fn serve(self) {
        let Self { http, https, slow, tls, answers, connections, .. } = self;
        loop {
            let (accepted, wait, secured) = tokio::select! {
                accepted = http.accept() => (accepted, None, false),
                accepted = https.accept() => (accepted, None, true),
                accepted = slow.accept() => (accepted, Some(SLOW), false),
            };
            let Ok((stream, _)) = accepted else { continue };
            let _ = stream.set_nodelay(true);
            connections.fetch_add(1, Ordering::Relaxed);
            let (tls, answers, connections) = (tls.clone(), Arc::clone(&answers), Arc::clone(&connections));
            tokio::spawn(async move {
                if secured {
                    if let Ok(stream) = tls.accept(stream).await {
                        converse(stream, &answers, &connections, wait).await;
                    }
                } else {
                    converse(stream, &answers, &connections, wait).await;
                }
            });
        }
    }
}

/// Answers requests until the client goes away.
async fn converse(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    answers: &Answers,
    connections: &AtomicUsize,
    wait: Option<Duration>,
) -> Option<()> {
    let mut buffer = BytesMut::with_capacity(READ_BYTES);
    loop {
        let end = loop {
            if let Some(end) = request_end(&buffer) {
                break end;
            }
            if stream.read_buf(&mut buffer).await.ok()? == 0 {
                return None;
            }
        };
        let request = buffer.split_to(end);
        let answer = answers.to(&request, connections);
        if let Some(wait) = wait.filter(|_| !request.starts_with(b"POST /oauth")) {
            tokio::time::sleep(wait).await;
        }
        stream.write_all(&answer).await.ok()?;
        stream.flush().await.ok()?;
    }
}

/// Where the first request ends, once it is there as a whole.
fn request_end(bytes: &[u8]) -> Option<usize> {
    let head = memmem::find(bytes, b"\r\n\r\n")? + 4;
    let mut lines = bytes[..head].split(|byte| *byte == b'\n');
    let digits = lines.find_map(|line| {
        let (name, value) = line.split_at_checked(LENGTH.len())?;
        name.eq_ignore_ascii_case(LENGTH).then_some(value)
    });
    let digits = digits.unwrap_or_default().trim_ascii_start();
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
    let end = head + digits.fold(0, |length, digit| length * 10 + usize::from(digit - b'0'));
    (bytes.len() >= end).then_some(end)
}

impl Answers {
    fn new() -> Self {
        let both = |value: &str| format!("{{\"display_value\":\"{value}\",\"value\":\"{value}\"}}");
        let (row, large) = (record(&"x".repeat(200), both), record(&"x".repeat(2_200), both));
        let written = record(&"x".repeat(200), |value| format!("\"{value}\""));
        let list = |row: &str, count: usize| {
            let rows = vec![row; count].join(",");
            whole(200, &format!("x-total-count: {count}\r\n"), &format!("{{\"result\":[{rows}]}}"))
        };
        let token =
            r#"{"access_token":"canned-access-token","scope":"useraccount","token_type":"Bearer","expires_in":1800}"#;
        Self {
            token: whole(200, "", token),
            created: whole(201, "", &format!("{{\"result\":{written}}}")),
            created_with_display_values: whole(201, "", &format!("{{\"result\":{row}}}")),
            updated: whole(200, "", &format!("{{\"result\":{written}}}")),
            lists: [list(&row, 1), list(&row, 100), list(&large, 1_000)],
        }
    }

    fn to(&self, request: &[u8], connections: &AtomicUsize) -> Bytes {
        let list = |parameter: &[u8]| memmem::find(&request[..request.len().min(512)], parameter).is_some();
        match request {
            _ if request.starts_with(b"GET /connections") => {
                whole(200, "", &connections.load(Ordering::Relaxed).to_string())
            }
            _ if request.starts_with(b"POST /oauth") => self.token.clone(),
            _ if request.starts_with(b"POST") && list(b"sysparm_display_value=all") => {
                self.created_with_display_values.clone()
            }
            _ if request.starts_with(b"POST") => self.created.clone(),
            _ if request.starts_with(b"PATCH") => self.updated.clone(),
            _ if list(b"sysparm_limit=1000") => self.lists[2].clone(),
            _ if list(b"sysparm_limit=100") => self.lists[1].clone(),
            _ => self.lists[0].clone(),
        }
    }
}

/// A record of some 1 KB with this description, each value shown in this way.
fn record(description: &str, cell: impl Fn(&str) -> String) -> String {
    let columns = [
        ("sys_id", "189d7fc183a51210d81dc590ceaad387"),
        ("number", "INC0010001"),
        ("task_effective_number", "INC0010001"),
        ("correlation_id", "bench"),
        ("state", "1"),
        ("urgency", "3"),
        ("impact", "3"),
        ("priority", "5"),
        ("short_description", "Printer on fire"),
        ("description", description),
    ];
    let columns: Vec<String> = columns.iter().map(|(name, value)| format!("\"{name}\":{}", cell(value))).collect();
    format!("{{{}}}", columns.join(","))
}

fn whole(status: u16, headers: &str, body: &str) -> Bytes {
    let length = body.len();
    let head = "content-type: application/json;charset=UTF-8\r\nserver: canned\r\n";
    Bytes::from(format!("HTTP/1.1 {status} OK\r\n{head}{headers}content-length: {length}\r\n\r\n{body}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_whole_when_its_body_is() {
        for (bytes, end) in [
            ("GET / HTTP/1.1\r\n\r\n", Some(18)),
            ("GET / HTTP/1.1\r\n\r\nGET", Some(18)),
            ("POST / HTTP/1.1\r\ncontent-length: 3\r\n\r\nab", None),
            ("POST / HTTP/1.1\r\ncontent-length: 3\r\n\r\nabcd", Some(41)),
            ("POST / HTTP/1.1\r\nContent-Length:3\r\n\r\nabcd", Some(40)),
            ("GET / HTTP/1.1\r\n", None),
        ] {
            assert_eq!(request_end(bytes.as_bytes()), end, "{bytes:?}");
        }
    }

    #[test]
    fn lists_have_the_sizes_they_are_named_for() {
        let sizes = Answers::new().lists.map(|list| list.len() / 1_000);
        assert!(matches!(sizes, [0..=2, 90..=120, 4_900..=5_600]), "{sizes:?}");
    }
}
