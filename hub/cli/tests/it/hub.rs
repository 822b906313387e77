//! A small HTTPS server that speaks the types of the status API, with canned answers.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use serde_json::{Value, json};
use skerry_certs::authority::ApiAuthority;
use skerry_certs::issue::ApiName;
use tokio::net::TcpListener;

use crate::process::{Home, Run};

/// The hub's clock: it stands still.
pub(crate) const NOW: &str = "2026-01-01T01:00:00Z";

/// A token.
pub(crate) const TOKEN: &str = "skerry_api_test";

/// What is answered, by `METHOD path`; each list is given out one by one, the last one for ever.
type Answers = Arc<Mutex<BTreeMap<String, Vec<Answer>>>>;

/// What was asked: method, path with parameters, body.
type Asked = Arc<Mutex<Vec<(String, String)>>>;

#[derive(Clone)]
struct Answer {
    status: u16,
    kind: &'static str,
    body: Vec<u8>,
}

#[derive(Clone)]
struct Shared {
    answers: Answers,
    asked: Asked,
}

/// A running server, and a home whose context points at it.
pub(crate) struct Hub {
    pub(crate) home: Home,
    pub(crate) address: SocketAddr,
    shared: Shared,
    server: tokio::task::JoinHandle<()>,
}

impl Hub {
    pub(crate) async fn start() -> Self {
        let now = time::OffsetDateTime::now_utc();
        let authority = ApiAuthority::create(now).expect("a CA");
        let names = [ApiName::parse("127.0.0.1").expect("a name")];
        let identity = authority.issue_api(&names, now, 1).expect("a certificate");
        let tls =
            skerry_certs::tls::api_server_config(&skerry_certs::tls::ServedIdentity::new(&identity).expect("fits"))
                .expect("settings");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let shared = Shared { answers: Answers::default(), asked: Asked::default() };
        let router = Router::new().fallback(answer).with_state(shared.clone());
        let server = tokio::task::spawn(serve(listener, tokio_rustls::TlsAcceptor::from(tls), router));
        let home = Home::new();
        home.write("ca.pem", authority.certificate_pem());
        home.write("token", TOKEN);
        let hub = Self { home, address, shared, server };
        let added = hub.add_context("test").await;
        assert!(added.stderr.contains("context `test`"), "{}", added.stderr);
        hub
    }

    pub(crate) async fn add_context(&self, name: &str) -> Run {
        let server = format!("https://{}", self.address);
        let arguments = ["context", "add", name, "--server", &server, "--ca-file", "ca.pem", "--token-file", "token"];
        self.home.run(&arguments).await.code(0)
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> Run {
        self.home.run(arguments).await
    }

    /// Stops answering.
    pub(crate) fn stop(&self) {
        self.server.abort();
    }

    /// Answers `METHOD path` with JSON, from now on.
    pub(crate) fn on(&self, what: &str, body: Value) {
        self.put(what, 200, "application/json", body.to_string().into_bytes());
    }

    pub(crate) fn put(&self, what: &str, status: u16, kind: &'static str, body: Vec<u8>) {
        let mut answers = self.shared.answers.lock().expect("not poisoned");
        answers.entry(what.to_owned()).or_default().push(Answer { status, kind, body });
    }

    pub(crate) fn refuse(&self, what: &str, status: u16, code: &str, detail: &str) {
        let body = json!({"type": "x", "title": "t", "status": status, "detail": detail, "code": code});
        self.put(what, status, "application/problem+json", body.to_string().into_bytes());
    }

    /// A list of one page.
    pub(crate) fn page(&self, what: &str, items: &[Value]) {
        self.on(what, json!({"items": items, "position": 7, "generatedAt": NOW}));
    }

    /// What was asked so far, decoded, oldest first.
    pub(crate) fn asked(&self) -> Vec<(String, String)> {
        self.shared.asked.lock().expect("not poisoned").clone()
    }
}

async fn answer(State(shared): State<Shared>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.expect("a small body");
    let authorized = head.headers.get(header::AUTHORIZATION).is_some_and(|value| value == &format!("Bearer {TOKEN}"));
    let query = head.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let what = format!("{} {}", head.method, head.uri.path());
    let body = String::from_utf8_lossy(&body).into_owned();
    shared.asked.lock().expect("not poisoned").push((format!("{what}{query}"), body));
    if !authorized {
        let body = json!({"detail": "no valid API token was given", "code": "SK0601"});
        return (StatusCode::UNAUTHORIZED, body.to_string()).into_response();
    }
    let watch = if query.contains("watch=true") { " watch" } else { "" };
    let mut answers = shared.answers.lock().expect("not poisoned");
    let Some(list) = answers.get_mut(&format!("{what}{watch}")) else {
        let body = json!({"detail": format!("there is no `{what}`"), "code": "SK0603"});
        return (StatusCode::NOT_FOUND, body.to_string()).into_response();
    };
    let Answer { status, kind, body } = if list.len() > 1 { list.remove(0) } else { list[0].clone() };
    let status = StatusCode::from_u16(status).expect("a status");
    (status, [(header::CONTENT_TYPE, kind)], Body::from(body)).into_response()
}

async fn serve(listener: TcpListener, tls: tokio_rustls::TlsAcceptor, router: Router) {
    // Dropped with this task, and with them every connection.
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { return };
        let (tls, service) = (tls.clone(), TowerToHyperService::new(router.clone()));
        connections.spawn(async move {
            if let Ok(stream) = tls.accept(stream).await {
                let builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                let _ = builder.serve_connection(TokioIo::new(stream), service).await;
            }
        });
    }
}

/// A cluster that is as it should be.
pub(crate) fn cluster(name: &str, change: impl FnOnce(&mut Value)) -> Value {
    let bundle = json!({"epoch": 1, "generation": 7, "root": format!("sha256:{:064x}", 7)});
    let mut value = json!({
        "name": name, "id": format!("c-{name}"), "labels": {"env": "lab"}, "groups": ["labs"], "contact": "connected",
        "sync": "current", "reason": "", "health": "healthy", "drift": 0, "applications": 1,
        "objects": {"healthy": 3, "progressing": 0, "degraded": 0, "suspended": 0, "unknown": 0},
        "target": bundle, "applied": bundle, "heldPrunes": [], "conditions": [], "errors": [],
        "agentVersion": "0.1.0", "wireVersion": 1, "bundleSchema": 1, "trustVersion": 1,
        "kubernetesVersion": "v1.35.4", "platform": "linux/amd64", "registeredAt": "2026-01-01T00:00:00Z",
        "lastHeardAt": "2026-01-01T00:59:57Z", "observedAt": "2026-01-01T00:58:00Z",
        "receivedAt": "2026-01-01T00:58:01Z", "ageSeconds": 120,
    });
    change(&mut value);
    value
}
