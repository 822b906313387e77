//! What stands in each kind of certificate, and for how long.
//!
//! | kind | key | names | may |
//! |---|---|---|---|
//! | fleet CA | ed25519 | `spiffe://<fleet>` | sign end certificates (`pathlen:0`) for names under `<fleet>.skerry.internal`, no address |
//! | hub | ed25519 | `hub.<fleet>.skerry.internal` | be a TLS server |
//! | agent | ed25519 | `spiffe://<fleet>/cluster/<id>` | be a TLS client |
//! | API CA | ECDSA P-256 | – | sign end certificates (`pathlen:0`) |
//! | API | ECDSA P-256 | DNS names and addresses of the hub | be a TLS server |
//!
//! The API has a CA of its own for two reasons: browsers refuse a P-256 certificate that an ed25519
//! key signed, and a person who trusts the API's CA should not thereby trust the fleet's, nor the
//! other way round.
//!
//! URI names cannot be constrained in the CA certificate (verifiers refuse what they do not know),
//! so [`crate::identity::PeerIdentity`] and [`crate::tls::peer_on`] check the fleet.

use std::net::IpAddr;

use aws_lc_rs::rand;
use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, KeyUsagePurpose, NameConstraints, SanType, SerialNumber,
};
use rustls::pki_types::ServerName;
use skerry_common::id::{ClusterId, FleetId};
use thiserror::Error;
use time::{Duration, OffsetDateTime};

/// How far `notBefore` lies before the moment of issue: a peer whose clock is a day slow still
/// accepts the certificate.
pub const BACKDATE: Duration = Duration::hours(24);

/// How long a CA certificate lasts. Replacing it needs a new trust root, but no visit to a site;
/// ten years bound how long a stolen CA key that nobody noticed is of use.
pub const CA_LIFETIME_DAYS: u32 = 3650;

/// Longest life of an end certificate: it never outlives its CA by design of the caller, and the
/// limit keeps dates far from what X.509 cannot write.
pub const LIFETIME_DAYS_MAX: u32 = CA_LIFETIME_DAYS;

/// Life of a hub's link certificate: the hub issues it to itself, so it can be short; long enough
/// for a hub that is restored from a backup after a summer.
pub const HUB_LIFETIME_DAYS: u32 = 90;

/// Longest life of the HTTPS API's certificate that browsers accept from a private CA is 825 days,
/// from a public one 398; the smaller leaves room for both.
pub const API_LIFETIME_DAYS: u32 = 397;

/// Most names in an API certificate: every address of one hub.
pub const API_NAMES_MAX: usize = 32;

/// Random bytes of a serial number (RFC 5280 allows 20; the first bit stays clear).
const SERIAL_BYTES: usize = 16;

/// Why a certificate cannot be issued as asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProfileError {
    /// Zero, or longer than [`LIFETIME_DAYS_MAX`].
    #[error("a lifetime of {days} days is not allowed: 1 to {LIFETIME_DAYS_MAX} are")]
    Lifetime {
        /// What was asked.
        days: u32,
    },
    /// The clock says a time that X.509 cannot write.
    #[error("no certificate can be issued at {at}: the clock must be wrong")]
    Clock {
        /// What was taken for now.
        at: OffsetDateTime,
    },
    /// Neither a DNS name nor an IP address.
    #[error("`{name}` is neither a DNS name nor an IP address")]
    Name {
        /// What was asked.
        name: String,
    },
    /// None, or more than [`API_NAMES_MAX`].
    #[error("{count} names for the API certificate: 1 to {API_NAMES_MAX} are needed")]
    Names {
        /// How many were given.
        count: usize,
    },
    /// The system gave no randomness.
    #[error("no random serial number could be drawn")]
    Serial,
}

/// The server name that agents expect of a hub, at whatever address they reach it.
pub fn hub_server_name(fleet: &FleetId) -> String {
    format!("hub.{}", hub_domain(fleet))
}

fn hub_domain(fleet: &FleetId) -> String {
    format!("{fleet}.skerry.internal")
}

/// The name in an agent's certificate.
pub fn agent_uri(fleet: &FleetId, cluster: &ClusterId) -> String {
    format!("spiffe://{fleet}/cluster/{cluster}")
}

/// The name in the fleet CA's certificate.
pub(crate) fn fleet_uri(fleet: &FleetId) -> String {
    format!("spiffe://{fleet}")
}

/// From when to when a certificate is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Valid from here (back-dated by [`BACKDATE`]).
    pub not_before: OffsetDateTime,
    /// Valid to here, inclusive.
    pub not_after: OffsetDateTime,
}

impl Window {
    /// A window of whole seconds (X.509 has no smaller) that ends `days` after `now`.
    pub fn starting(now: OffsetDateTime, days: u32) -> Result<Self, ProfileError> {
        if days == 0 || days > LIFETIME_DAYS_MAX {
            return Err(ProfileError::Lifetime { days });
        }
        // Years that both of X.509's date forms can write, with the longest life added.
        if !(1971..=9900).contains(&now.year()) {
            return Err(ProfileError::Clock { at: now });
        }
        let clock = || ProfileError::Clock { at: now };
        let whole = now.to_offset(time::UtcOffset::UTC).replace_nanosecond(0).map_err(|_| clock())?;
        let not_before = whole.checked_sub(BACKDATE).ok_or_else(clock)?;
        let not_after = whole.checked_add(Duration::days(i64::from(days))).ok_or_else(clock)?;
        Ok(Self { not_before, not_after })
    }
}

/// A name that the HTTPS API is reached by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ApiName {
    /// A DNS name.
    Dns(String),
    /// An IP address.
    Ip(IpAddr),
}

impl ApiName {
    /// Parses a DNS name or an IP address.
    pub fn parse(name: &str) -> Result<Self, ProfileError> {
        if let Ok(address) = name.parse() {
            return Ok(Self::Ip(address));
        }
        match ServerName::try_from(name) {
            Ok(ServerName::DnsName(dns)) => Ok(Self::Dns(dns.as_ref().to_ascii_lowercase())),
            _ => Err(ProfileError::Name { name: name.chars().take(256).collect() }),
        }
    }
}

/// What is common to all: a subject for people, a window, a random serial number.
fn base(common_name: &str, window: Window) -> Result<CertificateParams, ProfileError> {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::OrganizationName, "Skerry");
    subject.push(DnType::CommonName, common_name);
    let mut params = CertificateParams::default();
    params.distinguished_name = subject;
    params.not_before = window.not_before;
    params.not_after = window.not_after;
    params.serial_number = Some(random_serial()?);
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

fn random_serial() -> Result<SerialNumber, ProfileError> {
    let mut bytes = [0u8; SERIAL_BYTES];
    rand::fill(&mut bytes).map_err(|_| ProfileError::Serial)?;
    // Positive, and with a first byte that DER does not drop: all serial numbers are equally long.
    bytes[0] = (bytes[0] & 0x7f) | 0x40;
    Ok(SerialNumber::from_slice(&bytes))
}

fn authority(mut params: CertificateParams) -> CertificateParams {
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn end(mut params: CertificateParams, purpose: ExtendedKeyUsagePurpose) -> CertificateParams {
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![purpose];
    params
}

fn uri(text: String) -> Result<SanType, ProfileError> {
    Ia5String::try_from(text.clone()).map(SanType::URI).map_err(|_| ProfileError::Name { name: text })
}

fn dns(text: String) -> Result<SanType, ProfileError> {
    Ia5String::try_from(text.clone()).map(SanType::DnsName).map_err(|_| ProfileError::Name { name: text })
}

/// The fleet CA: may name hubs of this fleet, and no address.
pub(crate) fn fleet_ca(fleet: &FleetId, window: Window) -> Result<CertificateParams, ProfileError> {
    let mut params = authority(base(fleet.as_str(), window)?);
    params.subject_alt_names = vec![uri(fleet_uri(fleet))?];
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![GeneralSubtree::DnsName(hub_domain(fleet))],
        excluded_subtrees: vec![
            GeneralSubtree::IpAddress(CidrSubnet::V4([0; 4], [0; 4])),
            GeneralSubtree::IpAddress(CidrSubnet::V6([0; 16], [0; 16])),
        ],
    });
    Ok(params)
}

/// The CA of the HTTPS API.
pub(crate) fn api_ca(window: Window) -> Result<CertificateParams, ProfileError> {
    Ok(authority(base("Skerry hub API CA", window)?))
}

/// A hub's link certificate.
pub(crate) fn hub(fleet: &FleetId, window: Window) -> Result<CertificateParams, ProfileError> {
    let mut params = end(base("Skerry hub", window)?, ExtendedKeyUsagePurpose::ServerAuth);
    params.subject_alt_names = vec![dns(hub_server_name(fleet))?];
    Ok(params)
}

/// An agent's certificate.
pub(crate) fn agent(fleet: &FleetId, cluster: &ClusterId, window: Window) -> Result<CertificateParams, ProfileError> {
    let mut params = end(base("Skerry agent", window)?, ExtendedKeyUsagePurpose::ClientAuth);
    params.subject_alt_names = vec![uri(agent_uri(fleet, cluster))?];
    Ok(params)
}

/// The HTTPS API's certificate.
pub(crate) fn api(names: &[ApiName], window: Window) -> Result<CertificateParams, ProfileError> {
    if names.is_empty() || names.len() > API_NAMES_MAX {
        return Err(ProfileError::Names { count: names.len() });
    }
    let mut params = end(base("Skerry hub API", window)?, ExtendedKeyUsagePurpose::ServerAuth);
    for name in names {
        params.subject_alt_names.push(match name {
            ApiName::Dns(name) => dns(name.clone())?,
            ApiName::Ip(address) => SanType::IpAddress(*address),
        });
    }
    Ok(params)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_bounded_and_back_dated() {
        let now = OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap() + Duration::milliseconds(250);
        let window = Window::starting(now, 7).unwrap();
        assert_eq!(window.not_before.unix_timestamp(), 1_800_000_000 - 86_400);
        assert_eq!(window.not_after.unix_timestamp(), 1_800_000_000 + 7 * 86_400);
        assert_eq!(window.not_after.nanosecond(), 0);
        for days in [0, LIFETIME_DAYS_MAX + 1, u32::MAX] {
            assert_eq!(Window::starting(now, days), Err(ProfileError::Lifetime { days }));
        }
        let epoch = OffsetDateTime::UNIX_EPOCH;
        assert_eq!(Window::starting(epoch, 7), Err(ProfileError::Clock { at: epoch }));
    }

    #[test]
    fn api_names_are_parsed() {
        let check = |text: &str, expected: Option<ApiName>| assert_eq!(ApiName::parse(text).ok(), expected, "{text}");
        check("Hub.Example", Some(ApiName::Dns("hub.example".into())));
        check("localhost", Some(ApiName::Dns("localhost".into())));
        check("127.0.0.1", Some(ApiName::Ip([127, 0, 0, 1].into())));
        check("::1", Some(ApiName::Ip("::1".parse().unwrap())));
        for bad in ["", "a b", "*", "https://x", "-", "a..b"] {
            check(bad, None);
        }
        assert_eq!(api(&[], window()).err(), Some(ProfileError::Names { count: 0 }));
    }

    #[test]
    fn serial_numbers_are_long_and_differ() {
        let (one, two) = (random_serial().unwrap().to_bytes(), random_serial().unwrap().to_bytes());
        assert_ne!(one, two);
        assert!(one.len() == SERIAL_BYTES && (0x40..0x80).contains(&one[0]));
    }

    fn window() -> Window {
        Window::starting(OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap(), 1).unwrap()
    }
}
