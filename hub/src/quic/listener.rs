//! Accepts connections: handshake in time, certificate and protocol fit together, then a task each.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use quinn::{Endpoint, Incoming, VarInt};
use skerry_certs::tls::{Peer, PeerRefused, peer_of_connection};
use skerry_common::error_chain::Chain;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument as _, debug, info_span, warn};

use super::LinkContext;
use super::enroll::{self, Enroller};
use super::session;
use crate::store::{BlobStore, HubStore};

/// How long a handshake may take: three round trips over the slowest satellite link.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(15);

/// Most connections at once: the scale goal of one hub, with room for those that reconnect.
const CONNECTIONS_MAX: usize = 12_000;

/// Application close code: the hub is full, come back later.
const CLOSE_BUSY: VarInt = VarInt::from_u32(0x10);

/// Application close code: the hub stops.
const CLOSE_STOPPING: VarInt = VarInt::from_u32(0x11);

/// How long connections may take to end when the hub stops: an agent that hears nothing of it notices by itself.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(1);

/// How often is looked whether the port is free.
const FREE_LOOK: Duration = Duration::from_millis(20);

/// Looks after which nobody waits any longer: two seconds, when microseconds are expected.
const FREE_LOOKS_MAX: u32 = 100;

/// Accepts connections until told to stop, then closes them all and leaves the port.
pub async fn listen<S: HubStore, B: BlobStore>(
    endpoint: Endpoint,
    context: LinkContext<S, B>,
    enroller: Enroller<S>,
    stop: CancellationToken,
) {
    let tasks = TaskTracker::new();
    loop {
        let incoming = tokio::select! {
            incoming = endpoint.accept() => incoming,
            () = stop.cancelled() => None,
        };
        let Some(incoming) = incoming else { break };
        let peer = incoming.remote_address();
        if tasks.len() >= CONNECTIONS_MAX {
            debug!(%peer, "too many connections");
            incoming.refuse();
            continue;
        }
        let (context, enroller, stop) = (context.clone(), enroller.clone(), stop.clone());
        let span = info_span!("link", %peer);
        tasks.spawn(connection(incoming, context, enroller, stop).instrument(span));
    }
    endpoint.close(CLOSE_STOPPING, b"the hub stops");
    tasks.close();
    let port = endpoint.local_addr();
    let left = async {
        tasks.wait().await;
        endpoint.wait_idle().await;
    };
    if timeout(LEAVE_TIMEOUT, left).await.is_err() {
        leave_port(&endpoint);
    }
    drop(endpoint);
    if let Ok(port) = port {
        until_free(port).await;
    }
}

/// Lets connections that still drain, which takes as long as three probes of theirs, do so on a socket that nobody knows:
/// the port is for the next hub. Twice, as quinn listens on the socket before until something comes on the new one.
fn leave_port(endpoint: &Endpoint) {
    for _ in 0..2 {
        let moved = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|socket| endpoint.rebind(socket));
        if let Err(error) = moved {
            debug!(%error, "the port is left when its connections are");
        }
    }
}

/// Waits until nobody has the port any more: quinn's tasks close their sockets when they run the next time.
async fn until_free(port: SocketAddr) {
    for _ in 0..FREE_LOOKS_MAX {
        if UdpSocket::bind(port).is_ok() {
            return;
        }
        tokio::time::sleep(FREE_LOOK).await;
    }
    warn!(%port, "the port is not free yet");
}

async fn connection<S: HubStore, B: BlobStore>(
    incoming: Incoming,
    context: LinkContext<S, B>,
    enroller: Enroller<S>,
    stop: CancellationToken,
) {
    let connection = match timeout(HANDSHAKE_TIMEOUT, async { incoming.await }).await {
        Ok(Ok(connection)) => connection,
        Ok(Err(error)) => return debug!(error = %Chain(&error), "a handshake failed"),
        Err(_) => return debug!("a handshake took too long"),
    };
    match peer_of_connection(&context.fleet, &connection, context.clock.now()) {
        Ok(Peer::Member(peer)) => session::run(connection, peer, context, stop).await,
        Ok(peer @ (Peer::Newcomer | Peer::Renewing(_) | Peer::Lapsed(_))) => {
            enroll::run(connection, peer, enroller).await;
        }
        Err(refused) => refuse(&connection, &refused),
    }
}

fn refuse(connection: &quinn::Connection, refused: &PeerRefused) {
    warn!(reason = %Chain(refused), "a peer was refused");
    connection.close(VarInt::from_u32(refused.close_code()), refused.to_string().as_bytes());
}

/// Ends a connection because the hub has no room for it.
pub(super) fn close_busy(connection: &quinn::Connection, reason: &str) {
    connection.close(CLOSE_BUSY, reason.as_bytes());
}
