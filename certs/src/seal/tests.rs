use std::collections::BTreeMap;

use skerry_common::bundle::digest::Digest;
use skerry_common::id::{ClusterId, FleetId};
use skerry_common::limits::{KEY_BLOB_BYTES_MAX, OBJECT_BYTES_MAX};
use skerry_common::redact::MASK;

use super::*;

const SECRET: [u8; 32] = [7; 32];
const PLAINTEXT: &[u8] = br#"{"kind":"Secret","data":{"password":"aHVudGVyMg=="}}"#;

fn sealer() -> Sealer {
    Sealer::new(SECRET)
}

fn ids(cluster: &str) -> (FleetId, ClusterId) {
    (FleetId::parse("north").unwrap(), ClusterId::parse(cluster).unwrap())
}

#[test]
fn what_is_sealed_opens_again() {
    for length in [0, 1, 15, 16, 17, 1000, 100_000] {
        let plaintext = vec![9; length];
        let sealed = sealer().seal("shop", &plaintext).unwrap();
        assert_eq!(*open(&sealed.ciphertext, &sealed.data_key).unwrap(), plaintext);
    }
}

#[test]
fn equal_content_of_one_audience_gives_equal_bytes_and_nothing_else_does() {
    let bytes =
        |secret, audience: &str, plaintext: &[u8]| Sealer::new(secret).seal(audience, plaintext).unwrap().ciphertext;
    let first = bytes(SECRET, "shop", PLAINTEXT);
    assert_eq!(first, bytes(SECRET, "shop", PLAINTEXT));
    let others = [
        bytes(SECRET, "shop2", PLAINTEXT),
        bytes(SECRET, "shop", &[PLAINTEXT, b" "].concat()),
        bytes([8; 32], "shop", PLAINTEXT),
    ];
    for other in others {
        // Neither the nonce nor the first block of the ciphertext is shared.
        assert_ne!(first[4..16], other[4..16]);
        assert_ne!(first[16..32], other[16..32]);
    }
}

#[test]
fn the_format_is_stable() {
    // Computed with another implementation of HMAC and AES-GCM: bundles in the field keep their digests.
    let sealed = sealer().seal("shop", b"").unwrap();
    assert_eq!(sealed.ciphertext.len(), 4 + 12 + 16);
    assert!(sealed.ciphertext.starts_with(b"SKS1"));
    assert_eq!(Digest::of(&sealed.ciphertext).to_string(), GOLDEN);
}

const GOLDEN: &str = "sha256:8ee665c8dfae83d8386ba52f1d2e323bdabf9d3b0bea39d70a8d700f0b39a433";

#[test]
fn a_flipped_bit_or_a_cut_is_refused() {
    let sealed = sealer().seal("shop", PLAINTEXT).unwrap();
    for bit in 0..sealed.ciphertext.len() * 8 {
        let mut bytes = sealed.ciphertext.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(open(&bytes, &sealed.data_key).is_err(), "bit {bit}");
    }
    for length in 0..sealed.ciphertext.len() {
        assert!(open(&sealed.ciphertext[..length], &sealed.data_key).is_err(), "{length} bytes");
    }
    let other = sealer().seal("other", PLAINTEXT).unwrap().data_key;
    assert_eq!(open(&sealed.ciphertext, &other).err(), Some(OpenError::Refused));
}

#[test]
fn sizes_are_bounded() {
    let long = vec![0; usize::try_from(OBJECT_BYTES_MAX).unwrap() + 1];
    assert_eq!(sealer().seal("a", &long).err(), Some(SealError::TooLong { length: long.len() }));
    let sealed = sealer().seal("a", &long[1..]).unwrap();
    assert_eq!(sealed.ciphertext.len() as u64, CIPHERTEXT_BYTES_MAX);
    assert!(open(&sealed.ciphertext, &sealed.data_key).is_ok());
    let longer = [sealed.ciphertext.as_slice(), &[0]].concat();
    let refused = OpenError::TooLong { length: longer.len() };
    assert_eq!(open(&longer, &sealed.data_key).err(), Some(refused));
    for audience in [String::new(), "a".repeat(AUDIENCE_BYTES_MAX + 1)] {
        let refused = SealError::Audience { length: audience.len() };
        assert_eq!(sealer().seal(&audience, b"").err(), Some(refused));
    }
}

fn some_keys() -> (BTreeMap<Digest, DataKey>, Vec<Vec<u8>>) {
    let mut keys = BTreeMap::new();
    let mut ciphertexts = Vec::new();
    for plaintext in [b"one".as_slice(), b"two", b"three"] {
        let sealed = sealer().seal("shop", plaintext).unwrap();
        keys.insert(Digest::of(&sealed.ciphertext), sealed.data_key);
        ciphertexts.push(sealed.ciphertext);
    }
    (keys, ciphertexts)
}

#[test]
fn wrapped_keys_open_for_their_cluster_only() {
    let (fleet, cluster) = ids("edge-1");
    let recipient = Recipient { fleet: &fleet, cluster: &cluster };
    let pair = SealingKeyPair::generate().unwrap();
    let (keys, ciphertexts) = some_keys();
    let blob = wrap_keys(&pair.public(), recipient, &keys).unwrap();
    let unwrapped = unwrap_keys(&pair, recipient, &blob).unwrap();
    assert_eq!(unwrapped.len(), 3);
    for ciphertext in &ciphertexts {
        assert!(open(ciphertext, &unwrapped[&Digest::of(ciphertext)]).is_ok());
    }

    let stranger = SealingKeyPair::generate().unwrap();
    assert_eq!(unwrap_keys(&stranger, recipient, &blob).err(), Some(UnwrapError::Refused));
    assert!(is_wrapped_for(&blob, &pair.public()) && !is_wrapped_for(&blob, &stranger.public()));
    let (_, other) = ids("edge-2");
    let elsewhere = Recipient { fleet: &fleet, cluster: &other };
    assert_eq!(unwrap_keys(&pair, elsewhere, &blob).err(), Some(UnwrapError::Refused));
}

#[test]
fn no_keys_are_a_blob_too() {
    let (fleet, cluster) = ids("edge-1");
    let recipient = Recipient { fleet: &fleet, cluster: &cluster };
    let pair = SealingKeyPair::generate().unwrap();
    let blob = wrap_keys(&pair.public(), recipient, &BTreeMap::new()).unwrap();
    assert!(unwrap_keys(&pair, recipient, &blob).unwrap().is_empty());
}

#[test]
fn a_damaged_key_blob_is_refused() {
    let (fleet, cluster) = ids("edge-1");
    let recipient = Recipient { fleet: &fleet, cluster: &cluster };
    let pair = SealingKeyPair::generate().unwrap();
    let blob = wrap_keys(&pair.public(), recipient, &some_keys().0).unwrap();
    for byte in 0..blob.len() {
        let mut bytes = blob.clone();
        bytes[byte] ^= 1 << (byte % 8);
        assert!(unwrap_keys(&pair, recipient, &bytes).is_err(), "byte {byte}");
        assert!(unwrap_keys(&pair, recipient, &blob[..byte]).is_err(), "{byte} bytes");
    }
    let long = vec![0; usize::try_from(KEY_BLOB_BYTES_MAX).unwrap() + 1];
    let refused = UnwrapError::TooLong { length: long.len() };
    assert_eq!(unwrap_keys(&pair, recipient, &long).err(), Some(refused));
    // A public key of small order gives a shared secret that everybody knows.
    let weak = SealingPublicKey::from_bytes([0; 32]);
    assert_eq!(wrap_keys(&weak, recipient, &BTreeMap::new()).err(), Some(WrapError::PublicKey));
}

#[test]
fn entries_out_of_order_or_cut_are_refused() {
    let (fleet, cluster) = ids("edge-1");
    let recipient = Recipient { fleet: &fleet, cluster: &cluster };
    let pair = SealingKeyPair::generate().unwrap();
    let entry = |digest: u8| [[digest; 32], [1; 32]].concat();
    let check = |entries: Vec<u8>, fine: bool| {
        let header = key_blob::header(&pair.public());
        let (encapsulated, ciphertext) =
            key_pair::suite().seal(&recipient.info(), &header, &entries, &pair.public().to_hpke()).unwrap();
        let blob = [header.as_slice(), &encapsulated.0, &ciphertext].concat();
        let expected = if fine { None } else { Some(UnwrapError::Entries) };
        assert_eq!(unwrap_keys(&pair, recipient, &blob).err(), expected);
    };
    check([entry(1), entry(2)].concat(), true);
    check([entry(2), entry(1)].concat(), false);
    check([entry(1), entry(1)].concat(), false);
    check(entry(1)[..63].to_vec(), false);
    check(entry(1)[..31].to_vec(), false);
}

#[test]
fn key_pairs_survive_their_text_and_show_a_mask() {
    let pair = SealingKeyPair::generate().unwrap();
    let again = SealingKeyPair::from_text(&pair.to_text()).unwrap();
    assert_eq!(pair.public(), again.public());
    assert_eq!(pair.public().to_string().parse(), Ok(pair.public()));
    assert_eq!(SealingPublicKey::try_from(&pair.public().as_bytes()[..]), Ok(pair.public()));
    assert_eq!(SealingPublicKey::try_from(&[0; 31][..]), Err(SealingKeyError::Length { length: 31 }));
    for bad in ["", "AAAA", &"A".repeat(44), &"?".repeat(44), &"A".repeat(400)] {
        assert_eq!(SealingKeyPair::from_text(bad).err(), Some(SealingKeyError::Malformed), "{bad}");
    }
    let shown = format!("{pair:?} {:?} {:?}", sealer(), sealer().seal("a", b"x").unwrap().data_key);
    assert!(!shown.contains(pair.to_text().as_str()));
    assert!(shown.matches(MASK).count() == 3, "{shown}");
}
