use skerry_common::bundle::manifest::{Manifest, Order, Policy};
use skerry_common::id::Sequence;
use skerry_common::journal::Drift;

use super::*;
use crate::drift::deleted;
use crate::fixtures::{bundle, name};
use crate::plan::{Content, CreateReason, Followup, Guard, Why, Would};

fn key(name: &str) -> ObjectKey {
    ObjectKey { group: String::new(), kind: "ConfigMap".into(), namespace: Some("shop".into()), name: name.into() }
}

fn object(object: &str, decision: Decision) -> Planned {
    let digest = skerry_common::bundle::digest::Digest::of(object.as_bytes());
    let blob = skerry_common::bundle::digest::BlobRef::of(object.as_bytes());
    let content = Content { blob, encoding: Default::default(), fingerprint: digest };
    Planned {
        key: key(object),
        api_version: "v1".into(),
        application: name("web"),
        order: Order::Rest,
        content: Some(content),
        decision,
    }
}

fn create() -> Decision {
    Decision::Create { reason: CreateReason::New }
}

fn prune() -> Decision {
    Decision::Prune { uid: "u".into(), resource_version: "1".into() }
}

fn drift(object: &str) -> Drift {
    Drift {
        application: name("web"),
        object: key(object),
        uid: "u".into(),
        resource_version: "1".into(),
        fields: deleted(),
    }
}

struct World {
    policy: Policy,
    objects: Vec<Planned>,
    failed: Vec<ObjectKey>,
    health: BTreeMap<ObjectKey, Judgement>,
    book: Book,
}

fn world(objects: Vec<Planned>) -> World {
    let health = objects.iter().map(|object| (object.key.clone(), Judgement::healthy())).collect();
    World { policy: Policy::default(), objects, failed: Vec::new(), health, book: Book::default() }
}

impl World {
    fn sections(&self) -> Vec<ApplicationReport> {
        let manifest = Manifest::new(name("web"), self.policy.clone(), Vec::new()).expect("a manifest");
        let bundle = bundle(1, &[manifest], Vec::new());
        let plan = Plan {
            target: bundle.mark(),
            objects: self.objects.clone(),
            held: Vec::new(),
            changes: Vec::new(),
            followup: Followup::None,
        };
        let failures = self.failed.iter().map(|key| (key, "it does not work")).collect();
        let (health, book) = (&self.health, &self.book);
        sections(&ReportInputs { bundle: &bundle, plan: Some(&plan), failures: &failures, health, book })
    }

    fn section(&self) -> ApplicationReport {
        self.sections().remove(0)
    }
}

#[test]
fn healthy_objects_are_counts_only() {
    let section = world(vec![object("a", Decision::Keep), object("b", Decision::Keep)]).section();
    assert_eq!((section.sync, section.health, section.counts.healthy), (Sync::Current, Health::Healthy, 2));
    assert!(section.objects.is_empty() && section.reason.is_empty());
}

#[test]
fn every_decision_and_failure_has_its_word() {
    let check = |decision: Decision, fails: bool, expected: Sync| {
        let mut world = world(vec![object("a", decision)]);
        world.failed.extend(fails.then(|| key("a")));
        let section = world.section();
        assert_eq!(section.sync, expected, "{section:?}");
        assert_eq!(section.reason.is_empty(), expected == Sync::Current);
    };
    let refused = |why| Decision::Refused { why };
    check(create(), false, Sync::Current);
    check(create(), true, Sync::Failed);
    check(Decision::Keep, true, Sync::Failed);
    check(refused(Why::PruneOff), false, Sync::Held);
    check(refused(Why::PruneDisabled), false, Sync::Held);
    check(refused(Why::Observed { would: Would::Create }), false, Sync::Held);
    check(refused(Why::NotHealed { would: Would::Change }), false, Sync::Current);
    check(refused(Why::DiscoveryGap), false, Sync::Rolling);
    check(refused(Why::NotOurs), false, Sync::Failed);
    let list = skerry_common::bundle::digest::Digest::of(b"list");
    check(Decision::Held { guard: Guard::MostOfTheApplication, list }, false, Sync::Held);
}

#[test]
fn a_difference_that_is_not_healed_is_held() {
    let mut world = world(vec![object("a", Decision::Refused { why: Why::NotHealed { would: Would::Create } })]);
    world.book.opened(Sequence(1), drift("a"));
    let section = world.section();
    assert_eq!((section.sync, section.objects.len()), (Sync::Held, 1));
}

#[test]
fn what_left_is_told_only_while_it_stays() {
    let gone = world(vec![Planned { content: None, ..object("a", prune()) }]);
    assert_eq!(gone.section().counts.total(), 0);
    let refused = Decision::Refused { why: Why::PruneOff };
    let kept = world(vec![Planned { content: None, ..object("a", refused) }]).section();
    assert_eq!((kept.sync, kept.counts.total()), (Sync::Held, 1));
    assert_eq!(kept.objects[0].reason, Why::PruneOff.to_string());
}

#[test]
fn the_worst_come_first_and_the_list_is_bounded() {
    let rolling = || Decision::Refused { why: Why::DiscoveryGap };
    let mut objects: Vec<_> =
        (0..REPORTED_OBJECTS_MAX + 20).map(|at| object(&format!("m{at:03}"), rolling())).collect();
    objects.push(object("zzz", Decision::Refused { why: Why::NotOurs }));
    let section = world(objects).section();
    assert_eq!(section.objects.len(), REPORTED_OBJECTS_MAX);
    assert_eq!(section.objects[0].object, key("zzz"));
    assert_eq!(section.sync, Sync::Failed);
}

#[test]
fn unknown_health_drift_and_suspension_are_told() {
    let mut world = world(vec![object("a", Decision::Keep)]);
    world.policy.suspend = true;
    world.health.clear();
    world.book.opened(Sequence(1), drift("a"));
    let section = world.section();
    assert_eq!((section.sync, section.health, section.drift), (Sync::Held, Health::Unknown, 1));
}

fn snapshot(sections: &[(&str, u32)]) -> Snapshot {
    let of = |(application, drift): &(&str, u32)| ApplicationReport {
        application: name(application),
        sync: Sync::Current,
        reason: String::new(),
        health: Health::Healthy,
        counts: HealthCounts::default(),
        drift: *drift,
        objects: Vec::new(),
        age_ms: 0,
    };
    Snapshot { applications: sections.iter().map(of).collect(), ..Snapshot::default() }
}

#[test]
fn only_what_changed_since_the_last_acknowledgement_travels() {
    let mut teller = Teller::default();
    let first = teller.next(&snapshot(&[("a", 0), ("b", 0)]), 7).expect("a report");
    assert_eq!((first.version, first.full, first.applications.len()), (1, true, 2));
    assert_eq!(first.applications[0].age_ms, 7);
    assert_eq!(teller.next(&snapshot(&[("a", 1), ("b", 0)]), 0), None, "one is under way");
    teller.acknowledged(0);
    assert!(teller.is_waiting());
    teller.acknowledged(1);
    let second = teller.next(&snapshot(&[("a", 1)]), 0).expect("a report");
    assert_eq!((second.version, second.full), (2, false));
    assert_eq!(second.applications.iter().map(|section| section.drift).collect::<Vec<_>>(), [1]);
    assert_eq!(second.removed, [name("b")]);
    teller.acknowledged(2);
    assert_eq!(teller.next(&snapshot(&[("a", 1)]), 0), None);
    let again = Teller::default().next(&snapshot(&[("a", 1)]), 0).expect("a report");
    assert!(again.full, "a new connection is told everything");
}
