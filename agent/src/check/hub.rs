//! The way to the hub: its name (DNS), the path there and back (UDP), and this machine's clock.

use std::path::Path;
use std::time::Duration;

use skerry_certs::tls::{LinkProtocol, WallClock, pin_client_config};
use skerry_common::error_chain::Chain;
use skerry_common::join::JoinToken;
use tokio::net::lookup_host;
use tokio::time::timeout;

use super::Finding;
use crate::agent::identity_folder;
use crate::cli::{Failure, system_clock};
use crate::identity::{Enrolled, IdentityFolder};
use crate::transport::quic::{ConnectError, HubConnection, connect, connect_any};

/// How long a name may take to be looked up.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);

/// Where a hub is looked for, and as whom.
enum Hubs {
    Token(JoinToken),
    Member(Box<Enrolled>),
}

/// Looks up each hub and shakes hands with the first that answers.
pub(super) async fn check(state: &Path, token: Option<&str>) -> Result<Vec<Finding>, Failure> {
    let enrolled = IdentityFolder::open(&identity_folder(state))?.enrolled()?;
    let hubs = match (token.filter(|token| !token.is_empty()), enrolled) {
        (Some(token), _) => Hubs::Token(JoinToken::parse(token)?),
        (None, Some(enrolled)) => Hubs::Member(Box::new(enrolled)),
        (None, None) => {
            return Ok(vec![Finding::Skipped("hub: none is known before joining; give `--token TOKEN`".into())]);
        }
    };
    let clock = system_clock();
    let (names, connected) = match &hubs {
        Hubs::Token(token) => (&token.hubs, with_token(token, &clock).await),
        Hubs::Member(enrolled) => (&enrolled.trust.root().hubs, connect(enrolled, &clock, LinkProtocol::Session).await),
    };
    let mut findings = Vec::new();
    for name in names {
        findings.push(lookup(name).await);
    }
    findings.extend(handshake(connected, &clock).await);
    Ok(findings)
}

async fn with_token(token: &JoinToken, clock: &WallClock) -> Result<HubConnection, ConnectError> {
    let client = pin_client_config(&token.fleet, &[token.authority], clock)?;
    connect_any(&client, &token.hubs).await
}

async fn lookup(hub: &str) -> Finding {
    let help = "check the name, and the resolver of this machine or pod";
    match timeout(LOOKUP_TIMEOUT, lookup_host(hub)).await {
        Ok(Ok(mut addresses)) => match addresses.next() {
            Some(address) => Finding::Works(format!("DNS: `{hub}` is {}", address.ip())),
            None => Finding::fails(format!("DNS: `{hub}` has no address"), help),
        },
        Ok(Err(error)) => Finding::fails(format!("DNS: `{hub}` is not found: {}", Chain(&error)), help),
        Err(_) => Finding::fails(format!("DNS: `{hub}`: no answer within {} s", LOOKUP_TIMEOUT.as_secs()), help),
    }
}

/// What a handshake tells of the path and of the clock.
async fn handshake(connected: Result<HubConnection, ConnectError>, clock: &WallClock) -> Vec<Finding> {
    let error = match connected {
        Ok(connection) => {
            let (hub, round_trip) = (connection.hub.clone(), connection.connection.rtt());
            connection.close("checked").await;
            let answers = format!("UDP: `{hub}` answers as this fleet's hub, {} ms", round_trip.as_millis());
            // The handshake passed, so this machine's clock lies inside the life of the hub's certificate.
            return vec![
                Finding::Works(answers),
                Finding::Works("clock: inside the life of the hub's certificate".into()),
            ];
        }
        Err(error) => error,
    };
    let now = clock.now();
    let told = Chain(&error).to_string();
    let unknown_clock = || Finding::Skipped(format!("clock: {now} here; only a hub could tell whether that is right"));
    match &error {
        ConnectError::Connect { hub, .. } if error.is_about_time() => vec![
            Finding::Works(format!("UDP: something answers at `{hub}`")),
            Finding::fails(
                format!("clock: it is {now} here, outside the life of the hub's certificate: {told}"),
                "set this machine's clock; if it is right, the hub's clock is wrong, or its certificate ran out",
            ),
        ],
        // The lookups above told of it.
        ConnectError::Lookup { .. } => vec![Finding::Skipped(format!("UDP: {told}")), unknown_clock()],
        ConnectError::Silent { .. } => vec![
            Finding::fails(
                format!("UDP: {told}"),
                "open UDP to the hub's port in firewalls on the way, in both directions",
            ),
            unknown_clock(),
        ],
        ConnectError::Connect { .. } => vec![
            Finding::fails(
                format!("hub: {told}"),
                "something answers, but not as this fleet's hub: check the address and the token",
            ),
            unknown_clock(),
        ],
        ConnectError::Socket(_)
        | ConnectError::Tls(_)
        | ConnectError::Identity(_)
        | ConnectError::NoAddress
        | ConnectError::Link(_)
        | ConnectError::Stream(_) => vec![
            Finding::fails(format!("hub: {told}"), "check that the hub runs and that its address is right"),
            unknown_clock(),
        ],
    }
}

#[cfg(test)]
mod tests {
    use skerry_certs::authority::Authority;
    use skerry_certs::roots::CaRoots;
    use skerry_certs::tls::{HUB_LIMITS, ServedIdentity, install_provider, link_server_config};
    use skerry_common::bundle::digest::Digest;
    use skerry_common::id::FleetId;
    use time::OffsetDateTime;

    use super::*;

    fn fleet() -> FleetId {
        FleetId::parse("f1").expect("an id")
    }

    /// A hub that shakes hands and does nothing else; gives its address and what newcomers pin.
    fn hub() -> (quinn::Endpoint, String, Digest) {
        install_provider();
        let (clock, now) = (system_clock(), OffsetDateTime::now_utc());
        let authority = Authority::create(fleet(), now).expect("an authority");
        let served = ServedIdentity::new(&authority.issue_hub(now, 7).expect("a certificate")).expect("fits");
        let roots = CaRoots::from_pem(&authority.certificate_pem()).expect("a root");
        let config = link_server_config(&served, &roots, &clock, &HUB_LIMITS).expect("settings");
        let endpoint = quinn::Endpoint::server(config, ([127, 0, 0, 1], 0).into()).expect("a port");
        let address = endpoint.local_addr().expect("bound").to_string();
        let accepting = endpoint.clone();
        tokio::spawn(async move {
            while let Some(incoming) = accepting.accept().await {
                // A newcomer that does not like what it sees goes away.
                if let Ok(connection) = incoming.await {
                    connection.closed().await;
                }
            }
        });
        (endpoint, address, authority.fingerprint())
    }

    async fn met(address: &str, pin: Digest, clock: &WallClock) -> Vec<Finding> {
        let client = pin_client_config(&fleet(), &[pin], clock).expect("settings");
        handshake(connect_any(&client, &[address.to_owned()]).await, clock).await
    }

    #[tokio::test]
    async fn a_name_that_nobody_knows_fails_by_dns() {
        lookup("skerry.invalid:7443").await.names("DNS: `skerry.invalid:7443`");
        assert!(matches!(lookup("127.0.0.1:7443").await, Finding::Works(_)));
    }

    #[tokio::test]
    async fn a_silent_hub_fails_by_the_udp_path() {
        let silent = ConnectError::Silent { hub: "hub:1".into(), address: ([127, 0, 0, 1], 1).into() };
        let findings = handshake(Err(silent), &WallClock::fixed(OffsetDateTime::UNIX_EPOCH)).await;
        findings[0].names("UDP: `hub:1`");
        assert!(matches!(findings[1], Finding::Skipped(_)));
    }

    #[tokio::test]
    async fn a_wrong_clock_fails_by_the_clock_and_not_by_the_path() {
        let (_hub, address, pin) = hub();
        let findings = met(&address, pin, &system_clock()).await;
        assert!(findings.iter().all(|finding| matches!(finding, Finding::Works(_))), "{findings:?}");
        let now = OffsetDateTime::now_utc();
        for wrong in [OffsetDateTime::UNIX_EPOCH, now + time::Duration::days(400)] {
            let findings = met(&address, pin, &WallClock::fixed(wrong)).await;
            assert!(matches!(findings[0], Finding::Works(_)), "{findings:?}");
            findings[1].names("clock: ");
        }
    }

    #[tokio::test]
    async fn another_fleets_hub_fails_and_the_clock_is_not_blamed() {
        let (_hub, address, _) = hub();
        let findings = met(&address, Digest::of(b"another"), &system_clock()).await;
        findings[0].names("hub: ");
        assert!(matches!(findings[1], Finding::Skipped(_)));
    }
}
