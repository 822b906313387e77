//! Watches: nothing missed, nothing twice.

use futures::StreamExt as _;
use skerry_common::id::{ClusterId, Incarnation, Sequence};
use skerry_common::journal::{Event, JournalEntry};

use super::{NOW, Rig, VIEWER, heard};
use crate::store::{ClusterStore as _, JournalStore as _};

/// One event as it came over the wire.
#[derive(Debug)]
struct Told {
    id: Option<String>,
    kind: String,
    data: serde_json::Value,
}

/// Reads a watch until so many events came.
async fn watch(rig: &Rig, path: &str, last: Option<&str>, count: usize) -> Vec<Told> {
    let mut request = rig.client.get(format!("{}{path}", rig.base)).bearer_auth(VIEWER);
    if let Some(last) = last {
        request = request.header("Last-Event-ID", last);
    }
    let response = request.send().await.expect("an answer");
    assert_eq!(response.status(), 200);
    let mut pieces = response.bytes_stream();
    let (mut text, mut told) = (String::new(), Vec::new());
    while told.len() < count {
        let piece = tokio::time::timeout(std::time::Duration::from_secs(60), pieces.next()).await.expect("in time");
        text.push_str(std::str::from_utf8(&piece.expect("goes on").expect("a piece")).expect("text"));
        while let Some((block, rest)) = text.split_once("\n\n") {
            told.extend(parse(block));
            text = rest.to_owned();
        }
    }
    told
}

fn parse(block: &str) -> Option<Told> {
    let line = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(|text| text.trim().to_owned());
    let data = serde_json::from_str(&line("data:")?).expect("JSON");
    Some(Told { id: line("id:"), kind: line("event:").unwrap_or_default(), data })
}

fn started(sequence: u64) -> JournalEntry {
    JournalEntry { sequence: Sequence(sequence), at_unix_ms: NOW, event: Event::Started { version: "1".into() } }
}

async fn append(rig: &Rig, cluster: &ClusterId, sequences: std::ops::RangeInclusive<u64>) {
    let entries: Vec<_> = sequences.map(started).collect();
    rig.store.append(cluster, Incarnation(1), &entries, NOW).await.expect("stores");
}

#[tokio::test]
async fn events_resume_without_gaps_or_repeats() {
    let rig = Rig::start().await;
    let edge = rig.register("edge", &[]).await;
    append(&rig, &edge, 1..=3).await;
    let position = rig.get("/api/v1/events").await.body["position"].to_string();
    append(&rig, &edge, 4..=600).await;
    let path = "/api/v1/events?watch=true";
    let (mut last, mut seen) = (position, Vec::new());
    // Cut after every few events, and once while new ones arrive.
    while seen.len() < 600 {
        let told = watch(&rig, path, Some(&last), 1).await;
        for event in told.into_iter().take(200) {
            last = event.id.expect("each event has its own position");
            seen.push(event.data["sequence"].as_u64().expect("a number"));
        }
        if seen.len() > 300 && rig.store.mark(&edge, Incarnation(1)).await.expect("reads") == Sequence(600) {
            append(&rig, &edge, 601..=603).await;
        }
    }
    assert_eq!(seen, (4..=603).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_watch_tells_of_what_changes_while_it_is_open() {
    let rig = Rig::start().await;
    let edge = rig.register("edge", &[("env", "prod")]).await;
    rig.register("other", &[]).await;
    let position = rig.get("/api/v1/clusters").await.body["position"].to_string();
    let path = "/api/v1/clusters?watch=true&labelSelector=env%3Dprod";
    let change = async {
        rig.store.request_sync(&ClusterId::parse("id-other").expect("valid")).await.expect("counts");
        rig.store.revoke(&edge).await.expect("revokes");
    };
    let (told, ()) = tokio::join!(watch(&rig, path, Some(&position), 1), change);
    assert_eq!((told[0].kind.as_str(), &told[0].data["name"]), ("row", &"edge".into()));
    assert_eq!(told[0].data["contact"], "revoked");
}

#[tokio::test]
async fn time_alone_is_a_change() {
    let rig = Rig::start().await;
    let edge = rig.register("edge", &[]).await;
    let position = rig.get("/api/v1/clusters").await.body["position"].to_string();
    // As if it had been silent for two minutes.
    rig.store.touch(&[heard(&edge, NOW - 120_000)]).await.expect("stores");
    let told = watch(&rig, "/api/v1/clusters?watch=true", Some(&position), 1).await;
    assert_eq!(told[0].data["contact"], "late");
}

#[tokio::test]
async fn dropped_events_show_as_a_gap() {
    let rig = Rig::start().await;
    let edge = rig.register("edge", &[]).await;
    append(&rig, &edge, 1..=crate::store::journal::EVENTS_PER_CLUSTER_MAX + 10).await;
    let told = watch(&rig, "/api/v1/events?watch=true", Some("0"), 2).await;
    assert_eq!(told[0].kind, "gap", "{:?}", told[0]);
    assert_eq!(told[1].data["sequence"], 11);
}

#[tokio::test]
async fn a_wrong_id_is_refused() {
    let rig = Rig::start().await;
    let request = rig.client.get(format!("{}/api/v1/events?watch=true", rig.base)).bearer_auth(VIEWER);
    let response = request.header("Last-Event-ID", "yesterday").send().await.expect("an answer");
    assert_eq!(response.status(), 400);
    assert_eq!(rig.get("/api/v1/groups?watch=true").await.problem(), (400, "SK0600"));
}
