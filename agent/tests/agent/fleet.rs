//! A fleet without a hub: its keys, and what a hub would sign with them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use skerry_certs::authority::Authority;
use skerry_certs::request::SigningRequest;
use skerry_certs::root_key::SigningKey;
use skerry_common::bundle::archive::Archive;
use skerry_common::bundle::digest::{BlobRef, Digest};
use skerry_common::bundle::manifest::{Encoding, Manifest, ManifestEntry, Order, Policy};
use skerry_common::bundle::root::{ApplicationRef, BUNDLE_TYPE, BundleRoot};
use skerry_common::bundle::signature::Envelope;
use skerry_common::bundle::trust::{TRUST_ROOT_TYPE, TrustRoot};
use skerry_common::canonical;
use skerry_common::id::{ApplicationName, ClusterId, ClusterName, Epoch, FleetId, Generation};
use skerry_common::object::group_of;
use skerry_common::wire::v1::Grant;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A fleet without a hub.
pub(crate) struct Fleet {
    authority: Authority,
    pub(crate) root_key: SigningKey,
    pub(crate) bundle_key: SigningKey,
    pub(crate) trust: Envelope,
}

fn text(at: OffsetDateTime) -> String {
    at.replace_nanosecond(0).expect("a time").format(&Rfc3339).expect("a time")
}

fn fleet_id() -> FleetId {
    FleetId::parse("f1").expect("an id")
}

fn cluster_id() -> ClusterId {
    ClusterId::parse("c1").expect("an id")
}

impl Fleet {
    /// New keys, and a trust root that names a hub where nobody answers.
    pub(crate) fn make() -> Self {
        let now = OffsetDateTime::now_utc();
        let authority = Authority::create(fleet_id(), now).expect("an authority");
        let (root_key, bundle_key) = (SigningKey::generate().expect("a key"), SigningKey::generate().expect("a key"));
        let root = TrustRoot {
            schema: 1,
            fleet: fleet_id(),
            version: 1,
            epoch: Epoch(1),
            threshold: 1,
            root_keys: vec![root_key.public_key()],
            bundle_keys: vec![bundle_key.public_key()],
            authorities: vec![authority.certificate_pem()],
            hubs: vec!["localhost:1".into()],
            issued: text(now),
        };
        let bytes = serde_json::to_vec(&root).expect("bytes");
        let trust = root_key.sign_envelope(TRUST_ROOT_TYPE, bytes).expect("signs");
        Self { authority, root_key, bundle_key, trust }
    }

    /// Does what the hub does with a signing request.
    pub(crate) fn grant(&self, csr: &[u8]) -> Grant {
        let csr = SigningRequest::from_der(csr).expect("a signing request");
        let issued = self.authority.issue_agent(&csr, &cluster_id(), OffsetDateTime::now_utc(), 30).expect("issues");
        Grant {
            fleet: fleet_id(),
            cluster: cluster_id(),
            name: ClusterName::parse("reef").expect("a name"),
            chain: issued.chain,
            trust_root: self.trust.clone(),
            earlier_trust_roots: Vec::new(),
        }
    }

    /// A bundle with one application, `web`.
    pub(crate) fn archive(&self, generation: u64, policy: &Policy, objects: &[Value], key: &SigningKey) -> Archive {
        let application = ApplicationName::parse("web").expect("a name");
        let mut blobs: BTreeMap<Digest, Vec<u8>> = BTreeMap::new();
        let mut entries = Vec::new();
        for object in objects {
            let bytes = canonical::to_bytes(object);
            entries.push(entry(object, BlobRef::of(&bytes)));
            blobs.insert(Digest::of(&bytes), bytes);
        }
        let manifest = Manifest::new(application.clone(), policy.clone(), entries).expect("a manifest");
        let bytes = manifest.to_bytes().expect("bytes");
        let (now, blob) = (OffsetDateTime::now_utc(), BlobRef::of(&bytes));
        blobs.insert(blob.digest, bytes);
        let root = BundleRoot {
            schema: 1,
            fleet: fleet_id(),
            cluster: cluster_id(),
            epoch: Epoch(1),
            generation: Generation(generation),
            parent: None,
            issued: text(now),
            expires: text(now + Duration::from_secs(86_400)),
            hub: "hub".into(),
            renderer: "0".into(),
            sources: Vec::new(),
            applications: vec![ApplicationRef { name: application, manifest: blob, sources: Vec::new() }],
            key_blob: None,
            confirmations: Vec::new(),
            sync_requests: 0,
        };
        let root = key.sign_envelope(BUNDLE_TYPE, root.to_bytes().expect("bytes")).expect("signs");
        Archive { trust_root: self.trust.clone(), root, blobs }
    }
}

fn entry(object: &Value, content: BlobRef) -> ManifestEntry {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (api_version, kind) = (text("/apiVersion"), text("/kind"));
    let order = Order::of(group_of(&api_version), &kind);
    let namespace = Some(text("/metadata/namespace")).filter(|namespace| !namespace.is_empty());
    let name = text("/metadata/name");
    ManifestEntry { api_version, kind, namespace, name, content, encoding: Encoding::Plain, order }
}
