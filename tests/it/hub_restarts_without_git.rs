//! What a hub published it serves for ever: after a restart, with Git gone, to agents it never met.

use crate::stage::{Stage, ensure};
use skerry_hub::store::bundles::BundleStore as _;

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_hub_signs_nothing_anew_and_the_agent_comes_back() {
    let mut stage = Stage::build().await;
    let site = stage.settled("one").await;
    let before = stage.newest(&site).await;
    stage.stop_hub().await;
    site.until("the agent notices", |site| ensure(!*site.agent().connected.borrow(), &"connected")).await;
    stage.start_hub().await;
    site.until("the agent comes back", |site| ensure(*site.agent().connected.borrow(), &"alone")).await;

    stage.settings("one", "new");
    stage.push_to(&site, "go on").await;
    let cluster = stage.record(&site).await.id;
    let history = stage.hub().store.history(&cluster).await.expect("reads");
    let same: Vec<_> = history.iter().filter(|root| root.place == before.place).collect();
    assert_eq!(same.len(), 1);
    assert_eq!((same[0].digest, &same[0].signature), (before.digest, &before.signature));
    let after = stage.newest(&site).await;
    assert_eq!(after.place.generation.0, before.place.generation.0 + 1, "something was signed without a change");
    let failed = stage.admin().get("/api/v1/events?filter=event%3DRenderFailed").await;
    let failed: serde_json::Value = serde_json::from_slice(&failed).expect("JSON");
    assert_eq!(failed["items"], serde_json::json!([]), "a source not looked at yet is no failure");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_git_gone_a_restarted_hub_serves_an_agent_that_it_never_met() {
    let mut stage = Stage::build().await;
    let mut site = stage.joined("one").await;
    let published = stage.newest(&site).await;
    stage.stop_hub().await;
    std::fs::rename(stage.repository.path(), stage.repository.root().join("gone")).expect("moves");
    stage.start_hub().await;
    site.start().await;
    site.applies(&stage.work.head()).await;
    site.shows("ConfigMap", "one", "/data/value", "1").await;
    assert_eq!(stage.newest(&site).await, published);
}
