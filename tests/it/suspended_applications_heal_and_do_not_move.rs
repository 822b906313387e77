//! A suspended application keeps its last manifest and is still healed.

use serde_json::json;
use skerry_common::status::Sync;

use crate::stage::{Stage, ensure};

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_does_not_reach_a_suspended_application_and_drift_is_healed() {
    let stage = Stage::build().await;
    let site = stage.settled("one").await;
    stage.declare("true", "{}");
    stage.push("suspend").await;
    site.until("it is suspended", |site| {
        let snapshot = site.agent().snapshot.borrow().clone();
        let held = snapshot.applications.first().is_some_and(|section| section.sync == Sync::Held);
        ensure(held, &format!("{snapshot:?}"))
    })
    .await;

    stage.settings("one", "new");
    stage.work.remove("apps/two.yaml");
    stage.push("nobody should see this").await;
    // The poller and the publisher work in turn: two passes later the commit was seen.
    stage.sees_head().await;
    stage.full_pass(&site).await;
    stage.full_pass(&site).await;
    assert_eq!(site.field("ConfigMap", "one", "/data/value"), "1");
    assert!(site.read("ConfigMap", "two").is_some());

    let edit = |object: &mut serde_json::Value| object["data"]["value"] = json!("by hand");
    site.person().edit(&site.target("ConfigMap", "one"), edit).expect("edits");
    site.shows("ConfigMap", "one", "/data/value", "1").await;
    site.person().delete(&site.target("ConfigMap", "two")).expect("deletes");
    site.shows("ConfigMap", "two", "/data/value", "2").await;

    stage.declare("false", "{}");
    stage.push_to(&site, "go on").await;
    assert_eq!(site.field("ConfigMap", "one", "/data/value"), "new");
    assert!(site.read("ConfigMap", "two").is_none());
}
