use super::*;
use std::collections::{BTreeMap, BTreeSet};

use skerry_common::bundle::digest::{BlobRef, Digest};
use skerry_common::bundle::manifest::{Encoding, Manifest, ManifestEntry, Order, Policy};
use skerry_common::bundle::root::SourceRevision;
use skerry_common::diagnostic::{Code, Diagnostic};
use skerry_common::id::{
    ApplicationName, ClusterId, ClusterName, CommitId, Epoch, Generation, GroupName, Incarnation, Place, Sequence,
    SourceName,
};
use skerry_common::journal::{Drift, DriftKind, DriftOutcome, Event, FieldDrift, JournalEntry};
use skerry_common::object::ObjectKey;
use skerry_common::report::{ApplicationReport, BundleMark, Facts, HeldPrune, ObjectReport, StateReport};
use skerry_common::status::{Contact, ContactBounds, Health, HealthCounts, Sync};

use crate::filter::Filter;

mod why;

const NOW: Timestamp = Timestamp(1_800_000_000_000);

fn mark(generation: u64) -> BundleMark {
    let place = Place { epoch: Epoch(1), generation: Generation(generation) };
    BundleMark { place, root: Digest::of(&generation.to_be_bytes()) }
}

fn application(text: &str) -> ApplicationName {
    ApplicationName::parse(text).unwrap()
}

fn section(name: &str, sync: Sync, health: Health, age_ms: u64) -> ApplicationReport {
    let mut counts = HealthCounts::default();
    counts.add(health);
    ApplicationReport {
        application: application(name),
        sync,
        reason: if sync == Sync::Current { String::new() } else { "because".into() },
        health,
        counts,
        drift: 2,
        objects: Vec::new(),
        age_ms,
    }
}

fn report(applied: u64, applications: Vec<ApplicationReport>) -> StateReport {
    let (current, applied) = (Some(mark(applied)), Some(mark(applied)));
    StateReport { version: 1, full: true, current, applied, applications, ..StateReport::default() }
}

fn record(name: &str, heard_seconds_ago: Option<i64>, report: Option<StateReport>) -> ClusterRecord {
    let reported = report.map(|report| {
        let mut reported = Reported::default();
        reported.take(report, Timestamp(NOW.0 - heard_seconds_ago.unwrap_or(0) * 1000));
        reported
    });
    ClusterRecord {
        id: ClusterId::parse(&format!("id-{name}")).unwrap(),
        name: ClusterName::parse(name).unwrap(),
        labels: BTreeMap::from([("env".to_owned(), "prod".to_owned())]),
        groups: BTreeSet::from([GroupName::parse("all").unwrap()]),
        registered_at: Timestamp(0),
        revoked: false,
        last_heard: heard_seconds_ago.map(|seconds| Timestamp(NOW.0 - seconds * 1000)),
        target: Some(mark(4)),
        refused: None,
        errors: Vec::new(),
        agent: None,
        facts: Facts::default(),
        reported,
    }
}

fn view(record: &ClusterRecord) -> ClusterView {
    cluster(record, &ContactBounds::default(), NOW)
}

fn healthy(name: &str, heard_seconds_ago: i64) -> ClusterRecord {
    let sections = vec![section("web", Sync::Current, Health::Healthy, 5_000)];
    record(name, Some(heard_seconds_ago), Some(report(4, sections)))
}

#[test]
fn sync_is_the_worst_that_is_true() {
    let check = |change: &dyn Fn(&mut ClusterRecord), expected: Sync| {
        let mut record = healthy("a", 1);
        change(&mut record);
        assert_eq!(view(&record).sync, expected);
    };
    let state = |record: &mut ClusterRecord, sync| {
        let reported = record.reported.as_mut().expect("reported");
        reported.applications.get_mut(&application("web")).expect("a section").report.sync = sync;
    };
    check(&|_| {}, Sync::Current);
    check(&|record| record.target = Some(mark(5)), Sync::Rolling);
    check(&|record| state(record, Sync::Held), Sync::Held);
    check(&|record| state(record, Sync::Failed), Sync::Failed);
    check(&|record| record.refused = Some("expired".into()), Sync::Failed);
    check(&|record| record.errors = vec![Diagnostic::error(Code(410), "not YAML")], Sync::Failed);
    check(&|record| record.errors = vec![Diagnostic::warning(Code(326), "empty")], Sync::Current);
    check(&|record| record.reported = None, Sync::Unknown);
    let held = HeldPrune {
        application: application("web"),
        list: Digest::of(b"l"),
        objects: 12,
        examples: Vec::new(),
        reason: "more than half".into(),
    };
    check(
        &|record| {
            record.target = Some(mark(5));
            record.reported.as_mut().expect("reported").held_prunes = vec![held.clone()];
        },
        Sync::Held,
    );
}

#[test]
fn what_is_offline_is_shown_with_its_age_and_counted_as_unknown() {
    let views =
        [view(&healthy("a", 1)), view(&healthy("b", 100)), view(&healthy("c", 1000)), view(&record("d", None, None))];
    let contacts: Vec<Contact> = views.iter().map(|view| view.contact).collect();
    assert_eq!(contacts, [Contact::Connected, Contact::Late, Contact::Offline, Contact::Pending]);
    assert_eq!((views[2].sync, views[2].health, views[2].age_seconds), (Sync::Current, Health::Healthy, Some(1005)));
    let counts = count(&views);
    assert_eq!((counts.clusters, counts.sync.current, counts.sync.unknown), (4, 2, 2));
    assert_eq!((counts.health.healthy, counts.health.unknown), (2, 2));
    assert_eq!(
        (counts.contact.connected, counts.contact.late, counts.contact.offline, counts.contact.pending),
        (1, 1, 1, 1)
    );
    assert_eq!((counts.drifted, counts.drift), (2, 4), "drifts that may be over by now are not counted");
    assert_eq!(counts.observed_at, Some(Timestamp(NOW.0 - 105_000)), "as old as the oldest that is counted");
    assert_eq!(count(&views[2..]).observed_at, None);
    let revoked = view(&ClusterRecord { revoked: true, ..healthy("e", 1) });
    assert_eq!((revoked.contact, revoked.counted_sync()), (Contact::Revoked, Sync::Unknown));
}

#[test]
fn who_is_heard_and_tells_no_change_was_observed_then() {
    let mut quiet = healthy("a", 100);
    quiet.last_heard = Some(Timestamp(NOW.0 - 3_000));
    assert_eq!(view(&quiet).age_seconds, Some(105), "being heard alone says nothing of the cluster");
    let reported = quiet.reported.as_mut().expect("reported");
    reported.confirm(Timestamp(NOW.0 - 3_000));
    reported.confirm(Timestamp(NOW.0 - 9_000));
    let shown = view(&quiet);
    assert_eq!((shown.age_seconds, shown.received_at), (Some(3), Some(Timestamp(NOW.0 - 100_000))));
    assert_eq!(count(&[shown]).observed_at, Some(Timestamp(NOW.0 - 3_000)));
    let mut empty = record("b", Some(100), Some(report(4, Vec::new())));
    empty.reported.as_mut().expect("reported").confirm(Timestamp(NOW.0 - 2_000));
    assert_eq!(view(&empty).age_seconds, Some(2));
}

#[test]
fn partial_reports_change_only_what_they_bring() {
    let mut reported = Reported::default();
    let both =
        vec![section("web", Sync::Current, Health::Healthy, 0), section("api", Sync::Current, Health::Healthy, 0)];
    reported.take(report(4, both), Timestamp(1000));
    let partial = StateReport {
        full: false,
        removed: vec![application("api")],
        ..report(5, vec![section("web", Sync::Failed, Health::Degraded, 500)])
    };
    reported.take(partial, Timestamp(3000));
    assert_eq!(reported.applications.len(), 1);
    assert_eq!(reported.applied, Some(mark(5)));
    let web = &reported.applications[&application("web")];
    assert_eq!(
        (web.report.health, web.observed_at, web.received_at),
        (Health::Degraded, Timestamp(2500), Timestamp(3000))
    );
    reported.take(report(6, Vec::new()), Timestamp(4000));
    assert!(reported.applications.is_empty(), "a full report replaces everything");
}

#[test]
fn views_are_camel_case_and_read_back() {
    let view = view(&healthy("a", 1));
    let json = serde_json::to_value(&view).expect("JSON");
    assert_eq!(json["lastHeardAt"], "2027-01-15T07:59:59Z");
    assert_eq!(json["observedAt"], "2027-01-15T07:59:54Z");
    assert_eq!((&json["contact"], &json["target"]["generation"]), (&"connected".into(), &4.into()));
    assert_eq!(serde_json::from_value::<ClusterView>(json).expect("a view"), view);
}

#[test]
fn clusters_are_filtered_by_field_and_label() {
    let view = view(&healthy("a", 1));
    for (text, expected) in [("contact=connected,group=all,drift>1,label.env=prod", true), ("sync!=current", false)] {
        assert_eq!(Filter::parse::<ClusterView>(text).expect(text).matches(&view), expected, "{text}");
    }
}

fn entry(kind: &str, name: &str) -> ManifestEntry {
    ManifestEntry {
        api_version: "v1".into(),
        kind: kind.into(),
        namespace: Some("shop".into()),
        name: name.into(),
        content: BlobRef::of(b"x"),
        encoding: Encoding::Plain,
        order: Order::Rest,
    }
}

#[test]
fn objects_that_are_not_listed_are_well_only_when_that_is_known() {
    let manifest = Manifest::new(application("web"), Policy::default(), vec![entry("Pod", "a"), entry("Pod", "b")])
        .expect("valid");
    let mut sections = vec![section("web", Sync::Failed, Health::Degraded, 0)];
    let key = |name: &str| ObjectKey {
        group: String::new(),
        kind: "Pod".into(),
        namespace: Some("shop".into()),
        name: name.into(),
    };
    let broken = |name| ObjectReport {
        object: key(name),
        sync: Sync::Failed,
        health: Health::Degraded,
        reason: "no image".into(),
    };
    sections[0].objects = vec![broken("b"), broken("gone")];
    let states = |record: &ClusterRecord| -> Vec<(String, Health)> {
        objects(record, &application("web"), &manifest, &ContactBounds::default(), NOW)
            .into_iter()
            .map(|view| (view.object.name, view.health))
            .collect()
    };
    let known = record("a", Some(1), Some(report(4, sections.clone())));
    let expected = [("a", Health::Healthy), ("b", Health::Degraded), ("gone", Health::Degraded)];
    assert_eq!(states(&known), expected.map(|(name, health)| (name.to_owned(), health)));
    let behind = record("a", Some(1), Some(report(3, sections)));
    assert_eq!(states(&behind)[0].1, Health::Unknown);
    assert_eq!(states(&record("a", None, None))[1].1, Health::Unknown);
    let away = record("a", Some(1_000), Some(report(4, vec![section("web", Sync::Current, Health::Healthy, 0)])));
    let shown = objects(&away, &application("web"), &manifest, &ContactBounds::default(), NOW);
    assert_eq!(
        (shown[0].contact, shown[0].health, shown[0].age_seconds),
        (Contact::Offline, Health::Healthy, Some(1_000))
    );
}

fn drift(sequence: u64) -> JournalEntry {
    let field = FieldDrift { path: "/spec/replicas".into(), kind: DriftKind::Changed, manager: "kubectl-edit".into() };
    let object = ObjectKey {
        group: "apps".into(),
        kind: "Deployment".into(),
        namespace: Some("shop".into()),
        name: "web".into(),
    };
    let drift = Drift {
        application: application("web"),
        object,
        uid: "u".into(),
        resource_version: "7".into(),
        fields: vec![field],
    };
    JournalEntry { sequence: Sequence(sequence), at_unix_ms: 1000, event: Event::Drift(drift) }
}

#[test]
fn drifts_are_filtered_by_outcome_object_and_who_did_it() {
    let field = FieldView { path: "/spec/replicas".into(), kind: DriftKind::Changed, manager: "kubectl-edit".into() };
    let Event::Drift(found) = drift(1).event else { panic!("no drift") };
    let view = |outcome: Option<DriftOutcome>| DriftView {
        cluster: ClusterName::parse("a").unwrap(),
        incarnation: Incarnation(5),
        sequence: Sequence(1),
        application: found.application.clone(),
        object: ObjectRef::from(&found.object),
        uid: found.uid.clone(),
        resource_version: found.resource_version.clone(),
        fields: vec![field.clone()],
        seen_at: NOW,
        contact: Contact::Offline,
        observed_at: None,
        outcome,
        closed_at: outcome.map(|_| NOW),
    };
    let views = [view(Some(DriftOutcome::Healed)), view(None)];
    let check = |text: &str, expected: [bool; 2]| {
        let filter = Filter::parse::<DriftView>(text).expect(text);
        assert_eq!(views.each_ref().map(|view| filter.matches(view)), expected, "{text}");
    };
    check("outcome=open,kind=Deployment,manager=kubectl-edit", [false, true]);
    check("contact=offline,field=/spec/replicas", [true, true]);
    check("contact=connected", [false, false]);
}

#[test]
fn events_are_one_line() {
    let shown = event(&ClusterName::parse("a").unwrap(), Incarnation(5), &drift(1), NOW);
    assert_eq!((shown.kind.as_str(), shown.message.as_str()), ("Drift", "/spec/replicas changed by kubectl-edit"));
    assert_eq!(shown.application, Some(application("web")));
    let failed = Event::Applied { place: mark(4).place, created: 1, changed: 0, pruned: 0, failed: 1 };
    let entry = JournalEntry { sequence: Sequence(2), at_unix_ms: 0, event: failed };
    assert!(event(&ClusterName::parse("a").unwrap(), Incarnation(5), &entry, NOW).warning);
}

#[test]
fn what_needs_a_person_comes_worst_first() {
    let broken = record("z", Some(1), Some(report(4, vec![section("web", Sync::Failed, Health::Degraded, 0)])));
    let views = [view(&healthy("ok", 1)), view(&healthy("away", 1000)), view(&broken)];
    let found = attention(&[], &[], &views);
    let shown: Vec<_> = found.iter().map(|item| (item.urgency, item.about.as_str())).collect();
    assert_eq!(
        shown,
        [(Urgency::Broken, "cluster z"), (Urgency::Broken, "cluster z"), (Urgency::Unknown, "cluster away")]
    );
    assert!(found.iter().all(|item| item.next.starts_with("skerry ")));
}

#[test]
fn applications_and_revisions_are_folded_over_clusters() {
    let records = [healthy("a", 1), healthy("b", 1000)];
    let views = applications(&crate::fleet::Fleet::default(), &records, &ContactBounds::default(), NOW);
    assert_eq!((views.len(), views[0].clusters, views[0].sync.current, views[0].sync.unknown), (1, 2, 1, 1));
    assert_eq!((views[0].drift, views[0].observed_at), (2, Some(Timestamp(NOW.0 - 6_000))));
    let revision = SourceRevision {
        name: SourceName::parse("shop").unwrap(),
        url: "https://h/x".into(),
        reference: "branch main".into(),
        commit: CommitId::parse(&"a".repeat(40)).unwrap(),
        verified: "none".into(),
    };
    let sources = [revision];
    let known = |is_applied, at| TargetState::Known { is_applied, observed_at: Some(Timestamp(at)) };
    let states = [known(true, 7), known(false, 5), TargetState::Unknown];
    let folded = revisions(states.map(|state| (&sources[..], state)));
    assert_eq!((folded.len(), folded[0].targeted, folded[0].applied, folded[0].unknown), (1, 3, 1, 1));
    assert_eq!(folded[0].observed_at, Some(Timestamp(5)));
}
