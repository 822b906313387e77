//! `skerry wait`.

use serde_json::json;

use crate::hub::{Hub, cluster};

const EDGE: &str = "GET /api/v1/clusters/edge-01";

fn rolling() -> serde_json::Value {
    cluster("edge-01", |cluster| {
        cluster["sync"] = json!("rolling");
        cluster["reason"] = json!("generation 8 is on its way");
    })
}

#[tokio::test]
async fn it_ends_when_it_is_true() {
    let hub = Hub::start().await;
    hub.on(EDGE, rolling());
    hub.on(EDGE, cluster("edge-01", |_| {}));
    let run = hub.run(&["wait", "cluster/edge-01", "--for=sync=current", "--for=health=healthy"]).await.code(0);
    assert_eq!(run.stdout, "cluster/edge-01 condition met\n");
    assert_eq!(hub.asked().len(), 2);
}

#[tokio::test]
async fn it_ends_when_time_is_up() {
    let hub = Hub::start().await;
    hub.on(EDGE, rolling());
    let run = hub.run(&["wait", "cluster", "edge-01", "--for=sync=current", "--timeout=1s"]).await.code(1);
    let expected = "error[SK0912]: cluster `edge-01` did not get there in 1s: sync=current: sync is rolling: \
                    generation 8 is on its way\n  help: skerry describe cluster edge-01\n";
    assert_eq!(run.stderr, expected);
}

#[tokio::test]
async fn it_ends_when_the_cluster_is_removed() {
    let hub = Hub::start().await;
    hub.on(EDGE, rolling());
    hub.refuse(EDGE, 404, "SK0603", "there is no cluster `edge-01`");
    let run = hub.run(&["wait", "cluster", "edge-01", "--for=sync=current"]).await.code(1);
    assert!(run.stderr.contains("it was removed"), "{}", run.stderr);
    // One that was never there is another matter.
    hub.run(&["wait", "cluster", "edge-01", "--for=sync=current"]).await.code(2);
}

#[tokio::test]
async fn a_hub_that_restarts_is_waited_for() {
    let hub = Hub::start().await;
    hub.on(EDGE, rolling());
    hub.refuse(EDGE, 503, "SK0607", "not ready");
    hub.on(EDGE, cluster("edge-01", |_| {}));
    hub.run(&["wait", "cluster", "edge-01", "--for=sync=current"]).await.code(0);
}

#[tokio::test]
async fn only_clusters_can_be_waited_for() {
    let hub = Hub::start().await;
    let run = hub.run(&["wait", "group", "labs", "--for=sync=current"]).await.code(2);
    assert!(run.stderr.contains("skerry wait cluster NAME"), "{}", run.stderr);
}
