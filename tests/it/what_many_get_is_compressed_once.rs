//! Content that many clusters share is compressed once: when it is stored, and once more as a change of what they hold.

use crate::stage::Stage;

/// Agents that run the same.
const AGENTS: usize = 8;

fn deltas_made(stage: &Stage) -> u64 {
    let metrics = stage.hub().metrics.render();
    let line = metrics.lines().find_map(|line| line.strip_prefix("skerry_deltas_made_total "));
    line.map_or(0, |count| count.parse().expect("a number"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_work_of_the_hub_does_not_grow_with_the_number_of_agents() {
    let stage = Stage::build().await;
    let mut sites = vec![stage.settled("edge-0").await];
    let packed = stage.hub().store.blobs_packed();
    assert!(packed > 0);
    for number in 1..AGENTS {
        sites.push(stage.settled(&format!("edge-{number}")).await);
    }
    assert_eq!(stage.hub().store.blobs_packed(), packed, "their first content was compressed for the first of them");
    assert_eq!(deltas_made(&stage), 0);

    stage.settings("one", "changed");
    let commit = stage.push("one line").await;
    for site in &sites {
        site.applies(&commit).await;
    }
    // The manifest and the object.
    assert_eq!(stage.hub().store.blobs_packed(), packed + 2);
    assert_eq!(deltas_made(&stage), 2);
}
