//! Nothing changed: nothing is written, however often everything is looked at.

use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn a_full_pass_over_an_unchanged_cluster_writes_nothing() {
    let stage = Stage::build().await;
    stage.deployment("web");
    stage.push("a deployment").await;
    let site = stage.settled("one").await;
    site.shows("Deployment", "web", "/status/readyReplicas", 2).await;
    let (writes, lists) = (site.cluster.writes(), site.lists());
    for _ in 0..3 {
        stage.full_pass(&site).await;
    }
    assert!(site.lists() > lists, "nothing was listed again");
    assert_eq!(site.cluster.writes(), writes);
}
