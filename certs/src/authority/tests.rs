use skerry_common::bundle::trust::TrustRoot;
use skerry_common::id::Epoch;
use time::Duration;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::oid_registry::OID_SIG_ED25519;

use super::*;
use crate::fixtures::{DAYS, Fleet, NOW, cluster_id, fleet_id};
use crate::issue::BACKDATE;
use crate::request::AgentKey;

fn agent_request() -> SigningRequest {
    SigningRequest::from_der(&AgentKey::generate().unwrap().request_der().unwrap()).unwrap()
}

#[test]
fn the_fleet_ca_can_do_no_more_than_it_must() {
    let fleet = Fleet::new("north");
    let (_, ca) = parse_x509_certificate(fleet.authority.certificate_der()).unwrap();
    let basic = ca.basic_constraints().unwrap().unwrap();
    assert!(basic.critical && basic.value.ca);
    assert_eq!(basic.value.path_len_constraint, Some(0));
    let usage = ca.key_usage().unwrap().unwrap();
    assert!(usage.critical && usage.value.key_cert_sign() && !usage.value.digital_signature());
    assert_eq!(ca.signature_algorithm.algorithm, OID_SIG_ED25519);
    let constraints = ca.name_constraints().unwrap().unwrap();
    assert!(constraints.critical);
    let permitted = constraints.value.permitted_subtrees.as_ref().unwrap();
    assert_eq!(
        permitted.iter().map(|it| &it.base).collect::<Vec<_>>(),
        [&GeneralName::DNSName("north.skerry.internal")]
    );
    assert_eq!(constraints.value.excluded_subtrees.as_ref().unwrap().len(), 2);
    let life = ca.validity().not_after.to_datetime() - NOW;
    assert_eq!(life, Duration::days(i64::from(CA_LIFETIME_DAYS)));
}

#[test]
fn an_agent_certificate_says_who_it_is_and_nothing_else() {
    let fleet = Fleet::new("north");
    let request = agent_request();
    let issued = fleet.authority.issue_agent(&request, &cluster_id("edge-1"), NOW, DAYS).unwrap();
    let der = &issued.chain;
    assert_eq!(der.len(), 1);
    let peer = crate::identity::PeerIdentity::from_der(&der[0]).unwrap();
    assert_eq!((peer.fleet.as_str(), peer.cluster.as_str()), ("north", "edge-1"));
    assert_eq!(peer.serial, issued.serial);
    assert_eq!(peer.spki_fingerprint, request.spki_fingerprint());
    assert_eq!(peer.not_before, NOW - BACKDATE);
    assert_eq!(peer.not_after, NOW + Duration::days(i64::from(DAYS)));
    let (_, parsed) = parse_x509_certificate(&der[0]).unwrap();
    let usage = parsed.extended_key_usage().unwrap().unwrap().value;
    assert!(usage.client_auth && !usage.server_auth);
    assert!(!parsed.is_ca());
    let again = fleet.authority.issue_agent(&request, &cluster_id("edge-1"), NOW, DAYS).unwrap();
    assert_ne!(again.serial, issued.serial);
}

#[test]
fn what_a_request_asks_for_is_ignored() {
    let fleet = Fleet::new("north");
    let mut params = CertificateParams::new(vec!["hub.north.skerry.internal".to_owned()]).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    params.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign];
    params.distinguished_name.push(rcgen::DnType::CommonName, "root");
    let key = SecretKeyPair::generate(KeyKind::Ed25519).unwrap();
    let greedy = params.serialize_request(key.pair()).unwrap();
    let request = SigningRequest::from_der(greedy.der()).unwrap();

    let issued = fleet.authority.issue_agent(&request, &cluster_id("edge-1"), NOW, DAYS).unwrap();
    let der = &issued.chain;
    let (_, parsed) = parse_x509_certificate(&der[0]).unwrap();
    assert!(!parsed.is_ca());
    assert_eq!(only_uri(&parsed).unwrap(), "spiffe://north/cluster/edge-1");
    assert_eq!(parsed.subject().to_string(), "O=Skerry, CN=Skerry agent");
    assert!(!parsed.key_usage().unwrap().unwrap().value.key_cert_sign());
    assert!(!parsed.extended_key_usage().unwrap().unwrap().value.server_auth);
    let known = parsed.extensions().iter().all(|it| !matches!(it.parsed_extension(), ParsedExtension::Unparsed));
    assert!(known);
}

#[test]
fn hub_and_api_certificates_carry_their_names() {
    let hub = Fleet::new("north").hub();
    let (_, parsed) = parse_x509_certificate(hub.chain()[0].as_ref()).unwrap();
    let names = parsed.subject_alternative_name().unwrap().unwrap().value;
    assert_eq!(names.general_names, [GeneralName::DNSName("hub.north.skerry.internal")]);
    assert_eq!(hub.chain().len(), 2, "the CA's certificate travels along for those who know only its fingerprint");
    let usage = parsed.extended_key_usage().unwrap().unwrap().value;
    assert!(usage.server_auth && !usage.client_auth);

    let authority = ApiAuthority::create(NOW).unwrap();
    let names = ["hub.example", "127.0.0.1", "::1"].map(|name| ApiName::parse(name).unwrap());
    let api = authority.issue_api(&names, NOW, 90).unwrap();
    let (_, parsed) = parse_x509_certificate(api.chain()[0].as_ref()).unwrap();
    assert_eq!(parsed.subject_alternative_name().unwrap().unwrap().value.general_names.len(), 3);
    let key = parsed.public_key().parsed().unwrap();
    assert_eq!(key.key_size(), 256, "ECDSA P-256");
}

#[test]
fn both_cas_survive_their_pem() {
    let fleet = Fleet::new("north");
    let (certificate, key) = (fleet.authority.certificate_pem(), fleet.authority.key_pem());
    let again = Authority::from_pem(&certificate, &key).unwrap();
    assert_eq!(again.fleet(), &fleet_id("north"));
    assert_eq!(again.fingerprint(), fleet.authority.fingerprint());
    assert!(again.issue_hub(NOW, DAYS).is_ok());
    assert!(!format!("{again:?}").contains("PRIVATE"));

    let api = ApiAuthority::create(NOW).unwrap();
    let again = ApiAuthority::from_pem(&api.certificate_pem(), &api.key_pem()).unwrap();
    assert_eq!(again.fingerprint(), api.fingerprint());
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let (north, south) = (Fleet::new("north"), Fleet::new("south"));
    let api = ApiAuthority::create(NOW).unwrap();
    let hub = north.hub();
    let check = |certificate: &str, key: &str, expected: AuthorityError| {
        assert_eq!(Authority::from_pem(certificate, key).err(), Some(expected));
    };
    let certificate = north.authority.certificate_pem();
    check(&certificate, &south.authority.key_pem(), AuthorityError::KeyMismatch);
    check(&certificate, &api.key_pem(), AuthorityError::Key(KeyPairError::Kind { kind: KeyKind::Ed25519 }));
    check(&hub.chain_pem(), &hub.key_pem(), AuthorityError::Certificate(CaRootsError::NotACa { position: 1 }));
    check("", &north.authority.key_pem(), AuthorityError::Pem(PemError::Missing { what: "certificate" }));
    let refused = AuthorityError::Profile(ProfileError::Lifetime { days: 0 });
    assert_eq!(north.authority.issue_agent(&agent_request(), &cluster_id("a"), NOW, 0).err(), Some(refused));
}

#[test]
fn sets_of_roots_are_bounded() {
    let fleet = Fleet::new("north");
    let one = fleet.authority.certificate_der().to_vec();
    let check = |ders: Vec<Vec<u8>>, expected| assert_eq!(CaRoots::from_der(ders).err(), expected);
    check(vec![], Some(CaRootsError::Empty));
    check(vec![one.clone(); 8], None);
    check(vec![one.clone(); 9], Some(CaRootsError::TooMany { count: 9 }));
    check(vec![one.clone(), vec![1, 2, 3]], Some(CaRootsError::Malformed { position: 2 }));
    check(vec![[one.clone(), vec![0]].concat()], Some(CaRootsError::Malformed { position: 1 }));
    let roots = CaRoots::from_der([one, Fleet::new("north").authority.certificate_der().to_vec()]).unwrap();
    assert_eq!(CaRoots::from_pem(&roots.to_pem()), Ok(roots.clone()));
    assert_eq!(roots.fingerprints()[0], fleet.authority.fingerprint());
}

#[test]
fn a_trust_root_lists_the_cas_that_count() {
    let (old, new) = (Fleet::new("north"), Fleet::new("north"));
    let key = crate::root_key::SigningKey::generate().unwrap().public_key();
    let mut root = TrustRoot {
        schema: 1,
        fleet: fleet_id("north"),
        version: 1,
        epoch: Epoch(1),
        threshold: 1,
        root_keys: vec![key],
        bundle_keys: vec![key],
        authorities: vec![old.authority.certificate_pem(), new.authority.certificate_pem()],
        hubs: vec![],
        issued: String::new(),
    };
    let roots = CaRoots::from_trust_root(&root).unwrap();
    assert_eq!(roots.fingerprints(), [old.authority.fingerprint(), new.authority.fingerprint()]);
    root.authorities = vec![old.authority.certificate_pem(); 100];
    assert_eq!(CaRoots::from_trust_root(&root), Err(CaRootsError::TooMany { count: 9 }));
    root.authorities = vec!["hello".to_owned()];
    assert!(matches!(CaRoots::from_trust_root(&root), Err(CaRootsError::Pem(_))));
}
