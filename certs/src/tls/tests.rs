//! Real handshakes: QUIC on loopback, HTTPS in memory.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration as StdDuration;

use quinn::{ConnectionError, Endpoint};
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose};
use rustls::HandshakeKind;
use rustls::pki_types::ServerName;
use skerry_common::bundle::digest::Digest;
use time::{Duration, OffsetDateTime};

use super::*;
use crate::authority::ApiAuthority;
use crate::fixtures::{DAYS, Fleet, NOW, cluster_id, fleet_id};
use crate::identity::Identity;
use crate::issue::{ApiName, hub_server_name};
use crate::roots::CaRoots;

/// No handshake on loopback takes longer on a machine that is not stuck.
const DEADLINE: StdDuration = StdDuration::from_secs(20);

/// What the hub made of a peer.
#[derive(Debug)]
enum Verdict {
    /// TLS refused it.
    Handshake(ConnectionError),
    /// The handshake passed; this is what `peer_of_connection` said.
    Decided(Result<Peer, PeerRefused>),
}

/// What the agent saw of the handshake.
type Seen = Result<(), ConnectionError>;

struct Hub<'a> {
    fleet: &'a Fleet,
    identity: Identity,
    roots: CaRoots,
    now: OffsetDateTime,
}

impl<'a> Hub<'a> {
    fn of(fleet: &'a Fleet) -> Self {
        Self { fleet, identity: fleet.hub(), roots: fleet.roots(), now: NOW }
    }

    /// Lets a client connect and tells what both sides saw.
    async fn meet(&self, client: &LinkClient) -> (Verdict, Seen) {
        let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let config =
            link_server_config(&served(&self.identity), &self.roots, &WallClock::fixed(self.now), &HUB_LIMITS).unwrap();
        let server = Endpoint::server(config, loopback).unwrap();
        let agent = Endpoint::client(loopback).unwrap();
        let connecting = client.connect(&agent, server.local_addr().unwrap()).unwrap();
        let hub_side = async {
            match server.accept().await.unwrap().await {
                Ok(connection) => {
                    let verdict = peer_of_connection(self.fleet.authority.fleet(), &connection, self.now);
                    let code = verdict.as_ref().err().map_or(0, PeerRefused::close_code);
                    connection.close(code.into(), b"");
                    Verdict::Decided(verdict)
                }
                Err(error) => Verdict::Handshake(error),
            }
        };
        let agent_side = async {
            let connection = connecting.await?;
            // Nothing is said here: the connection ends as the hub ends it.
            let ended = connection.closed().await;
            if matches!(ended, ConnectionError::ApplicationClosed(_)) { Ok(()) } else { Err(ended) }
        };
        tokio::time::timeout(DEADLINE, async { tokio::join!(hub_side, agent_side) }).await.unwrap()
    }
}

fn served(identity: &Identity) -> ServedIdentity {
    ServedIdentity::new(identity).unwrap()
}

fn client(fleet: &Fleet, identity: Option<&Identity>, protocol: LinkProtocol) -> LinkClient {
    let clock = WallClock::fixed(NOW);
    link_client_config(fleet.authority.fleet(), &fleet.roots(), identity, protocol, &clock).unwrap()
}

fn after(days: i64) -> OffsetDateTime {
    NOW + Duration::days(days)
}

#[tokio::test]
async fn a_member_is_let_in_on_both_protocols() {
    let fleet = Fleet::new("north");
    let agent = fleet.agent("edge-1", NOW);
    let expected = agent.peer().unwrap();
    let (verdict, seen) = Hub::of(&fleet).meet(&client(&fleet, Some(&agent), LinkProtocol::Session)).await;
    assert!(matches!(verdict, Verdict::Decided(Ok(Peer::Member(ref peer))) if *peer == expected), "{verdict:?}");
    assert!(seen.is_ok());
    let (verdict, _) = Hub::of(&fleet).meet(&client(&fleet, Some(&agent), LinkProtocol::Enroll)).await;
    assert!(matches!(verdict, Verdict::Decided(Ok(Peer::Renewing(ref peer))) if *peer == expected), "{verdict:?}");
}

#[tokio::test]
async fn without_a_certificate_one_may_only_enroll() {
    let fleet = Fleet::new("north");
    let (verdict, _) = Hub::of(&fleet).meet(&client(&fleet, None, LinkProtocol::Session)).await;
    assert!(matches!(verdict, Verdict::Decided(Err(PeerRefused::NoCertificate))), "{verdict:?}");
    let (verdict, _) = Hub::of(&fleet).meet(&client(&fleet, None, LinkProtocol::Enroll)).await;
    assert!(matches!(verdict, Verdict::Decided(Ok(Peer::Newcomer))), "{verdict:?}");
}

#[tokio::test]
async fn a_certificate_of_another_ca_is_refused_in_the_handshake() {
    let fleet = Fleet::new("north");
    // The same names, another key; and another fleet altogether.
    for other in [Fleet::new("north"), Fleet::new("south")] {
        let stranger = other.agent("edge-1", NOW);
        for protocol in [LinkProtocol::Session, LinkProtocol::Enroll] {
            let (verdict, seen) = Hub::of(&fleet).meet(&client(&fleet, Some(&stranger), protocol)).await;
            let Verdict::Handshake(ConnectionError::ConnectionClosed(_) | ConnectionError::TransportError(_)) = verdict
            else {
                panic!("{protocol:?}: {verdict:?}")
            };
            assert!(seen.is_err());
        }
    }
}

#[tokio::test]
async fn an_expired_certificate_may_only_renew_itself() {
    let fleet = Fleet::new("north");
    let agent = fleet.agent("edge-1", after(-8));
    let end = agent.window().not_after;
    let (verdict, _) = Hub::of(&fleet).meet(&client(&fleet, Some(&agent), LinkProtocol::Session)).await;
    let Verdict::Decided(Err(PeerRefused::Expired { cluster, not_after })) = verdict else {
        panic!("{verdict:?}");
    };
    assert_eq!((cluster, not_after), (cluster_id("edge-1"), end));
    let (verdict, _) = Hub::of(&fleet).meet(&client(&fleet, Some(&agent), LinkProtocol::Enroll)).await;
    assert!(matches!(verdict, Verdict::Decided(Ok(Peer::Lapsed(_)))), "{verdict:?}");
}

#[tokio::test]
async fn the_last_second_still_counts() {
    let fleet = Fleet::new("north");
    let agent = fleet.agent("edge-1", NOW);
    let end = agent.window().not_after;
    for (now, expired) in [(end, false), (end + Duration::milliseconds(999), false), (end + Duration::SECOND, true)] {
        let hub = Hub { now, ..Hub::of(&fleet) };
        let (verdict, _) = hub.meet(&client(&fleet, Some(&agent), LinkProtocol::Session)).await;
        let Verdict::Decided(decided) = verdict else { panic!("{now}: {verdict:?}") };
        assert_eq!(matches!(decided, Err(PeerRefused::Expired { .. })), expired, "{now}: {decided:?}");
        assert_eq!(matches!(decided, Ok(Peer::Member(_))), !expired, "{now}: {decided:?}");
    }
}

#[tokio::test]
async fn a_certificate_of_the_future_is_refused_in_the_handshake() {
    let fleet = Fleet::new("north");
    let agent = fleet.agent("edge-1", after(3));
    for protocol in [LinkProtocol::Session, LinkProtocol::Enroll] {
        let (verdict, _) = Hub::of(&fleet).meet(&client(&fleet, Some(&agent), protocol)).await;
        assert!(matches!(verdict, Verdict::Handshake(_)), "{verdict:?}");
    }
}

#[tokio::test]
async fn a_hubs_certificate_makes_no_agent() {
    let fleet = Fleet::new("north");
    let hub = fleet.hub();
    let (verdict, _) = Hub::of(&fleet).meet(&client(&fleet, Some(&hub), LinkProtocol::Session)).await;
    assert!(matches!(verdict, Verdict::Handshake(_)), "{verdict:?}");
}

#[tokio::test]
async fn an_expired_certificate_of_another_ca_stays_refused() {
    let fleet = Fleet::new("north");
    let stranger = Fleet::new("north").agent("edge-1", after(-30));
    let (verdict, _) = Hub::of(&fleet).meet(&client(&fleet, Some(&stranger), LinkProtocol::Enroll)).await;
    assert!(matches!(verdict, Verdict::Handshake(_)), "{verdict:?}");
}

#[tokio::test]
async fn agents_of_both_cas_are_let_in_while_one_replaces_the_other() {
    let (old, new) = (Fleet::new("north"), Fleet::new("north"));
    let both = CaRoots::from_der([&old, &new].map(|it| it.authority.certificate_der().to_vec())).unwrap();
    let clock = WallClock::fixed(NOW);
    for (agent_of, hub_of) in [(&old, &new), (&new, &old), (&new, &new)] {
        let agent = agent_of.agent("edge-1", NOW);
        let hub = Hub { roots: both.clone(), ..Hub::of(hub_of) };
        let client =
            link_client_config(&fleet_id("north"), &both, Some(&agent), LinkProtocol::Session, &clock).unwrap();
        let (verdict, seen) = hub.meet(&client).await;
        assert!(matches!(verdict, Verdict::Decided(Ok(Peer::Member(_)))), "{verdict:?}");
        assert!(seen.is_ok());
    }
}

#[tokio::test]
async fn an_agent_refuses_a_server_that_is_not_its_fleets_hub() {
    let fleet = Fleet::new("north");
    let agent = fleet.agent("edge-1", NOW);
    let client = client(&fleet, Some(&agent), LinkProtocol::Session);
    let mut nameless = CertificateParams::new(vec!["other.north.skerry.internal".to_owned()]).unwrap();
    nameless.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let impostors = [
        ("another fleet's hub", Fleet::new("south").hub()),
        ("the same name from another CA", Fleet::new("north").hub()),
        ("another agent", fleet.agent("edge-2", NOW)),
        ("another name", fleet.forge(&nameless)),
        ("an expired hub", fleet.authority.issue_hub(after(-8), DAYS).unwrap()),
    ];
    for (what, identity) in impostors {
        let (verdict, seen) = Hub { identity, ..Hub::of(&fleet) }.meet(&client).await;
        assert!(matches!(verdict, Verdict::Handshake(_)), "{what}: {verdict:?}");
        assert!(matches!(seen, Err(ConnectionError::TransportError(_))), "{what}: {seen:?}");
    }
}

#[tokio::test]
async fn the_ca_cannot_name_what_is_not_the_fleets() {
    // Even with the fleet's CA key one cannot be a hub of another fleet to agents that trust this CA.
    let fleet = Fleet::new("north");
    let mut params = CertificateParams::new(vec![hub_server_name(&fleet_id("south"))]).unwrap();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let hub = Hub { identity: fleet.forge(&params), ..Hub::of(&fleet) };
    let clock = WallClock::fixed(NOW);
    let client = link_client_config(&fleet_id("south"), &fleet.roots(), None, LinkProtocol::Enroll, &clock).unwrap();
    let (_, seen) = hub.meet(&client).await;
    let Err(ConnectionError::TransportError(error)) = seen else { panic!("{seen:?}") };
    assert!(error.to_string().contains("NameConstraint"), "{error}");
}

#[tokio::test]
async fn a_wrong_clock_is_put_right_by_the_caller() {
    let fleet = Fleet::new("north");
    let agent = fleet.agent("edge-1", NOW);
    for (believed, fine) in [(after(-2), false), (after(-2).max(NOW), true), (after(400), false)] {
        let clock = WallClock::new(move || believed);
        let client =
            link_client_config(&fleet_id("north"), &fleet.roots(), Some(&agent), LinkProtocol::Session, &clock);
        let (_, seen) = Hub::of(&fleet).meet(&client.unwrap()).await;
        assert_eq!(seen.is_ok(), fine, "{believed}: {seen:?}");
    }
}

#[tokio::test]
async fn a_newcomer_knows_the_hub_by_its_cas_fingerprint() {
    let fleet = Fleet::new("north");
    let fingerprint = fleet.authority.fingerprint();
    let clock = WallClock::fixed(NOW);
    let pinned = |fleet: &str, pins: &[Digest]| pin_client_config(&fleet_id(fleet), pins, &clock).unwrap();
    let other = Digest::of(b"other");
    for pins in [vec![fingerprint], vec![other, fingerprint]] {
        let (verdict, seen) = Hub::of(&fleet).meet(&pinned("north", &pins)).await;
        assert!(matches!(verdict, Verdict::Decided(Ok(Peer::Newcomer))), "{verdict:?}");
        assert!(seen.is_ok());
    }
    // An impostor's chain may carry the true CA's certificate: it must also have signed.
    let stranger = Fleet::new("north").hub();
    let borrowed = [stranger.chain()[0].clone(), fleet.hub().chain()[1].clone()];
    let impostor = Identity::from_pem(&crate::pem::encode_certificates(&borrowed), &stranger.key_pem()).unwrap();
    let refused = [
        ("another pin", Hub::of(&fleet), pinned("north", &[other])),
        ("another name", Hub::of(&fleet), pinned("south", &[fingerprint])),
        ("a borrowed CA", Hub { identity: impostor, ..Hub::of(&fleet) }, pinned("north", &[fingerprint])),
    ];
    for (what, hub, client) in refused {
        let (verdict, seen) = hub.meet(&client).await;
        assert!(matches!(verdict, Verdict::Handshake(_)), "{what}: {verdict:?}");
        assert!(seen.is_err(), "{what}");
    }
    assert!(matches!(pin_client_config(&fleet_id("north"), &[], &clock), Err(TlsError::Pins { count: 0 })));
}

#[tokio::test]
async fn a_connection_grants_no_more_than_the_link_needs() {
    let fleet = Fleet::new("north");
    let agent = fleet.agent("edge-1", NOW);
    let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let clock = WallClock::fixed(NOW);
    let config = link_server_config(&served(&fleet.hub()), &fleet.roots(), &clock, &HUB_LIMITS).unwrap();
    let server = Endpoint::server(config, loopback).unwrap();
    let local = Endpoint::client(loopback).unwrap();
    let client = client(&fleet, Some(&agent), LinkProtocol::Session);
    let accept = async { server.accept().await.unwrap().await.unwrap() };
    let connect = async { client.connect(&local, server.local_addr().unwrap()).unwrap().await.unwrap() };
    let (hub, agent) = tokio::time::timeout(DEADLINE, async { tokio::join!(accept, connect) }).await.unwrap();
    for side in [&hub, &agent] {
        let data = side.handshake_data().unwrap();
        let data = data.downcast::<quinn::crypto::rustls::HandshakeData>().unwrap();
        assert_eq!(data.protocol.as_deref(), Some(LinkProtocol::Session.alpn()));
        assert_eq!(data.server_name, None, "the fleet's name does not travel in clear");
    }
    // Datagrams are off, and so are streams in one direction.
    assert_eq!(agent.max_datagram_size(), None);
    let uni = tokio::time::timeout(StdDuration::from_millis(200), agent.open_uni()).await;
    assert!(uni.is_err(), "no unidirectional stream is granted");
}

#[tokio::test]
async fn a_replaced_certificate_is_shown_to_who_comes_next_and_drops_nobody() {
    let fleet = Fleet::new("north");
    let agent = fleet.agent("edge-1", NOW);
    let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let served = served(&fleet.hub());
    let config = link_server_config(&served, &fleet.roots(), &WallClock::fixed(NOW), &HUB_LIMITS).unwrap();
    let server = Endpoint::server(config, loopback).unwrap();
    let local = Endpoint::client(loopback).unwrap();
    let client = client(&fleet, Some(&agent), LinkProtocol::Session);
    let meet = || async {
        let accept = async { server.accept().await.unwrap().await.unwrap() };
        let connect = async { client.connect(&local, server.local_addr().unwrap()).unwrap().await.unwrap() };
        let (hub, agent) = tokio::time::timeout(DEADLINE, async { tokio::join!(accept, connect) }).await.unwrap();
        let chain = agent.peer_identity().unwrap().downcast::<Vec<rustls::pki_types::CertificateDer>>().unwrap();
        (hub, agent, chain[0].to_vec())
    };
    let (old_hub, old_agent, old) = meet().await;
    let renewed = fleet.hub();
    served.replace(&renewed).unwrap();
    let (_hub, _agent, new) = meet().await;
    assert_ne!(new, old);
    assert_eq!(new, renewed.chain()[0].to_vec());
    let (mut send, _) = old_agent.open_bi().await.unwrap();
    send.write_all(b"still here").await.unwrap();
    let (_, mut receive) = old_hub.accept_bi().await.unwrap();
    let mut heard = [0; 10];
    receive.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"still here");
}

#[tokio::test]
async fn other_protocols_are_refused() {
    let fleet = Fleet::new("north");
    let agent = fleet.agent("edge-1", NOW);
    let certificates = agent.chain();
    let decide = |alpn: &[u8]| peer_on(&fleet_id("north"), alpn, certificates, NOW);
    for alpn in [&b""[..], b"h3", b"skerry/2", b"skerry/1 ", b"SKERRY/1"] {
        assert_eq!(decide(alpn), Err(PeerRefused::Protocol));
    }
    let refused = PeerRefused::Fleet { expected: fleet_id("south"), found: fleet_id("north") };
    assert_eq!(peer_on(&fleet_id("south"), b"skerry/1", certificates, NOW), Err(refused));
    assert!(matches!(
        peer_on(&fleet_id("north"), b"skerry-enroll/1", fleet.hub().chain(), NOW),
        Err(PeerRefused::Certificate(_))
    ));
    assert!(matches!(
        peer_on(&fleet_id("north"), b"skerry/1", certificates, after(-2)),
        Err(PeerRefused::NotYetValid { .. })
    ));
}

/// Runs a handshake in memory, to the end of what both sides have to say.
fn handshake(
    server: &Arc<rustls::ServerConfig>,
    client: &Arc<rustls::ClientConfig>,
    name: &str,
) -> Result<(rustls::ClientConnection, rustls::ServerConnection), rustls::Error> {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut client = rustls::ClientConnection::new(client.clone(), name)?;
    let mut server = rustls::ServerConnection::new(server.clone())?;
    while client.wants_write() || server.wants_write() {
        let mut wire = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut wire).unwrap();
        }
        let mut rest = wire.as_slice();
        while !rest.is_empty() {
            server.read_tls(&mut rest).unwrap();
            server.process_new_packets()?;
        }
        let mut wire = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut wire).unwrap();
        }
        let mut rest = wire.as_slice();
        while !rest.is_empty() {
            client.read_tls(&mut rest).unwrap();
            client.process_new_packets()?;
        }
    }
    assert!(!client.is_handshaking() && !server.is_handshaking());
    let group = client.negotiated_key_exchange_group().unwrap().name();
    assert_eq!(group, rustls::NamedGroup::X25519MLKEM768);
    Ok((client, server))
}

/// Tells what HTTP version was agreed on.
fn https(
    server: Arc<rustls::ServerConfig>,
    client: rustls::ClientConfig,
    name: &str,
) -> Result<Vec<u8>, rustls::Error> {
    let (client, _) = handshake(&server, &Arc::new(client), name)?;
    Ok(client.alpn_protocol().unwrap_or_default().to_vec())
}

#[test]
fn the_link_resumes_no_session_even_for_a_client_that_would() {
    // A resumed session would not show its certificate again.
    let fleet = Fleet::new("north");
    let clock = WallClock::fixed(NOW);
    let link = server::tls_settings(&served(&fleet.hub()), &fleet.roots(), &clock).unwrap();
    let resumable = {
        let mut tls = server::tls_settings(&served(&fleet.hub()), &fleet.roots(), &clock).unwrap();
        tls.session_storage = rustls::server::ServerSessionMemoryCache::new(4);
        tls.send_tls13_tickets = 1;
        tls
    };
    for (settings, second) in [(link, HandshakeKind::Full), (resumable, HandshakeKind::Resumed)] {
        let agent = fleet.agent("edge-1", NOW);
        let mut eager = rustls::ClientConfig::builder_with_details(shared_provider(), Arc::new(clock.clone()))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_root_certificates(fleet.roots().store())
            .with_client_auth_cert(agent.chain().to_vec(), agent.key())
            .unwrap();
        eager.alpn_protocols = vec![LinkProtocol::Session.alpn().to_vec()];
        eager.enable_early_data = true;
        let (settings, eager) = (Arc::new(settings), Arc::new(eager));
        for expected in [HandshakeKind::Full, second] {
            let (client, server) = handshake(&settings, &eager, &hub_server_name(&fleet_id("north"))).unwrap();
            assert_eq!(client.handshake_kind(), Some(expected));
            assert_eq!(server.peer_certificates().map(<[_]>::len), Some(1));
            assert!(!client.is_early_data_accepted());
        }
    }
}

#[test]
fn the_link_speaks_no_tls_before_1_3() {
    let fleet = Fleet::new("north");
    let link = Arc::new(server::tls_settings(&served(&fleet.hub()), &fleet.roots(), &WallClock::fixed(NOW)).unwrap());
    let old = rustls::ClientConfig::builder_with_details(shared_provider(), Arc::new(WallClock::fixed(NOW)))
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_root_certificates(fleet.roots().store())
        .with_no_client_auth();
    let refused = handshake(&link, &Arc::new(old), &hub_server_name(&fleet_id("north")));
    assert!(matches!(refused, Err(rustls::Error::PeerIncompatible(_))), "{refused:?}");
}

#[test]
fn the_api_is_known_by_its_own_ca() {
    let now = OffsetDateTime::from_unix_timestamp(std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() as i64).unwrap();
    let authority = ApiAuthority::create(now).unwrap();
    let names = ["localhost", "127.0.0.1"].map(|name| ApiName::parse(name).unwrap());
    let server = || api_server_config(&served(&authority.issue_api(&names, now, 30).unwrap())).unwrap();
    let client = || api_client_config(&authority.certificate_pem()).unwrap();
    for name in ["localhost", "127.0.0.1"] {
        assert_eq!(https(server(), client(), name), Ok(b"h2".to_vec()));
    }
    let mut old = client();
    old.alpn_protocols = vec![b"http/1.1".to_vec()];
    assert_eq!(https(server(), old, "localhost"), Ok(b"http/1.1".to_vec()));

    assert!(https(server(), client(), "example.com").is_err(), "a name that is not in the certificate");
    let other = ApiAuthority::create(now).unwrap().certificate_pem();
    assert!(https(server(), api_client_config(&other).unwrap(), "localhost").is_err(), "another CA");
    // The fleet's CA vouches for no API, and an API's certificate opens no link.
    let fleet = Fleet::new("north");
    let stranger = api_client_config(&fleet.authority.certificate_pem()).unwrap();
    assert!(https(server(), stranger, "localhost").is_err(), "the fleet's CA");
    assert!(matches!(api_client_config(""), Err(TlsError::Roots(_))));
}
