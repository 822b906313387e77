use std::collections::BTreeMap;

use skerry_common::bundle::manifest::{Encoding, Manifest, ManifestEntry, Order, Policy};
use skerry_common::bundle::root::BUNDLE_TYPE;
use skerry_common::id::Generation;

use super::*;
use crate::fixtures::{at, me, name, root, sign, signed, trust};

const NOW: &str = "2026-03-10T00:00:00Z";

fn manifest() -> Manifest {
    let entry = |name: &str| ManifestEntry {
        api_version: "v1".into(),
        kind: "ConfigMap".into(),
        namespace: Some("shop".into()),
        name: name.into(),
        content: BlobRef::of(name.as_bytes()),
        encoding: Encoding::Plain,
        order: Order::Rest,
    };
    Manifest::new(name("web"), Policy::default(), vec![entry("a"), entry("b")]).expect("a manifest")
}

fn highest(generation: u64) -> Option<BundleMark> {
    Some(BundleMark { place: root(generation, &[]).place(), root: signed(&root(generation, &[])).digest() })
}

fn judge(
    change: impl FnOnce(&mut BundleRoot),
    highest: Option<BundleMark>,
    now: &str,
) -> Result<AcceptedRoot, Refusal> {
    let mut document = root(5, &[]);
    change(&mut document);
    accept(signed(&document), &trust(1), &me(), highest, at(now))
}

#[test]
fn a_newer_root_for_us_is_accepted() {
    for known in [None, highest(1), highest(4)] {
        assert_eq!(judge(|_| {}, known, NOW).expect("accepted").freshness(), Freshness::Newer);
    }
}

#[test]
fn whatever_is_not_for_us_is_refused() {
    let check = |change: fn(&mut BundleRoot), code| {
        assert_eq!(judge(change, None, NOW).expect_err("refused").code(), Code(code));
    };
    check(|root| root.fleet = FleetId::parse("f2").expect("an id"), 502);
    check(|root| root.cluster = ClusterId::parse("c2").expect("an id"), 502);
    check(|root| root.epoch = Epoch(2), 507);
    check(|root| root.epoch = Epoch(0), 507);
    check(|root| root.expires = "2026-03-09T00:00:00Z".into(), 505);
    check(|root| root.issued = "2026-03-11T00:00:01Z".into(), 508);
    check(|root| root.issued = "soon".into(), 509);
    check(|root| root.expires = root.issued.clone(), 509);
}

#[test]
fn only_bundle_keys_count() {
    let bytes = root(5, &[]).to_bytes().expect("bytes");
    for seed in [1, 3] {
        let refused = accept(sign(BUNDLE_TYPE, bytes.clone(), seed), &trust(1), &me(), None, at(NOW));
        assert_eq!(refused.expect_err("refused").code(), Code(501));
    }
}

#[test]
fn the_order_only_grows() {
    assert_eq!(judge(|_| {}, highest(6), NOW).expect_err("refused").code(), Code(503));
    let other = judge(|root| root.hub = "other".into(), highest(5), NOW);
    assert_eq!(other.expect_err("refused").code(), Code(504));
    let old_epoch =
        Some(BundleMark { place: Place { epoch: Epoch(0), generation: Generation(u64::MAX) }, root: Digest::of(b"") });
    assert!(judge(|_| {}, old_epoch, NOW).is_ok(), "a raised epoch undoes a number pushed to its end");
}

#[test]
fn the_same_bytes_are_accepted_again_even_when_expired() {
    let again = judge(|_| {}, highest(5), "2030-01-01T00:00:00Z").expect("accepted");
    assert_eq!(again.freshness(), Freshness::Unchanged);
}

#[test]
fn clocks_may_lag_a_day() {
    assert!(judge(|_| {}, None, "2026-02-28T00:00:00Z").is_ok());
    assert!(judge(|_| {}, None, "2026-02-27T23:59:59Z").is_err());
    assert!(judge(|_| {}, None, "2026-03-31T23:59:59Z").is_ok());
    assert!(judge(|_| {}, None, "2026-04-01T00:00:00Z").is_err());
}

#[test]
fn time_never_runs_behind_what_was_seen() {
    let (early, build, late) = (at("1970-01-01T00:00:00Z"), at("2026-01-01T00:00:00Z"), at(NOW));
    assert_eq!(time_floor(early, build, None), build);
    assert_eq!(time_floor(early, build, Some(late)), late);
    assert_eq!(time_floor(late, build, Some(build)), late);
}

#[test]
fn what_was_accepted_is_taken_up_again_whatever_the_clock_and_the_keys() {
    let document = root(5, &[]);
    let by_a_retired_key = sign(BUNDLE_TYPE, document.to_bytes().expect("bytes"), 9);
    let mark = BundleMark { place: document.place(), root: by_a_retired_key.digest() };
    let stored = AcceptedRoot::stored(by_a_retired_key.clone(), &me(), &mark).expect("stored");
    assert_eq!(stored.mark(), mark);
    let mut damaged = by_a_retired_key;
    damaged.payload[10] ^= 1;
    assert!(matches!(AcceptedRoot::stored(damaged, &me(), &mark), Err(StoredRefusal::Digest { .. })));
}

#[test]
fn content_is_fetched_in_two_stages() {
    let manifest = manifest();
    let bytes = manifest.to_bytes().expect("bytes");
    let accepted =
        accept(signed(&root(5, std::slice::from_ref(&manifest))), &trust(1), &me(), None, at(NOW)).expect("accepted");
    assert_eq!(accepted.missing(|_| false), [BlobRef::of(&bytes)]);
    assert!(accepted.missing(|_| true).is_empty());

    let absent = accepted.clone().read_manifests(|_| None);
    assert_eq!(absent, Err(ContentRefusal::ManifestMissing(name("web"))));
    let mut wrong = bytes.clone();
    wrong[0] ^= 1;
    let damaged = accepted.clone().read_manifests(|_| Some(wrong.clone()));
    assert!(matches!(damaged, Err(ContentRefusal::ManifestBytes { .. })));

    let blobs = BTreeMap::from([(BlobRef::of(&bytes), bytes)]);
    let read = accepted.read_manifests(|blob| blobs.get(blob).cloned()).expect("read");
    assert_eq!(read.missing(|_| false), [BlobRef::of(b"a"), BlobRef::of(b"b")]);
    assert_eq!(read.missing(|blob| *blob == BlobRef::of(b"a")), [BlobRef::of(b"b")]);
    assert_eq!(read.clone().complete(|_| false), Err(ContentRefusal::Incomplete(2)));
    let bundle = read.complete(|_| true).expect("complete");
    assert_eq!(bundle.manifest(&name("web")), Some(&manifest));
    assert_eq!(bundle.blobs().len(), 3);
}

#[test]
fn a_manifest_of_another_application_and_sealed_objects_without_keys_are_refused() {
    let mut other = root(5, &[manifest()]);
    other.applications[0].name = name("db");
    let bytes = manifest().to_bytes().expect("bytes");
    let accepted = accept(signed(&other), &trust(1), &me(), None, at(NOW)).expect("accepted");
    let refused = accepted.read_manifests(|_| Some(bytes.clone()));
    assert!(matches!(refused, Err(ContentRefusal::Application { .. })));

    let mut sealed = manifest();
    sealed.objects[0].encoding = Encoding::Sealed;
    let bytes = sealed.to_bytes().expect("bytes");
    let accepted = accept(signed(&root(5, &[sealed])), &trust(1), &me(), None, at(NOW)).expect("accepted");
    assert_eq!(accepted.read_manifests(|_| Some(bytes.clone())), Err(ContentRefusal::NoKeys(name("web"))));
}
