//! A repository of charts over HTTP, and a registry that holds the same.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};
use skerry_common::bundle::digest::Digest;

/// The content of a manifest.
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A running repository, and a registry.
pub(super) struct Repository {
    /// The repository, `http://…`.
    pub(super) url: String,
    /// The folder of charts in the registry, `oci://…`.
    pub(super) registry: String,
    asked: Arc<AtomicUsize>,
    server: tokio::task::JoinHandle<()>,
}

#[derive(Clone)]
struct Shared {
    folder: Arc<tempfile::TempDir>,
    asked: Arc<AtomicUsize>,
}

impl Repository {
    /// Packs a chart, and hands it out.
    pub(super) async fn serve(helm: &Path, chart: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let files: Vec<(String, &str)> = chart.iter().map(|(path, text)| (format!("web/{path}"), *text)).collect();
        super::lay(folder.path(), &files.iter().map(|(path, text)| (path.as_str(), *text)).collect::<Vec<_>>());
        let run = |words: &[&str]| {
            let output = Command::new(helm).args(words).current_dir(folder.path()).output().expect("helm runs");
            assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        };
        run(&["package", "web"]);
        run(&["repo", "index", "."]);
        lay_registry(folder.path());
        let asked = Arc::new(AtomicUsize::new(0));
        let shared = Shared { folder: Arc::new(folder), asked: asked.clone() };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let (url, registry) = (format!("http://{address}"), format!("oci://{address}/charts"));
        let router = Router::new().fallback(answer).with_state(shared);
        let server = tokio::task::spawn(async move { axum::serve(listener, router).await.expect("serves") });
        Self { url, registry, asked, server }
    }

    /// How often it was asked.
    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    /// Stops answering.
    pub(super) fn stop(self) {
        self.server.abort();
    }
}

/// Lays the packed chart a second time, under the paths of the OCI distribution specification.
fn lay_registry(folder: &Path) {
    let registry = folder.join("v2/charts/web");
    let put = |kind: &str, name: &str, content: &[u8]| {
        let place = registry.join(kind);
        std::fs::create_dir_all(&place).expect("made");
        std::fs::write(place.join(name), content).expect("written");
    };
    let blob = |media: &str, content: &[u8]| -> Value {
        let digest = Digest::of(content).to_string();
        put("blobs", &digest, content);
        json!({"mediaType": media, "digest": digest, "size": content.len()})
    };
    let packed = std::fs::read(folder.join("web-1.2.3.tgz")).expect("packed");
    let chart = json!({"name": "web", "version": "1.2.3", "apiVersion": "v2"}).to_string();
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": blob("application/vnd.cncf.helm.config.v1+json", chart.as_bytes()),
        "layers": [blob("application/vnd.cncf.helm.chart.content.v1.tar+gzip", &packed)],
    })
    .to_string();
    put("manifests", "1.2.3", manifest.as_bytes());
    put("manifests", &Digest::of(manifest.as_bytes()).to_string(), manifest.as_bytes());
    put("tags", "list", json!({"name": "charts/web", "tags": ["1.2.3"]}).to_string().as_bytes());
}

async fn answer(State(shared): State<Shared>, request: Request) -> Response {
    shared.asked.fetch_add(1, Ordering::Relaxed);
    let name = request.uri().path().trim_start_matches('/');
    match std::fs::read(shared.folder.path().join(name)) {
        Ok(bytes) if name.contains("/manifests/") => {
            let digest = Digest::of(&bytes).to_string();
            ([(CONTENT_TYPE.as_str(), MANIFEST), ("docker-content-digest", &digest)], bytes).into_response()
        }
        Ok(bytes) if !name.contains("..") => bytes.into_response(),
        Ok(_) | Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}
