//! A bundle whose root is right and whose content is not is refused, and the journal says why.

use skerry_agent::target::TargetError;
use skerry_common::journal::Event;

use crate::site::{Site, map, shop};

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_without_all_of_its_content_is_refused_and_journalled() {
    let mut site = Site::running().await;
    site.applies(&[shop(), map("one", "1")]).await;
    let generation = site.next_generation();
    let objects = [shop(), map("one", "2")];
    let mut archive = site.fleet.archive(generation, &site.policy, &objects, &site.fleet.bundle_key);
    let wanted = skerry_common::bundle::digest::Digest::of(&skerry_common::canonical::to_bytes(&objects[1]));
    archive.blobs.remove(&wanted).expect("it was there");
    let refused = site.agent().targets.import(archive).await;
    assert!(matches!(refused, Err(TargetError::Content(_))), "{refused:?}");
    let journal = site.journal().await;
    let told = journal.iter().filter_map(|event| {
        let Event::Refused { place: Some(place), reason } = event else { return None };
        Some((place.generation.0, reason.as_str()))
    });
    assert_eq!(told.collect::<Vec<_>>(), [(generation, "1 blobs are not here yet")], "{journal:#?}");
    site.shows("one", "1").await;
    assert_eq!(site.is_applied(), Ok(()), "the last good one stays");
}
