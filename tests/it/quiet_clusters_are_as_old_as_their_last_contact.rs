//! A cluster in which nothing happens is observed whenever its agent is heard, while the agent sees it (DESIGN §4.16).

use serde_json::Value;
use skerry_common::report::CLUSTER_UNREADABLE;
use skerry_hub::store::StateStore as _;
use skerry_tests::wait::eventually;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::stage::{DEADLINE, Stage, ensure};

/// When something that the API shows was observed, Unix milliseconds.
fn observed(row: &Value) -> i64 {
    let at = row["observedAt"].as_str().and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
    at.map_or(0, |at| i64::try_from(at.unix_timestamp_nanos() / 1_000_000).expect("a date"))
}

#[tokio::test(flavor = "multi_thread")]
async fn contacts_renew_what_is_known_unless_the_agent_is_blind() {
    let stage = Stage::build().await;
    let site = stage.settled("edge").await;
    let admin = stage.admin();
    let get = async |path: &str| -> Value { serde_json::from_slice(&admin.get(path).await).expect("a JSON answer") };
    eventually(DEADLINE, "every view is as old as the last contact", || async {
        let unchanged = stage.record(&site).await.unchanged_unix_ms.ok_or("nothing was confirmed yet")?;
        let cluster = get("/api/v1/clusters/edge").await;
        ensure(cluster["sync"] == "current" && observed(&cluster) == unchanged, &format!("{unchanged} {cluster}"))?;
        for path in ["applications/web", "fleet", "objects"] {
            let shown = get(&format!("/api/v1/{path}")).await;
            let row = shown.get("items").map_or(&shown, |items| &items[0]);
            let row = row.get("counts").unwrap_or(row);
            ensure(observed(row) == unchanged, &format!("{path}: {unchanged} {shown}"))?;
        }
        Ok::<_, String>(())
    })
    .await;

    site.cluster.faults(|faults| faults.unreachable = true);
    eventually(DEADLINE, "its agent tells that it is blind, and confirms nothing more", || async {
        let record = stage.record(&site).await;
        let state = stage.hub().store.state(&record.id).await.map_err(|error| error.to_string())?.ok_or("no state")?;
        let blind = state.conditions.iter().any(|condition| condition.kind == CLUSTER_UNREADABLE);
        let heard = record.last_contact_unix_ms >= Some(state.received_unix_ms);
        ensure(blind && heard, &format!("{record:?} {state:?}"))?;
        ensure(record.unchanged_unix_ms < Some(state.received_unix_ms), &format!("{record:?} {state:?}"))
    })
    .await;
}
