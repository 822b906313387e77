//! Sources, revisions, problems, fleet documents, sealed content.

use skerry_common::bundle::digest::{BlobRef, Digest};
use skerry_common::diagnostic::{Code, Diagnostic};
use skerry_common::id::{CommitId, SourceName};

use super::{Store, on_both};
use crate::store::Position;
use crate::store::sources::{
    FleetRecord, REVISIONS_PER_SOURCE_MAX, RevisionRecord, RevisionState, SourceRecord, Subject,
};

on_both!(
    sources_are_replaced,
    revisions_are_bounded,
    problems_keep_their_beginning,
    documents_and_sealed_content_are_kept
);

fn name(text: &str) -> SourceName {
    SourceName::parse(text).expect("valid")
}

fn commit(number: i64) -> CommitId {
    CommitId::parse(&format!("{number:040x}")).expect("valid")
}

async fn sources_are_replaced(store: impl Store) {
    let mut source = SourceRecord {
        name: name("shop"),
        url: "https://git.example/shop.git".into(),
        reference: "branch main".into(),
        commit: None,
        checked_unix_ms: Some(1),
        changed_unix_ms: None,
        failures: 3,
        error: Some("no route to host".into()),
    };
    store.put_source(source.clone()).await.expect("stores");
    (source.commit, source.changed_unix_ms, source.error) = (Some(commit(1)), Some(2), None);
    store.put_source(source.clone()).await.expect("stores");
    assert_eq!(store.sources().await.expect("lists"), [source]);
    store.remove_source(&name("shop")).await.expect("removes");
    assert_eq!(store.sources().await.expect("lists"), []);
}

async fn revisions_are_bounded(store: impl Store) {
    let revision = |number, state| RevisionRecord {
        source: name("shop"),
        commit: commit(number),
        reference: "branch main".into(),
        fetched_unix_ms: number,
        state,
        position: Position(0),
    };
    for number in 0..REVISIONS_PER_SOURCE_MAX + 2 {
        store.put_revision(revision(number, RevisionState::Fetched)).await.expect("stores");
    }
    store.put_revision(revision(5, RevisionState::Refused)).await.expect("stores");
    let listed = store.revisions(None, 1_000).await.expect("lists");
    assert_eq!(listed.len(), usize::try_from(REVISIONS_PER_SOURCE_MAX).expect("small"));
    assert_eq!((&listed[0].commit, listed[0].state), (&commit(5), RevisionState::Refused));
    let older = store.revisions(Some(listed[0].position), 1).await.expect("lists");
    assert_eq!(older[0], listed[1]);
}

async fn problems_keep_their_beginning(store: impl Store) {
    let problem = |text: &str| vec![Diagnostic::error(Code(412), text)];
    let shop = Subject::Source(name("shop"));
    store.put_problems(shop.clone(), problem("first"), 1).await.expect("stores");
    store.put_problems(Subject::Fleet, problem("fleet"), 2).await.expect("stores");
    store.put_problems(shop.clone(), problem("second"), 3).await.expect("stores");
    let listed = store.problems().await.expect("lists");
    assert_eq!(listed.iter().map(|row| row.subject.clone()).collect::<Vec<_>>(), [Subject::Fleet, shop.clone()]);
    assert_eq!((listed[1].since_unix_ms, listed[1].problems[0].message.as_str()), (1, "second"));
    store.put_problems(shop, Vec::new(), 4).await.expect("stores");
    assert_eq!(store.problems().await.expect("lists").len(), 1);
}

async fn documents_and_sealed_content_are_kept(store: impl Store) {
    assert_eq!(store.fleet().await.expect("reads"), None);
    for number in 1..3 {
        let fleet = FleetRecord { commit: commit(number), at_unix_ms: number, documents: vec![0, 255] };
        store.put_fleet(fleet.clone()).await.expect("stores");
        assert_eq!(store.fleet().await.expect("reads"), Some(fleet));
    }
    let key = Digest::of(b"hmac");
    let first = BlobRef { digest: Digest::of(b"x"), size: 1 };
    let second = BlobRef { digest: Digest::of(b"y"), size: 1 };
    assert_eq!(store.sealed(&key).await.expect("reads"), None);
    store.put_sealed(&[(key, first)]).await.expect("stores");
    store.put_sealed(&[(key, second)]).await.expect("stores");
    assert_eq!(store.sealed(&key).await.expect("reads"), Some(first), "equal content stays equal bytes");
}
