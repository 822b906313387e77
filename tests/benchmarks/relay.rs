//! A UDP relay on loopback that counts what passes to the agent.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::net::UdpSocket;
use tokio_util::task::AbortOnDropHandle;

/// Largest datagram.
const DATAGRAM_BYTES: usize = 65_536;

/// The relay of one agent.
pub(crate) struct Relay {
    /// Where the agent dials.
    pub(crate) address: SocketAddr,
    to_agent: Arc<AtomicU64>,
    _task: AbortOnDropHandle<()>,
}

impl Relay {
    /// Relays between whoever dials last and the hub.
    pub(crate) async fn start(hub: SocketAddr) -> Self {
        let front = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        let address = front.local_addr().expect("an address");
        let to_agent = Arc::new(AtomicU64::new(0));
        let task = tokio::spawn(relay(front, hub, to_agent.clone()));
        Self { address, to_agent, _task: AbortOnDropHandle::new(task) }
    }

    /// Bytes of UDP payload that passed to the agent.
    pub(crate) fn to_agent(&self) -> u64 {
        self.to_agent.load(Ordering::Relaxed)
    }
}

async fn relay(front: UdpSocket, hub: SocketAddr, to_agent: Arc<AtomicU64>) {
    let back = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let (mut up, mut down) = (vec![0; DATAGRAM_BYTES], vec![0; DATAGRAM_BYTES]);
    let mut agent: Option<SocketAddr> = None;
    loop {
        tokio::select! {
            received = front.recv_from(&mut up) => {
                let Ok((length, from)) = received else { continue };
                agent = Some(from);
                // A lost datagram is QUIC's to repair.
                let _ = back.send_to(&up[..length], hub).await;
            }
            received = back.recv_from(&mut down) => {
                let Ok((length, _)) = received else { continue };
                if let Some(agent) = agent {
                    to_agent.fetch_add(length as u64, Ordering::Relaxed);
                    let _ = front.send_to(&down[..length], agent).await;
                }
            }
        }
    }
}
