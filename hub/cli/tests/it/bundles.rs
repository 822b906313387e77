//! `skerry bundle`: export from the hub, inspect and verify without it.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::Value;
use skerry_common::bundle::archive::Archive;
use skerry_common::bundle::digest::{BlobRef, Digest};
use skerry_common::bundle::manifest::{Encoding, Manifest, ManifestEntry, Order, Policy};
use skerry_common::bundle::root::{ApplicationRef, BUNDLE_TYPE, BundleRoot};
use skerry_common::bundle::signature::{Envelope, PublicKey, Signature, pre_authentication_encoding};
use skerry_common::bundle::trust::{TRUST_ROOT_TYPE, TrustRoot};
use skerry_common::id::{ApplicationName, ClusterId, Epoch, FleetId, Generation};

use crate::hub::Hub;
use crate::process::Home;

/// Keys by their seed: 1 signs trust roots, 2 bundles, 3 is a stranger's.
fn sign(payload_type: &str, payload: Vec<u8>, seed: u8) -> Envelope {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).expect("a seed");
    let sig = pair.sign(&pre_authentication_encoding(payload_type, &payload)).as_ref().to_vec();
    Envelope { payload_type: payload_type.into(), payload, signatures: vec![Signature { keyid: key(seed).id(), sig }] }
}

fn key(seed: u8) -> PublicKey {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).expect("a seed");
    PublicKey::from_bytes(pair.public_key().as_ref().try_into().expect("32 bytes"))
}

fn trust_root() -> Envelope {
    let root = TrustRoot {
        schema: 1,
        fleet: FleetId::parse("harbour").expect("an id"),
        version: 1,
        epoch: Epoch(1),
        threshold: 1,
        root_keys: vec![key(1)],
        bundle_keys: vec![key(2)],
        authorities: vec!["pem".into()],
        hubs: vec!["localhost:1".into()],
        issued: "2026-01-01T00:00:00Z".into(),
    };
    sign(TRUST_ROOT_TYPE, serde_json::to_vec(&root).expect("bytes"), 1)
}

fn archive(signer: u8, expires: &str) -> Archive {
    let object = br#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","namespace":"shop"}}"#.to_vec();
    let entry = ManifestEntry {
        api_version: "v1".into(),
        kind: "ConfigMap".into(),
        namespace: Some("shop".into()),
        name: "a".into(),
        content: BlobRef::of(&object),
        encoding: Encoding::default(),
        order: Order::of("", "ConfigMap"),
    };
    let name = ApplicationName::parse("web").expect("a name");
    let manifest = Manifest::new(name.clone(), Policy::default(), vec![entry]).expect("a manifest");
    let manifest = manifest.to_bytes().expect("bytes");
    let root = BundleRoot {
        schema: 1,
        fleet: FleetId::parse("harbour").expect("an id"),
        cluster: ClusterId::parse("c1").expect("an id"),
        epoch: Epoch(1),
        generation: Generation(7),
        parent: None,
        issued: "2020-01-01T00:00:00Z".into(),
        expires: expires.into(),
        hub: "hub".into(),
        renderer: "0.1.0".into(),
        sources: Vec::new(),
        applications: vec![ApplicationRef { name, manifest: BlobRef::of(&manifest), sources: Vec::new() }],
        key_blob: None,
        confirmations: Vec::new(),
        sync_requests: 0,
    };
    let root = sign(BUNDLE_TYPE, root.to_bytes().expect("bytes"), signer);
    let blobs = [object, manifest].map(|bytes| (Digest::of(&bytes), bytes));
    Archive { trust_root: trust_root(), root, blobs: blobs.into() }
}

fn good() -> Vec<u8> {
    archive(2, "2999-01-01T00:00:00Z").to_bytes().expect("bytes")
}

#[tokio::test]
async fn what_is_inside_is_shown() {
    let home = Home::new();
    home.write("b.tar", good());
    let run = home.run(&["bundle", "inspect", "b.tar"]).await.code(0);
    for part in
        ["Fleet:        harbour\n", "Generation:   7\n", "APPLICATION   OBJECTS   BYTES   SOURCES\nweb           1 "]
    {
        assert!(run.stdout.contains(part), "{part}\n{}", run.stdout);
    }
    assert!(run.stderr.contains("nothing of this is verified"), "{}", run.stderr);
    let run = home.run(&["bundle", "inspect", "b.tar", "-o", "name"]).await.code(0);
    assert_eq!(run.stdout, "ConfigMap/shop/a\n");
    let run = home.run(&["bundle", "inspect", "b.tar", "-o", "json"]).await.code(0);
    let value: Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(value["trustRootDigest"].as_str(), Some(trust_root().digest().to_string().as_str()));
}

#[tokio::test]
async fn a_good_archive_verifies_against_a_pin_or_a_file() {
    let home = Home::new();
    home.write("b.tar", good());
    home.write("root.json", serde_json::to_vec(&trust_root()).expect("bytes"));
    let pin = trust_root().digest().to_string();
    let run = home.run(&["bundle", "verify", "b.tar", "--pin", &pin, "--cluster", "c1"]).await.code(0);
    let expected = "verified: fleet harbour, cluster c1, generation 7, 1 applications, 1 objects, 2 blobs\n";
    assert_eq!(run.stdout, expected);
    let run = home.run(&["bundle", "verify", "b.tar", "--trust-root", "root.json"]).await.code(0);
    assert_eq!(run.stdout, expected);
    assert!(run.stderr.contains("give `--cluster ID`"), "{}", run.stderr);
}

#[tokio::test]
async fn what_does_not_count_is_refused_with_its_reason() {
    let home = Home::new();
    let pin = trust_root().digest().to_string();
    let check = async |bytes: Vec<u8>, arguments: &[&str], code: i32, start: &str| {
        home.write("b.tar", bytes);
        let arguments: Vec<&str> = ["bundle", "verify", "b.tar"].iter().chain(arguments).copied().collect();
        let run = home.run(&arguments).await.code(code);
        assert!(run.stderr.starts_with(start), "{}", run.stderr);
    };
    let pinned: &[&str] = &["--pin", &pin];
    check(good(), &[], 2, "error[SK0919]").await;
    check(good(), &["--pin", "sha256:x"], 2, "error[SK0919]").await;
    let other = Digest::of(b"other").to_string();
    check(good(), &["--pin", &other], 1, "error[SK0918]: the archive's trust root does not count").await;
    check(good(), &["--pin", &pin, "--cluster", "c2"], 1, "error[SK0502]").await;
    check(archive(3, "2999-01-01T00:00:00Z").to_bytes().expect("bytes"), pinned, 1, "error[SK0501]").await;
    check(archive(2, "2021-01-01T00:00:00Z").to_bytes().expect("bytes"), pinned, 1, "error[SK0505]").await;
    let mut incomplete = archive(2, "2999-01-01T00:00:00Z");
    incomplete.blobs.retain(|_, bytes| bytes.starts_with(b"{\"application\""));
    check(incomplete.to_bytes().expect("bytes"), pinned, 1, "error[SK0506]").await;
    let cut = good();
    check(cut[..cut.len() / 2].to_vec(), pinned, 1, "error[SK0918]").await;
    check(b"no tar".to_vec(), pinned, 1, "error[SK0918]").await;
}

#[tokio::test]
async fn an_export_is_checked_before_it_has_its_name() {
    let hub = Hub::start().await;
    let path = "GET /api/v1/clusters/edge-01/bundle";
    hub.put(path, 200, "application/x-tar", good()[..1000].to_vec());
    hub.put(path, 200, "application/x-tar", good());
    hub.run(&["bundle", "export", "edge-01", "b.tar"]).await.code(1);
    let left: Vec<_> =
        std::fs::read_dir(hub.home.path("")).expect("listed").flatten().map(|entry| entry.file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with("b.tar")), "{left:?}");
    let run = hub.run(&["bundle", "export", "edge-01", "b.tar"]).await.code(0);
    assert!(run.stderr.contains("skerry-agent import b.tar"), "{}", run.stderr);
    assert_eq!(std::fs::read(hub.home.path("b.tar")).expect("written"), good());
    let run = hub.run(&["bundle", "export", "edge-01", "b.tar"]).await.code(2);
    assert!(run.stderr.contains("overwrite it with `--force`"), "{}", run.stderr);
    hub.run(&["bundle", "export", "edge-01", "b.tar", "--force"]).await.code(0);
}
