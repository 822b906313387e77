//! A request to sync looks at Git at once and reaches the cluster, also while what Git says cannot be rendered.

use serde_json::Value;
use skerry_hub::api::HubControl as _;
use skerry_tests::wait::eventually;

use crate::stage::{DEADLINE, Stage, ensure};

const BROKEN: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\ndata: {value: '1'}\ndata: {}\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_request_travels_with_the_last_good_content_and_mends_follow_the_next() {
    let stage = Stage::build().await;
    let site = stage.settled("edge").await;
    let good = stage.work.head();
    stage.work.write("apps/one.yaml", BROKEN);
    stage.push("broken").await;
    let admin = stage.admin();
    let shown =
        async || -> Value { serde_json::from_slice(&admin.get("/api/v1/clusters/edge").await).expect("a JSON answer") };
    eventually(DEADLINE, "the cluster is told to be behind", || async {
        let cluster = shown().await;
        ensure(cluster["sync"] == "failed" && cluster["reason"].as_str().is_some_and(|it| !it.is_empty()), &cluster)
    })
    .await;

    // The request arrives: a full pass of what was good, under a new generation.
    stage.full_pass(&site).await;
    let bundle = site.agent().targets.current().expect("a bundle");
    let commits: Vec<String> = bundle.root().root().sources.iter().map(|source| source.commit.to_string()).collect();
    assert_eq!(commits, [good], "the last good commit stays the target");
    assert_eq!(site.field("ConfigMap", "one", "/data/value"), "1");
    let cluster = shown().await;
    assert_eq!(cluster["sync"], "failed", "what stands in the way is still told: {cluster}");

    // Nobody pokes the hub: the request alone makes it fetch what was mended.
    stage.settings("one", "mended");
    let mended = stage.work.commit_and_push("mended");
    stage.hub().control.sync(&site.name).await.expect("asks");
    site.applies(&mended).await;
    assert_eq!(site.field("ConfigMap", "one", "/data/value"), "mended");
    eventually(DEADLINE, "nothing stands in the way", || async {
        let cluster = shown().await;
        ensure(cluster["sync"] == "current", &cluster)
    })
    .await;
}
