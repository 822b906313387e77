use serde_json::{Value, json};
use skerry_common::status::Health;

use super::*;

const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

fn bundle(generation: u64) -> Value {
    json!({"epoch": 1, "generation": generation, "root": format!("sha256:{generation:064x}")})
}

/// A cluster that runs generation 7, made of commit A.
fn view(change: impl FnOnce(&mut Value)) -> ClusterView {
    let mut value = json!({
        "name": "edge-01", "id": "c-1", "labels": {}, "groups": [], "contact": "connected", "sync": "current",
        "reason": "", "health": "healthy", "drift": 0, "applications": 1,
        "objects": {"healthy": 3, "progressing": 0, "degraded": 0, "suspended": 0, "unknown": 0},
        "target": bundle(7), "applied": bundle(7), "heldPrunes": [], "conditions": [], "errors": [],
        "sources": [{"name": "shop", "url": "u", "ref": "branch main", "commit": A, "verified": "none"}],
        "agentVersion": "", "wireVersion": null, "bundleSchema": null, "trustVersion": null,
        "kubernetesVersion": "", "platform": "", "registeredAt": "2026-01-01T00:00:00Z", "lastHeardAt": null,
        "observedAt": null, "receivedAt": null, "ageSeconds": null,
    });
    change(&mut value);
    serde_json::from_value(value).expect("a view")
}

fn error(commit: &str) -> Value {
    json!([{"code": 410, "severity": "error", "message": "not YAML", "location": {"file": "a.yaml", "commit": commit}}])
}

#[derive(Debug, PartialEq)]
enum Expected {
    Met,
    NotYet,
    Never(Never),
}

fn check(condition: &str, view: &ClusterView, expected: &Expected) {
    let mut memory = Memory::default();
    check_with(condition, view, &mut memory, expected);
}

fn check_with(condition: &str, view: &ClusterView, memory: &mut Memory, expected: &Expected) {
    let condition: Condition = condition.parse().expect("a condition");
    let found = match decide(&condition, view, memory) {
        Answer::Met => Expected::Met,
        Answer::NotYet(_) => Expected::NotYet,
        Answer::Never(why) => Expected::Never(why),
    };
    assert_eq!(found, *expected, "{condition}");
}

#[test]
fn what_is_true_already_is_met_at_once() {
    let view = view(|_| {});
    check("sync=current", &view, &Expected::Met);
    check("health=healthy", &view, &Expected::Met);
    check("generation=7", &view, &Expected::Met);
    check("commit=aaaaaaa", &view, &Expected::Met);
}

#[test]
fn what_is_on_its_way_is_waited_for() {
    let view = view(|view| {
        view["target"] = bundle(8);
        view["sync"] = json!("rolling");
        view["health"] = json!("progressing");
    });
    check("sync=current", &view, &Expected::NotYet);
    check("sync=rolling", &view, &Expected::Met);
    check("health=healthy", &view, &Expected::NotYet);
    check("generation=8", &view, &Expected::NotYet);
    check("generation=9", &view, &Expected::NotYet);
    check("commit=aaaaaaa", &view, &Expected::NotYet);
    check("commit=bbbbbbb", &view, &Expected::NotYet);
}

#[test]
fn what_is_too_old_is_not_believed() {
    let view = view(|view| view["contact"] = json!("offline"));
    check("sync=current", &view, &Expected::NotYet);
    check("health=healthy", &view, &Expected::NotYet);
    // That it was applied stays true.
    check("generation=7", &view, &Expected::Met);
    check("commit=aaaaaaa", &view, &Expected::Met);
}

#[test]
fn a_revoked_cluster_reaches_nothing() {
    let view = view(|view| view["contact"] = json!("revoked"));
    for condition in ["sync=current", "health=healthy", "generation=7", "commit=aaaaaaa"] {
        check(condition, &view, &Expected::Never(Never::Revoked));
    }
}

#[test]
fn a_higher_generation_takes_the_place() {
    let view = view(|view| view["target"] = bundle(9));
    check("generation=8", &view, &Expected::Never(Never::Superseded(9)));
    check("generation=7", &view, &Expected::Met);
    check("generation=6", &view, &Expected::Never(Never::Superseded(9)));
}

#[test]
fn a_refused_bundle_is_not_waited_for() {
    let view = view(|view| {
        view["target"] = bundle(8);
        view["sync"] = json!("failed");
        view["refused"] = json!("expired");
    });
    let refused = || Expected::Never(Never::Refused("expired".into()));
    check("sync=current", &view, &refused());
    check("generation=8", &view, &refused());
    check("generation=9", &view, &Expected::NotYet);
    check("commit=aaaaaaa", &view, &refused());
    check("health=healthy", &view, &Expected::Met);
}

#[test]
fn a_failed_render_is_not_waited_for() {
    let view = view(|view| {
        view["sync"] = json!("failed");
        view["errors"] = error(B);
    });
    let failed = || Expected::Never(Never::NotRendered("not YAML (a.yaml)".into()));
    check("sync=current", &view, &failed());
    check("commit=bbbbbbb", &view, &failed());
    check("commit=ccccccc", &view, &Expected::NotYet);
    check("generation=8", &view, &Expected::NotYet);
}

#[test]
fn a_failed_apply_may_still_succeed() {
    let view = view(|view| {
        view["target"] = bundle(8);
        view["sync"] = json!("failed");
    });
    check("sync=current", &view, &Expected::NotYet);
    check("generation=8", &view, &Expected::NotYet);
}

#[test]
fn a_commit_that_left_the_target_is_superseded() {
    let mut memory = Memory::default();
    let before = view(|view| view["applied"] = bundle(6));
    check_with("commit=aaaaaaa", &before, &mut memory, &Expected::NotYet);
    let after = view(|view| {
        view["target"] = bundle(8);
        view["sources"][0]["commit"] = json!(B);
    });
    check_with("commit=aaaaaaa", &after, &mut memory, &Expected::Never(Never::Superseded(8)));
    check("commit=aaaaaaa", &after, &Expected::NotYet);
}

#[test]
fn other_words_can_be_waited_for() {
    let view = view(|view| {
        view["sync"] = json!("held");
        view["health"] = json!("suspended");
    });
    check("sync=held", &view, &Expected::Met);
    assert_eq!(view.counted_health(), Health::Suspended);
    check("health=suspended", &view, &Expected::Met);
}
