//! The store under power cuts, full disks and damage.

use super::power_cut::{PowerCutDisk, Unsynced};
use super::*;
use skerry_common::id::{Epoch, Generation, Incarnation, Place, Sequence};
use skerry_common::journal::Event;
use std::error::Error as _;

fn open(disk: &PowerCutDisk) -> Store {
    Store::open(disk.clone(), 7).expect("opens")
}

fn root(generation: u64) -> (BundleMark, Envelope) {
    let payload = format!("{{\"generation\":{generation}}}").into_bytes();
    let place = Place { epoch: Epoch(1), generation: Generation(generation) };
    let mark = BundleMark { place, root: Digest::of(&payload) };
    (mark, Envelope { payload_type: "t".into(), payload, signatures: Vec::new() })
}

/// One step of an agent's life: content, inventory, head, journal, last good.
fn step(store: &mut Store, generation: u64) -> Result<(), StoreError> {
    let (mark, envelope) = root(generation);
    let content = format!("content of {generation}");
    store.put(&[content.as_bytes(), b"shared"])?;
    store.set_current(mark, &envelope)?;
    store.set_inventory(generation.to_string().as_bytes())?;
    store.record(0, Event::Applied { place: mark.place, created: 1, changed: 0, pruned: 0, failed: 0 })?;
    store.set_last_good()?;
    store.compact(mark, &[content.as_bytes(), b"shared"].map(Digest::of))
}

/// What a restarted agent relies on.
fn check_consistent(disk: &PowerCutDisk, finished: u64) {
    let mut store = open(disk);
    let head = *store.head();
    let reached = head.current.map_or(0, |current| current.mark.place.generation.0);
    assert!(reached == finished || reached == finished + 1, "{reached} after {finished} finished steps");
    if let Some(current) = head.current {
        let envelope = store.root(&current).expect("reads").expect("is there");
        assert_eq!(envelope, root(reached).1);
        let content = format!("content of {reached}").into_bytes();
        assert_eq!(store.blob(&BlobRef::of(&content)).expect("reads"), Some(content));
        assert!(store.has(&BlobRef::of(b"shared")));
        assert!(head.highest.expect("set with current").mark.place >= current.mark.place);
    }
    let inventory = String::from_utf8(store.inventory().expect("reads").unwrap_or_default()).expect("a number");
    assert!(inventory.parse().unwrap_or(0) >= finished, "{inventory:?} after {finished}");
    let entries: Vec<_> = store.unacknowledged().map(|entry| entry.sequence.0).collect();
    assert!(entries.len() as u64 >= finished, "{entries:?}");
    assert_eq!(entries, (1..=entries.len() as u64).collect::<Vec<_>>(), "no gap, none twice");
    step(&mut store, reached + 1).expect("goes on");
}

#[test]
fn content_of_the_next_target_is_not_forgotten() {
    let mut store = open(&PowerCutDisk::default());
    let dead: Vec<String> = (0..20).map(|number| format!("dead {number}")).collect();
    for content in &dead {
        store.put(&[content.as_bytes()]).expect("stores");
    }
    let ((first, first_envelope), (second, second_envelope)) = (root(1), root(2));
    let next = BlobRef::of(b"next");
    store.put(&[b"content"]).expect("stores");
    store.set_current(first, &first_envelope).expect("in force");
    // The second arrives while the first is being finished.
    store.put(&[b"next"]).expect("stores");
    store.compact(first, &[Digest::of(b"content")]).expect("in vain");
    assert!(store.has(&next), "it arrives");
    store.set_current(second, &second_envelope).expect("in force");
    store.compact(first, &[Digest::of(b"content")]).expect("in vain");
    assert!(store.has(&next), "it is in force");
    assert!(store.has(&BlobRef::of(dead[0].as_bytes())), "nothing is known to be dead yet");
    // One of which all content is here already is relied on from when it was looked at.
    store.await_target();
    store.compact(second, &[next.digest]).expect("in vain");
    assert!(store.has(&BlobRef::of(b"content")));
    store.set_current(second, &second_envelope).expect("in force");
    store.compact(second, &[next.digest]).expect("compacts");
    assert!(store.has(&next) && !store.has(&BlobRef::of(dead[0].as_bytes())), "what is dead is gone");
}

#[test]
fn the_power_may_be_cut_at_every_step() {
    const GENERATIONS: u64 = 12;
    let whole = PowerCutDisk::default();
    let mut store = open(&whole);
    let mut ends = vec![whole.steps()];
    for generation in 1..=GENERATIONS {
        step(&mut store, generation).expect("works");
        ends.push(whole.steps());
    }
    for cut in 0..whole.steps() {
        for unsynced in [Unsynced::Lost, Unsynced::Torn] {
            let disk = PowerCutDisk::default();
            disk.cut_power_at(cut);
            let mut finished = 0;
            if let Ok(mut store) = Store::open(disk.clone(), 7) {
                while finished < GENERATIONS && step(&mut store, finished + 1).is_ok() {
                    finished += 1;
                }
            }
            check_consistent(&disk.after_cut(unsynced), finished);
        }
    }
}

#[test]
fn a_full_disk_stops_nothing_that_was_there() {
    for free in (0..6000).step_by(37) {
        let disk = PowerCutDisk::default();
        let mut store = open(&disk);
        step(&mut store, 1).expect("works");
        disk.set_bytes_free(Some(free));
        let mut finished = 1;
        while step(&mut store, finished + 1).is_ok() {
            finished += 1;
        }
        assert!(store.head().current.is_some());
        let content = format!("content of {finished}").into_bytes();
        assert_eq!(store.blob(&BlobRef::of(&content)).expect("reads"), Some(content), "{free} bytes were free");
        assert!(!store.troubles().is_none(), "it is told");
        disk.set_bytes_free(None);
        store.retry();
        step(&mut store, finished + 1).expect("goes on when there is room again");
        assert!(store.troubles().is_none(), "{:?}", store.troubles());
        drop(store);
        check_consistent(&disk, finished + 1);
    }
}

#[test]
fn each_damaged_file_is_named_and_set_aside() {
    let disk = PowerCutDisk::default();
    let mut store = open(&disk);
    for generation in 1..=2 {
        step(&mut store, generation).expect("works");
    }
    drop(store);
    for name in disk.names() {
        if name.starts_with("oci/oci-layout") || name.ends_with("index.json") {
            continue; // for tools only
        }
        for bit in [0, 8 * 12 + 3, 8 * 60] {
            let copy = disk.after_cut(Unsynced::Lost);
            if !copy.flip(&name, bit) {
                continue;
            }
            let mut store = match Store::open(copy, 7) {
                Ok(store) => store,
                // The flipped bit made the version a later one: refused, and nothing is touched.
                Err(error) => {
                    assert!(error.source().is_some_and(|cause| cause.to_string().contains("newer agent")), "{error:?}");
                    continue;
                }
            };
            store.inventory().expect("damage is no error");
            let reached = store.head().current.map_or(0, |current| current.mark.place.generation.0);
            assert!(reached >= 1, "one damaged slot costs one step at most");
            let quiet = store.repairs().is_empty();
            // A bit inside a frame is found when the blob is read.
            let found = store.root(&store.head().current.expect("set")).is_err()
                || store.blob(&BlobRef::of(b"shared")).is_err()
                || store.blob(&BlobRef::of(b"content of 1")).is_err()
                || store.blob(&BlobRef::of(b"content of 2")).is_err()
                || store.unacknowledged().count() < 2
                || !store.has(&BlobRef::of(b"content of 2"));
            assert!(!quiet || found || name.starts_with("oci/"), "{name} bit {bit} went unnoticed");
        }
    }
}

#[test]
fn a_newer_format_is_refused_and_kept() {
    let disk = PowerCutDisk::default();
    disk.write("head-a", b"skerry-head 2 sha256:00\n{}").expect("writes");
    let refused = Store::open(disk.clone(), 7);
    assert!(matches!(refused, Err(StoreError::Document(DocumentError::Newer { found: 2, .. }))));
    assert_eq!(disk.names(), ["head-a"]);
    let disk = PowerCutDisk::default();
    disk.write("journal", b"skerry-journal 9 1 1\n").expect("writes");
    assert!(matches!(Store::open(disk, 7), Err(StoreError::Journal(JournalError::Newer(9)))));
}

#[test]
fn the_journal_folds_when_full_and_forgets_what_is_acknowledged() {
    let disk = PowerCutDisk::default();
    let mut store = open(&disk);
    let event = || Event::Started { version: "0".into() };
    for _ in 0..journal::ENTRIES_MAX + 1 {
        store.record(0, event()).expect("writes");
    }
    let first = store.unacknowledged().next().expect("there").clone();
    assert_eq!((first.sequence, first.event), (Sequence(1000), Event::Overflow { dropped: 1000 }));
    store.acknowledge(Incarnation(8), Sequence(5000));
    assert_eq!(store.unacknowledged().next().map(|entry| entry.sequence), Some(Sequence(1000)), "another life");
    store.acknowledge(Incarnation(7), Sequence(10_000));
    assert_eq!(store.unacknowledged().count(), 1);
    drop(store);
    let mut store = open(&disk);
    assert_eq!(store.journal_mark(), (Incarnation(7), Sequence(10_001)));
    store.acknowledge(Incarnation(7), Sequence(10_001));
    assert_eq!(store.record(0, event()).expect("writes"), Sequence(10_002));
}

#[test]
fn what_happens_on_a_full_disk_is_written_when_there_is_room() {
    let disk = PowerCutDisk::default();
    let mut store = open(&disk);
    let event = |number| Event::Overflow { dropped: number };
    store.record(0, event(1)).expect("is noted");
    disk.set_bytes_free(Some(10));
    for number in 2..=journal::ENTRIES_MAX as u64 + 500 {
        assert_eq!(store.record(0, event(number)).expect("is noted"), Sequence(number));
    }
    assert_eq!(store.journal_mark().1, Sequence(1), "nobody relies on the rest");
    assert_eq!((store.troubles().reason(), store.deliverable().count()), ("DiskFull", 0), "the oldest gave way");
    assert_eq!(store.unacknowledged().next().map(|entry| entry.sequence), Some(Sequence(1000)));
    store.acknowledge(Incarnation(7), Sequence(u64::MAX));
    assert!(store.unacknowledged().count() > 9_000, "what is not durable cannot have been stored by a hub");
    // A restart now begins again where the disk ends.
    assert_eq!(open(&disk.after_cut(Unsynced::Torn)).journal_mark().1, Sequence(1));
    disk.set_bytes_free(None);
    store.retry();
    assert!(store.troubles().is_none());
    assert_eq!(store.journal_mark().1, Sequence(journal::ENTRIES_MAX as u64 + 500));
    let kept: Vec<_> = store.deliverable().cloned().collect();
    assert_eq!(open(&disk).deliverable().cloned().collect::<Vec<_>>(), kept);
}

#[test]
fn equal_content_is_stored_once_and_packs_stay_few() {
    let disk = PowerCutDisk::default();
    let mut store = open(&disk);
    for generation in 1..=40 {
        step(&mut store, generation).expect("works");
        assert!(store.sizes()["packs"] <= 9, "{:?}", store.sizes());
    }
    assert!(store.has(&BlobRef::of(b"content of 40")));
    assert!(store.sizes()["blobs"] < 40, "{:?}", store.sizes());
}
