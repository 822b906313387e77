use serde_json::json;
use skerry_hub_core::view::{
    ApplicationView, ClusterView, DriftView, EventView, GroupView, ObjectView, RevisionView, SourceView,
};

use super::*;

const NOW: Timestamp = Timestamp(1_767_229_200_000); // 2026-01-01T01:00:00Z

/// Headings and cells side by side: `NAME=a SYNC=current`.
fn shown<T: Row>(value: serde_json::Value) -> String {
    let row: T = serde_json::from_value(value).expect("a row");
    let cells = row.cells(NOW);
    assert_eq!(cells.len(), T::COLUMNS.len(), "{}", T::PATH);
    let pairs = T::COLUMNS.iter().zip(&cells).map(|(column, cell)| format!("{}={}", column.heading, cell.text()));
    pairs.collect::<Vec<_>>().join(" ")
}

#[test]
fn a_drift_names_field_and_manager() {
    let drift = json!({
        "cluster": "edge-01", "incarnation": 1, "sequence": 5, "application": "web",
        "object": {"group": "apps", "kind": "Deployment", "namespace": "shop", "name": "web"}, "uid": "u",
        "resourceVersion": "9", "seenAt": "2026-01-01T00:50:00Z", "contact": "late",
        "observedAt": "2026-01-01T00:58:00Z", "outcome": "healed", "closedAt": "2026-01-01T00:50:01Z",
        "fields": [
            {"path": "/spec/replicas", "kind": "changed", "manager": "kubectl-edit"},
            {"path": "/spec/x", "kind": "added", "manager": "kubectl-edit"},
        ],
    });
    let expected = "CLUSTER=edge-01 APPLICATION=web OBJECT=Deployment.apps/shop/web FIELD=/spec/replicas +1 \
                    CHANGE=added,changed BY=kubectl-edit OUTCOME=healed AGE=10m CONTACT=late OBSERVED=2m \
                    CLOSED=9m59s UID=u RESOURCEVERSION=9";
    assert_eq!(shown::<DriftView>(drift), expected);
}

#[test]
fn an_object_a_revision_and_a_source_have_their_columns() {
    let object = json!({
        "cluster": "a", "application": "web", "object": {"group": "", "kind": "Service", "namespace": "shop", "name": "web"},
        "contact": "late", "sync": "current", "health": "degraded", "reason": "no endpoints", "observedAt": null, "ageSeconds": null,
    });
    let expected = "CLUSTER=a APPLICATION=web OBJECT=Service/shop/web CONTACT=late SYNC=current HEALTH=degraded \
                    OBSERVED=<none> REASON=no endpoints";
    assert_eq!(shown::<ObjectView>(object), expected);
    let commit = "0123456789abcdef0123456789abcdef01234567";
    let revision = json!({"source": "shop", "commit": commit, "ref": "branch main", "verified": "none",
        "targeted": 2, "applied": 1, "unknown": 1, "observedAt": "2026-01-01T00:58:00Z"});
    let expected =
        "SOURCE=shop COMMIT=0123456789 REF=branch main VERIFIED=none TARGETED=2 APPLIED=1 UNKNOWN=1 OBSERVED=2m";
    assert_eq!(shown::<RevisionView>(revision), expected);
    let source = json!({
        "name": "shop", "url": "https://h/shop", "ref": "branch main", "commit": commit, "fetchedAt": "2026-01-01T00:00:00Z",
        "checkedAt": "2026-01-01T00:59:30Z", "failures": 0, "error": null,
    });
    let expected = "NAME=shop REF=branch main COMMIT=0123456789 FETCHED=60m CHECKED=30s FAILURES=0 URL=https://h/shop ERROR=<none>";
    assert_eq!(shown::<SourceView>(source), expected);
}

#[test]
fn an_application_is_shown_with_its_age() {
    let on = |cluster: &str, at: &str| {
        json!({
            "application": "web", "cluster": cluster, "contact": "connected", "sync": "current", "reason": "",
            "health": "healthy", "objects": {"healthy": 1, "progressing": 0, "degraded": 0, "suspended": 0, "unknown": 0},
            "drift": 0, "observedAt": at, "receivedAt": at, "ageSeconds": 1,
        })
    };
    let counts = |word: &str| {
        let mut counts = json!({"current": 0, "rolling": 0, "held": 0, "failed": 0, "unknown": 0, "healthy": 0,
            "progressing": 0, "degraded": 0, "suspended": 0});
        counts[word] = json!(2);
        counts
    };
    let application = json!({
        "name": "web", "sources": ["shop"], "clusters": 2, "sync": counts("current"), "health": counts("healthy"), "drift": 0,
        "observedAt": "2026-01-01T00:00:00Z", "on": [on("a", "2026-01-01T00:59:00Z"), on("b", "2026-01-01T00:00:00Z")],
    });
    let text = shown::<ApplicationView>(application);
    assert!(text.contains("CURRENT=2 ") && text.contains("HEALTHY=2 ") && text.contains("OBSERVED=60m"), "{text}");
}

#[test]
fn names_are_unique_per_kind() {
    let paths = [
        ClusterView::PATH,
        GroupView::PATH,
        ApplicationView::PATH,
        ObjectView::PATH,
        DriftView::PATH,
        EventView::PATH,
        RevisionView::PATH,
        SourceView::PATH,
    ];
    assert_eq!(paths.iter().collect::<std::collections::BTreeSet<_>>().len(), paths.len());
}

#[test]
fn what_nobody_knows_is_not_shown_as_good() {
    assert_eq!(state("current", Tone::Good, Contact::Connected), Cell::new("current").tone(Tone::Good));
    assert_eq!(state("current", Tone::Good, Contact::Offline), Cell::new("current").tone(Tone::Faint));
}
