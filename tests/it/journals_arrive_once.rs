//! No (incarnation, sequence) is listed twice, also when the acknowledgement was lost.

use std::collections::BTreeSet;
use std::path::Path;

use skerry_common::journal::Event;
use skerry_hub::store::journal::What;

use crate::stage::{Site, Stage};

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("reads") {
        let entry = entry.expect("reads");
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).expect("copies");
        }
    }
}

/// The places of all journal entries that the hub lists.
async fn places(stage: &Stage, site: &Site) -> Vec<(u64, u64)> {
    let told = stage.events(site).await.into_iter().filter_map(|record| match record.what {
        What::Agent { incarnation, sequence, .. } => Some((incarnation.0, sequence.0)),
        What::Hub(_) => None,
    });
    told.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_whose_acknowledgement_was_lost_are_listed_once_and_in_order() {
    let mut stage = Stage::build().await;
    let mut site = stage.settled("one").await;
    stage.stop_hub().await;
    for name in ["one", "two"] {
        site.person().delete(&site.target("ConfigMap", name)).expect("deletes");
        site.shows("ConfigMap", name, "/data/value", if name == "one" { "1" } else { "2" }).await;
    }
    site.stop().await;
    let kept = stage.folder.path().join("kept");
    copy(&site.options.state_folder, &kept);

    stage.start_hub().await;
    site.start().await;
    let closed = |event: &Event| matches!(event, Event::DriftClosed { .. });
    stage.hears(&site, "the drifts", closed).await;
    skerry_tests::wait::eventually(crate::stage::DEADLINE, "both drifts", || async {
        let count = stage.drifts(&site).await.iter().filter(|drift| drift.closed.is_some()).count();
        crate::stage::ensure(count == 2, &count)
    })
    .await;
    let before = places(&stage, &site).await;

    // As if no acknowledgement had come: the store is what it was before it delivered.
    site.stop().await;
    std::fs::remove_dir_all(&site.options.state_folder).expect("removes");
    copy(&kept, &site.options.state_folder);
    site.start().await;
    site.person().delete(&site.target("ConfigMap", "one")).expect("deletes");
    skerry_tests::wait::eventually(crate::stage::DEADLINE, "the new drift", || async {
        let count = stage.drifts(&site).await.iter().filter(|drift| drift.closed.is_some()).count();
        crate::stage::ensure(count == 3, &count)
    })
    .await;
    let after = places(&stage, &site).await;
    let unique: BTreeSet<_> = after.iter().collect();
    assert_eq!(unique.len(), after.len(), "an entry is listed twice");
    assert!(after.is_sorted(), "out of order: {after:?}");
    assert!(after.starts_with(&before), "{before:?} {after:?}");
}
