//! A drift that was told is closed as healed only when it was healed: what a newer bundle cuts short stays open until
//! it is known how it ended.

use std::time::Duration;

use skerry_common::journal::{DriftOutcome, Event};

use crate::site::{Site, map, shop};

/// More objects than are applied at the same time, so that some are not begun when the new bundle comes.
const OBJECTS: usize = 70;

/// Long enough for a bundle to arrive while the first of them are under way.
const SLOW: Duration = Duration::from_millis(500);

fn bundle(value: &str) -> Vec<serde_json::Value> {
    let maps = (0..OBJECTS).map(|number| map(&format!("map-{number}"), value));
    std::iter::once(shop()).chain(maps).collect()
}

fn count(journal: &[Event], fits: impl Fn(&Event) -> bool) -> usize {
    journal.iter().filter(|event| fits(event)).count()
}

fn closed_as(wanted: DriftOutcome) -> impl Fn(&Event) -> bool {
    move |event| matches!(event, Event::DriftClosed { outcome, .. } if *outcome == wanted)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_newer_bundle_cut_short_is_not_told_as_healed() {
    let mut site = Site::running().await;
    site.applies(&bundle("1")).await;
    site.stop().await;
    for number in 0..OBJECTS {
        site.set("kubectl-edit", &format!("map-{number}"), "by hand");
    }
    site.cluster.faults(|faults| faults.delay = Some(SLOW));
    site.start().await;
    let drifts = |journal: &[Event]| count(journal, |event| matches!(event, Event::Drift(_))) == OBJECTS;
    site.journals("all drifts", drifts).await;
    site.takes(&bundle("2")).await.expect("is taken");
    site.cluster.faults(|faults| faults.delay = None);
    site.until("the new bundle is applied", Site::is_applied).await;

    let ended = |journal: &[Event]| count(journal, |event| matches!(event, Event::DriftClosed { .. })) == OBJECTS;
    site.journals("all are over", ended).await;
    let journal = site.journal().await;
    let (healed, gone) =
        (count(&journal, closed_as(DriftOutcome::Healed)), count(&journal, closed_as(DriftOutcome::Gone)));
    assert_eq!(healed + gone, OBJECTS);
    assert!(gone > 0, "those that were not begun were overwritten by the new bundle, not healed");
    assert_eq!(site.value("map-0"), "2");
}
