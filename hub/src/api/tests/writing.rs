//! Writes and their trail.

use reqwest::Method;
use serde_json::json;
use skerry_common::bundle::digest::Digest;

use super::{ADMIN, Rig};
use crate::store::AccessStore as _;

#[tokio::test]
async fn clusters_are_registered_and_revoked() {
    let rig = Rig::start().await;
    let made = rig.post("/api/v1/clusters", json!({"name": "edge", "labels": {"env": "prod"}})).await;
    assert_eq!((made.status.as_u16(), &made.body["id"]), (201, &"id-edge".into()), "{}", made.body);
    assert_eq!(rig.get("/api/v1/clusters?labelSelector=env").await.names(), ["edge"]);
    let again = rig.post("/api/v1/clusters", json!({"name": "edge"})).await;
    assert_eq!(again.problem(), (409, "SK0604"));
    assert_eq!(rig.post("/api/v1/clusters/edge/rejoin", json!({})).await.status, 200);
    assert_eq!(rig.post("/api/v1/clusters/edge/revoke", json!({})).await.body, json!({"done": true}));
    assert_eq!(rig.get("/api/v1/clusters/edge").await.body["contact"], "revoked");
    assert_eq!(rig.post("/api/v1/clusters/nobody/revoke", json!({})).await.problem(), (404, "SK0603"));
    let trail = rig.store.audit_trail(None, 10).await.expect("lists");
    let lines: Vec<_> = trail
        .iter()
        .map(|entry| format!("{} {} {}: {}", entry.who, entry.action, entry.subject, entry.outcome))
        .collect();
    assert_eq!(
        lines,
        [
            "ops revoke cluster/nobody: there is no cluster `nobody`",
            "ops revoke cluster/edge: done",
            "ops rejoin cluster/edge: done",
            "ops register cluster/edge: `edge` is taken",
            "ops register cluster/edge: done",
        ]
    );
}

#[tokio::test]
async fn bodies_are_held_to_their_schema() {
    let rig = Rig::start().await;
    let check = async |body, status| {
        let answer = rig.post("/api/v1/clusters", body).await;
        assert_eq!(answer.problem(), (status, "SK0600"), "{}", answer.body);
    };
    check(json!({"name": "Not A Name"}), 400).await;
    check(json!({"name": "edge", "lables": {}}), 400).await;
    check(json!({"name": "edge", "labels": {"a b": "c"}}), 400).await;
    check(json!({}), 400).await;
    let huge = json!({"name": "edge", "labels": {"a": "x".repeat(2 * 1024 * 1024)}});
    assert_eq!(rig.post("/api/v1/clusters", huge).await.problem(), (413, "SK0606"));
}

#[tokio::test]
async fn wishes_and_files_travel() {
    let rig = Rig::start().await;
    rig.register("edge", &[]).await;
    assert_eq!(rig.post("/api/v1/clusters/edge/sync", json!({})).await.body, json!({"requests": 1}));
    let list = Digest::of(b"list").to_string();
    let confirmed = rig.post("/api/v1/clusters/edge/confirm-prune", json!({"list": list})).await;
    assert_eq!(confirmed.body, json!({"lists": [list]}));
    let refused = rig.post("/api/v1/clusters/edge/confirm-prune", json!({})).await;
    assert_eq!((refused.problem(), &refused.body["help"]), ((422, "SK0605"), &"look again".into()));
    let offline = rig.post("/api/v1/clusters/new/offline", json!({"request": "file", "labels": {"a": "b"}})).await;
    assert_eq!(offline.body["reply"], "new {\"a\": \"b\"} file");
    let archive = rig.call(Method::GET, "/api/v1/clusters/edge/bundle", Some(ADMIN), None).await;
    assert_eq!((archive.kind.as_str(), archive.body.as_str()), ("application/x-tar", Some("piece".repeat(8).as_str())));
}

#[tokio::test]
async fn a_failing_store_is_no_detail_for_callers() {
    let rig = Rig::start().await;
    rig.get("/api/v1/clusters").await;
    rig.store.fail_next(1_000);
    let answer = rig.get("/api/v1/clusters").await;
    assert_eq!(answer.problem(), (500, "SK0608"));
    assert_eq!(rig.call(Method::GET, "/readyz", None, None).await.status, 503);
    rig.store.fail_next(0);
    assert_eq!(rig.call(Method::GET, "/readyz", None, None).await.status, 200);
}
