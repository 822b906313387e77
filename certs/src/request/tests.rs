use rcgen::KeyPair;
use rustls::CertificateError;
use time::Duration;

use super::*;
use crate::fixtures::{DAYS, Fleet, NOW, cluster_id, fleet_id};

fn issue(fleet: &Fleet, key: &AgentKey) -> Vec<Vec<u8>> {
    let request = SigningRequest::from_der(&key.request_der().unwrap()).unwrap();
    fleet.authority.issue_agent(&request, &cluster_id("edge-1"), NOW, DAYS).unwrap().chain
}

#[test]
fn a_request_survives_its_trip() {
    let key = AgentKey::generate().unwrap();
    let again = AgentKey::from_pem(&key.to_pem()).unwrap();
    let request = SigningRequest::from_der(&again.request_der().unwrap()).unwrap();
    assert_eq!(request.spki_fingerprint(), key.spki_fingerprint());
    let der = key.request_der().unwrap();
    let (_, parsed) = X509CertificationRequest::from_der(&der).unwrap();
    assert_eq!(parsed.certification_request_info.subject.as_raw(), [0x30, 0], "an empty name");
    assert!(parsed.requested_extensions().is_none());
}

#[test]
fn a_request_that_its_key_did_not_sign_is_refused() {
    let der = AgentKey::generate().unwrap().request_der().unwrap();
    let fingerprint = SigningRequest::from_der(&der).unwrap().spki_fingerprint();
    let mut refusals = 0;
    for bit in 0..der.len() * 8 {
        let mut bytes = der.to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        match SigningRequest::from_der(&bytes) {
            // The class of a tag outside the signed part: the parser forgives it.
            Ok(request) => assert_eq!(request.spki_fingerprint(), fingerprint, "bit {bit}"),
            Err(refused) => refusals += usize::from(refused == RequestError::Signature),
        }
    }
    assert!(refusals >= (32 + 64) * 8, "every bit of key and signature counts: {refusals}");
}

#[test]
fn wrong_requests_are_refused() {
    let der = AgentKey::generate().unwrap().request_der().unwrap();
    let p256 = CertificateParams::default().serialize_request(&KeyPair::generate().unwrap()).unwrap();
    let check = |der: &[u8], expected| assert_eq!(SigningRequest::from_der(der).err(), Some(expected));
    check(&[], RequestError::Malformed);
    check(&der[..der.len() - 1], RequestError::Malformed);
    check(&[&der[..], &[0]].concat(), RequestError::Malformed);
    check(&[0; REQUEST_BYTES_MAX + 1], RequestError::TooLong { length: REQUEST_BYTES_MAX + 1 });
    check(p256.der(), RequestError::KeyKind);
}

#[test]
fn a_received_certificate_is_accepted_only_if_it_fits() {
    let (north, south) = (Fleet::new("north"), Fleet::new("south"));
    let key = AgentKey::generate().unwrap();
    let chain = issue(&north, &key);
    let accept = |chain: &[Vec<u8>], fleet: &str, roots: &CaRoots, now| {
        key.accept(chain, &fleet_id(fleet), roots, now).map(|(_, peer)| peer.cluster)
    };
    assert_eq!(accept(&chain, "north", &north.roots(), NOW), Ok(cluster_id("edge-1")));

    let other_key = issue(&north, &AgentKey::generate().unwrap());
    let refused = ChainRefused::Identity(IdentityError::KeyMismatch);
    assert_eq!(accept(&other_key, "north", &north.roots(), NOW), Err(refused));

    let refused = ChainRefused::Fleet { expected: fleet_id("south"), found: fleet_id("north") };
    assert_eq!(accept(&chain, "south", &south.roots(), NOW), Err(refused));

    // A CA that took the fleet's name, but has another key.
    let impostor = Fleet::new("north");
    let refused = accept(&issue(&impostor, &key), "north", &north.roots(), NOW);
    assert!(matches!(refused, Err(ChainRefused::Chain(rustls::Error::InvalidCertificate(_)))), "{refused:?}");

    let expired = accept(&chain, "north", &north.roots(), NOW + Duration::days(8));
    let is_expired = matches!(
        expired,
        Err(ChainRefused::Chain(rustls::Error::InvalidCertificate(CertificateError::ExpiredContext { .. })))
    );
    assert!(is_expired, "{expired:?}");

    let hub: Vec<_> = north.hub().chain().iter().map(|der| der.to_vec()).collect();
    for (chain, expected) in [
        (hub.clone(), IdentityError::KeyMismatch),
        (vec![], IdentityError::ChainLength { length: 0 }),
        ([hub.clone(), hub].concat(), IdentityError::ChainLength { length: 3 }),
        (vec![vec![1, 2, 3]], IdentityError::Malformed),
    ] {
        assert_eq!(accept(&chain, "north", &north.roots(), NOW), Err(ChainRefused::Identity(expected)));
    }
}

#[test]
fn either_ca_counts_while_one_replaces_the_other() {
    let (old, new) = (Fleet::new("north"), Fleet::new("north"));
    let both = CaRoots::from_pem(&(old.authority.certificate_pem() + &new.authority.certificate_pem())).unwrap();
    for issuer in [&old, &new] {
        let key = AgentKey::generate().unwrap();
        assert!(key.accept(&issue(issuer, &key), &fleet_id("north"), &both, NOW).is_ok());
    }
}
