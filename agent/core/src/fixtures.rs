//! Signed documents for tests.

use std::collections::BTreeMap;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use skerry_common::bundle::digest::{BlobRef, Digest};
use skerry_common::bundle::manifest::Manifest;
use skerry_common::bundle::root::{ApplicationRef, BUNDLE_TYPE, BundleRoot};
use skerry_common::bundle::signature::{Envelope, PublicKey, Signature, pre_authentication_encoding};
use skerry_common::bundle::trust::{TRUST_ROOT_TYPE, TrustRoot, TrustedRoot};
use skerry_common::id::{ApplicationName, ClusterId, Epoch, FleetId, Generation};
use skerry_common::report::BundleMark;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::accept::{AcceptedBundle, Me, accept};

pub(crate) fn at(text: &str) -> OffsetDateTime {
    OffsetDateTime::parse(text, &Rfc3339).expect("a time")
}

pub(crate) fn me() -> Me {
    Me { fleet: FleetId::parse("f1").expect("an id"), cluster: ClusterId::parse("c1").expect("an id") }
}

pub(crate) fn name(text: &str) -> ApplicationName {
    ApplicationName::parse(text).expect("a name")
}

pub(crate) fn sign(payload_type: &str, payload: Vec<u8>, seed: u8) -> Envelope {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).expect("a seed");
    let sig = pair.sign(&pre_authentication_encoding(payload_type, &payload)).as_ref().to_vec();
    Envelope { payload_type: payload_type.into(), payload, signatures: vec![Signature { keyid: key(seed).id(), sig }] }
}

pub(crate) fn key(seed: u8) -> PublicKey {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).expect("a seed");
    let mut bytes = [0; 32];
    bytes.copy_from_slice(pair.public_key().as_ref());
    PublicKey::from_bytes(bytes)
}

/// Root key 1, bundle key 2.
pub(crate) fn trust(epoch: u64) -> TrustedRoot {
    let root = TrustRoot {
        schema: 1,
        fleet: me().fleet,
        version: epoch,
        epoch: Epoch(epoch),
        threshold: 1,
        root_keys: vec![key(1)],
        bundle_keys: vec![key(2)],
        authorities: vec!["pem".into()],
        hubs: vec!["localhost:1".into()],
        issued: "2026-01-01T00:00:00Z".into(),
    };
    let bytes = serde_json::to_vec(&root).expect("bytes");
    TrustedRoot::stored(sign(TRUST_ROOT_TYPE, bytes, 1)).expect("a trust root")
}

pub(crate) fn root(generation: u64, manifests: &[Manifest]) -> BundleRoot {
    BundleRoot {
        schema: 1,
        fleet: me().fleet,
        cluster: me().cluster,
        epoch: Epoch(1),
        generation: Generation(generation),
        parent: None,
        issued: "2026-03-01T00:00:00Z".into(),
        expires: "2026-04-01T00:00:00Z".into(),
        hub: "hub".into(),
        renderer: "0".into(),
        sources: Vec::new(),
        applications: manifests
            .iter()
            .map(|manifest| ApplicationRef {
                name: manifest.application.clone(),
                manifest: BlobRef::of(&manifest.to_bytes().expect("bytes")),
                sources: Vec::new(),
            })
            .collect(),
        key_blob: None,
        confirmations: Vec::new(),
        sync_requests: 0,
    }
}

pub(crate) fn signed(root: &BundleRoot) -> Envelope {
    sign(BUNDLE_TYPE, root.to_bytes().expect("bytes"), 2)
}

/// A complete bundle; manifests must be sorted by name.
pub(crate) fn bundle(generation: u64, manifests: &[Manifest], confirmations: Vec<Digest>) -> AcceptedBundle {
    let mut document = root(generation, manifests);
    document.confirmations = confirmations;
    let blobs: BTreeMap<BlobRef, Vec<u8>> = manifests
        .iter()
        .map(|manifest| manifest.to_bytes().expect("bytes"))
        .map(|bytes| (BlobRef::of(&bytes), bytes))
        .collect();
    accept(signed(&document), &trust(1), &me(), None::<BundleMark>, at("2026-03-02T00:00:00Z"))
        .expect("accepted")
        .read_manifests(|blob| blobs.get(blob).cloned())
        .expect("manifests")
        .complete(|_| true)
        .expect("complete")
}
