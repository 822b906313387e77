//! `skerry cluster`: what is asked of the hub, and what is handed on.

use serde_json::{Value, json};
use skerry_common::bundle::signature::Envelope;
use skerry_common::id::{ClusterId, ClusterName, FleetId};
use skerry_common::join::offline::{JoinReplyFile, JoinRequestFile};
use skerry_common::wire::v1::Grant;

use crate::hub::Hub;

#[tokio::test]
async fn registering_prints_the_join_command_alone() {
    let hub = Hub::start().await;
    let command = "skerry-agent join skerry-join-v1.secret@hub:7443";
    let expires = "2099-01-01T00:00:00Z";
    hub.on("POST /api/v1/clusters", json!({"id": "c-1", "name": "edge-01", "command": command, "expiresAt": expires}));
    let run = hub
        .run(&["cluster", "register", "edge-01", "-l", "env=lab,region=eu", "-l", "a=b", "--expires", "1h"])
        .await
        .code(0);
    assert_eq!(run.stdout, format!("{command}\n"));
    assert!(run.stderr.starts_with("cluster `edge-01` is registered"), "{}", run.stderr);
    let (_, body) = hub.asked().pop().expect("asked");
    let body: Value = serde_json::from_str(&body).expect("JSON");
    let expected =
        json!({"name": "edge-01", "labels": {"a": "b", "env": "lab", "region": "eu"}, "tokenLifeSeconds": 3600});
    assert_eq!(body, expected);
}

#[tokio::test]
async fn names_and_labels_are_checked_before_anything_is_sent() {
    let hub = Hub::start().await;
    hub.run(&["cluster", "register", "Edge_01"]).await.code(2);
    hub.run(&["cluster", "register", "edge-01", "-l", "no"]).await.code(2);
    hub.run(&["cluster", "confirm-prune", "edge-01", "--list", "x"]).await.code(2);
    assert!(hub.asked().is_empty());
}

#[tokio::test]
async fn files_go_there_and_back_without_a_network() {
    let hub = Hub::start().await;
    let request = JoinRequestFile::new("0.1.0".into(), vec![1], vec![2]).to_bytes().expect("bytes");
    hub.home.write("request.json", &request);
    let reply = JoinReplyFile::new(Grant {
        fleet: FleetId::parse("harbour").expect("a name"),
        cluster: ClusterId::parse("c1").expect("a name"),
        name: ClusterName::parse("edge-01").expect("a name"),
        chain: vec![vec![1]],
        trust_root: Envelope { payload_type: "t".into(), payload: b"{}".to_vec(), signatures: Vec::new() },
        earlier_trust_roots: Vec::new(),
    });
    let reply = String::from_utf8(reply.to_bytes().expect("bytes")).expect("text");
    hub.on("POST /api/v1/clusters/edge-01/offline", json!({"reply": reply}));
    let arguments = ["cluster", "register", "edge-01", "--request", "request.json", "--reply", "reply.json"];
    let run = hub.run(&arguments).await.code(0);
    assert!(run.stderr.contains("next: skerry bundle export edge-01"), "{}", run.stderr);
    assert_eq!(std::fs::read_to_string(hub.home.path("reply.json")).expect("written"), reply);
    let (_, body) = hub.asked().pop().expect("asked");
    let body: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(body["request"].as_str().map(str::as_bytes), Some(request.as_slice()));
    // A reply that is there already is not overwritten.
    hub.run(&arguments).await.code(2);
    // A reply is no request.
    let run = hub.run(&["cluster", "register", "edge-01", "--request", "reply.json", "--reply", "-"]).await.code(2);
    assert!(run.stderr.contains("the file is a `skerry-join-reply`"), "{}", run.stderr);
}

#[tokio::test]
async fn revoke_confirm_and_sync_ask_the_hub() {
    let hub = Hub::start().await;
    let list = format!("sha256:{:064x}", 1);
    hub.on("POST /api/v1/clusters/a/revoke", json!({"done": true}));
    hub.on("POST /api/v1/clusters/a/sync", json!({"requests": 3}));
    hub.on("POST /api/v1/clusters/a/confirm-prune", json!({"lists": [list]}));
    hub.run(&["cluster", "revoke", "a"]).await.code(0);
    let run = hub.run(&["cluster", "sync", "a"]).await.code(0);
    assert!(run.stderr.contains("skerry wait cluster a --for=sync=current"), "{}", run.stderr);
    let run = hub.run(&["cluster", "confirm-prune", "a"]).await.code(0);
    assert_eq!(run.stdout, format!("{list}\n"));
}
