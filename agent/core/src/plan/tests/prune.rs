use skerry_common::bundle::digest::Digest;
use skerry_common::bundle::manifest::{OnRemove, Policy, SyncMode};

use super::world::{World, alive, config_map, namespace, uid};
use crate::fixtures::name;
use crate::inventory::Change;
use crate::marks::Ownership;
use crate::plan::*;

/// `web` had config maps `a` and `gone`; the bundle has only `a` now.
fn decide(change: impl FnOnce(&mut World)) -> Decision {
    let mut world = World::new();
    world.desire("web", Policy::default(), &["a"]);
    world.applied("web", &config_map("a"));
    world.applied("web", &config_map("gone"));
    change(&mut world);
    world.plan().decision(&config_map("gone")).expect("a decision").clone()
}

fn pruned(key: &ObjectKey) -> Decision {
    Decision::Prune { uid: uid(key), resource_version: "7".into() }
}

fn refused(why: Why) -> Decision {
    Decision::Refused { why }
}

fn gone() -> ObjectKey {
    config_map("gone")
}

#[test]
fn what_left_is_pruned_with_its_uid_and_version() {
    assert_eq!(decide(|_| {}), pruned(&gone()));
}

#[test]
fn nothing_is_pruned_on_doubt() {
    let check = |change: &dyn Fn(&mut World), expected: Decision| assert_eq!(decide(|world| change(world)), expected);
    let unread = || refused(Why::Unreadable { reason: "it was not looked at".into() });
    check(&|world| drop(world.live.remove(&gone())), unread());
    check(&|world| world.live.clear(), unread());
    let unknown = Live::Unknown { reason: "timeout".into() };
    check(
        &|world| drop(world.live.insert(gone(), unknown.clone())),
        refused(Why::Unreadable { reason: "timeout".into() }),
    );
    let map = (String::new(), "ConfigMap".to_owned());
    check(
        &|world| {
            world.discovery.kinds.remove(&map);
            world.discovery.gaps.insert(String::new());
        },
        refused(Why::DiscoveryGap),
    );
    check(&|world| world.discovery = Discovery::default(), refused(Why::DiscoveryGap));
    check(&|world| world.meta(&gone()).ownership = Ownership::Unmarked, refused(Why::NotOurs));
    check(&|world| world.meta(&gone()).ownership = Ownership::Copy, refused(Why::NotOurs));
    check(&|world| world.meta(&gone()).ownership = Ownership::Unmanaged, refused(Why::NotOurs));
    check(&|world| world.meta(&gone()).protection = Protection::PruneDisabled, refused(Why::PruneDisabled));
    check(&|world| world.protected.namespace = "shop".into(), refused(Why::Protected));
}

#[test]
fn what_is_not_in_the_inventory_is_never_pruned() {
    let mut world = World::new();
    world.desire("web", Policy::default(), &["a"]);
    world.live.insert(gone(), Live::Present(alive(&gone())));
    assert_eq!(world.plan().decision(&gone()), None);
}

#[test]
fn what_is_gone_is_forgotten() {
    assert_eq!(decide(|world| drop(world.live.insert(gone(), Live::Absent))), Decision::Forget);
    let kind_gone = decide(|world| drop(world.discovery.kinds.remove(&(String::new(), "ConfigMap".into()))));
    assert_eq!(kind_gone, Decision::Forget, "complete discovery without the kind: its objects went with it");
}

#[test]
fn policies_are_obeyed_also_after_the_application_left() {
    let leave = |policy: Policy| {
        decide(move |world| {
            world.manifests.clear();
            world.inventory.apply(Change::Policy(name("web"), policy));
        })
    };
    assert_eq!(leave(Policy::default()), pruned(&gone()));
    assert_eq!(leave(Policy { prune: false, ..Policy::default() }), refused(Why::PruneOff));
    let observe = Policy { mode: SyncMode::Observe, ..Policy::default() };
    assert_eq!(leave(observe), refused(Why::Observed { would: Would::Prune }));
    let orphan = Policy { on_remove: OnRemove::Orphan, ..Policy::default() };
    assert_eq!(leave(orphan.clone()), Decision::Release { uid: uid(&gone()), resource_version: "7".into() });
    let unknown = decide(|world| {
        world.manifests.clear();
        world.inventory.apply(Change::RemovePolicy(name("web")));
    });
    assert_eq!(unknown, refused(Why::PolicyUnknown));
    assert_eq!(
        decide(|world| world.desire("web", orphan, &["a"])),
        pruned(&gone()),
        "orphan is for applications that leave"
    );
}

#[test]
fn an_object_of_unknown_scope_is_not_taken_for_departed() {
    let mut world = World::new();
    world.discovery.kinds.remove(&(String::new(), "ConfigMap".into()));
    world.desire_entries("web", Policy::default(), vec![super::world::entry("v1", "ConfigMap", None, "a")]);
    world.applied("web", &config_map("a"));
    let plan = world.plan();
    assert!(
        plan.objects.iter().all(|object| !matches!(object.decision, Decision::Prune { .. } | Decision::Forget)),
        "{plan:?}"
    );
}

/// `web` with `total` config maps, of which the first `leaving` left.
fn shrink(total: usize, leaving: usize) -> World {
    let mut world = World::new();
    let names: Vec<String> = (0..total).map(|index| format!("m{index:03}")).collect();
    let staying: Vec<&str> = names[leaving..].iter().map(String::as_str).collect();
    world.desire("web", Policy::default(), &staying);
    for name in &names {
        world.applied("web", &config_map(name));
    }
    world
}

#[test]
fn most_of_an_application_at_once_is_held() {
    let check = |total, leaving, held: usize| {
        let plan = shrink(total, leaving).plan();
        let tally = plan.tally();
        assert_eq!(tally.held as usize, held, "{leaving} of {total}");
        assert_eq!(tally.prune as usize, leaving - held, "{leaving} of {total}");
        assert_eq!(plan.held.len(), usize::from(held > 0));
    };
    check(9, 9, 0);
    check(10, 10, 10);
    check(20, 10, 0);
    check(20, 11, 11);
    check(19, 10, 10);
    check(1000, 500, 0);
    check(1000, 501, 501);
}

fn persist(world: &mut World, plan: &Plan) {
    plan.changes.iter().cloned().for_each(|change| world.inventory.apply(change));
}

#[test]
fn a_confirmation_lets_exactly_the_held_list_go() {
    let mut world = shrink(20, 15);
    let plan = world.plan();
    let list = plan.held[0].list;
    assert_eq!((plan.held[0].objects, plan.held[0].examples.len()), (15, HELD_EXAMPLES_MAX));
    persist(&mut world, &plan);

    world.confirmations = vec![Digest::of(b"another list")];
    assert_eq!(world.plan().tally().held, 15);

    world.generation += 1;
    world.confirmations = vec![list];
    let plan = world.plan();
    assert_eq!((plan.tally().held, plan.tally().prune), (0, 15));
    persist(&mut world, &plan);

    // Killed in the middle: three are gone, the next generation no longer carries the confirmation.
    for name in ["m000", "m001", "m002"] {
        world.inventory.apply(Change::Remove(config_map(name)));
        world.live.insert(config_map(name), Live::Absent);
    }
    world.generation += 1;
    world.confirmations.clear();
    assert_eq!((world.plan().tally().held, world.plan().tally().prune), (0, 12));
}

#[test]
fn a_confirmation_does_not_cover_others_nor_outlive_the_wish() {
    let mut world = shrink(40, 30);
    let plan = world.plan();
    persist(&mut world, &plan);
    world.confirmations = vec![plan.held[0].list];
    // Now all forty left: thirty were confirmed, ten were not, and ten of forty are not most.
    world.desire("web", Policy::default(), &[]);
    assert_eq!(world.plan().tally().prune, 40);

    // Everything is wanted again, which ends the confirmation; then it leaves once more.
    let names: Vec<String> = (0..40).map(|index| format!("m{index:03}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    world.desire("web", Policy::default(), &names);
    world.confirmations.clear();
    let plan = world.plan();
    persist(&mut world, &plan);
    assert_eq!(world.inventory.prune_lists().count(), 0);
    world.desire("web", Policy::default(), &[]);
    assert_eq!(world.plan().tally().held, 40);
}

#[test]
fn a_list_that_was_shown_can_be_confirmed_when_more_left_since() {
    let mut world = shrink(40, 30);
    let plan = world.plan();
    persist(&mut world, &plan);
    world.desire("web", Policy::default(), &[]);
    let grown = world.plan();
    assert_ne!(grown.held[0].list, plan.held[0].list);
    persist(&mut world, &grown);
    world.confirmations = vec![plan.held[0].list];
    assert_eq!(world.plan().tally().prune, 40);
}

#[test]
fn the_held_list_does_not_change_with_what_can_be_read() {
    let mut world = shrink(20, 15);
    let before = world.plan().held[0].list;
    world.live.insert(config_map("m003"), Live::Unknown { reason: "timeout".into() });
    assert_eq!(world.plan().held[0].list, before);
}

fn inhabitant(key: ObjectKey, owners: &[&str]) -> Inhabitant {
    Inhabitant { uid: uid(&key), key, owners: owners.iter().map(|owner| (*owner).to_owned()).collect() }
}

fn other(group: &str, kind: &str, name: &str) -> ObjectKey {
    ObjectKey { group: group.into(), kind: kind.into(), namespace: Some("shop".into()), name: name.into() }
}

/// A namespace `shop` with a deployment in it, both of which left.
fn empty_out(change: impl FnOnce(&mut World, &mut Vec<Inhabitant>)) -> Decision {
    let mut world = World::new();
    let deployment = other("apps", "Deployment", "web");
    world.applied("web", &namespace("shop"));
    world.applied("web", &deployment);
    let set = other("apps", "ReplicaSet", "web-1");
    let mut inhabitants = vec![
        inhabitant(other("", "Pod", "web-1-x"), &[&uid(&set)]),
        inhabitant(set, &[&uid(&deployment)]),
        inhabitant(deployment, &[]),
        inhabitant(other("", "ServiceAccount", "default"), &[]),
        inhabitant(other("", "ConfigMap", "kube-root-ca.crt"), &[]),
    ];
    change(&mut world, &mut inhabitants);
    world.contents.entry(namespace("shop")).or_insert(Contents::Complete(inhabitants));
    let plan = world.plan();
    plan.decision(&namespace("shop")).expect("a decision").clone()
}

#[test]
fn a_namespace_goes_when_everything_in_it_goes() {
    assert_eq!(empty_out(|_, _| {}), pruned(&namespace("shop")));
}

#[test]
fn a_namespace_with_anything_else_in_it_stays() {
    let check = |change: &dyn Fn(&mut World, &mut Vec<Inhabitant>), expected: &dyn Fn(&Why) -> bool| {
        let decision = empty_out(|world, inhabitants| change(world, inhabitants));
        let Decision::Refused { why } = &decision else { panic!("{decision:?}") };
        assert!(expected(why), "{why:?}");
    };
    let not_empty = |why: &Why| matches!(why, Why::NotEmpty { objects: 1, .. });
    check(&|_, all| all.push(inhabitant(other("", "ConfigMap", "theirs"), &[])), &not_empty);
    check(&|_, all| all.push(inhabitant(other("", "Pod", "theirs"), &["elsewhere"])), &not_empty);
    check(&|_, all| all.push(inhabitant(other("", "Endpoints", "theirs"), &[])), &not_empty);
    let unknown = |why: &Why| matches!(why, Why::ContentsUnknown { .. });
    let unreadable = Contents::Unknown { reason: "forbidden".into() };
    check(&|world, _| drop(world.contents.insert(namespace("shop"), unreadable.clone())), &unknown);
    check(&|world, _| assert!(world.discovery.gaps.insert("metrics.k8s.io".into())), &|why| *why == Why::DiscoveryGap);
    // The deployment itself cannot be deleted, so neither it nor what it owns goes.
    let unread =
        |world: &mut World, _: &mut Vec<Inhabitant>| drop(world.live.remove(&other("apps", "Deployment", "web")));
    check(&unread, &|why| matches!(why, Why::NotEmpty { objects: 3, .. }));
    // Recreated by somebody since: another uid, another object.
    check(&|_, all| all[2].uid = "other".into(), &|why| matches!(why, Why::NotEmpty { objects: 3, .. }));
}

#[test]
fn the_agents_own_namespace_is_never_pruned() {
    let mut world = World::new();
    world.applied("web", &namespace("skerry-system"));
    world.contents.insert(namespace("skerry-system"), Contents::Complete(Vec::new()));
    assert_eq!(world.plan().decision(&namespace("skerry-system")), Some(&refused(Why::Protected)));
}

#[test]
fn deletion_goes_the_other_way_round() {
    let mut world = World::new();
    world.desire("zoo", Policy::default(), &["new"]);
    world.live.insert(config_map("new"), Live::Absent);
    let definition = ObjectKey {
        group: "apiextensions.k8s.io".into(),
        kind: "CustomResourceDefinition".into(),
        namespace: None,
        name: "widgets.example.com".into(),
    };
    for key in [namespace("shop"), definition.clone(), gone()] {
        world.applied("web", &key);
    }
    world.contents.insert(namespace("shop"), Contents::Complete(vec![inhabitant(gone(), &[])]));
    world.contents.insert(definition, Contents::Complete(Vec::new()));
    let plan = world.plan();
    let kinds: Vec<_> = plan.steps().iter().map(|step| step.kind).collect();
    let expected = [StepKind::ApplyRest, StepKind::PruneRest, StepKind::PruneDefinitions, StepKind::PruneNamespaces];
    assert_eq!(kinds, expected);
}
