//! A UDP relay on loopback that counts what passes to the agent, can be slow, and can be far away.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio_util::task::AbortOnDropHandle;

/// Largest datagram.
const DATAGRAM_BYTES: usize = 65_536;

/// The relay of one agent.
pub struct Relay {
    /// Where the agent dials.
    pub address: SocketAddr,
    passed: Arc<Passed>,
    _task: AbortOnDropHandle<()>,
}

struct Passed {
    to_agent: AtomicU64,
    pause_us: AtomicU64,
}

impl Relay {
    /// Relays between whoever dials last and the hub.
    pub async fn start(hub: SocketAddr) -> Self {
        Self::far(hub, Duration::ZERO).await
    }

    /// The same, where each datagram takes so long.
    pub async fn far(hub: SocketAddr, way: Duration) -> Self {
        let front = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        let address = front.local_addr().expect("an address");
        let passed = Arc::new(Passed { to_agent: AtomicU64::new(0), pause_us: AtomicU64::new(0) });
        let back = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        let (front, back) = (Way { socket: Arc::new(front), way }, Way { socket: Arc::new(back), way });
        let task = tokio::spawn(relay(front, back, hub, passed.clone()));
        Self { address, passed, _task: AbortOnDropHandle::new(task) }
    }

    /// Bytes of UDP payload that passed to the agent.
    pub fn to_agent(&self) -> u64 {
        self.passed.to_agent.load(Ordering::Relaxed)
    }

    /// Lets a pause follow each datagram to the agent from now on.
    pub fn pace(&self, pause: Duration) {
        self.passed.pause_us.store(u64::try_from(pause.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

/// One side of the relay.
struct Way {
    socket: Arc<UdpSocket>,
    way: Duration,
}

impl Way {
    /// Sends a datagram; one that is lost is QUIC's to repair.
    async fn send(&self, datagram: &[u8], to: SocketAddr) {
        if self.way.is_zero() {
            let _ = self.socket.send_to(datagram, to).await;
            return;
        }
        let (socket, way, datagram) = (self.socket.clone(), self.way, datagram.to_vec());
        tokio::spawn(async move {
            tokio::time::sleep(way).await;
            let _ = socket.send_to(&datagram, to).await;
        });
    }
}

async fn relay(front: Way, back: Way, hub: SocketAddr, passed: Arc<Passed>) {
    let (mut up, mut down) = (vec![0; DATAGRAM_BYTES], vec![0; DATAGRAM_BYTES]);
    let mut agent: Option<SocketAddr> = None;
    loop {
        tokio::select! {
            received = front.socket.recv_from(&mut up) => {
                let Ok((length, from)) = received else { continue };
                agent = Some(from);
                back.send(&up[..length], hub).await;
            }
            received = back.socket.recv_from(&mut down) => {
                let (Ok((length, _)), Some(agent)) = (received, agent) else { continue };
                passed.to_agent.fetch_add(length as u64, Ordering::Relaxed);
                front.send(&down[..length], agent).await;
                match passed.pause_us.load(Ordering::Relaxed) {
                    0 => {}
                    pause => tokio::time::sleep(Duration::from_micros(pause)).await,
                }
            }
        }
    }
}
