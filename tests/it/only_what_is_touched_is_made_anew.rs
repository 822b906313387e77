//! A bundle is made only for clusters whose facts changed: thousands of others cost nothing.

use skerry_hub::api::HubControl as _;

use crate::stage::{Stage, ensure};

/// How many drafts the hub has made.
fn drafts(stage: &Stage) -> u64 {
    let text = stage.hub().metrics.render();
    let line = text.lines().find_map(|line| line.strip_prefix("skerry_drafts_total "));
    line.and_then(|number| number.parse().ok()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_one_cluster_makes_no_draft_of_another() {
    let stage = Stage::build().await;
    let one = stage.settled("one").await;
    let two = stage.settled("two").await;
    let before = drafts(&stage);
    stage.planned_again(&one).await;
    stage.planned_again(&one).await;
    assert_eq!(drafts(&stage) - before, 2, "one of them, each time");
    // What both run makes one of each.
    let before = drafts(&stage);
    stage.settings("one", "2");
    let commit = stage.push("for both").await;
    one.applies(&commit).await;
    two.applies(&commit).await;
    assert_eq!(drafts(&stage) - before, 2);
    // A cluster that joins is nobody else's news.
    let before = drafts(&stage);
    let three = stage.settled("three").await;
    assert_eq!(drafts(&stage) - before, 1);
    stage.hub().control.revoke(&three.name).await.expect("revokes");
    stage.planned_again(&two).await;
    two.until("two is in step", |site| ensure(site.is_applied().is_ok(), &"not yet")).await;
    assert_eq!(drafts(&stage) - before, 2);
}
