//! HTTPS servers that redirect, stall, flood or speak no Git are left in time.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use skerry_common::redact::Redacted;
use skerry_hub::git::{Credential, CredentialKind, FetchLimits, Git, GitError, GitSettings, Remote};
use skerry_hub_core::source::GitRef;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// What a server does after its handshake, by the first segment of the path.
async fn answer(mut stream: TlsStream<TcpStream>, port: u16, asked: &Mutex<Vec<String>>) {
    let mut head = Vec::new();
    let mut buffer = [0; 4096];
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        match stream.read(&mut buffer).await {
            Ok(count) if count > 0 => head.extend_from_slice(&buffer[..count]),
            _ => return,
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    asked.lock().expect("no holder panics").push(head.clone());
    let path = head.split(' ').nth(1).unwrap_or_default();
    let git = "HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-advertisement\r\n";
    let tail = "x.git/info/refs?service=git-upload-pack";
    let text = match path.split('/').nth(1).unwrap_or_default() {
        "elsewhere" => format!("HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1:{port}/team/{tail}\r\n\r\n"),
        "plain" => format!("HTTP/1.1 302 Found\r\nLocation: http://localhost:{port}/team/{tail}\r\n\r\n"),
        "outside" => format!("HTTP/1.1 302 Found\r\nLocation: /evil/{tail}\r\n\r\n"),
        "loop" => format!("HTTP/1.1 302 Found\r\nLocation: /loop/{tail}\r\n\r\n"),
        "broken" => "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n".to_owned(),
        "page" => "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi".to_owned(),
        "garbage" => format!("{git}Content-Length: 8\r\n\r\n0004zzzz"),
        _ => format!("{git}\r\n"),
    };
    if stream.write_all(text.as_bytes()).await.is_err() {
        return;
    }
    match path.split('/').nth(1).unwrap_or_default() {
        "flood" => {
            let line = format!("{:04x}x={}\n", 4 + 60_003, "x".repeat(60_000));
            let start = "001e# service=git-upload-pack\n0000000eversion 2\n";
            let _left = stream.write_all(start.as_bytes()).await;
            while stream.write_all(line.as_bytes()).await.is_ok() {}
        }
        // Until the client leaves.
        "stall" => drop(stream.read(&mut buffer).await),
        _ => {}
    }
    let _left = stream.shutdown().await;
}

struct Server {
    address: SocketAddr,
    folder: tempfile::TempDir,
    /// Heads of the requests.
    asked: Arc<Mutex<Vec<String>>>,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Server {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let fine = "a certificate can be made";
        let mut authority = rcgen::CertificateParams::new(Vec::new()).expect(fine);
        authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let authority = rcgen::CertifiedIssuer::self_signed(authority, rcgen::KeyPair::generate().expect(fine));
        let authority = authority.expect(fine);
        std::fs::write(folder.path().join("ca.crt"), authority.pem()).expect("written");
        let key = rcgen::KeyPair::generate().expect(fine);
        let names = vec!["localhost".to_owned()];
        let leaf = rcgen::CertificateParams::new(names).expect(fine).signed_by(&key, &authority).expect(fine);
        let key = rustls::pki_types::PrivatePkcs8KeyDer::from(key.serialize_der());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![leaf.into()], key.into())
            .expect("a certificate");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("built");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
        let address = listener.local_addr().expect("bound");
        let asked = Arc::default();
        let heads = Arc::clone(&asked);
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, heads) = (acceptor.clone(), Arc::clone(&heads));
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        answer(stream, address.port(), &heads).await;
                    }
                });
            }
        });
        Self { address, folder, asked, runtime: Some(runtime) }
    }

    fn error(&self, place: &str, limits: FetchLimits) -> GitError {
        let base = format!("https://localhost:{}", self.address.port());
        let url_prefixes = vec![format!("{base}/{place}"), format!("{base}/team")];
        let kind = CredentialKind::Bearer(Redacted::new("hunter2".to_owned()));
        let ca_file = Some(self.folder.path().join("ca.crt"));
        let credentials = vec![Credential { name: "team".to_owned(), url_prefixes, kind, ca_file }];
        let settings = GitSettings { credentials, ..GitSettings::new(self.folder.path().join("cache")) };
        let git = Git::new(settings).expect("valid settings").with_fetch_limits(limits);
        let url = format!("{base}/{place}/x.git");
        let remote = Remote { url: &url, credential: Some("team") };
        git.fetch(remote, &GitRef::Branch("main".into()), None).expect_err(place)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[test]
fn redirects_stay_on_the_host_and_within_the_credentials() {
    let server = Server::start();
    for place in ["elsewhere", "plain", "outside", "loop"] {
        let error = server.error(place, FetchLimits::default());
        assert_eq!(error.code().0, 717, "{place}: {error:?}");
    }
    let asked = server.asked.lock().expect("no holder panics");
    assert!(asked.iter().all(|head| head.contains("hunter2")), "credentials are sent where they are bound");
    assert!(!asked.iter().any(|head| head.starts_with("GET /evil") || head.starts_with("GET /team")), "{asked:?}");
}

#[test]
fn servers_that_fail_are_told_apart() {
    let server = Server::start();
    for (place, code) in [("broken", 718), ("page", 720), ("garbage", 720)] {
        let error = server.error(place, FetchLimits::default());
        assert_eq!(error.code().0, code, "{place}: {error:?}");
    }
}

#[test]
fn servers_that_stall_or_flood_are_left() {
    let server = Server::start();
    let started = Instant::now();
    let limits = FetchLimits { idle: Duration::from_secs(1), bytes_max: 10_000_000, ..FetchLimits::default() };
    let error = server.error("stall", limits);
    assert_eq!(error.code().0, 711, "{error:?}");
    let error = server.error("flood", limits);
    assert_eq!(error.code().0, 719, "{error:?}");
    assert!(started.elapsed() < Duration::from_secs(60));
}
