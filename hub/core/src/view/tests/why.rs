//! What holds an object back, and how much of its fields is shown.

use skerry_common::bundle::manifest::{IgnoreRule, SyncMode};
use skerry_common::diagnostic::Location;
use skerry_common::id::ApplicationName;
use skerry_render::{Explained, ExplainedField, SetBy};

use super::*;
use crate::view::why::{self, FIELDS_MAX, Holding, held_back};

fn key() -> ObjectKey {
    ObjectKey { group: "apps".into(), kind: "Deployment".into(), namespace: Some("shop".into()), name: "web".into() }
}

fn of(record: &ClusterRecord, policy: &Policy, sync: Sync, field: &str) -> Vec<String> {
    let object = ObjectView {
        cluster: record.name.clone(),
        application: ApplicationName::parse("web").unwrap(),
        object: ObjectRef::from(&key()),
        contact: record.contact(&ContactBounds::default(), NOW),
        sync,
        health: Health::Healthy,
        reason: "no such image".into(),
        observed_at: None,
        age_seconds: None,
    };
    let bounds = ContactBounds::default();
    held_back(&Holding { record, policy, object: &object, key: &key(), field, bounds: &bounds, now: NOW })
}

#[test]
fn what_holds_an_object_back_is_told_with_what_to_do() {
    let plain = Policy::default();
    let check = |record: &ClusterRecord, policy: &Policy, expected: &[&str]| {
        assert_eq!(of(record, policy, Sync::Current, ""), expected);
    };
    let good = healthy("a", 1);
    check(&good, &plain, &[]);
    assert_eq!(of(&good, &plain, Sync::Failed, ""), ["no such image"]);
    assert_eq!(of(&good, &plain, Sync::Rolling, ""), Vec::<String>::new());
    let policy = Policy { suspend: true, mode: SyncMode::Observe, ..Policy::default() };
    let expected =
        ["application web is suspended: it keeps what it had", "application web only observes: nothing is written"];
    check(&good, &policy, &expected);
    let offline = healthy("a", 3600);
    let expected = "the cluster is offline, last heard of at 2027-01-15T07:00:00Z: what it had then stays in force";
    check(&offline, &plain, &[expected]);
    check(
        &record("a", None, None),
        &plain,
        &["the cluster was never heard of: it has not joined yet", "generation 4 is not applied yet"],
    );
    let behind = record("a", Some(1), Some(report(3, vec![section("web", Sync::Rolling, Health::Healthy, 0)])));
    check(&behind, &plain, &["generation 4 is not applied yet; the cluster has generation 3"]);
    let refused = ClusterRecord { refused: Some("its clock is wrong".into()), ..behind };
    check(&refused, &plain, &["the agent refused generation 4: its clock is wrong"]);
    let place = Location::file("apps/web.yaml", Some(3));
    let errors =
        vec![Diagnostic::error(Code(410), "not YAML").at(place), Diagnostic::warning(Code(417), "`status` is ignored")];
    let broken = ClusterRecord { errors, ..healthy("a", 1) };
    check(&broken, &plain, &["what Git says now is not published: not YAML (apps/web.yaml:3)"]);
    let held = |name: &str| HeldPrune {
        application: application(name),
        list: Digest::of(b"list"),
        objects: 12,
        examples: Vec::new(),
        reason: "more than half".into(),
    };
    let mut guarded = healthy("a", 1);
    guarded.reported.as_mut().unwrap().held_prunes = vec![held("web"), held("other")];
    let next = format!("skerry cluster confirm-prune a --list {}", Digest::of(b"list"));
    check(&guarded, &plain, &[&format!("a deletion of 12 objects waits: more than half; {next}")]);
}

#[test]
fn ignored_fields_are_told_where_they_are_asked_for() {
    let rule = |kind: &str, field: &str| IgnoreRule {
        group: None,
        kind: Some(kind.into()),
        namespace: None,
        name: None,
        fields: vec![field.into()],
    };
    let ignore = vec![rule("Deployment", "/spec/replicas"), rule("Service", "/spec/type")];
    let policy = Policy { ignore, ..Policy::default() };
    let expected = ["`/spec/replicas` is ignored (`sync.ignore`): what the cluster makes of it stays"];
    for field in ["", "/", "/spec", "/spec/replicas", "/spec/replicas/x"] {
        assert_eq!(of(&healthy("a", 1), &policy, Sync::Current, field), expected, "{field}");
    }
    for field in ["/spec/replicasets", "/metadata", "/spec/template"] {
        assert_eq!(of(&healthy("a", 1), &policy, Sync::Current, field), Vec::<String>::new(), "{field}");
    }
}

#[test]
fn fields_settings_and_values_are_bounded() {
    let by = |value: Option<String>| SetBy { step: "Resource".into(), at: Location::default(), value };
    let field = |number: usize| ExplainedField {
        field: format!("/data/{number}"),
        set_by: by(Some("ä".repeat(1_000))),
        overrode: vec![by(None); 100],
    };
    let fields = (0..FIELDS_MAX + 7).map(field).collect();
    let (fields, left_out) = why::fields(Explained { object: "ConfigMap/a".into(), namespace: None, fields });
    assert_eq!((fields.len(), left_out, fields[0].overrode.len()), (FIELDS_MAX, 7, 16));
    let value = fields[0].set_by.value.clone().unwrap();
    assert_eq!((value.chars().count(), value.ends_with("ä…")), (201, true));
    assert_eq!(fields[0].overrode[0].value, None);
}
