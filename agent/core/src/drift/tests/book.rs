use skerry_common::id::Sequence;
use skerry_common::journal::{Drift, DriftKind, DriftOutcome, Event, FieldDrift, JournalEntry};
use skerry_common::object::ObjectKey;

use crate::drift::{Book, Sighting};
use crate::fixtures::name;

fn key() -> ObjectKey {
    ObjectKey { group: String::new(), kind: "ConfigMap".into(), namespace: Some("shop".into()), name: "a".into() }
}

fn field(path: &str) -> FieldDrift {
    FieldDrift { path: path.into(), kind: DriftKind::Changed, manager: "kubectl-edit".into() }
}

fn drift(version: &str, paths: &[&str]) -> Drift {
    Drift {
        application: name("web"),
        object: key(),
        uid: "u".into(),
        resource_version: version.into(),
        fields: paths.iter().map(|path| field(path)).collect(),
    }
}

fn sight(book: &Book, version: &str, paths: &[&str]) -> Sighting {
    let fields: Vec<_> = paths.iter().map(|path| field(path)).collect();
    book.sight(&key(), "u", version, &fields)
}

fn tell(paths: &[&str]) -> Sighting {
    Sighting::Tell(paths.iter().map(|path| field(path)).collect())
}

#[test]
fn a_drift_is_told_once_and_closed_once() {
    let mut book = Book::default();
    assert_eq!(sight(&book, "7", &["/a"]), tell(&["/a"]));
    book.opened(Sequence(1), drift("7", &["/a"]));
    assert_eq!(sight(&book, "7", &["/a"]), Sighting::StillOpen);
    assert_eq!(sight(&book, "8", &["/a"]), Sighting::StillOpen, "the version may move while it is open");
    assert_eq!(sight(&book, "8", &["/a", "/b"]), tell(&["/b"]));
    assert_eq!(book.count(&name("web")), 1);
    let healed = |object: &ObjectKey, _: &Drift| (*object == key()).then_some(DriftOutcome::Healed);
    assert!(book.close(|_, _| None).is_empty(), "of what nobody knows the end of, nothing is closed");
    let events = book.close(healed);
    assert_eq!(events, [Event::DriftClosed { drift: Sequence(1), outcome: DriftOutcome::Healed }]);
    book.closed(Sequence(1), DriftOutcome::Healed);
    assert_eq!(book.count(&name("web")), 0);
    assert!(book.close(healed).is_empty());
    assert_eq!(sight(&book, "7", &["/a"]), Sighting::Told, "a late event of the same version is no news");
    assert_eq!(sight(&book, "9", &["/a"]), tell(&["/a"]));
}

#[test]
fn after_a_restart_an_open_drift_is_closed_not_opened_again() {
    let entry = |sequence, event| JournalEntry { sequence: Sequence(sequence), at_unix_ms: 0, event };
    let mut book = Book::default();
    book.replay(&entry(1, Event::Started { version: "0".into() }));
    book.replay(&entry(2, Event::Drift(drift("7", &["/a"]))));
    assert_eq!(sight(&book, "7", &["/a"]), Sighting::StillOpen);
    book.replay(&entry(3, Event::DriftClosed { drift: Sequence(2), outcome: DriftOutcome::Healed }));
    assert_eq!(sight(&book, "7", &["/a"]), Sighting::Told);
    assert_eq!(book.all_open().count(), 0);
}

#[test]
fn what_is_only_reported_is_reported_once_while_it_stands() {
    let mut book = Book::default();
    book.opened(Sequence(1), drift("7", &["/a"]));
    book.closed(Sequence(1), DriftOutcome::Reported);
    assert!(book.differs(&key()));
    assert_eq!(sight(&book, "8", &["/a"]), Sighting::Told);
    assert_eq!(sight(&book, "8", &["/a", "/b"]), tell(&["/b"]));
    book.clean(&key());
    assert!(!book.differs(&key()));
    assert_eq!(sight(&book, "9", &["/a"]), tell(&["/a"]));
}

#[test]
fn another_object_under_the_same_key_is_news() {
    let mut book = Book::default();
    book.opened(Sequence(1), drift("7", &[""]));
    assert_eq!(book.sight(&key(), "other", "9", &[field("")]), tell(&[""]));
}

#[test]
fn what_was_healed_is_news_again_while_something_else_stands() {
    let mut book = Book::default();
    book.opened(Sequence(1), drift("7", &["/a"]));
    book.opened(Sequence(2), drift("7", &["/added"]));
    book.closed(Sequence(1), DriftOutcome::Healed);
    book.closed(Sequence(2), DriftOutcome::Reported);
    assert!(book.differs(&key()));
    assert_eq!(sight(&book, "9", &["/a", "/added"]), tell(&["/a"]));
    book.opened(Sequence(3), drift("9", &["/a"]));
    book.closed(Sequence(3), DriftOutcome::Healed);
    assert!(book.differs(&key()), "the addition still stands");
    assert_eq!(sight(&book, "11", &["/added"]), Sighting::Told);
}
