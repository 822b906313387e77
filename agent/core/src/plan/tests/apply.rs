use skerry_common::bundle::manifest::{IgnoreRule, Policy, SyncMode};

use super::world::{World, alive, config_map, entry, namespace, place, uid};
use crate::fixtures::name;
use crate::inventory::{Change, Origin, State};
use crate::marks::Ownership;
use crate::plan::*;

/// One config map `a`, applied and alive, then changed by `change`.
fn decide(change: impl FnOnce(&mut World)) -> Decision {
    let mut world = World::new();
    world.desire("web", Policy::default(), &["a"]);
    world.applied("web", &config_map("a"));
    change(&mut world);
    world.plan().decision(&config_map("a")).expect("a decision").clone()
}

fn changed(reasons: &[ChangeReason]) -> Decision {
    Decision::Change { reasons: reasons.iter().copied().collect(), uid: uid(&config_map("a")) }
}

fn refused(why: Why) -> Decision {
    Decision::Refused { why }
}

fn forget_inventory(world: &mut World) {
    world.inventory = Default::default();
}

fn with_policy(policy: Policy) -> impl FnOnce(&mut World) {
    move |world| world.desire("web", policy, &["a"])
}

fn observe() -> Policy {
    Policy { mode: SyncMode::Observe, ..Policy::default() }
}

fn no_heal() -> Policy {
    Policy { self_heal: false, ..Policy::default() }
}

#[test]
fn what_is_as_it_was_applied_costs_nothing() {
    assert_eq!(decide(|_| {}), Decision::Keep);
    let mut world = World::new();
    world.desire("web", Policy::default(), &["a"]);
    world.applied("web", &config_map("a"));
    let plan = world.plan();
    assert!(plan.is_idle() && plan.changes.is_empty(), "{plan:?}");
}

#[test]
fn every_way_to_differ_has_its_decision() {
    let a = || config_map("a");
    let check = |change: &dyn Fn(&mut World), expected: Decision| assert_eq!(decide(|world| change(world)), expected);
    check(&|world| drop(world.live.insert(a(), Live::Absent)), Decision::Create { reason: CreateReason::Gone });
    check(
        &|world| {
            forget_inventory(world);
            world.live.insert(a(), Live::Absent);
        },
        Decision::Create { reason: CreateReason::New },
    );
    check(&|world| world.meta(&a()).resource_version = "8".into(), Decision::Inspect { uid: uid(&a()) });
    check(&forget_inventory, changed(&[ChangeReason::Unrecorded]));
    check(
        &|world| {
            forget_inventory(world);
            world.meta(&a()).ownership = Ownership::Unmarked;
        },
        changed(&[ChangeReason::Adopt]),
    );
    check(
        &|world| {
            world.meta(&a()).resource_version = "8".into();
            world.meta(&a()).projection = Some(Digest::of(b"other"));
        },
        changed(&[ChangeReason::Drift]),
    );
    check(
        &|world| {
            let mut entry = entry("v1", "ConfigMap", Some("shop"), "a");
            entry.content = BlobRef::of(b"new");
            world.desire_entries("web", Policy::default(), vec![entry]);
        },
        changed(&[ChangeReason::Content]),
    );
}

#[test]
fn a_replaced_object_is_applied_again() {
    let mut replaced = decide(|world| world.meta(&config_map("a")).uid = "other".into());
    if let Decision::Change { uid, .. } = &mut replaced {
        assert_eq!(std::mem::replace(uid, super::world::uid(&config_map("a"))), "other");
    }
    assert_eq!(replaced, changed(&[ChangeReason::Replaced]));
}

#[test]
fn what_cannot_be_known_is_refused() {
    let a = || config_map("a");
    let check = |change: &dyn Fn(&mut World), why: Why| assert_eq!(decide(|world| change(world)), refused(why));
    check(&|world| drop(world.live.remove(&a())), Why::Unreadable { reason: "it was not looked at".into() });
    check(
        &|world| drop(world.live.insert(a(), Live::Unknown { reason: "timeout".into() })),
        Why::Unreadable { reason: "timeout".into() },
    );
    check(
        &|world| drop(world.discovery.kinds.remove(&(String::new(), "ConfigMap".into()))),
        Why::NotServed { defined_here: false },
    );
    check(
        &|world| {
            world.discovery.kinds.remove(&(String::new(), "ConfigMap".into()));
            world.discovery.gaps.insert(String::new());
        },
        Why::DiscoveryGap,
    );
    check(&|world| world.meta(&a()).phase = Phase::Deleting, Why::BeingDeleted);
    check(
        &|world| world.meta(&a()).ownership = Ownership::OtherFleet("f2".into()),
        Why::OtherFleet { fleet: "f2".into() },
    );
    check(&|world| world.protected.namespace = "shop".into(), Why::Protected);
}

#[test]
fn observe_and_no_self_heal_write_nothing() {
    let gone = |world: &mut World| drop(world.live.insert(config_map("a"), Live::Absent));
    let refresh = |policy: Policy, change: &dyn Fn(&mut World)| {
        let mut world = World::new();
        world.desire("web", policy, &["a"]);
        world.applied("web", &config_map("a"));
        change(&mut world);
        let plan = world.plan();
        assert!(
            !plan
                .objects
                .iter()
                .any(|object| matches!(object.decision, Decision::Create { .. } | Decision::Change { .. }))
        );
        plan.decision(&config_map("a")).expect("a decision").clone()
    };
    assert_eq!(refresh(observe(), &gone), refused(Why::Observed { would: Would::Create }));
    assert_eq!(refresh(observe(), &forget_inventory), refused(Why::Observed { would: Would::Change }));
    assert_eq!(refresh(observe(), &|_| {}), Decision::Keep);
    assert_eq!(refresh(no_heal(), &gone), refused(Why::NotHealed { would: Would::Create }));
    let moved = |world: &mut World| world.meta(&config_map("a")).resource_version = "8".into();
    assert_eq!(refresh(no_heal(), &moved), Decision::Inspect { uid: uid(&config_map("a")) });
    let new = decide(|world| {
        with_policy(no_heal())(world);
        forget_inventory(world);
        world.live.insert(config_map("a"), Live::Absent);
    });
    assert_eq!(new, Decision::Create { reason: CreateReason::New }, "what is new is applied without healing too");
}

#[test]
fn an_ignore_rule_added_later_changes_the_object() {
    let rule = |kind: &str| IgnoreRule {
        group: None,
        kind: Some(kind.into()),
        namespace: None,
        name: None,
        fields: vec!["/data/x".into()],
    };
    let with = |kind: &str| Policy { ignore: vec![rule(kind)], ..Policy::default() };
    assert_eq!(decide(with_policy(with("ConfigMap"))), changed(&[ChangeReason::Content]));
    assert_eq!(decide(with_policy(with("Secret"))), Decision::Keep);
}

#[test]
fn an_adopted_object_is_looked_at_again_with_its_second_bundle() {
    let adopted = |in_bundle| {
        decide(move |world: &mut World| {
            let mut record = world.inventory.record(&config_map("a")).expect("a record").clone();
            record.origin = Origin::Adopted { in_bundle: place(in_bundle) };
            world.inventory.apply(Change::Put(config_map("a"), record));
        })
    };
    assert_eq!(adopted(5), Decision::Keep);
    assert_eq!(adopted(4), Decision::Inspect { uid: uid(&config_map("a")) });
}

#[test]
fn two_applications_cannot_have_one_object() {
    let mut world = World::new();
    world.desire("db", Policy::default(), &["a"]);
    world.desire("web", Policy::default(), &["a"]);
    world.live.insert(config_map("a"), Live::Absent);
    let plan = world.plan();
    let decisions: Vec<_> = plan.objects.iter().map(|object| (object.application.as_str(), &object.decision)).collect();
    let twice = refused(Why::Twice { application: name("db") });
    assert_eq!(decisions, [("db", &Decision::Create { reason: CreateReason::New }), ("web", &twice)]);
}

#[test]
fn scope_and_namespace_come_from_discovery_and_policy() {
    let mut world = World::new();
    let policy = Policy { namespace: Some("shop".into()), ..Policy::default() };
    world.desire_entries(
        "web",
        policy,
        vec![entry("v1", "ConfigMap", None, "a"), entry("v1", "Namespace", Some("x"), "n")],
    );
    world.desire_entries("zoo", Policy::default(), vec![entry("v1", "ConfigMap", None, "a")]);
    let keys: Vec<_> = world.plan().objects.iter().map(|object| object.key.to_string()).collect();
    assert_eq!(keys, ["ConfigMap/default/a", "ConfigMap/shop/a", "Namespace/n"]);
}

#[test]
fn kinds_that_the_bundle_defines_are_planned_for_again() {
    let mut world = World::new();
    let definition = entry("apiextensions.k8s.io/v1", "CustomResourceDefinition", None, "widgets.example.com");
    let widget = entry("example.com/v1", "Widget", Some("shop"), "w");
    world.live.insert(definition.key(), Live::Absent);
    world.desire_entries("web", Policy::default(), vec![definition, widget.clone()]);
    let plan = world.plan();
    assert_eq!(plan.followup, Followup::PlanAgain);
    assert_eq!(plan.decision(&widget.key()), Some(&refused(Why::NotServed { defined_here: true })));
}

#[test]
fn steps_go_namespaces_definitions_rest_and_intents_come_first() {
    let mut world = World::new();
    let entries = vec![
        entry("v1", "ConfigMap", Some("shop"), "a"),
        entry("v1", "Namespace", None, "shop"),
        entry("apiextensions.k8s.io/v1", "CustomResourceDefinition", None, "widgets.example.com"),
    ];
    for entry in &entries {
        world.live.insert(entry.key(), Live::Absent);
    }
    world.live.insert(
        namespace("shop"),
        Live::Present(LiveMeta { ownership: Ownership::Unmarked, ..alive(&namespace("shop")) }),
    );
    world.desire_entries("web", Policy::default(), entries);
    let plan = world.plan();
    let kinds: Vec<_> = plan.steps().iter().map(|step| step.kind).collect();
    assert_eq!(kinds, [StepKind::ApplyNamespaces, StepKind::ApplyDefinitions, StepKind::ApplyRest]);
    let origin = |key: &ObjectKey| {
        plan.changes.iter().find_map(|change| {
            let Change::Put(put, record) = change else { return None };
            (put == key).then(|| (record.origin, record.state.clone()))
        })
    };
    assert_eq!(origin(&config_map("a")), Some((Origin::Made, State::Intended)));
    assert_eq!(origin(&namespace("shop")), Some((Origin::Adopted { in_bundle: place(5) }, State::Intended)));
}

#[test]
fn a_plan_reads_back_from_its_json() {
    let mut world = World::new();
    world.desire("web", Policy::default(), &["a", "b"]);
    world.applied("web", &config_map("c"));
    let plan = world.plan();
    let text = serde_json::to_string(&plan).expect("json");
    assert_eq!(serde_json::from_str::<Plan>(&text).expect("a plan"), plan);
}
