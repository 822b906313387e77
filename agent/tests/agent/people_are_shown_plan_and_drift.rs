//! What `skerry-agent diff` and `drift` show comes from the running agent, without a hub.

use skerry_agent::admin::drifts;
use skerry_common::journal::DriftOutcome;

use crate::site::{Site, ensure, map, shop};

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_in_the_plan_and_a_healed_drift_in_the_list() {
    let mut site = Site::running().await;
    let nothing = serde_json::json!({"apiVersion": "skerry.invalid/v1", "kind": "Nothing", "metadata": {"name": "x"}});
    site.takes(&[shop(), map("one", "1"), nothing]).await.expect("is taken");
    site.shows("one", "1").await;
    site.until("the plan refuses what is not served", |site| {
        let plan = site.agent().plans.borrow().clone();
        let refused = plan.iter().flat_map(|plan| &plan.objects).find(|planned| planned.key.kind == "Nothing");
        let why = refused.map(|planned| serde_json::to_value(&planned.decision).expect("JSON")["action"].clone());
        ensure(why == Some("refused".into()), &why)
    })
    .await;

    site.set("kubectl-edit", "one", "by hand");
    site.shows("one", "1").await;
    site.journals("it is over", |journal| {
        journal.iter().any(|event| matches!(event, skerry_common::journal::Event::DriftClosed { .. }))
    })
    .await;
    let read = site.agent().keeper.call(|store| drifts(store.unacknowledged())).await.expect("reads");
    let shown: Vec<_> = read
        .iter()
        .map(|drift| (drift.fields[0].path.as_str(), drift.fields[0].manager.as_str(), drift.outcome))
        .collect();
    assert_eq!(shown, [("/data/value", "kubectl-edit", Some(DriftOutcome::Healed))]);
}
