//! A repository of charts over HTTP.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

/// A running repository.
pub(super) struct Repository {
    pub(super) url: String,
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
        let asked = Arc::new(AtomicUsize::new(0));
        let shared = Shared { folder: Arc::new(folder), asked: asked.clone() };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let router = Router::new().fallback(answer).with_state(shared);
        let server = tokio::task::spawn(async move { axum::serve(listener, router).await.expect("serves") });
        Self { url, asked, server }
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

async fn answer(State(shared): State<Shared>, request: Request) -> Response {
    shared.asked.fetch_add(1, Ordering::Relaxed);
    let name = request.uri().path().trim_start_matches('/');
    match std::fs::read(shared.folder.path().join(name)) {
        Ok(bytes) if !name.contains("..") => bytes.into_response(),
        Ok(_) | Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}
