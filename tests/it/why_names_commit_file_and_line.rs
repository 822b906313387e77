//! `skerry why`: for an object on a cluster the hub names the commit, file, line and step of each field, the bundle
//! that brought it, and what holds it back; of Secrets, places only.

use serde_json::{Value, json};

use skerry_common::status::Sync;

use crate::stage::{Stage, ensure};

async fn why(stage: &Stage, query: &str) -> Value {
    let answer = stage.admin().get(&format!("/api/v1/clusters/one/why?{query}")).await;
    serde_json::from_slice(&answer).unwrap_or_else(|_| panic!("{query}: {}", String::from_utf8_lossy(&answer)))
}

/// Who set a field, at which place, and the value.
fn setting(answer: &Value, field: &str) -> (String, String, Value) {
    let fields = answer["fields"].as_array().unwrap_or_else(|| panic!("{answer:#}"));
    let found = fields.iter().find(|found| found["field"] == field).unwrap_or_else(|| panic!("{field}: {answer:#}"));
    let by = &found["setBy"];
    let place = match by["at"]["file"].as_str() {
        Some(file) => format!("{file}:{}", by["at"]["line"]),
        None => String::new(),
    };
    (by["step"].as_str().expect("a step").to_owned(), place, by["value"].clone())
}

fn is(step: &str, place: &str, value: &str) -> (String, String, Value) {
    (step.to_owned(), place.to_owned(), json!(value))
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_are_traced_to_the_commit_that_made_them_so() {
    let stage = Stage::build().await;
    stage
        .work
        .write("apps/web/kustomization.yaml", "resources: [map.yaml]\nnamePrefix: p-\npatches:\n- path: patch.yaml\n");
    stage
        .work
        .write("apps/web/map.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: map\ndata:\n  size: small\n");
    stage
        .work
        .write("apps/web/patch.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: map}\ndata:\n  size: large\n");
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: door}\nstringData:\n  code: open-sesame-77\n";
    stage.work.write("apps/secret.yaml", secret);
    let first = stage.push("an overlay and a Secret").await;
    let site = stage.settled("one").await;
    stage.knows_applied(&site).await;

    let patched = why(&stage, "kind=configmap&name=p-map").await;
    assert_eq!(patched["notExplained"], Value::Null, "{patched:#}");
    assert_eq!(setting(&patched, "/data/size"), is("PatchTransformer", "apps/web/patch.yaml:5", "large"));
    assert_eq!(setting(&patched, "/metadata/namespace"), is("DefaultNamespace", "", "shop"));
    assert_eq!((&patched["source"]["commit"], &patched["heldBack"]), (&json!(first), &json!([])));
    let plain = why(&stage, "kind=ConfigMap&name=one&field=/data").await;
    assert_eq!(setting(&plain, "/data/value"), is("Resource", "apps/one.yaml:4", "1"));
    assert_eq!(plain["fields"].as_array().map(Vec::len), Some(1));

    let sealed = why(&stage, "kind=Secret&name=door").await;
    assert_eq!(setting(&sealed, "/stringData/code"), ("Resource".into(), "apps/secret.yaml:5".into(), Value::Null));
    assert!(!sealed.to_string().contains("open-sesame"), "{sealed}");

    // What did not change was brought by the older bundle; lines are those of the newest commit.
    stage.settings("two", "new");
    stage.work.write(
        "apps/one.yaml",
        "# moved down\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\ndata: {value: \"1\"}\n",
    );
    stage.push_to(&site, "another object").await;
    let second = stage.work.head();
    let plain = why(&stage, "kind=ConfigMap&name=one").await;
    assert_eq!(setting(&plain, "/data/value"), is("Resource", "apps/one.yaml:5", "1"));
    assert_eq!(plain["source"]["commit"], second);
    assert_eq!(plain["since"]["sources"][0]["commit"], first);
    let changed = why(&stage, "kind=ConfigMap&name=two").await;
    assert_eq!(changed["since"]["sources"][0]["commit"], second);
    assert_eq!(why(&stage, "kind=Secret&name=door").await["since"]["sources"][0]["commit"], first);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_suspended_is_explained_by_the_commit_that_it_keeps() {
    let stage = Stage::build().await;
    let site = stage.settled("one").await;
    let kept = stage.work.head();
    stage.declare("true", "{ignore: [{kind: ConfigMap, fields: [/data/other]}]}");
    stage.push("suspend").await;
    site.until("it is suspended", |site| {
        let snapshot = site.agent().snapshot.borrow().clone();
        let is_held = snapshot.applications.first().is_some_and(|section| section.sync == Sync::Held);
        ensure(is_held, &format!("{snapshot:?}"))
    })
    .await;
    stage.settings("one", "2");
    stage.push("nobody should see this").await;
    stage.sees_head().await;
    stage.full_pass(&site).await;
    stage.full_pass(&site).await;
    let plain = why(&stage, "kind=ConfigMap&name=one&field=/data/value").await;
    assert_eq!(setting(&plain, "/data/value"), is("Resource", "apps/one.yaml:4", "1"));
    assert_eq!(plain["since"]["sources"][0]["commit"], kept);
    let held = plain["heldBack"].as_array().expect("a list");
    assert!(held.contains(&json!("application web is suspended: it keeps what it had")), "{plain:#}");
    // An object that the newest commit no longer has is still explained.
    assert_ne!(plain["source"]["commit"], stage.work.head());
}
