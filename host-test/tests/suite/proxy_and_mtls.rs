//! The way out: through a proxy, and with a certificate of our own.

use crate::secrets::Log;
use crate::support::PATIENT_MS;
use host_test::lab::scenarios::{columns, create};
use servicenow_host::types::{Call, Reason};
use servicenow_host::{Authorizations, Host, Outcome, Proxy};
use servicenow_test_support::{Certificate, ScriptedServer, Step, answer, read_request};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;

const RECORD: &[u8] = br#"{"result":{"number":"INC1","sys_id":"189d7fc183a51210d81dc590ceaad387"}}"#;

fn created() -> Vec<Step> {
    vec![Step::Read, Step::Send(answer("201 Created", "", RECORD))]
}

/// A file of the test's own, gone with it.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("servicenow-{}-{name}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn authorizations(origin: &str, more: &str) -> Authorizations {
    let text = format!("[authorizations.main]\ninstance = {origin:?}\n{more}\ngrant = \"bearer\"\ntoken = \"t\"");
    Authorizations::parse(&text, Path::new("a.toml")).unwrap()
}

async fn create_at(host: &Host, origin: &str) -> (String, Option<Reason>) {
    let call = Call { authorization: "main".to_string(), instance: origin.to_string(), timeout_ms: Some(PATIENT_MS) };
    let outcome = host.create(call, columns(&[("urgency", "1")]), create()).await.outcome;
    (outcome.case().to_string(), outcome.failure().map(|failure| failure.reason))
}

/// A proxy that notes the requests for tunnels and grants them, to this server whatever was asked for.
async fn proxy(server: &ScriptedServer) -> (ScriptedServer, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (noted, to) = (Arc::clone(&asked), server.origin.strip_prefix("https://").unwrap().to_string());
    let proxy = ScriptedServer::serve("http", move |mut stream| {
        let (noted, to) = (Arc::clone(&noted), to.clone());
        async move {
            let head = read_request(&mut stream).await.unwrap();
            let may = head.contains("Basic dXNlcjpjYW5hcnk=\r\n");
            noted.lock().unwrap().push(head);
            if !may {
                let _ = stream.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n").await;
                return;
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
            let mut server = TcpStream::connect(to).await.unwrap();
            let _ = copy_bidirectional(&mut stream, &mut server).await;
        }
    })
    .await;
    (proxy, asked)
}

#[tokio::test]
async fn a_proxy_carries_the_connection_and_keeps_its_password_to_itself() {
    let (log, _guard) = Log::start();
    let certificate = Certificate::of(&["itsm.example.com"], |_| {});
    let ca = File::new("proxy-ca.pem", &certificate.pem);
    let server = ScriptedServer::run_tls(certificate, None, created()).await;
    let (proxy, asked) = proxy(&server).await;
    let through = |user: &str, except: &str| {
        let address = proxy.origin.replace("http://", &format!("http://{user}@"));
        let authorizations = authorizations("https://itsm.example.com", &format!("ca-files = [{:?}]", ca.0));
        Host::builder().authorizations(authorizations).proxy(Proxy::new(&address, except).unwrap()).build().unwrap()
    };
    // The name is resolved by the proxy alone: here it does not exist.
    let origin = "https://itsm.example.com";
    assert_eq!(create_at(&through("user:canary", ""), origin).await, ("incident-created".to_string(), None));
    let heads = asked.lock().unwrap().join("\n");
    assert!(heads.starts_with("CONNECT itsm.example.com:443 HTTP/1.1\r\n"), "{heads}");
    assert!(!heads.contains("Bearer"), "the credential is for the instance alone: {heads}");
    assert_eq!(create_at(&through("user:wrong", ""), origin).await, ("error".to_string(), Some(Reason::Connect)));
    let tunnels = proxy.connections();
    let around = through("user:canary", "example.com");
    assert_eq!(create_at(&around, origin).await.1, Some(Reason::Dns), "it goes around the proxy");
    assert_eq!(proxy.connections(), tunnels);
    let (logged, encoded) = (log.text(), "dXNlcjpjYW5hcnk");
    assert!(!logged.is_empty() && !logged.contains("canary") && !logged.contains(encoded), "{logged}");
}

#[tokio::test]
async fn a_client_certificate_is_shown_to_a_server_that_asks_for_one() {
    let (certificate, own) = (Certificate::of(&["127.0.0.1"], |_| {}), Certificate::of(&["flow.example.com"], |_| {}));
    let ca = File::new("mtls-ca.pem", &certificate.pem);
    let (pem, key) = (File::new("mtls.pem", &own.pem), File::new("mtls-key.pem", &own.key_pem));
    let server = ScriptedServer::run_tls(certificate, Some(&own), created()).await;
    let trust = format!("allowed-addresses = [\"127.0.0.1\"]\nca-files = [{:?}]", ca.0);
    let shown = format!("{trust}\nclient-certificate = {:?}\nclient-key = {:?}", pem.0, key.0);
    let with = |more: &str| {
        crate::support::host_with(authorizations(&server.origin, more), servicenow_host::Limits::default())
    };
    assert_eq!(create_at(&with(&shown), &server.origin).await, ("incident-created".to_string(), None));
    // TLS 1.3 refuses a client only after its own handshake is done.
    let (case, reason) = create_at(&with(&trust), &server.origin).await;
    assert_eq!(case, "error");
    assert!(matches!(reason, Some(Reason::Tls | Reason::Lost)), "{reason:?}");
}

#[test]
fn a_certificate_file_that_cannot_be_used_is_named() {
    let broken = File::new("broken.pem", "hunter2");
    for (more, says) in [
        ("ca-files = [\"/no/such/file\"]".to_string(), "ca-files /no/such/file"),
        (format!("ca-files = [{:?}]", broken.0), "holds no certificate"),
        (format!("client-certificate = {:?}\nclient-key = {:?}", broken.0, broken.0), "client-certificate"),
    ] {
        let built = Host::builder().authorizations(authorizations("dev1", &more)).build();
        let error = built.err().unwrap().to_string();
        assert!(error.contains(says) && error.contains("\"main\"") && !error.contains("hunter2"), "{error}");
    }
}
