//! `skerry status`.

use serde_json::{Value, json};

use crate::hub::{Hub, NOW};

fn counts(clusters: u32, change: impl FnOnce(&mut Value)) -> Value {
    let mut value = json!({
        "clusters": clusters, "drifted": 0, "drift": 0, "observedAt": "2026-01-01T00:58:00Z",
        "contact": {"connected": clusters, "late": 0, "offline": 0, "revoked": 0, "pending": 0},
        "sync": {"current": clusters, "rolling": 0, "held": 0, "failed": 0, "unknown": 0},
        "health": {"healthy": clusters, "progressing": 0, "degraded": 0, "suspended": 0, "unknown": 0},
    });
    change(&mut value);
    value
}

fn fleet(attention: &Value) -> Value {
    let failed = counts(2, |counts| {
        counts["sync"]["current"] = json!(1);
        counts["sync"]["failed"] = json!(1);
    });
    json!({
        "fleet": "harbour", "generatedAt": NOW, "commit": "0123456789abcdef0123456789abcdef01234567", "counts": failed,
        "groups": [{"name": "labs", "applications": ["web"], "counts": counts(1, |_| {})}],
        "sources": [], "attention": attention, "errors": [],
    })
}

#[tokio::test]
async fn a_quiet_fleet_needs_nobody() {
    let hub = Hub::start().await;
    hub.on("GET /api/v1/fleet", fleet(&json!([])));
    let run = hub.run(&["status"]).await.code(0);
    let expected = "\
Fleet harbour, commit 0123456789

NAME             CLUSTERS   CONNECTED   LATE   OFFLINE   CURRENT   ROLLING   HELD   FAILED   UNKNOWN   HEALTHY   DEGRADED   DRIFT   OBSERVED
labs             1          1           0      0         1         0         0      0        0         1         0          0       2m
(all clusters)   2          2           0      0         1         0         0      1        0         2         0          0       2m

Nothing needs a person.
";
    assert_eq!(run.stdout, expected);
}

#[tokio::test]
async fn what_needs_a_person_comes_with_its_next_command() {
    let hub = Hub::start().await;
    let item = |urgency: &str, message: &str| json!({"urgency": urgency, "about": "cluster edge-01", "message": message, "next": "skerry describe cluster edge-01"});
    hub.on("GET /api/v1/fleet", fleet(&json!([item("broken", "not published: not YAML"), item("unknown", "offline")])));
    let run = hub.run(&["status"]).await.code(1);
    let expected = "
broken    cluster edge-01: not published: not YAML
          skerry describe cluster edge-01
unknown   cluster edge-01: offline
          skerry describe cluster edge-01
";
    assert!(run.stdout.ends_with(expected), "{}", run.stdout);
    hub.on("GET /api/v1/fleet", fleet(&json!([item("unknown", "offline")])));
    hub.run(&["status", "-o", "json"]).await;
    // What is only unknown breaks no script.
    hub.run(&["status"]).await.code(0);
}
