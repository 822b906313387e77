//! Journals, events, drifts.

use skerry_common::id::{ApplicationName, ClusterId, Incarnation, Sequence};
use skerry_common::journal::{Drift, DriftKind, DriftOutcome, Event, FieldDrift, JournalEntry};
use skerry_common::object::ObjectKey;

use super::{Store, on_both, registered};
use crate::store::Position;
use crate::store::journal::{DriftFilter, DriftQuery, EVENTS_PER_CLUSTER_MAX, EventQuery, HubEvent, Range, What};

on_both!(
    entries_are_stored_once_and_acknowledged,
    events_are_listed_both_ways,
    the_same_field_drifts_once,
    drifts_close,
    old_events_are_folded_into_counts,
);

fn started(sequence: u64) -> JournalEntry {
    entry(sequence, Event::Started { version: "0.1.0".into() })
}

fn entry(sequence: u64, event: Event) -> JournalEntry {
    JournalEntry { sequence: Sequence(sequence), at_unix_ms: 100 + i64::try_from(sequence).expect("small"), event }
}

fn drift(resource_version: &str, fields: &[&str]) -> Event {
    let field = |path: &&str| FieldDrift { path: (*path).into(), kind: DriftKind::Changed, manager: "kubectl".into() };
    Event::Drift(Drift {
        application: ApplicationName::parse("web").expect("valid"),
        object: ObjectKey { group: "apps".into(), kind: "Deployment".into(), namespace: None, name: "web".into() },
        uid: "u-1".into(),
        resource_version: resource_version.into(),
        fields: fields.iter().map(field).collect(),
    })
}

fn all(cluster: Option<&ClusterId>, range: Range) -> EventQuery {
    EventQuery { cluster: cluster.cloned(), range, limit: 1_000 }
}

fn drifts(which: DriftFilter) -> DriftQuery {
    DriftQuery { cluster: None, application: None, which, range: Range::After(Position(0)), limit: 100 }
}

async fn entries_are_stored_once_and_acknowledged(store: impl Store) {
    let edge = registered(&store, "edge").await;
    let life = Incarnation(u64::MAX);
    assert_eq!(store.mark(&edge, life).await.expect("reads"), Sequence(0));
    let batch = [started(1), started(2), started(3)];
    assert_eq!(store.append(&edge, life, &batch, 9).await.expect("stores"), Sequence(3));
    assert_eq!(store.append(&edge, life, &batch, 9).await.expect("stores"), Sequence(3), "the answer was lost");
    let overlap = [started(3), started(4), started(9)];
    assert_eq!(store.append(&edge, life, &overlap, 9).await.expect("stores"), Sequence(9));
    assert_eq!(store.append(&edge, Incarnation(1), &[started(1)], 9).await.expect("stores"), Sequence(1));
    let events = store.events(&all(Some(&edge), Range::After(Position(0)))).await.expect("lists");
    let keys: Vec<_> = events
        .iter()
        .map(|event| match &event.what {
            What::Agent { incarnation, sequence, .. } => (incarnation.0, sequence.0),
            What::Hub(event) => panic!("{event:?} was never recorded"),
        })
        .collect();
    assert_eq!(keys, [(u64::MAX, 1), (u64::MAX, 2), (u64::MAX, 3), (u64::MAX, 4), (u64::MAX, 9), (1, 1)]);
    assert_eq!(store.mark(&edge, life).await.expect("reads"), Sequence(9));
}

async fn events_are_listed_both_ways(store: impl Store) {
    let edge = registered(&store, "edge").await;
    store.record(Some(&edge), HubEvent::Registered, 1).await.expect("records");
    let message = "no route".to_owned();
    store.record(None, HubEvent::Suspicious { message }, 2).await.expect("records");
    let last = store.append(&edge, Incarnation(1), &[started(1)], 3).await.expect("stores");
    assert_eq!(last, Sequence(1));
    let kinds = async |query: EventQuery| -> Vec<&'static str> {
        store.events(&query).await.expect("lists").iter().map(|event| event.what.kind()).collect()
    };
    assert_eq!(kinds(all(None, Range::After(Position(0)))).await, ["registered", "suspicious", "started"]);
    assert_eq!(kinds(all(None, Range::Before(None))).await, ["started", "suspicious", "registered"]);
    assert_eq!(kinds(all(Some(&edge), Range::Before(None))).await, ["started", "registered"]);
    let newest = store.events(&all(None, Range::Before(None))).await.expect("lists")[0].position;
    assert_eq!(*store.head().borrow(), newest);
    assert_eq!(kinds(all(None, Range::Before(Some(newest)))).await, ["suspicious", "registered"]);
    assert_eq!(kinds(all(None, Range::After(newest))).await, [""; 0]);
}

async fn the_same_field_drifts_once(store: impl Store) {
    let edge = registered(&store, "edge").await;
    store.append(&edge, Incarnation(1), &[entry(1, drift("5", &["/a", "/b"]))], 9).await.expect("stores");
    store.append(&edge, Incarnation(2), &[entry(1, drift("5", &["/a"]))], 9).await.expect("stores");
    store.append(&edge, Incarnation(2), &[entry(2, drift("6", &["/a"]))], 9).await.expect("stores");
    let listed = store.drifts(&drifts(DriftFilter::All)).await.expect("lists");
    let keys: Vec<_> = listed.iter().map(|row| (row.resource_version.as_str(), row.path.as_str())).collect();
    assert_eq!(keys, [("5", "/a"), ("5", "/b"), ("6", "/a")]);
    assert_eq!((listed[0].manager.as_str(), listed[0].kind), ("kubectl", DriftKind::Changed));
}

async fn drifts_close(store: impl Store) {
    let edge = registered(&store, "edge").await;
    let opened = [entry(1, drift("5", &["/a", "/b"])), entry(2, drift("6", &["/c"]))];
    store.append(&edge, Incarnation(1), &opened, 9).await.expect("stores");
    let before = *store.head().borrow();
    let closed = entry(3, Event::DriftClosed { drift: Sequence(1), outcome: DriftOutcome::Healed });
    store.append(&edge, Incarnation(1), &[closed], 9).await.expect("stores");
    let open = store.drifts(&drifts(DriftFilter::Open)).await.expect("lists");
    assert_eq!(open.iter().map(|row| row.path.as_str()).collect::<Vec<_>>(), ["/c"]);
    let query = DriftQuery { range: Range::After(before), ..drifts(DriftFilter::All) };
    let changed = store.drifts(&query).await.expect("lists");
    assert_eq!(changed.len(), 2, "closing is a change that watchers see");
    assert!(changed.iter().all(|row| row.closed == Some((DriftOutcome::Healed, 103))));
    let elsewhere = DriftQuery { cluster: Some(super::id("nobody")), ..drifts(DriftFilter::All) };
    assert_eq!(store.drifts(&elsewhere).await.expect("lists"), []);
}

async fn old_events_are_folded_into_counts(store: impl Store) {
    let (edge, other) = (registered(&store, "edge").await, registered(&store, "other").await);
    store.record(Some(&other), HubEvent::Registered, 1).await.expect("records");
    let batch: Vec<_> = (1..=EVENTS_PER_CLUSTER_MAX + 5).map(started).collect();
    store.append(&edge, Incarnation(1), &batch, 9).await.expect("stores");
    let kept = store.events(&all(Some(&edge), Range::After(Position(0)))).await.expect("lists");
    assert_eq!(kept.len() as u64, EVENTS_PER_CLUSTER_MAX);
    assert_eq!(store.dropped_events(Some(&edge)).await.expect("counts"), [("started".to_owned(), 5)]);
    assert_eq!(store.dropped_events(Some(&other)).await.expect("counts"), []);
    assert_eq!(store.events(&all(Some(&other), Range::Before(None))).await.expect("lists").len(), 1);
    let through = store.dropped_through().await.expect("reads");
    assert!(through > Position(0) && through < kept[0].position);
}
