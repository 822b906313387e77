//! When a silent cluster is late and offline is the operator's to say (DESIGN §4.16).

use skerry_hub::store::ClusterStore as _;
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
    let site = stage.joined("quiet").await;
    let heard = (OffsetDateTime::now_utc() - time::Duration::seconds(100)).unix_timestamp() * 1000;
    let cluster = stage.record(&site).await.id;
    stage.hub().store.touch(&[(cluster, heard)]).await.expect("stores");
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
