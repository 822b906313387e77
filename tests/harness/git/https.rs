//! A Git server over HTTPS: `git http-backend` behind a small TLS server with a CA of its own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, Response, StatusCode, Uri, header};
use base64::Engine as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::BareRepository;
use super::repository::isolated_git;

/// Largest push that the server takes: far above what tests send.
const BODY_BYTES_MAX: usize = 256 * 1024 * 1024;

/// What a client must show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HttpsAuth {
    /// Nothing.
    Open,
    /// User and password.
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: String,
    },
    /// A bearer token.
    Bearer {
        /// The token.
        token: String,
    },
}

impl HttpsAuth {
    /// The value of the `Authorization` header that is let in; `None` lets all in.
    fn expected(&self) -> Option<String> {
        match self {
            Self::Open => None,
            Self::Basic { user, password } => {
                let pair = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
                Some(format!("Basic {pair}"))
            }
            Self::Bearer { token } => Some(format!("Bearer {token}")),
        }
    }
}

/// One request that the server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitRequest {
    /// `GET` or `POST`.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// HTTP status of the answer.
    pub status: u16,
    /// Bytes of the request's body.
    pub bytes_received: usize,
    /// Bytes of the answer's body: what a fetch moved.
    pub bytes_sent: usize,
}

/// A running server; it stops when dropped.
#[derive(Debug)]
pub struct HttpsServer {
    address: SocketAddr,
    folder: tempfile::TempDir,
    requests: Arc<Mutex<Vec<GitRequest>>>,
    /// Of its own, so that tests may run a blocking `git` against it; taken when dropped.
    runtime: Option<Runtime>,
}

impl HttpsServer {
    /// Serves every repository below `root` on a free loopback port.
    pub fn start(root: &Path, auth: HttpsAuth) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let tls = tls_acceptor(folder.path());
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime with one thread can be made");
        let tcp = listen(&runtime).expect("a loopback port is free");
        let address = tcp.local_addr().expect("a bound listener has an address");
        let requests = Arc::default();
        let backend = Backend { root: root.to_owned(), expected: auth.expected(), requests: Arc::clone(&requests) };
        let router = Router::new()
            .fallback(answer)
            .layer(axum::extract::DefaultBodyLimit::max(BODY_BYTES_MAX))
            .with_state(Arc::new(backend));
        runtime.spawn(async move {
            // Ends only with the runtime: the listener retries by itself.
            let _never = axum::serve(TlsListener { tcp, tls }, router).await;
        });
        Self { address, folder, requests, runtime: Some(runtime) }
    }

    /// `https://localhost:PORT/NAME.git` of a repository below the root.
    pub fn url(&self, repository: &BareRepository) -> String {
        format!("https://localhost:{}/{}", self.address.port(), repository.name())
    }

    /// Path of the CA's certificate, PEM: what a client must trust.
    pub fn ca_certificate(&self) -> PathBuf {
        self.folder.path().join("ca.crt")
    }

    /// Everything answered so far, in order.
    pub fn requests(&self) -> Vec<GitRequest> {
        self.requests.lock().expect("no holder panics").clone()
    }

    /// Bytes of all answers so far.
    pub fn bytes_sent(&self) -> usize {
        self.requests().iter().map(|request| request.bytes_sent).sum()
    }
}

impl Drop for HttpsServer {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A listener on a free loopback port that `runtime` drives.
fn listen(runtime: &Runtime) -> std::io::Result<TcpListener> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let _entered = runtime.enter();
    TcpListener::from_std(listener)
}

/// A CA and a certificate for localhost signed by it; the CA is written to `folder`.
fn tls_acceptor(folder: &Path) -> TlsAcceptor {
    let fine = "a certificate for localhost can be made";
    let mut authority = rcgen::CertificateParams::new(Vec::new()).expect(fine);
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    authority.distinguished_name.push(rcgen::DnType::CommonName, "Git server of the tests");
    let authority =
        rcgen::CertifiedIssuer::self_signed(authority, rcgen::KeyPair::generate().expect(fine)).expect(fine);
    std::fs::write(folder.join("ca.crt"), authority.pem()).expect("a temporary folder can be written");

    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let key = rcgen::KeyPair::generate().expect(fine);
    let mut server = rcgen::CertificateParams::new(names).expect(fine);
    server.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    let certificate: CertificateDer<'static> = server.signed_by(&key, &authority).expect(fine).into();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider knows the default versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect(fine);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

struct TlsListener {
    tcp: TcpListener,
    tls: TlsAcceptor,
}

impl axum::serve::Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            // A client that does not trust the CA ends the handshake: that is its answer, not our failure.
            if let Ok((stream, address)) = self.tcp.accept().await
                && let Ok(stream) = self.tls.accept(stream).await
            {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.tcp.local_addr()
    }
}

struct Backend {
    root: PathBuf,
    expected: Option<String>,
    requests: Arc<Mutex<Vec<GitRequest>>>,
}

async fn answer(
    State(backend): State<Arc<Backend>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let bytes_received = body.len();
    let (status, content_type, sent) = if backend.lets_in(&headers) {
        backend.run(&method, &uri, &headers, body).await
    } else {
        (StatusCode::UNAUTHORIZED, "text/plain".to_owned(), Vec::new())
    };
    backend.requests.lock().expect("no holder panics").push(GitRequest {
        method: method.to_string(),
        target: uri.to_string(),
        status: status.as_u16(),
        bytes_received,
        bytes_sent: sent.len(),
    });
    let mut response = Response::builder().status(status).header(header::CONTENT_TYPE, content_type);
    if status == StatusCode::UNAUTHORIZED {
        response = response.header(header::WWW_AUTHENTICATE, r#"Basic realm="tests""#);
    }
    response.body(Body::from(sent)).expect("git writes valid header values")
}

impl Backend {
    fn lets_in(&self, headers: &HeaderMap) -> bool {
        let shown = headers.get(header::AUTHORIZATION).map(|value| value.as_bytes());
        self.expected.as_ref().is_none_or(|expected| shown == Some(expected.as_bytes()))
    }

    async fn run(&self, method: &Method, uri: &Uri, headers: &HeaderMap, body: Bytes) -> (StatusCode, String, Vec<u8>) {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        let mut command = tokio::process::Command::from(isolated_git());
        command
            .arg("http-backend")
            .env("GIT_PROJECT_ROOT", &self.root)
            .env("GIT_HTTP_EXPORT_ALL", "1")
            .env("GIT_PROTOCOL", text("git-protocol"))
            .env("REQUEST_METHOD", method.as_str())
            .env("PATH_INFO", uri.path())
            .env("QUERY_STRING", uri.query().unwrap_or_default())
            .env("CONTENT_TYPE", text("content-type"))
            .env("CONTENT_LENGTH", body.len().to_string())
            .env("HTTP_CONTENT_ENCODING", text("content-encoding"))
            .env("REMOTE_USER", "tests")
            .env("REMOTE_ADDR", "127.0.0.1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        let mut child = command.spawn().expect("git http-backend can be run (Debian: apt-get install git)");
        let mut stdin = child.stdin.take().expect("stdin is piped");
        let feed = async move {
            // A backend that refuses does not read the body; its answer says why.
            let _refused = stdin.write_all(&body).await;
        };
        let ((), output) = tokio::join!(feed, child.wait_with_output());
        split_cgi_answer(&output.expect("a child can be waited for").stdout)
    }
}

/// Splits what a CGI program wrote into status, content type and body.
fn split_cgi_answer(output: &[u8]) -> (StatusCode, String, Vec<u8>) {
    let end = output.windows(4).position(|window| window == b"\r\n\r\n");
    let Some(end) = end else {
        return (StatusCode::INTERNAL_SERVER_ERROR, "text/plain".to_owned(), output.to_vec());
    };
    let head = String::from_utf8_lossy(&output[..end]);
    let field = |name: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned())
    };
    let code = field("status").and_then(|status| status.get(..3)?.parse::<u16>().ok());
    let status = code.and_then(|code| StatusCode::from_u16(code).ok()).unwrap_or(StatusCode::OK);
    (status, field("content-type").unwrap_or_default(), output[end + 4..].to_vec())
}
