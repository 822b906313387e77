//! `skerry get`: tables, formats, filters, pages.

use serde_json::{Value, json};

use crate::hub::{Hub, cluster};

const CLUSTERS: &str = "GET /api/v1/clusters";

async fn two_clusters() -> Hub {
    let hub = Hub::start().await;
    let offline = cluster("edge-02", |cluster| {
        cluster["contact"] = json!("offline");
        cluster["sync"] = json!("rolling");
        cluster["lastHeardAt"] = json!("2026-01-01T00:30:00Z");
        cluster["drift"] = json!(12);
        cluster["applied"] = Value::Null;
    });
    hub.page(CLUSTERS, &[cluster("edge-01", |_| {}), offline]);
    hub
}

#[tokio::test]
async fn clusters_are_a_table_with_ages() {
    let hub = two_clusters().await;
    let run = hub.run(&["get", "clusters"]).await.code(0);
    let expected = "\
NAME      CONTACT     SEEN   SYNC      HEALTH    OBSERVED   GENERATION   DRIFT   AGE
edge-01   connected   3s     current   healthy   2m         7            0       60m
edge-02   offline     30m    rolling   healthy   2m         <none>       12      60m
";
    assert_eq!(run.stdout, expected);
    assert_eq!(run.stderr, "");
}

#[tokio::test]
async fn wide_tells_every_version() {
    let hub = two_clusters().await;
    let run = hub.run(&["get", "cl", "-o", "wide", "--no-headers"]).await.code(0);
    let first = run.stdout.lines().next().expect("a line");
    let words: Vec<&str> = first.split_whitespace().skip(9).collect();
    assert_eq!(words, ["7", "labs", "env=lab", "0.1.0", "1", "1", "1", "v1.35.4", "linux/amd64", "<none>"]);
}

#[tokio::test]
async fn machines_get_what_the_hub_said() {
    let hub = Hub::start().await;
    let newer = cluster("edge-01", |cluster| cluster["fromANewerHub"] = json!(true));
    hub.page(CLUSTERS, &[newer]);
    let run = hub.run(&["get", "clusters", "-o", "json"]).await.code(0);
    let value: Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(value["items"][0]["fromANewerHub"], json!(true));
    let run = hub.run(&["get", "cluster/edge-01", "-o", "yaml"]).await.code(0);
    assert!(run.stdout.starts_with("name: edge-01\n"), "{}", run.stdout);
    let run = hub.run(&["get", "clusters", "-o", "name"]).await.code(0);
    assert_eq!(run.stdout, "cluster/edge-01\n");
}

#[tokio::test]
async fn names_filters_and_labels_are_asked_of_the_hub() {
    let hub = two_clusters().await;
    hub.run(&["get", "cluster", "edge-01", "edge-02", "-l", "env=lab", "--filter", "drift>0"]).await.code(0);
    let (asked, _) = hub.asked().pop().expect("asked");
    let expected = "GET /api/v1/clusters?filter=drift%3E0%2Cname+in+%28%22edge-01%22%2C%22edge-02%22%29\
                    &labelSelector=env%3Dlab&limit=1000";
    assert_eq!(asked, expected);
}

#[tokio::test]
async fn what_is_not_there_is_told() {
    let hub = two_clusters().await;
    let run = hub.run(&["get", "clusters", "edge-01", "edge-09"]).await.code(2);
    assert!(run.stdout.contains("edge-01"), "{}", run.stdout);
    let expected = "error[SK0907]: there is no cluster `edge-09`\n  help: `skerry get clusters` lists what there is\n";
    assert_eq!(run.stderr, expected);
}

#[tokio::test]
async fn pages_are_put_together() {
    let hub = Hub::start().await;
    let page = |name: &str, next: Option<&str>| {
        let mut page = json!({"items": [cluster(name, |_| {})], "position": 1, "generatedAt": crate::hub::NOW});
        if let Some(next) = next {
            page["next"] = json!(next);
        }
        page
    };
    hub.on(CLUSTERS, page("a", Some("cursor-of-a")));
    hub.on(CLUSTERS, page("b", None));
    let run = hub.run(&["get", "clusters", "-o", "name"]).await.code(0);
    assert_eq!(run.stdout, "cluster/a\ncluster/b\n");
    assert!(hub.asked().pop().expect("asked").0.contains("cursor=cursor-of-a"));
}

#[tokio::test]
async fn rows_can_be_sorted_by_any_column() {
    let hub = Hub::start().await;
    let with = |name: &str, drift: u32| cluster(name, |cluster| cluster["drift"] = json!(drift));
    hub.page(CLUSTERS, &[with("a", 9), with("b", 10), with("c", 1)]);
    let run = hub.run(&["get", "clusters", "--sort-by", "-drift", "-o", "name"]).await.code(0);
    assert_eq!(run.stdout, "cluster/b\ncluster/a\ncluster/c\n");
    let run = hub.run(&["get", "clusters", "--sort-by", "drfit"]).await.code(2);
    assert!(run.stderr.contains("help: did you mean `drift`?"), "{}", run.stderr);
}

#[tokio::test]
async fn a_filter_that_is_not_understood_needs_no_hub() {
    let hub = Hub::start().await;
    let run = hub.run(&["get", "clusters", "--filter", "helth=degraded"]).await.code(2);
    assert!(
        run.stderr.starts_with("error[SK0370]: there is no field `helth`\n  help: did you mean `health`?"),
        "{}",
        run.stderr
    );
    assert!(hub.asked().is_empty());
}

#[tokio::test]
async fn hostile_text_cannot_drive_a_terminal() {
    let hub = Hub::start().await;
    let event = json!({
        "cluster": "edge-01", "incarnation": 1, "sequence": 2, "at": "2026-01-01T00:59:00Z",
        "receivedAt": "2026-01-01T00:59:00Z", "kind": "Refused", "warning": true, "message": "\u{1b}[2Jgone\nX",
    });
    hub.page("GET /api/v1/events", &[event]);
    let run = hub.run(&["get", "events"]).await.code(0);
    let expected = "AGE   TYPE      REASON    CLUSTER   OBJECT   MESSAGE\n\
                    60s   Warning   Refused   edge-01   <none>   \\u{1b}[2Jgone\\nX\n";
    assert_eq!(run.stdout, expected);
}

#[tokio::test]
async fn events_are_shown_oldest_first_and_watched_from_there() {
    let hub = Hub::start().await;
    let event = |sequence: u64| {
        json!({
            "cluster": "edge-01", "incarnation": 1, "sequence": sequence, "at": "2026-01-01T00:59:00Z",
            "receivedAt": "2026-01-01T00:59:00Z", "kind": "Applied", "warning": false, "message": "m",
        })
    };
    hub.page("GET /api/v1/events", &[event(3), event(2)]);
    let stream = format!(": hi\n\nevent: row\nid: 8\ndata: {}\n\n", event(4));
    hub.put("GET /api/v1/events watch", 200, "text/event-stream", stream.into_bytes());
    let run = hub.run(&["get", "events", "-w", "-o", "name"]).await;
    assert_eq!(run.stdout, "event/edge-01/1/2\nevent/edge-01/1/3\nevent/edge-01/1/4\n");
    // The hub ended the watch: trying again helps.
    assert_eq!(run.code, 3, "{}", run.stderr);
}

#[tokio::test]
async fn what_cannot_be_watched_says_so() {
    let hub = Hub::start().await;
    let run = hub.run(&["get", "groups", "-w"]).await.code(2);
    assert!(run.stderr.contains("clusters, apps, drift and events can be watched"), "{}", run.stderr);
}

#[tokio::test]
async fn describe_tells_everything_of_a_cluster() {
    let hub = Hub::start().await;
    let view = cluster("edge-01", |cluster| {
        cluster["contact"] = json!("offline");
        cluster["errors"] = json!([{"code": 410, "severity": "error", "message": "not YAML", "location": {"file": "a.yaml", "line": 3}}]);
        cluster["heldPrunes"] = json!([{
            "application": "web", "list": format!("sha256:{:064x}", 1), "objects": 12, "examples": ["Service/shop/web"],
            "reason": "more than half",
        }]);
    });
    hub.on("GET /api/v1/clusters/edge-01", view);
    for list in ["applications", "drift", "events"] {
        hub.page(&format!("GET /api/v1/{list}"), &[]);
    }
    let run = hub.run(&["describe", "cluster", "edge-01"]).await.code(0);
    for part in [
        "Name:               edge-01\n",
        "Contact:            offline, 3s ago\n",
        "Sync:               current when last heard of; counted as unknown\n",
        "Errors:\n  error[SK0410]: not YAML\n    --> a.yaml:3\n",
        "next: skerry cluster confirm-prune edge-01 --list sha256:",
    ] {
        assert!(run.stdout.contains(part), "{part}\n{}", run.stdout);
    }
    let run = hub.run(&["describe", "cluster", "edge-09"]).await.code(2);
    assert!(run.stderr.starts_with("error[SK0603]"), "{}", run.stderr);
}
