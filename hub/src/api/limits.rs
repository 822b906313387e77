//! Bounds on what callers may cost.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::error::Problem;
use super::{Api, ApiStore, HubControl};
use crate::metrics;

/// Requests served at once: more would only wait for the same cores and the same store.
pub(super) const REQUESTS_MAX: usize = 256;

/// Watches at once: each holds a connection and a little memory, and wakes on every change.
pub(super) const WATCHERS_MAX: usize = 256;

/// Largest body: a request file, or a push with thousands of commits.
pub(super) const BODY_BYTES_MAX: usize = 1024 * 1024;

/// Longest time from a request's head to the answer's head; the store's own bounds are shorter.
pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

/// Connections at once, watches included.
pub(super) const CONNECTIONS_MAX: usize = 1_024;

/// How long a client may take for the TLS handshake, and for the head of a request.
pub(super) const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a client may leave an answer unread, or a body unsent, before it is cut off.
pub(super) const STALL_TIMEOUT: Duration = Duration::from_secs(60);

/// Streams of one HTTP/2 connection.
pub(super) const STREAMS_MAX: u32 = 64;

/// Turns requests away when too many run, ends those that take too long, and counts all of them.
pub(super) async fn admit<S: ApiStore, C: HubControl>(
    State(api): State<Api<S, C>>,
    request: Request,
    next: Next,
) -> Response {
    let Ok(_permit) = api.inner.requests.try_acquire() else {
        api.inner.metrics.add(&metrics::API_BUSY, &[], 1);
        return Problem::busy("too many requests at once").into_response();
    };
    match tokio::time::timeout(REQUEST_TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::busy("the request took too long").into_response(),
    }
}
