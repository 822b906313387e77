use std::time::{Duration, Instant};

use skerry_common::bundle::digest::Digest;
use skerry_common::bundle::manifest::Order;
use skerry_common::id::{Epoch, Generation, Place};

use super::*;
use crate::plan::{CreateReason, Followup};

fn planned(application: &str, name: &str, order: Order, decision: Decision) -> Planned {
    let key = ObjectKey { group: String::new(), kind: format!("{order:?}"), namespace: None, name: name.into() };
    Planned {
        key,
        api_version: "v1".into(),
        application: crate::fixtures::name(application),
        order,
        content: None,
        decision,
    }
}

fn create(name: &str) -> Planned {
    planned("web", name, Order::Rest, Decision::Create { reason: CreateReason::New })
}

fn prune(application: &str, name: &str) -> Planned {
    planned(application, name, Order::Rest, Decision::Prune { uid: "u".into(), resource_version: "1".into() })
}

fn mark() -> BundleMark {
    BundleMark { place: Place { epoch: Epoch(1), generation: Generation(1) }, root: Digest::of(b"root") }
}

fn plan(mut objects: Vec<Planned>) -> Input {
    objects.sort_by(|a, b| a.key.cmp(&b.key));
    let (held, changes) = (Vec::new(), Vec::new());
    Input::Start(Box::new(Plan { target: mark(), objects, held, changes, followup: Followup::None }))
}

fn drain(progress: &mut Progress) -> (Vec<ObjectKey>, Vec<Output>) {
    let (mut begun, mut others) = (Vec::new(), Vec::new());
    while let Some(output) = progress.poll_output() {
        match output {
            Output::Execute(planned) => begun.push(planned.key),
            other @ (Output::AwaitEstablished(_) | Output::Finished(_) | Output::Preempted) => others.push(other),
        }
    }
    (begun, others)
}

fn names(keys: &[ObjectKey]) -> Vec<&str> {
    keys.iter().map(|key| key.name.as_str()).collect()
}

fn finish(progress: &mut Progress, now: Instant, key: &ObjectKey) {
    progress.handle(now, Input::Done { key: key.clone(), result: Ok(()) });
}

fn fail(progress: &mut Progress, now: Instant, key: &ObjectKey, kind: FailureKind) {
    progress.handle(now, Input::Done { key: key.clone(), result: Err(Failure::new(kind, "no")) });
}

fn summary(others: &[Output]) -> Summary {
    match others {
        [Output::Finished(summary)] => *summary,
        others => panic!("{others:?}"),
    }
}

#[test]
fn an_empty_plan_is_through_at_once() {
    let mut progress = Progress::new(1);
    progress.handle(Instant::now(), plan(vec![planned("web", "a", Order::Rest, Decision::Keep)]));
    let (begun, others) = drain(&mut progress);
    assert!(begun.is_empty());
    assert_eq!(summary(&others).failed, 0);
    assert!(progress.is_idle());
}

#[test]
fn a_step_runs_with_bounded_concurrency() {
    let now = Instant::now();
    let mut progress = Progress::new(1);
    progress.handle(now, plan((0..RUNNING_MAX + 2).map(|index| create(&format!("m{index:03}"))).collect()));
    let (begun, _) = drain(&mut progress);
    assert_eq!(begun.len(), RUNNING_MAX);
    finish(&mut progress, now, &begun[0]);
    finish(&mut progress, now, &begun[0]);
    assert_eq!(drain(&mut progress).0.len(), 1, "an answer counts once");
}

#[test]
fn steps_wait_for_each_other_and_definitions_for_being_established() {
    let now = Instant::now();
    let mut progress = Progress::new(1);
    let new = || Decision::Create { reason: CreateReason::New };
    let objects = vec![
        create("rest"),
        planned("web", "space", Order::Namespaces, new()),
        planned("web", "kind", Order::Definitions, new()),
        prune("web", "old"),
    ];
    progress.handle(now, plan(objects));
    for expected in ["space", "kind"] {
        let (begun, _) = drain(&mut progress);
        assert_eq!(names(&begun), [expected]);
        finish(&mut progress, now, &begun[0]);
    }
    let (begun, others) = drain(&mut progress);
    let [Output::AwaitEstablished(key)] = others.as_slice() else { panic!("{others:?}") };
    assert!(begun.is_empty());
    assert_eq!(progress.next_deadline(), Some(now + ESTABLISH_TIMEOUT));
    progress.handle(now, Input::Established(key.clone()));
    for expected in ["rest", "old"] {
        let (begun, _) = drain(&mut progress);
        assert_eq!(names(&begun), [expected]);
        finish(&mut progress, now, &begun[0]);
    }
    let summary = summary(&drain(&mut progress).1);
    assert_eq!((summary.created, summary.pruned, summary.failed), (3, 1, 0));
}

#[test]
fn a_definition_that_is_never_established_fails_alone() {
    let now = Instant::now();
    let mut progress = Progress::new(1);
    let new = Decision::Create { reason: CreateReason::New };
    progress.handle(now, plan(vec![create("rest"), planned("web", "kind", Order::Definitions, new)]));
    let (begun, _) = drain(&mut progress);
    finish(&mut progress, now, &begun[0]);
    progress.handle(now + ESTABLISH_TIMEOUT, Input::Tick);
    assert_eq!(names(&drain(&mut progress).0), ["rest"]);
    assert!(matches!(progress.outcomes()[&begun[0]], Outcome::Failed(_)));
}

#[test]
fn what_may_come_right_is_tried_again_and_given_up_in_the_end() {
    let mut now = Instant::now();
    let mut progress = Progress::new(1);
    progress.handle(now, plan(vec![create("a")]));
    let mut attempts = 0;
    loop {
        let (begun, others) = drain(&mut progress);
        if let [key] = begun.as_slice() {
            attempts += 1;
            fail(&mut progress, now, key, FailureKind::NamespaceMissing);
            assert!(drain_is_quiet(&mut progress) || progress.is_idle());
        } else if !others.is_empty() {
            assert_eq!(summary(&others).failed, 1);
            break;
        }
        if let Some(deadline) = progress.next_deadline() {
            assert!(deadline > now && deadline <= now + Duration::from_secs(10));
            now = deadline;
            progress.handle(now, Input::Tick);
        } else {
            break;
        }
    }
    assert_eq!(attempts, 5);
}

fn drain_is_quiet(progress: &mut Progress) -> bool {
    drain(progress).0.is_empty()
}

#[test]
fn what_needs_a_person_is_not_tried_again() {
    for kind in [FailureKind::Forbidden, FailureKind::Invalid, FailureKind::WebhookDenied] {
        let now = Instant::now();
        let mut progress = Progress::new(1);
        progress.handle(now, plan(vec![create("a")]));
        let (begun, _) = drain(&mut progress);
        fail(&mut progress, now, &begun[0], kind);
        let summary = summary(&drain(&mut progress).1);
        assert_eq!((summary.failed, summary.followup), (1, Followup::None));
    }
}

#[test]
fn a_conflict_asks_for_a_new_plan() {
    let now = Instant::now();
    let mut progress = Progress::new(1);
    progress.handle(now, plan(vec![prune("web", "a")]));
    let (begun, _) = drain(&mut progress);
    fail(&mut progress, now, &begun[0], FailureKind::Conflict);
    assert_eq!(summary(&drain(&mut progress).1).followup, Followup::PlanAgain);
}

#[test]
fn nothing_is_deleted_of_an_application_that_could_not_be_applied() {
    let now = Instant::now();
    let mut progress = Progress::new(1);
    progress.handle(now, plan(vec![create("a"), prune("web", "old"), prune("zoo", "theirs")]));
    let (begun, _) = drain(&mut progress);
    fail(&mut progress, now, &begun[0], FailureKind::Invalid);
    let (begun, _) = drain(&mut progress);
    assert_eq!(names(&begun), ["theirs"]);
    finish(&mut progress, now, &begun[0]);
    assert_eq!(summary(&drain(&mut progress).1).pruned, 1);
    assert_eq!(progress.outcomes()[&prune("web", "old").key], Outcome::Postponed);
}

#[test]
fn a_newer_bundle_waits_for_what_runs_and_for_nothing_else() {
    let now = Instant::now();
    let mut progress = Progress::new(1);
    progress.handle(now, plan((0..RUNNING_MAX + 5).map(|index| create(&format!("m{index:03}"))).collect()));
    let (begun, _) = drain(&mut progress);
    progress.handle(now, Input::Preempt);
    progress.handle(now, plan(vec![create("new")]));
    for key in &begun[1..] {
        finish(&mut progress, now, key);
        let (more, others) = drain(&mut progress);
        assert!(more.is_empty() && others.is_empty(), "{more:?} {others:?}");
    }
    finish(&mut progress, now, &begun[0]);
    let (more, others) = drain(&mut progress);
    assert_eq!(others, [Output::Preempted]);
    assert_eq!(names(&more), ["new"]);
}

#[test]
fn what_nobody_took_up_does_not_hold_a_newer_bundle_up() {
    let now = Instant::now();
    let mut progress = Progress::new(1);
    progress.handle(now, plan(vec![create("a"), create("b")]));
    progress.handle(now, Input::Preempt);
    let (begun, others) = drain(&mut progress);
    assert!(begun.is_empty() && progress.is_idle());
    assert_eq!(others, [Output::Preempted]);
}
