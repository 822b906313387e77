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

/// Writes a Secret with one value.
fn secret(stage: &Stage, folder: &str, name: &str, value: &str) {
    let text = format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: {name}}}\nstringData: {{code: {value}}}\n");
    stage.work.write(&format!("{folder}/{name}.yaml"), text);
}

const SECOND: &str = r"
apiVersion: skerry.dev/v1alpha1
kind: Application
metadata: {name: vault}
spec: {sources: [{from: shop, path: vault}], namespace: shop}
---
apiVersion: skerry.dev/v1alpha1
kind: ClusterGroup
metadata: {name: vaults}
spec: {selector: {matchLabels: {env: test}}, applications: [vault]}
";

#[tokio::test(flavor = "multi_thread")]
async fn secrets_of_a_suspended_application_travel_on_with_others_after_the_hub_restarted() {
    let mut stage = Stage::build().await;
    secret(&stage, "apps", "door", "first");
    stage.push("a secret").await;
    let site = stage.settled("one").await;
    stage.declare("true", "{}");
    stage.push("suspend").await;
    site.until("it is suspended", |site| {
        let snapshot = site.agent().snapshot.borrow().clone();
        ensure(snapshot.applications.first().is_some_and(|it| it.sync == Sync::Held), &format!("{snapshot:?}"))
    })
    .await;
    // What Git says of it now counts for nobody.
    secret(&stage, "apps", "door", "second");
    stage.push("nobody should see this").await;
    stage.sees_head().await;
    stage.stop_hub().await;
    stage.start_hub().await;

    // Another application's Secret changes the set of keys that the bundle carries.
    secret(&stage, "vault", "gold", "bars");
    stage.work.write("fleet/vault.yaml", SECOND);
    stage.push("another application").await;
    let encoded = |text: &str| base64::Engine::encode(&base64::engine::general_purpose::STANDARD, text);
    site.shows("Secret", "gold", "/data/code", encoded("bars")).await;
    assert_eq!(site.field("Secret", "door", "/data/code"), encoded("first"));
    // Its keys came along: it can still be healed.
    site.person().delete(&site.target("Secret", "door")).expect("deletes");
    site.shows("Secret", "door", "/data/code", encoded("first")).await;
}
