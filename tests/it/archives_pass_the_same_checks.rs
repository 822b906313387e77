//! A bundle that is for another cluster, older, or altered is refused from a file as from the link,
//! and the last good one stays in force (DESIGN §4.1, §4.2).

use skerry_common::bundle::archive::Archive;
use skerry_common::journal::Event;
use skerry_tests::wait::eventually;

use crate::stage::{DEADLINE, Site, Stage, ensure};

async fn refuses(site: &Site, what: &str, archive: Archive) {
    let before = site.agent().targets.current().expect("a bundle").mark();
    let refused = site.agent().targets.import(archive).await;
    assert!(refused.as_ref().is_err_and(|error| error.is_refusal()), "{what}: {refused:?}");
    assert_eq!(site.agent().targets.current().expect("a bundle").mark(), before, "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_older_and_altered_bundles_are_refused_and_the_last_good_one_stays() {
    let stage = Stage::build().await;
    let (mut one, two) = (stage.settled("one").await, stage.settled("two").await);
    let older = stage.archive(&one).await;
    stage.settings("one", "new");
    stage.push_to(&one, "a second generation").await;
    two.applies(&stage.work.head()).await;

    refuses(&one, "for another cluster", stage.archive(&two).await).await;
    refuses(&one, "an older generation", older).await;
    // From here on only the file can bring something.
    one.stop().await;
    one.options.online = false;
    one.start().await;
    stage.settings("one", "newest");
    let commit = stage.push("a third generation").await;
    two.applies(&commit).await;
    let third = third_generation(&stage, &one).await;
    for index in [0, third.root.payload.len() / 2, third.root.payload.len() - 1] {
        let mut altered = third.clone();
        altered.root.payload[index] ^= 1;
        refuses(&one, "a bit of the root", altered).await;
    }
    let mut altered = third.clone();
    altered.root.signatures[0].sig[7] ^= 1;
    refuses(&one, "a bit of the signature", altered).await;
    // All new content at once: what is good in a refused archive is kept, and need not come again.
    let mut altered = third.clone();
    for (_, bytes) in altered.blobs.iter_mut().filter(|(digest, _)| !is_in_force(&one, digest)) {
        bytes[3] ^= 1;
    }
    assert_ne!(altered, third);
    refuses(&one, "a bit of content", altered).await;

    one.person().delete(&one.target("ConfigMap", "one")).expect("deletes");
    one.shows("ConfigMap", "one", "/data/value", "new").await;
    one.agent().targets.import(third).await.expect("the real one is taken");
    one.shows("ConfigMap", "one", "/data/value", "newest").await;

    one.stop().await;
    one.options.online = true;
    one.start().await;
    eventually(DEADLINE, "every refusal is told", || async {
        let journal = stage.journal(&one).await;
        let refusals = journal.iter().filter(|event| matches!(event, Event::Refused { .. })).count();
        ensure(refusals == 7, &format!("{journal:#?}"))
    })
    .await;
}

/// Whether a blob is part of the bundle in force, so that it is not read from a file again.
fn is_in_force(site: &Site, digest: &skerry_common::bundle::digest::Digest) -> bool {
    let bundle = site.agent().targets.current().expect("a bundle");
    bundle.blobs().iter().any(|blob| blob.digest == *digest)
}

/// The third generation as a file, once the hub has published it.
async fn third_generation(stage: &Stage, site: &Site) -> Archive {
    let current = site.agent().targets.current().expect("a bundle").mark();
    eventually(DEADLINE, "a third generation", || async {
        let newest = stage.newest(site).await;
        ensure(newest.place > current.place, &newest.place)
    })
    .await;
    stage.archive(site).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_with_a_flipped_bit_anywhere_changes_nothing_or_is_the_same_bundle() {
    let stage = Stage::build().await;
    let site = stage.settled("one").await;
    let good = stage.archive(&site).await;
    let bytes = good.to_bytes().expect("packs");
    let mark = site.agent().targets.current().expect("a bundle").mark();
    // Prime, so that all kinds of places in tar headers, JSON and the pack are met.
    for index in (0..bytes.len()).step_by(97) {
        let mut altered = bytes.clone();
        altered[index] ^= 0x10;
        let Ok(archive) = Archive::read(altered.as_slice()) else { continue };
        // What is not damaged by the change (padding, times) is the same bundle still.
        if site.agent().targets.import(archive).await.is_ok() {
            assert_eq!(site.agent().targets.current().expect("a bundle").mark(), mark, "byte {index}");
        }
    }
    assert_eq!(site.agent().targets.current().expect("a bundle").mark(), mark);
}
