//! A pause in a fight holds back healing; what a new bundle wants is applied at once, and a bundle is not told
//! as applied while one of its objects is fought over.

use skerry_common::journal::Event;

use crate::site::{Site, ensure, map, shop};

/// Retakes after which it is a fight.
const RETAKES: usize = 5;

async fn fought_over() -> Site {
    let mut site = Site::running().await;
    site.applies(&[shop(), map("fought", "ours"), map("other", "1")]).await;
    for round in 0..RETAKES {
        site.set("robot", "fought", &format!("round {round}"));
        site.shows("fought", "ours").await;
    }
    let is_fight = |journal: &[Event]| journal.iter().any(|event| matches!(event, Event::Fight { .. }));
    site.journals("a fight", is_fight).await;
    site.set("robot", "fought", "the last word");
    site
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_value_is_applied_although_healing_pauses() {
    let mut site = fought_over().await;
    site.applies(&[shop(), map("fought", "new"), map("other", "1")]).await;
    assert_eq!(site.value("fought"), "new");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_is_not_told_as_applied_while_an_object_of_it_is_fought_over() {
    let mut site = fought_over().await;
    site.takes(&[shop(), map("fought", "ours"), map("other", "2")]).await.expect("is taken");
    site.shows("other", "2").await;
    // A third bundle's object shows that the pass of the second is over, and its own as well.
    site.takes(&[shop(), map("fought", "ours"), map("other", "3")]).await.expect("is taken");
    site.shows("other", "3").await;
    site.until("the third is planned", |site| {
        let snapshot = site.agent().snapshot.borrow().clone();
        let target = site.agent().targets.current().map(|bundle| bundle.mark());
        ensure(snapshot.planned == target, &snapshot)
    })
    .await;
    assert_eq!(site.value("fought"), "the last word");
    assert!(site.is_applied().is_err(), "told as applied");
    let applied = |event: &&Event| matches!(event, Event::Applied { .. });
    let journal = site.journal().await;
    assert_eq!(journal.iter().filter(applied).count(), 1, "{journal:#?}");
}
