use skerry_certs::authority::Authority;
use skerry_certs::request::SigningRequest;
use skerry_certs::root_key::SigningKey;
use skerry_certs::tls::{HUB_LIMITS, Peer, ServedIdentity, link_server_config, peer_of_connection};
use skerry_common::bundle::trust::{TRUST_ROOT_SCHEMA, TRUST_ROOT_TYPE, TrustRoot, TrustedRoot};
use skerry_common::diagnostic::Code;
use skerry_common::id::{ClusterId, ClusterName, Epoch, FleetId};
use skerry_common::report::Facts;
use skerry_common::wire::v1::EnrollResponse;
use skerry_link::{FrameReader, FrameWriter};
use std::sync::Arc;
use time::Duration as Days;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::snapshot::Snapshot;
use crate::target::Targets;
use crate::tasks::keeper::Keeper;
use crate::tasks::link::Link;
use crate::trust::Trust;

const START: OffsetDateTime = time::macros::datetime!(2026-03-01 0:00 UTC);

/// How long the certificates live, in days.
const LIFE: u32 = 3;

fn cluster(name: &str) -> ClusterId {
    ClusterId::parse(name).expect("a cluster")
}

struct Site {
    authority: Authority,
    folder: IdentityFolder,
    enrolled: Enrolled,
    temporary: tempfile::TempDir,
}

impl Site {
    /// An agent that joined at the start.
    fn joined(hub: &str) -> Self {
        let fleet = FleetId::parse("fleet").expect("a fleet");
        let authority = Authority::create(fleet.clone(), START).expect("an authority");
        let key = SigningKey::generate().expect("a key");
        let document = TrustRoot {
            schema: TRUST_ROOT_SCHEMA,
            fleet,
            version: 1,
            epoch: Epoch(1),
            threshold: 1,
            root_keys: vec![key.public_key()],
            bundle_keys: vec![SigningKey::generate().expect("a key").public_key()],
            authorities: vec![authority.certificate_pem()],
            hubs: vec![hub.to_owned()],
            issued: "2026-03-01T00:00:00Z".into(),
        };
        let payload = skerry_common::canonical::of(&document).expect("bytes");
        let envelope = key.sign_envelope(TRUST_ROOT_TYPE, payload).expect("signs");
        let trust = TrustedRoot::stored(envelope).expect("a trust root");
        let temporary = tempfile::tempdir().expect("a folder");
        let folder = IdentityFolder::open(&temporary.path().join("identity")).expect("opens");
        let csr = folder.agent_key().expect("a key").request_der().expect("a request");
        let grant = grant(&authority, &trust, "one", &csr, START);
        let enrolled = folder.store_grant(&grant, &trust, START).expect("stores");
        Self { authority, folder, enrolled, temporary }
    }

    fn stored_end(&self) -> OffsetDateTime {
        self.folder.enrolled().expect("reads").expect("joined").tls.window().not_after
    }
}

fn grant(authority: &Authority, trust: &TrustedRoot, name: &str, csr: &[u8], now: OffsetDateTime) -> Grant {
    let request = SigningRequest::from_der(csr).expect("a request");
    let issued = authority.issue_agent(&request, &cluster(name), now, LIFE).expect("issues");
    Grant {
        fleet: authority.fleet().clone(),
        cluster: cluster(name),
        name: ClusterName::parse(name).expect("a name"),
        chain: issued.chain,
        trust_root: trust.envelope().clone(),
        earlier_trust_roots: Vec::new(),
    }
}

/// A hub's door on loopback.
fn door(site: &Site, socket: std::net::UdpSocket, now: OffsetDateTime) -> quinn::Endpoint {
    let hub = site.authority.issue_hub(now, 90).expect("a hub");
    let roots = site.authority.roots().expect("roots");
    let hub = ServedIdentity::new(&hub).expect("fits");
    let config = link_server_config(&hub, &roots, &WallClock::fixed(now), &HUB_LIMITS).expect("settings");
    let runtime = quinn::default_runtime().expect("a runtime");
    quinn::Endpoint::new(quinn::EndpointConfig::default(), Some(config), socket, runtime).expect("binds")
}

/// Reads a request to renew, answers it, and waits until the agent has read the answer.
async fn answer(connection: &quinn::Connection, response: impl FnOnce(&[u8]) -> EnrollResponse) {
    let (send, receive) = connection.accept_bi().await.expect("a stream");
    let (mut writer, mut reader) = (FrameWriter::new(send), FrameReader::new(receive));
    reader.hello().await.expect("a hello");
    writer.hello("0").await.expect("says hello");
    let EnrollRequest::Renew { csr } = reader.message().await.expect("a request") else { panic!("no renewal") };
    writer.message(&response(&csr)).await.expect("answers");
    writer.finish().await.expect("finishes");
    connection.closed().await;
}

/// Renews at `now` with a hub that answers once; tells who the hub saw and what came of it.
async fn renewed(now: OffsetDateTime, refuses: bool) -> (Peer, Result<Identity, RenewError>, Site) {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
    let site = Site::joined(&socket.local_addr().expect("an address").to_string());
    let endpoint = door(&site, socket, now);
    let (seen, mut saw) = mpsc::channel(1);
    let (fleet, trust) = (site.enrolled.me.fleet.clone(), site.enrolled.trust.clone());
    let mut renewal = Renewal::new(&site.enrolled.tls);
    assert!(renewal.is_due(now));
    renewal.begin(&site.enrolled, &site.folder, &WallClock::fixed(now));
    assert!(!renewal.is_due(now), "one attempt at a time");
    let serve = async {
        let connection = endpoint.accept().await.expect("a caller").await.expect("connects");
        seen.send(peer_of_connection(&fleet, &connection, now).expect("a peer")).await.expect("tells");
        answer(&connection, |csr| match refuses {
            true => EnrollResponse::Refused { code: Code(104).0, reason: "no".into() },
            false => EnrollResponse::Granted(grant(&site.authority, &trust, "one", csr, now)),
        })
        .await;
    };
    let (ended, ()) = tokio::join!(renewal.ended(), serve);
    let Some(Step::Ended(ended)) = ended else { panic!("it did not end") };
    let stored = ended.and_then(|grant| Ok(site.folder.store_renewed(&grant, &site.enrolled, now)?));
    (saw.recv().await.expect("a peer"), stored, site)
}

/// What a link hears of the agent's other tasks.
type Others = (watch::Sender<Arc<Snapshot>>, watch::Sender<Facts>);

/// The whole link, on a store of its own, as it runs in an agent.
async fn link(site: &Site, now: OffsetDateTime) -> (Link, Others) {
    let keeper = Keeper::open(&site.temporary.path().join("store"), 1).expect("a store");
    let identity = || IdentityFolder::open(&site.temporary.path().join("identity")).expect("opens");
    let trust = Trust::new(identity(), site.enrolled.trust.clone());
    let clock = WallClock::fixed(now);
    let me = site.enrolled.me.clone();
    let targets = Targets::open(keeper.clone(), me, trust.clone(), clock.clone()).await.expect("targets");
    let identity = identity();
    let enrolled = identity.enrolled().expect("reads").expect("joined");
    let (told, snapshot) = watch::channel(Arc::new(Snapshot::empty()));
    let (read, facts) = watch::channel(Facts::default());
    let connected = watch::Sender::new(false);
    let link = Link { enrolled, identity, keeper, targets, snapshot, facts, trust, connected, clock, seed: 1 };
    (link, (told, read))
}

#[tokio::test]
async fn the_link_renews_what_is_due_and_connects_with_the_new_certificate() {
    for (days, lapsed) in [(2, false), (30, true)] {
        let now = START + Days::days(days) + Days::HOUR;
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
        let site = Site::joined(&socket.local_addr().expect("an address").to_string());
        let endpoint = door(&site, socket, now);
        let (fleet, trust) = (site.enrolled.me.fleet.clone(), site.enrolled.trust.clone());
        let old = site.enrolled.tls.peer().expect("a peer").serial.clone();
        let stop = CancellationToken::new();
        let (link, _others) = link(&site, now).await;
        let driving = tokio::spawn(link.run(stop.clone()));

        let first = endpoint.accept().await.expect("a caller").await.expect("connects");
        let peer = peer_of_connection(&fleet, &first, now).expect("a peer");
        assert_eq!(matches!(peer, Peer::Lapsed(_)), lapsed, "{peer:?}");
        let granted = |csr: &[u8]| EnrollResponse::Granted(grant(&site.authority, &trust, "one", csr, now));
        answer(&first, granted).await;

        let second = endpoint.accept().await.expect("a session").await.expect("connects");
        let Peer::Member(member) = peer_of_connection(&fleet, &second, now).expect("a peer") else {
            panic!("no member")
        };
        assert_ne!(member.serial, old);
        assert_eq!(site.stored_end(), now + Days::days(LIFE.into()), "what it connects with is stored");
        stop.cancel();
        driving.await.expect("it ends");
    }
}

#[tokio::test]
async fn a_certificate_is_renewed_before_and_after_its_end() {
    for (days, lapsed) in [(2, false), (30, true)] {
        let now = START + Days::days(days) + Days::HOUR;
        let (peer, stored, site) = renewed(now, false).await;
        assert_eq!(matches!(peer, Peer::Lapsed(_)), lapsed, "{peer:?}");
        assert_eq!(stored.expect("is renewed").window().not_after, site.stored_end());
        assert_eq!(site.stored_end(), now + Days::days(LIFE.into()));
    }
}

#[tokio::test]
async fn a_refusal_leaves_the_certificate_and_is_tried_again_later() {
    let now = START + Days::days(2) + Days::HOUR;
    let (_, stored, site) = renewed(now, true).await;
    assert!(matches!(stored, Err(RenewError::Refused(_))));
    assert_eq!(site.stored_end(), START + Days::days(LIFE.into()));
    let mut renewal = Renewal::new(&site.enrolled.tls);
    renewal.last_attempt = now;
    assert!(renewal.end(stored, now).is_none());
    assert!(!renewal.is_due(now + Days::seconds(10)));
    assert!(renewal.is_due(now + Days::minutes(1)));
}

#[test]
fn what_is_granted_to_others_is_not_stored() {
    let site = Site::joined("127.0.0.1:1");
    let (now, trust) = (START + Days::days(2), &site.enrolled.trust);
    let csr = site.folder.agent_key().expect("a key").request_der().expect("a request");
    let other = grant(&site.authority, trust, "two", &csr, now);
    let refused = site.folder.store_renewed(&other, &site.enrolled, now);
    assert!(matches!(refused, Err(AgentIdentityError::Cluster { .. })));
    let stranger = Authority::create(site.authority.fleet().clone(), START).expect("an authority");
    let refused = site.folder.store_renewed(&grant(&stranger, trust, "one", &csr, now), &site.enrolled, now);
    assert!(matches!(refused, Err(AgentIdentityError::Chain(_))));
    assert_eq!(site.stored_end(), START + Days::days(LIFE.into()));
}

#[test]
fn a_renewal_is_due_by_the_clock_or_by_the_hubs_word() {
    let site = Site::joined("127.0.0.1:1");
    let tls = &site.enrolled.tls;
    let mut renewal = Renewal::new(tls);
    assert!(!renewal.is_due(START + Days::DAY));
    assert!(renewal.is_due(START + Days::days(2)));
    renewal.expired(tls, START + Days::DAY);
    assert!(renewal.is_due(START + Days::DAY));
}
