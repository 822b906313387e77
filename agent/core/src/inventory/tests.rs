use skerry_common::id::{Epoch, Generation};

use super::*;
use crate::fixtures::name;

fn place(generation: u64) -> Place {
    Place { epoch: Epoch(1), generation: Generation(generation) }
}

fn key(name: &str) -> ObjectKey {
    ObjectKey { group: String::new(), kind: "ConfigMap".into(), namespace: Some("shop".into()), name: name.into() }
}

fn intended(origin: Origin) -> Record {
    Record { api_version: "v1".into(), application: name("web"), first_seen: place(3), origin, state: State::Intended }
}

fn applied() -> Applied {
    let digest = Digest::of(b"x");
    Applied { uid: "u".into(), resource_version: "7".into(), fingerprint: digest, projection: digest }
}

fn sample() -> Inventory {
    let mut inventory = Inventory::default();
    let list = PruneList { keys: BTreeSet::from([key("a")]), confirmed: true };
    for change in [
        Change::Put(key("a"), intended(Origin::Made)),
        Change::Put(
            key("b"),
            Record { state: State::Applied(applied()), ..intended(Origin::Adopted { in_bundle: place(3) }) },
        ),
        Change::Policy(name("web"), Policy::default()),
        Change::PruneList(Digest::of(b"l"), list),
    ] {
        inventory.apply(change.clone());
        inventory.apply(change);
    }
    inventory
}

#[test]
fn the_file_reads_back() {
    let bytes = sample().to_bytes().expect("bytes");
    assert_eq!(Inventory::from_bytes(&bytes), Ok(sample()));
    let value: serde_json::Value = serde_json::from_slice(&bytes).expect("JSON");
    assert_eq!(skerry_common::canonical::to_bytes(&value), bytes, "it is canonical");
    let empty = Inventory::default().to_bytes().expect("bytes");
    assert_eq!(Inventory::from_bytes(&empty), Ok(Inventory::default()));
}

#[test]
fn later_and_damaged_files_are_refused() {
    let text = String::from_utf8(sample().to_bytes().expect("bytes")).expect("utf-8");
    let later = text.replace("\"schema\":1", "\"schema\":2");
    assert_eq!(Inventory::from_bytes(later.as_bytes()), Err(InventoryError::Schema(2)));
    assert!(matches!(Inventory::from_bytes(&text.as_bytes()[..40]), Err(InventoryError::Malformed(_))));
    assert!(matches!(Inventory::from_bytes(b""), Err(InventoryError::Malformed(_))));
}

#[test]
fn an_adopted_object_settles_with_its_second_bundle() {
    let adopted = intended(Origin::Adopted { in_bundle: place(3) });
    assert!(!adopted.is_settled(place(3)));
    assert!(adopted.is_settled(place(4)));
    assert!(intended(Origin::Made).is_settled(place(3)));
}

#[test]
fn applying_keeps_when_it_was_first_seen() {
    let mut inventory = sample();
    let later = Record { first_seen: place(9), ..intended(Origin::Made) };
    inventory.apply(inventory.applied(&key("a"), later, applied(), place(9)));
    let record = inventory.record(&key("a")).expect("a record");
    assert_eq!(record.first_seen, place(3));
    assert_eq!(record.applied(), Some(&applied()));
    let change = inventory.seen(&key("a"), "8", Digest::of(b"y"), place(3)).expect("a change");
    inventory.apply(change);
    assert_eq!(inventory.record(&key("a")).and_then(Record::applied).map(|a| a.resource_version.as_str()), Some("8"));
    let origin = |inventory: &Inventory| inventory.record(&key("b")).expect("a record").origin;
    inventory.apply(inventory.seen(&key("b"), "8", Digest::of(b"y"), place(3)).expect("a change"));
    assert_eq!(origin(&inventory), Origin::Adopted { in_bundle: place(3) });
    inventory.apply(inventory.seen(&key("b"), "8", Digest::of(b"y"), place(4)).expect("a change"));
    assert_eq!(origin(&inventory), Origin::Made);
    assert_eq!(inventory.seen(&key("z"), "8", Digest::of(b"y"), place(3)), None);
}
