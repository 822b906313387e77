//! What the hub publishes although it may not be meant so is an event that operators see.

use serde_json::Value;

use crate::stage::{DEADLINE, Stage, ensure};
use skerry_tests::wait::eventually;

const TWO_APPLICATIONS: &str = r"
apiVersion: skerry.dev/v1alpha1
kind: Application
metadata: {name: first}
spec: {sources: [{from: shop, path: custom}], namespace: one}
---
apiVersion: skerry.dev/v1alpha1
kind: Application
metadata: {name: second}
spec: {sources: [{from: shop, path: custom}], namespace: two}
---
apiVersion: skerry.dev/v1alpha1
kind: ClusterGroup
metadata: {name: both}
spec: {selector: {matchLabels: {env: test}}, applications: [first, second]}
";

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_two_applications_may_share_is_an_event() {
    let stage = Stage::build().await;
    let _site = stage.settled("edge").await;
    stage.work.write("custom/boat.yaml", "apiVersion: boats.example/v1\nkind: Boat\nmetadata: {name: tern}\n");
    stage.work.write("fleet/both.yaml", TWO_APPLICATIONS);
    stage.push("a boat in two applications").await;
    let admin = stage.admin();
    eventually(DEADLINE, "the warning is an event", || async {
        let events = admin.get("/api/v1/events?filter=event%3DWarned,cluster%3Dedge").await;
        let events: Value = serde_json::from_slice(&events).map_err(|error| error.to_string())?;
        let messages: Vec<_> =
            events["items"].as_array().into_iter().flatten().map(|it| it["message"].clone()).collect();
        let told = messages.iter().filter_map(Value::as_str).any(|it| it.contains("SK0330") && it.contains("Boat"));
        ensure(told, &events)
    })
    .await;
}
