//! QUIC to a hub: the addresses of the trust root, in order, one name expected behind each.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use quinn::{Connection, Endpoint, VarInt};
use skerry_certs::tls::{LinkClient, LinkProtocol, TlsError, WallClock, link_client_config};
use skerry_common::error_chain::Chain;
use skerry_common::wire::v1::{EnrollRequest, EnrollResponse};
use skerry_link::{FrameReader, FrameWriter, LinkError};
use thiserror::Error;
use tokio::net::lookup_host;
use tokio::time::timeout;
use tracing::debug;

use crate::identity::{AgentIdentityError, Enrolled, roots};

/// Version of this program, as it is told to hubs.
pub const PROGRAM_VERSION: &str = env!("CARGO_PKG_VERSION");

/// How long one address may take: three round trips over the slowest satellite link, with losses.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a name may take to be looked up.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);

/// Most addresses tried for one name.
const ADDRESSES_MAX: usize = 8;

/// How long an enrolment may take once connected.
const ENROLL_TIMEOUT: Duration = Duration::from_secs(30);

/// No hub was reached.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// No socket.
    #[error("no UDP socket can be opened")]
    Socket(#[source] std::io::Error),
    /// TLS settings.
    #[error("the link's TLS settings cannot be made")]
    Tls(#[from] TlsError),
    /// The trust root's CAs.
    #[error("the trust root cannot be used")]
    Identity(#[from] AgentIdentityError),
    /// A name was not found.
    #[error("`{hub}` was not found")]
    Lookup {
        /// The address as listed.
        hub: String,
        /// What the resolver said.
        #[source]
        source: std::io::Error,
    },
    /// An address did not answer as this fleet's hub.
    #[error("`{hub}` ({address}) did not answer as this fleet's hub")]
    Connect {
        /// The address as listed.
        hub: String,
        /// What it resolved to.
        address: SocketAddr,
        /// What went wrong.
        #[source]
        source: quinn::ConnectionError,
    },
    /// An address did not answer at all.
    #[error("`{hub}` ({address}) did not answer within {} s: is UDP open to it?", CONNECT_TIMEOUT.as_secs())]
    Silent {
        /// The address as listed.
        hub: String,
        /// What it resolved to.
        address: SocketAddr,
    },
    /// There is nowhere to go.
    #[error("no hub address is known")]
    NoAddress,
    /// The stream broke.
    #[error("the link broke")]
    Link(#[from] LinkError),
    /// The stream could not be opened.
    #[error("the hub takes no stream")]
    Stream(#[source] quinn::ConnectionError),
}

/// The TLS alert for a certificate that is not valid at this time: too old, or not yet.
const CERTIFICATE_EXPIRED: u8 = 45;

impl ConnectError {
    /// Whether this end refused the other's certificate for its time: one of the two clocks is wrong, or it ran out.
    pub fn is_about_time(&self) -> bool {
        let Self::Connect { source: quinn::ConnectionError::TransportError(error), .. } = self else { return false };
        error.code == quinn::TransportErrorCode::crypto(CERTIFICATE_EXPIRED)
    }
}

/// A stream with a hub, frames both ways.
pub type Stream = (FrameReader<quinn::RecvStream>, FrameWriter<quinn::SendStream>);

/// A connection to a hub.
pub struct HubConnection {
    /// The connection.
    pub connection: Connection,
    /// The address that answered, as listed.
    pub hub: String,
    endpoint: Endpoint,
}

impl HubConnection {
    /// Opens a stream.
    pub async fn stream(&self) -> Result<Stream, ConnectError> {
        let (send, receive) = self.connection.open_bi().await.map_err(ConnectError::Stream)?;
        Ok((FrameReader::new(receive), FrameWriter::new(send)))
    }

    /// Opens a stream and says hello on it both ways.
    pub async fn greeted_stream(&self) -> Result<Stream, ConnectError> {
        let (mut reader, mut writer) = self.stream().await?;
        writer.hello(PROGRAM_VERSION).await?;
        reader.hello().await?;
        Ok((reader, writer))
    }

    /// Closes and waits until the hub knows.
    pub async fn close(self, reason: &str) {
        self.connection.close(VarInt::from_u32(0), reason.as_bytes());
        // Bounded: the hub may be gone.
        let _ = timeout(Duration::from_secs(1), self.endpoint.wait_idle()).await;
    }
}

/// Connects as a member, to the first hub of the trust root that answers.
pub async fn connect(
    enrolled: &Enrolled,
    clock: &WallClock,
    protocol: LinkProtocol,
) -> Result<HubConnection, ConnectError> {
    let roots = roots(&enrolled.trust)?;
    let client = link_client_config(&enrolled.me.fleet, &roots, Some(&enrolled.tls), protocol, clock)?;
    connect_any(&client, &enrolled.trust.root().hubs).await
}

/// Connects to the first of some hubs that answers; the error is that of the last.
pub async fn connect_any(client: &LinkClient, hubs: &[String]) -> Result<HubConnection, ConnectError> {
    let mut last = ConnectError::NoAddress;
    for hub in hubs {
        let addresses = match timeout(LOOKUP_TIMEOUT, lookup_host(hub)).await {
            Ok(Ok(addresses)) => addresses.take(ADDRESSES_MAX).collect::<Vec<_>>(),
            Ok(Err(source)) => {
                last = ConnectError::Lookup { hub: hub.clone(), source };
                continue;
            }
            Err(_) => {
                last = ConnectError::Lookup { hub: hub.clone(), source: std::io::ErrorKind::TimedOut.into() };
                continue;
            }
        };
        for address in addresses {
            match connect_one(client, hub, address).await {
                Ok(connection) => return Ok(connection),
                Err(error) => {
                    debug!(%address, error = %Chain(&error), "a hub did not answer");
                    last = error;
                }
            }
        }
    }
    Err(last)
}

async fn connect_one(client: &LinkClient, hub: &str, address: SocketAddr) -> Result<HubConnection, ConnectError> {
    let any: SocketAddr = match address {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let endpoint = Endpoint::client(any).map_err(ConnectError::Socket)?;
    let refused = |source| ConnectError::Connect { hub: hub.to_owned(), address, source };
    let connecting = client.connect(&endpoint, address).map_err(|_| ConnectError::NoAddress)?;
    match timeout(CONNECT_TIMEOUT, connecting).await {
        Ok(connected) => {
            let connection = connected.map_err(refused)?;
            Ok(HubConnection { connection, hub: hub.to_owned(), endpoint })
        }
        Err(_) => Err(ConnectError::Silent { hub: hub.to_owned(), address }),
    }
}

/// Sends one enrolment request and reads the answer.
pub async fn enroll(connection: &HubConnection, request: &EnrollRequest) -> Result<EnrollResponse, ConnectError> {
    let exchange = async {
        let (mut reader, mut writer) = connection.greeted_stream().await?;
        writer.message(request).await?;
        Ok(reader.message().await?)
    };
    timeout(ENROLL_TIMEOUT, exchange).await.map_err(|_| LinkError::Timeout("answer the enrolment"))?
}
