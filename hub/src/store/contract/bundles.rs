//! Places, bytes and signatures.

use std::collections::BTreeSet;

use skerry_common::bundle::digest::Digest;
use skerry_common::bundle::signature::{KeyId, Signature};
use skerry_common::id::{ClusterId, Epoch, Generation, Place};
use skerry_common::report::BundleMark;

use super::{Store, on_both, registered};
use crate::store::blobs::{SweepEnd, Swept};
use crate::store::bundles::{Reservation, Reserve};

on_both!(
    a_place_holds_one_content,
    the_parent_must_be_the_newest,
    nothing_is_issued_at_or_below_what_was_seen,
    unsigned_roots_are_found_again,
    signatures_publish_once,
    history_is_bounded_but_keeps_the_newest_published,
    all_roots_are_listed_page_by_page,
    of_many_rivals_one_wins,
    sweeps_and_publications_notice_each_other,
);

/// Roots that are kept of each cluster.
const KEPT: u32 = 20;

fn place(generation: u64) -> Place {
    Place { epoch: Epoch(1), generation: Generation(generation) }
}

fn reservation(cluster: &ClusterId, parent: Option<&str>, generation: u64, payload: &str) -> Reservation {
    Reservation {
        cluster: cluster.clone(),
        parent: parent.map(|text| Digest::of(text.as_bytes())),
        place: place(generation),
        payload: payload.as_bytes().to_vec(),
        now_unix_ms: 5,
        sweeps: 0,
        roots_kept: KEPT,
    }
}

fn mark(generation: u64, payload: &str) -> BundleMark {
    BundleMark { place: place(generation), root: Digest::of(payload.as_bytes()) }
}

fn signature(byte: u8) -> Signature {
    Signature { keyid: KeyId("k".into()), sig: vec![byte; 64] }
}

async fn publish(store: &impl Store, cluster: &ClusterId, parent: Option<&str>, generation: u64, payload: &str) {
    let reserved = store.reserve(reservation(cluster, parent, generation, payload)).await.expect("answers");
    assert_eq!(reserved, Reserve::Reserved);
    assert!(store.attach_signature(cluster, mark(generation, payload), signature(1), 6).await.expect("signs"));
}

async fn a_place_holds_one_content(store: impl Store) {
    let edge = registered(&store, "edge").await;
    let first = reservation(&edge, None, 1, "one");
    assert_eq!(store.reserve(first.clone()).await.expect("answers"), Reserve::Reserved);
    assert_eq!(store.reserve(first).await.expect("answers"), Reserve::Reserved, "again is harmless");
    let conflict = Reserve::Conflict { newest: Some(mark(1, "one")), highest: None };
    assert_eq!(store.reserve(reservation(&edge, None, 1, "other")).await.expect("answers"), conflict);
    let same_place = reservation(&edge, Some("one"), 1, "other");
    assert_eq!(store.reserve(same_place).await.expect("answers"), conflict);
}

async fn the_parent_must_be_the_newest(store: impl Store) {
    let edge = registered(&store, "edge").await;
    publish(&store, &edge, None, 1, "one").await;
    let conflict = Reserve::Conflict { newest: Some(mark(1, "one")), highest: None };
    assert_eq!(store.reserve(reservation(&edge, None, 2, "two")).await.expect("answers"), conflict);
    assert_eq!(store.reserve(reservation(&edge, Some("zero"), 2, "two")).await.expect("answers"), conflict);
    publish(&store, &edge, Some("one"), 2, "two").await;
    assert_eq!(store.newest(&edge).await.expect("reads").expect("is there").mark(), mark(2, "two"));
    assert_eq!(store.root(&edge, place(1)).await.expect("reads").expect("is kept").payload, b"one");
}

async fn nothing_is_issued_at_or_below_what_was_seen(store: impl Store) {
    let edge = registered(&store, "edge").await;
    store.raise_highest(&edge, place(7)).await.expect("stores");
    let conflict = Reserve::Conflict { newest: None, highest: Some(place(7)) };
    assert_eq!(store.reserve(reservation(&edge, None, 7, "seven")).await.expect("answers"), conflict);
    assert_eq!(store.reserve(reservation(&edge, None, 8, "eight")).await.expect("answers"), Reserve::Reserved);
}

async fn unsigned_roots_are_found_again(store: impl Store) {
    let edge = registered(&store, "edge").await;
    publish(&store, &edge, None, 1, "one").await;
    store.reserve(reservation(&edge, Some("one"), 2, "two")).await.expect("reserves");
    let unsigned = store.unsigned().await.expect("lists");
    assert_eq!(unsigned.iter().map(|root| root.mark()).collect::<Vec<_>>(), [mark(2, "two")]);
    assert_eq!(unsigned[0].envelope(), None);
    assert_eq!(store.newest(&edge).await.expect("reads").expect("is there").mark(), mark(1, "one"));
    assert_eq!(store.newest_reserved(&edge).await.expect("reads").expect("is there").mark(), mark(2, "two"));
    assert_eq!(store.root(&edge, place(2)).await.expect("reads"), None, "not published");
}

async fn signatures_publish_once(store: impl Store) {
    let edge = registered(&store, "edge").await;
    store.reserve(reservation(&edge, None, 1, "one")).await.expect("reserves");
    assert!(!store.attach_signature(&edge, mark(1, "other"), signature(1), 6).await.expect("answers"));
    assert!(!store.attach_signature(&edge, mark(2, "one"), signature(1), 6).await.expect("answers"));
    assert!(store.attach_signature(&edge, mark(1, "one"), signature(1), 6).await.expect("signs"));
    assert!(store.attach_signature(&edge, mark(1, "one"), signature(1), 7).await.expect("again is harmless"));
    assert!(!store.attach_signature(&edge, mark(1, "one"), signature(2), 8).await.expect("answers"));
    let envelope = store.newest(&edge).await.expect("reads").expect("is there").envelope().expect("is signed");
    assert_eq!((envelope.payload.as_slice(), envelope.signatures[0].sig.len()), (b"one".as_slice(), 64));
    assert_eq!(store.unsigned().await.expect("lists"), []);
}

async fn history_is_bounded_but_keeps_the_newest_published(store: impl Store) {
    let edge = registered(&store, "edge").await;
    let kept = u64::from(KEPT);
    publish(&store, &edge, None, 1, "1").await;
    let mut parent = "1".to_owned();
    // None of these is ever signed: the published one stays reachable.
    for generation in 2..=kept + 3 {
        let payload = generation.to_string();
        store.reserve(reservation(&edge, Some(&parent), generation, &payload)).await.expect("reserves");
        parent = payload;
    }
    assert_eq!(store.newest(&edge).await.expect("reads").expect("is kept").mark(), mark(1, "1"));
    for generation in kept + 4..=2 * kept + 4 {
        let payload = generation.to_string();
        publish(&store, &edge, Some(&parent), generation, &payload).await;
        parent = payload;
    }
    let history = store.history(&edge).await.expect("lists");
    assert_eq!(history.len() as u64, kept);
    assert_eq!(history[0].place, place(2 * kept + 4));
}

async fn all_roots_are_listed_page_by_page(store: impl Store) {
    for name in ["a", "b"] {
        let cluster = registered(&store, name).await;
        publish(&store, &cluster, None, 1, "one").await;
        store.reserve(reservation(&cluster, Some("one"), 2, "two")).await.expect("reserves");
    }
    let (mut after, mut seen) = (0, Vec::new());
    loop {
        let page = store.roots_after(after, 3).await.expect("lists");
        let Some(last) = page.last() else { break };
        after = last.order;
        seen.extend(page.into_iter().map(|root| format!("{}/{}", root.cluster, root.place)));
    }
    assert_eq!(seen, ["id-a/1", "id-a/2", "id-b/1", "id-b/2"]);
}

async fn of_many_rivals_one_wins(store: impl Store) {
    let edge = registered(&store, "edge").await;
    let rivals = (0..8).map(|number| {
        let (store, request) = (store.clone(), reservation(&edge, None, 1, &number.to_string()));
        tokio::task::spawn(async move { store.reserve(request).await.expect("answers") })
    });
    let mut won = 0;
    for rival in rivals.collect::<Vec<_>>() {
        won += u32::from(rival.await.expect("runs") == Reserve::Reserved);
    }
    assert_eq!(won, 1);
}

async fn sweeps_and_publications_notice_each_other(store: impl Store) {
    // Longer than any blob is left alone.
    const LATER: i64 = 30 * 24 * 60 * 60 * 1000;
    let edge = registered(&store, "edge").await;
    publish(&store, &edge, None, 1, "one").await;
    store.put_many(vec![b"old".to_vec()], 1).await.expect("stores");
    // A root was reserved that the sweep has not read: its blobs are not known.
    let swept = store.delete_unreferenced(&BTreeSet::new(), 0, LATER).await.expect("sweeps");
    assert_eq!(swept, Swept { deleted: 0, end: SweepEnd::RootsReserved });
    let through = store.roots_after(0, 10).await.expect("lists").last().expect("is kept").order;
    // A publication put its blobs, and a sweep that does not know of it deletes them: it must begin again.
    let begun = store.sweeps().await.expect("counts");
    let swept = store.delete_unreferenced(&BTreeSet::new(), through, LATER).await.expect("sweeps");
    assert_eq!(swept, Swept { deleted: 1, end: SweepEnd::Complete });
    let late = Reservation { sweeps: begun, ..reservation(&edge, Some("one"), 2, "two") };
    let conflict = Reserve::Conflict { newest: Some(mark(1, "one")), highest: None };
    assert_eq!(store.reserve(late.clone()).await.expect("answers"), conflict);
    let again = Reservation { sweeps: store.sweeps().await.expect("counts"), ..late };
    assert_eq!(store.reserve(again).await.expect("answers"), Reserve::Reserved);
}
