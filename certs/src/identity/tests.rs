use rcgen::string::Ia5String;
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, SanType};

use super::*;
use crate::fixtures::{Fleet, NOW};

fn uri(text: &str) -> SanType {
    SanType::URI(Ia5String::try_from(text.to_owned()).unwrap())
}

fn read(names: Vec<SanType>, usages: Vec<ExtendedKeyUsagePurpose>) -> Result<PeerIdentity, IdentityError> {
    let mut params = CertificateParams::default();
    params.subject_alt_names = names;
    params.extended_key_usages = usages;
    Fleet::new("north").forge(&params).peer()
}

#[test]
fn only_the_name_of_a_cluster_is_one() {
    let client = || vec![ExtendedKeyUsagePurpose::ClientAuth];
    let check = |text: &str, expected: Result<(&str, &str), IdentityError>| {
        let peer = read(vec![uri(text)], client());
        let found = peer.map(|peer| (peer.fleet.to_string(), peer.cluster.to_string()));
        assert_eq!(found, expected.map(|(fleet, cluster)| (fleet.to_owned(), cluster.to_owned())), "{text}");
    };
    let wrong = |text: &str| Err(IdentityError::Uri { uri: text.to_owned() });
    let character = |what, text: &str| NameError::Character { what, text: text.to_owned() };
    check("spiffe://north/cluster/edge-1", Ok(("north", "edge-1")));
    check("https://north/cluster/edge-1", wrong("https://north/cluster/edge-1"));
    check("spiffe://north", wrong("spiffe://north"));
    check("spiffe://north/relay/edge-1", wrong("spiffe://north/relay/edge-1"));
    check("SPIFFE://north/cluster/edge-1", wrong("SPIFFE://north/cluster/edge-1"));
    check("spiffe://north/cluster/", Err(IdentityError::Cluster(NameError::Empty { what: "cluster id" })));
    check("spiffe:///cluster/a", Err(IdentityError::Fleet(NameError::Empty { what: "fleet id" })));
    check("spiffe://north/cluster/a/b", Err(IdentityError::Cluster(character("cluster id", "a/b"))));
    check("spiffe://a.b/cluster/a", Err(IdentityError::Fleet(character("fleet id", "a.b"))));
    check("spiffe://a/cluster/b/cluster/c", Err(IdentityError::Cluster(character("cluster id", "b/cluster/c"))));

    let good = || uri("spiffe://north/cluster/edge-1");
    let dns = SanType::DnsName(Ia5String::try_from("a.b".to_owned()).unwrap());
    for names in [vec![], vec![good(), good()], vec![good(), dns.clone()], vec![dns]] {
        assert_eq!(read(names, client()).err(), Some(IdentityError::Names));
    }
    for usages in [
        vec![],
        vec![ExtendedKeyUsagePurpose::ServerAuth],
        vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth],
        vec![ExtendedKeyUsagePurpose::Any],
    ] {
        assert_eq!(read(vec![good()], usages).err(), Some(IdentityError::Purpose));
    }
}

#[test]
fn bytes_that_are_no_certificate_are_refused() {
    let agent = Fleet::new("north").agent("edge-1", NOW);
    let der = agent.split_chain().0;
    let check = |der: &[u8], expected| assert_eq!(PeerIdentity::from_der(der).err(), expected);
    check(der, None);
    check(&[], Some(IdentityError::Malformed));
    check(&[&der[..], &[0]].concat(), Some(IdentityError::Malformed));
    let long = vec![0; CERTIFICATE_BYTES_MAX + 1];
    check(&long, Some(IdentityError::TooLong { length: long.len() }));
    for length in 0..der.len() {
        check(&der[..length], Some(IdentityError::Malformed));
    }
    // Whatever a flipped bit makes of it, nothing panics.
    for bit in 0..der.len() * 8 {
        let mut bytes = der.to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let _ = PeerIdentity::from_der(&bytes);
    }
}

#[test]
fn an_identity_survives_its_files() {
    let fleet = Fleet::new("north");
    let agent = fleet.agent("edge-1", NOW);
    let two = Identity::from_pem(&agent.chain_pem(), &agent.key_pem()).unwrap();
    let one = Identity::from_bundle_pem(&agent.to_bundle_pem()).unwrap();
    for again in [&one, &two] {
        assert_eq!(again.peer(), agent.peer());
        assert_eq!(again.key_pem(), agent.key_pem());
    }
    assert_eq!(Identity::from_bundle_pem(&fleet.hub().to_bundle_pem()).unwrap().chain().len(), 2);

    let shown = format!("{agent:?}");
    assert!(shown.contains(MASK) && !shown.contains("PRIVATE"), "{shown}");
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let fleet = Fleet::new("north");
    let (one, two) = (fleet.agent("a", NOW), fleet.agent("b", NOW));
    let check = |chain: &str, key: &str, expected| assert_eq!(Identity::from_pem(chain, key).err(), Some(expected));
    check(&one.chain_pem(), &two.key_pem(), IdentityError::KeyMismatch);
    check(&one.chain_pem(), "", IdentityError::Pem(PemError::Missing { what: "private key" }));
    check("", &one.key_pem(), IdentityError::Pem(PemError::Missing { what: "certificate" }));
    check(&one.chain_pem().repeat(3), &one.key_pem(), IdentityError::ChainLength { length: 3 });
    check(&one.chain_pem(), &pem::encode("PRIVATE KEY", &[1, 2, 3]), IdentityError::Key);
}
