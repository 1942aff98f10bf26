//! A server that plays a script on every connection, for what a well-behaved server cannot do: break off, drip, fall silent.

use rcgen::{CertificateParams, KeyPair};
use rustls::server::WebPkiClientVerifier;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// What the server does next on a connection.
#[derive(Clone, Debug)]
pub enum Step {
    /// Reads one request to the end of its body.
    Read,
    /// Sends these bytes.
    Send(Vec<u8>),
    /// Sends these bytes one at a time.
    Drip(Vec<u8>),
    /// Holds the connection and does nothing.
    Hold,
    /// Breaks the connection with a reset.
    Reset,
}

/// How often a dripping server sends a byte. Far below any limit on the time between bytes.
const DRIP: Duration = Duration::from_millis(40);

/// A running server. It stops when dropped.
pub struct ScriptedServer {
    /// Its origin.
    pub origin: String,
    connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl ScriptedServer {
    /// Plays the script on every connection. After its last step a connection is closed.
    pub async fn run(script: Vec<Step>) -> Self {
        Self::serve("http", move |stream| {
            let script = script.clone();
            async move {
                let mut stream = stream;
                for step in script {
                    if matches!(step, Step::Reset) {
                        stream.set_zero_linger().unwrap();
                        return;
                    }
                    play(step, &mut stream).await;
                }
                let _ = stream.shutdown().await;
            }
        })
        .await
    }

    /// Plays the script inside TLS, with this certificate, to clients that show the other one where it is given.
    pub async fn run_tls(certificate: Certificate, client: Option<&Certificate>, script: Vec<Step>) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider));
        let tls = tls.with_safe_default_protocol_versions().unwrap();
        let tls = match client {
            None => tls.with_no_client_auth(),
            Some(client) => {
                let mut roots = rustls::RootCertStore::empty();
                roots.add(client.certificate.clone()).unwrap();
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
                tls.with_client_cert_verifier(verifier)
            }
        };
        let tls = tls.with_single_cert(vec![certificate.certificate], certificate.key).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(tls));
        Self::serve("https", move |stream| {
            let (script, acceptor) = (script.clone(), acceptor.clone());
            async move {
                // A client that refuses the certificate has its own words for it.
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                for step in script {
                    play(step, &mut stream).await;
                }
                let _ = stream.shutdown().await;
            }
        })
        .await
    }

    /// Does this with every connection.
    pub async fn serve<F>(scheme: &str, converse: impl Fn(TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("{scheme}://{}", listener.local_addr().unwrap());
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        let task = tokio::spawn(async move {
            let mut conversations = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::Relaxed);
                conversations.spawn(converse(stream));
            }
        });
        Self { origin, connections, task }
    }

    /// How many connections were made.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

impl Drop for ScriptedServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn play(step: Step, stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    // A client that went away is not waited for.
    match step {
        Step::Read => drop(read_request(stream).await),
        Step::Send(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.flush().await;
        }
        Step::Drip(bytes) => {
            for byte in bytes {
                if stream.write_all(&[byte]).await.is_err() {
                    return;
                }
                let _ = stream.flush().await;
                tokio::time::sleep(DRIP).await;
            }
        }
        Step::Hold => std::future::pending().await,
        Step::Reset => {}
    }
}

/// Reads one request: its head, and a body as long as the head says.
pub async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<String> {
    let mut text = Vec::new();
    loop {
        if let Some(end) = text.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&text[..end]).to_ascii_lowercase();
            let length = head.split("content-length:").nth(1).and_then(|rest| rest.split("\r\n").next());
            let length: usize = length.and_then(|length| length.trim().parse().ok()).unwrap_or(0);
            if text.len() >= end + 4 + length {
                return Ok(String::from_utf8_lossy(&text).into_owned());
            }
        }
        let mut chunk = [0; 4096];
        match stream.read(&mut chunk).await? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            read => text.extend_from_slice(&chunk[..read]),
        }
    }
}

/// The JSON body of a request.
pub fn body(request: &str) -> serde_json::Value {
    serde_json::from_str(request.split("\r\n\r\n").nth(1).unwrap()).unwrap()
}

/// An answer with a body of JSON, its length and some more headers, each ended by a line break.
pub fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n{headers}\r\n");
    [head.as_bytes(), body].concat()
}

/// A certificate, its key, and itself as the authority that signed it.
pub struct Certificate {
    /// The certificate.
    pub certificate: CertificateDer<'static>,
    /// Its key.
    pub key: PrivateKeyDer<'static>,
    /// The certificate as PEM.
    pub pem: String,
    /// The key as PEM.
    pub key_pem: String,
}

impl Certificate {
    /// Signed by itself, for these names, changed like this.
    pub fn of(names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Self {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_string()).collect();
        let mut parameters = CertificateParams::new(names).unwrap();
        change(&mut parameters);
        let certificate = parameters.self_signed(&key).unwrap();
        Self {
            certificate: certificate.der().clone(),
            pem: certificate.pem(),
            key_pem: key.serialize_pem(),
            key: PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        }
    }
}
