//! Random worlds: whatever the facts, these must hold. Proptest prints the seed of a failure.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use skerry_common::bundle::manifest::Policy;

use super::world::{World, alive, config_map};
use crate::inventory::{Change, State};
use crate::marks::Ownership;
use crate::plan::*;

#[derive(Debug, Clone)]
struct Case {
    desired: BTreeSet<usize>,
    recorded: BTreeMap<usize, bool>,
    live: BTreeMap<usize, u8>,
    prune: bool,
    gap: bool,
}

/// More than the guard's minimum, so that it is met on both sides.
const OBJECTS: usize = 24;

fn cases() -> impl Strategy<Value = Case> {
    let index = 0..OBJECTS;
    (
        proptest::collection::btree_set(index.clone(), 0..OBJECTS),
        proptest::collection::btree_map(index.clone(), any::<bool>(), 0..OBJECTS),
        proptest::collection::btree_map(index, 0u8..7, 0..OBJECTS * 2),
        any::<bool>(),
        proptest::bool::weighted(0.1),
    )
        .prop_map(|(desired, recorded, live, prune, gap)| Case { desired, recorded, live, prune, gap })
}

fn key(index: usize) -> ObjectKey {
    config_map(&format!("m{index:02}"))
}

fn world(case: &Case) -> World {
    let mut world = World::new();
    let names: Vec<String> = case.desired.iter().map(|index| key(*index).name).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    world.desire("web", Policy { prune: case.prune, ..Policy::default() }, &names);
    for (index, applied) in &case.recorded {
        world.applied("web", &key(*index));
        if !applied {
            let record = world.inventory.record(&key(*index)).expect("a record").clone();
            world.inventory.apply(Change::Put(key(*index), Record { state: State::Intended, ..record }));
        }
    }
    world.live.clear();
    for (index, kind) in &case.live {
        let key = key(*index);
        let meta = alive(&key);
        let live = match kind {
            0 => Live::Absent,
            1 => Live::Unknown { reason: "timeout".into() },
            2 => Live::Present(LiveMeta { ownership: Ownership::Unmarked, ..meta }),
            3 => Live::Present(LiveMeta { protection: Protection::PruneDisabled, ..meta }),
            4 => Live::Present(LiveMeta { resource_version: "8".into(), ..meta }),
            _ => Live::Present(meta),
        };
        world.live.insert(key, live);
    }
    if case.gap {
        world.discovery.gaps.insert(String::new());
    }
    world
}

fn check(case: &Case) {
    let world = world(case);
    let plan = world.plan();
    assert_eq!(plan, world.plan(), "the same facts give the same plan");
    let keys: Vec<_> = plan.objects.iter().map(|object| &object.key).collect();
    assert!(keys.is_sorted_by(|a, b| a < b), "each object once");
    let all: BTreeSet<_> = case.desired.iter().chain(case.recorded.keys()).map(|index| key(*index)).collect();
    assert_eq!(keys.len(), all.len(), "each object of bundle and inventory");
    let pruned: Vec<_> =
        plan.objects.iter().filter(|object| matches!(object.decision, Decision::Prune { .. })).collect();
    for object in &pruned {
        assert!(world.inventory.record(&object.key).is_some());
        assert!(!case.desired.iter().any(|index| key(*index) == object.key));
        assert!(case.prune);
        let Some(Live::Present(live)) = world.live.get(&object.key) else { panic!("pruned unseen: {object:?}") };
        assert_eq!(live.ownership, Ownership::Ours);
        assert_eq!(live.protection, Protection::None);
    }
    let most = pruned.len() >= MOST_OBJECTS_MIN && pruned.len() * 2 > world.inventory.len();
    assert!(!most, "most of an application was pruned");
    assert!(pruned.is_empty() || plan.held.is_empty(), "all or nothing is held");
}

proptest! {
    #[test]
    fn plans_are_complete_and_prune_only_what_they_may(case in cases()) {
        check(&case);
    }
}
