//! The client: how the server is found and trusted, the pool of connections, and the bounds of every exchange.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::HeaderValue;
use http::header::USER_AGENT;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use kube::client::{Body, ClientBuilder, ConfigExt};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tower::{BoxError, ServiceExt as _};

use super::answer::Answer;
use super::request::Ask;
use crate::cluster::{Cause, ClusterError};

/// How long a TCP connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long an unused connection is kept: long enough for the next batch, short enough that an idle agent holds no
/// TLS buffers but those of its watches.
const IDLE_TIMEOUT: Duration = Duration::from_secs(10);

/// Idle connections that are kept: as many as applies run at once.
const IDLE_CONNECTIONS_MAX: usize = 32;

/// When and how often a silent peer is probed, and how often in vain: a dead watch is noticed within a minute.
const KEEPALIVE: (Duration, Duration, u32) = (Duration::from_secs(30), Duration::from_secs(10), 3);

/// How much of an answer is read ahead: hyper starts at 8 KiB and would grow to 400.
const READ_BUFFER_MAX: usize = 64 * 1024;

/// How the API server is found, and who we are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// A kubeconfig file.
    Kubeconfig {
        /// Its path.
        path: PathBuf,
        /// One of its contexts; its current one when `None`.
        context: Option<String>,
    },
    /// A service account.
    ServiceAccount {
        /// `https://HOST:PORT`.
        server: String,
        /// The folder that holds `token` and `ca.crt`; both are read again as they are renewed.
        folder: PathBuf,
    },
}

/// A pool of connections to one API server.
#[derive(Clone)]
pub(super) struct Connection {
    client: Client,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

impl Connection {
    pub(super) async fn new(access: &Access) -> Result<Self, ClusterError> {
        match access {
            Access::Kubeconfig { path, context } => {
                let subject = path.display().to_string();
                let config = kubeconfig(path, context.clone()).await.map_err(wrong(&subject))?;
                client(config).map(|client| Self { client }).map_err(wrong(&subject))
            }
            Access::ServiceAccount { server, folder } => {
                let uri = server.parse().map_err(|error| wrong::<http::uri::InvalidUri>(server)(error))?;
                let subject = folder.display().to_string();
                let config = service_account(uri, folder).map_err(wrong(&subject))?;
                client(config).map(|client| Self { client }).map_err(wrong(&subject))
            }
        }
    }

    /// Sends a request and reads its whole answer.
    pub(super) async fn ask(&self, ask: Ask<'_>) -> Result<Answer, ClusterError> {
        let (name, secret) = (ask.name(), ask.is_secret());
        let (timeout, limit) = (ask.timeout, ask.bytes_max);
        let request = ask.into_request()?;
        let exchange = async {
            let response = self.client.send(request).await.map_err(unreachable)?;
            let (head, body) = response.into_parts();
            let body = Limited::new(body, limit).collect().await.map_err(|source| {
                if is_too_long(&*source) {
                    ClusterError::TooLarge { request: name.clone(), limit, unit: "bytes" }
                } else {
                    ClusterError::Unreachable { source }
                }
            })?;
            Ok(Answer::new(name.clone(), secret, &head, body.to_bytes()))
        };
        let late = |_| ClusterError::Timeout { request: name.clone(), after: timeout };
        tokio::time::timeout(timeout, exchange).await.map_err(late)?
    }

    /// Sends a request and leaves its answer to be read as it comes.
    pub(super) async fn open(&self, ask: Ask<'_>) -> Result<http::Response<Body>, ClusterError> {
        let (name, timeout) = (ask.name(), ask.timeout);
        let request = ask.into_request()?;
        let late = |_| ClusterError::Timeout { request: name.clone(), after: timeout };
        tokio::time::timeout(timeout, self.client.send(request)).await.map_err(late)?.map_err(unreachable)
    }
}

async fn kubeconfig(path: &Path, context: Option<String>) -> Result<Config, kube::config::KubeconfigError> {
    let options = KubeConfigOptions { context, ..KubeConfigOptions::default() };
    Config::from_custom_kubeconfig(Kubeconfig::read_from(path)?, &options).await
}

/// The CA is given twice: as bytes, so that the system's own CAs are never asked for (an image may have none), and as
/// a file that is read again when it changes.
fn service_account(server: http::Uri, folder: &Path) -> Result<Config, rustls::pki_types::pem::Error> {
    let authority = folder.join("ca.crt");
    let certificates = CertificateDer::pem_file_iter(&authority)?;
    let certificates: Result<Vec<Vec<u8>>, _> = certificates.map(|one| one.map(|one| one.to_vec())).collect();
    let mut config = Config::new(server);
    config.root_cert = Some(certificates?);
    config.root_cert_file = Some(authority);
    config.auth_info.token_file = Some(folder.join("token").display().to_string());
    Ok(config)
}

fn client(mut config: Config) -> Result<Client, kube::Error> {
    config.headers.push((USER_AGENT, HeaderValue::from_static(concat!("skerry-agent/", env!("CARGO_PKG_VERSION")))));
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
    tcp.set_keepalive(Some(KEEPALIVE.0));
    tcp.set_keepalive_interval(Some(KEEPALIVE.1));
    tcp.set_keepalive_retries(Some(KEEPALIVE.2));
    let tls = config.rustls_https_connector_with_connector(tcp)?;
    let pool = legacy::Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_TIMEOUT)
        .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
        .http1_max_buf_size(READ_BUFFER_MAX)
        .build::<_, Body>(tls)
        .map_err(BoxError::from);
    let builder = ClientBuilder::new(pool, "default").with_layer(&config.extra_headers_layer()?);
    Ok(match config.auth_layer()? {
        Some(auth) => builder.with_layer(&auth).with_layer(&config.base_uri_layer()).build(),
        None => builder.with_layer(&config.base_uri_layer()).build(),
    })
}

fn wrong<E: Into<Cause>>(subject: &str) -> impl Fn(E) -> ClusterError + use<'_, E> {
    move |source| ClusterError::Configuration { subject: subject.to_owned(), source: source.into() }
}

fn unreachable(error: kube::Error) -> ClusterError {
    // The pool's own error says more than the wrapper around it.
    let source = if let kube::Error::Service(source) = error { source } else { error.into() };
    ClusterError::Unreachable { source }
}

fn is_too_long(error: &(dyn std::error::Error + 'static)) -> bool {
    error.is::<LengthLimitError>() || error.source().is_some_and(|source| source.is::<LengthLimitError>())
}
