//! An agent that restarts takes up what it left: nothing is written when nothing changed.

use crate::stage::{Stage, ensure};

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_over_an_unchanged_cluster_writes_nothing_and_heals_what_happened_meanwhile() {
    let mut stage = Stage::build().await;
    stage.deployment("web");
    stage.push("a deployment").await;
    let mut site = stage.settled("one").await;
    site.shows("Deployment", "web", "/status/readyReplicas", 2).await;
    stage.stop_hub().await;
    let writes = site.cluster.writes();
    site.stop().await;
    site.start().await;
    site.until("everything is planned again", |site| {
        let tally = site.agent().snapshot.borrow().tally;
        ensure(tally.keep == 4, &format!("{tally:?}"))
    })
    .await;
    assert_eq!(site.cluster.writes(), writes);

    site.stop().await;
    site.person().delete(&site.target("ConfigMap", "one")).expect("deletes");
    site.start().await;
    site.shows("ConfigMap", "one", "/data/value", "1").await;
    assert_eq!(site.cluster.writes(), writes + 1);
}
