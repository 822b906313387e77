//! A watch of the agent that has panicked is started again by the next pass, and sees as before.

use serde_json::Value;
use skerry_agent::cluster::memory::{Failure, Verb};

use crate::stage::{Stage, ensure};

/// More than an agent has watches: every one that begins meanwhile dies.
const ALL: u32 = 1_000;

#[tokio::test(flavor = "multi_thread")]
async fn drift_is_healed_although_every_watch_has_died() {
    let stage = Stage::build().await;
    let site = stage.settled("one").await;
    site.cluster.faults(|faults| faults.next = [(Verb::Watch, (ALL, Failure::Panics))].into());
    // A full pass makes each watch list again; following from there is what kills it.
    stage.planned_again(&site).await;
    site.until("the watches of namespaces and settings die", |site| {
        let mut left = ALL;
        site.cluster.faults(|faults| left = faults.next.get(&Verb::Watch).map_or(0, |(left, _)| *left));
        ensure(left <= ALL - 2, &left)
    })
    .await;
    site.cluster.faults(|faults| faults.next.clear());

    let edit = |value: &'static str| {
        let change = |object: &mut Value| object["data"]["value"] = value.into();
        site.person().edit(&site.target("ConfigMap", "one"), change).expect("edits");
    };
    edit("by hand");
    stage.full_pass(&site).await;
    site.shows("ConfigMap", "one", "/data/value", "1").await;
    // No pass is asked for here: the watch that lives again sees it.
    edit("once more");
    site.shows("ConfigMap", "one", "/data/value", "1").await;
}
