//! The listener: TLS, HTTP/1.1 and HTTP/2, and what slow or many clients may cost.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::limits::{CONNECTIONS_MAX, HEAD_TIMEOUT, STALL_TIMEOUT, STREAMS_MAX};
use super::{Api, ApiStore, HubControl, routes};
use crate::metrics;

mod stall;

/// How long open requests may take to end when the hub stops.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// How long to wait when the system has no more sockets.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves the API until cancelled, then lets open requests end.
pub async fn serve<S: ApiStore, C: HubControl>(
    api: Api<S, C>,
    listener: TcpListener,
    tls: Arc<rustls::ServerConfig>,
    shutdown: CancellationToken,
) {
    let server = Server {
        acceptor: TlsAcceptor::from(tls),
        router: routes::router(&api),
        http: Arc::new(http()),
        shutdown: shutdown.clone(),
    };
    let seats = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let connections = TaskTracker::new();
    while let Some(accepted) = shutdown.run_until_cancelled(listener.accept()).await {
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Ok(seat) = Arc::clone(&seats).try_acquire_owned() else {
            api.inner.metrics.add(&metrics::API_BUSY, &[], 1);
            continue;
        };
        connections.spawn(server.clone().connection(stream, seat));
    }
    connections.close();
    if tokio::time::timeout(DRAIN_TIMEOUT, connections.wait()).await.is_err() {
        tracing::info!(open = connections.len(), "API connections were cut off");
    }
}

fn http() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .keep_alive_interval(STALL_TIMEOUT)
        .keep_alive_timeout(HEAD_TIMEOUT);
    builder
}

#[derive(Clone)]
struct Server {
    acceptor: TlsAcceptor,
    router: axum::Router,
    http: Arc<Builder<TokioExecutor>>,
    shutdown: CancellationToken,
}

impl Server {
    async fn connection(self, stream: TcpStream, _seat: OwnedSemaphorePermit) {
        if let Err(error) = self.talk(stream).await {
            // Clients come and go: nobody has to act on that.
            tracing::debug!(%error, "an API connection ended");
        }
    }

    async fn talk(self, stream: TcpStream) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        stream.set_nodelay(true)?;
        let late = || io::Error::new(io::ErrorKind::TimedOut, "no TLS handshake in time");
        let stream = tokio::time::timeout(HEAD_TIMEOUT, self.acceptor.accept(stream)).await.map_err(|_| late())??;
        let stream = stall::Guarded::new(stream, STALL_TIMEOUT);
        let service = TowerToHyperService::new(self.router);
        let connection = self.http.serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        tokio::select! {
            ended = connection.as_mut() => return ended,
            () = self.shutdown.cancelled() => connection.as_mut().graceful_shutdown(),
        }
        tokio::time::timeout(DRAIN_TIMEOUT, connection).await.unwrap_or(Ok(()))
    }
}
