//! When a silent cluster is late and offline is the operator's to say (DESIGN §4.16).

use std::collections::BTreeMap;

use skerry_common::id::{ClusterId, ClusterName};
use skerry_hub::store::ClusterStore as _;
use skerry_hub::store::clusters::{Heard, NewCluster, Says};
use skerry_tests::wait::eventually;
use time::OffsetDateTime;

use crate::stage::{DEADLINE, Stage, ensure};

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_offline_after_what_the_configuration_says() {
    let mut stage = Stage::build().await;
    stage.stop_hub().await;
    // By the usual bounds, 60 s and 180 s, it would be late.
    stage.judge_silence(45, 90);
    stage.start_hub().await;
    let (now, store) = (OffsetDateTime::now_utc().unix_timestamp() * 1000, stage.hub().store.clone());
    let cluster = NewCluster {
        id: ClusterId::parse("c00001").expect("an id"),
        name: ClusterName::parse("quiet").expect("a name"),
        labels: BTreeMap::new(),
        variables: BTreeMap::new(),
        created_unix_ms: now,
    };
    store.register(cluster.clone(), None).await.expect("registers");
    let (cluster, at_unix_ms) = (cluster.id, now - 100_000);
    store.touch(&[Heard { cluster, at_unix_ms, says: Says::Nothing }]).await.expect("stores");
    let admin = stage.admin();
    let shown = eventually(DEADLINE, "it is offline", || async {
        let answer = String::from_utf8_lossy(&admin.get("/api/v1/clusters/quiet").await).into_owned();
        ensure(answer.contains(r#""contact":"offline""#), &answer).map(|()| answer)
    })
    .await;
    assert!(shown.contains("lastHeardAt"), "it is shown with its age: {shown}");
    let fleet: serde_json::Value = serde_json::from_slice(&admin.get("/api/v1/fleet").await).expect("JSON");
    assert_eq!(fleet["counts"]["contact"]["offline"], 1, "{fleet}");
    assert_eq!(fleet["counts"]["health"]["unknown"], 1, "{fleet}");
    let metrics = String::from_utf8(admin.get("/metrics").await).expect("text");
    assert!(metrics.contains("skerry_clusters{contact=\"offline\"} 1"), "{metrics}");
}
