//! `mode: observe` plans and reports, and writes nothing.

use serde_json::json;
use skerry_common::journal::{DriftKind, DriftOutcome};
use skerry_tests::wait::eventually;

use crate::stage::{DEADLINE, Stage, ensure};

#[tokio::test(flavor = "multi_thread")]
async fn an_observed_application_is_not_created() {
    let stage = Stage::build().await;
    stage.declare("false", "{mode: observe}");
    let commit = stage.push("only look").await;
    let site = stage.join("one").await;
    site.takes_up(&commit).await;
    stage.full_pass(&site).await;
    assert_eq!(site.cluster.writes(), 0);
    assert!(site.read("ConfigMap", "one").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn from_observe_on_nothing_is_changed_healed_or_pruned_but_drift_is_told() {
    let stage = Stage::build().await;
    let site = stage.settled("one").await;
    stage.declare("false", "{mode: observe}");
    let commit = stage.push("only look").await;
    site.takes_up(&commit).await;
    let writes = site.cluster.writes();

    stage.settings("one", "new");
    stage.work.remove("apps/two.yaml");
    stage.settings("three", "3");
    let commit = stage.push("a change, a removal, an addition").await;
    site.takes_up(&commit).await;
    let edit = |object: &mut serde_json::Value| object["data"]["value"] = json!("by hand");
    site.person().edit(&site.target("ConfigMap", "one"), edit).expect("edits");
    eventually(DEADLINE, "the drift is told", || async {
        let drifts = stage.drifts(&site).await;
        let fits = drifts.iter().any(|drift| {
            drift.path == "/data/value"
                && drift.kind == DriftKind::Changed
                && drift.closed.is_some_and(|(how, _)| how == DriftOutcome::Reported)
        });
        ensure(fits, &format!("{drifts:#?}"))
    })
    .await;
    stage.full_pass(&site).await;
    assert_eq!(site.cluster.writes(), writes);
    assert_eq!(site.field("ConfigMap", "one", "/data/value"), "by hand");
    assert!(site.read("ConfigMap", "two").is_some());
    assert!(site.read("ConfigMap", "three").is_none());
}
