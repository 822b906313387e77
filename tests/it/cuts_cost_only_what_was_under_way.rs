//! Content whose transfer is cut goes on where it was cut.

use skerry_common::backoff::splitmix;
use skerry_common::bundle::digest::BlobRef;
use skerry_tests::relay::Relay;
use skerry_tests::wait::eventually;

use crate::stage::{DEADLINE, Site, Stage, ensure, free_address};

/// Objects of the one application: much more than fits an offer, and far from as much as the agent keeps in memory
/// before it stores.
const OBJECTS: u64 = 200;

/// Digits in each: they do not compress to less than half.
const DIGITS: usize = 8_192;

/// After so many bytes the link is held back: a third of what there is.
const HELD_AFTER: u64 = 300_000;

fn digits(seed: u64) -> String {
    let words = std::iter::successors(Some(splitmix(seed)), |word| Some(splitmix(*word)));
    let text: String = words.take(DIGITS / 16).map(|word| format!("{word:016x}")).collect();
    text
}

/// Which of these blobs the agent lacks.
async fn missing(site: &Site, blobs: &[BlobRef]) -> Vec<BlobRef> {
    site.agent().targets.missing(blobs.to_vec()).await.expect("looks")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_session_asks_only_for_the_rest() {
    let link = free_address();
    let relay = Relay::start(link).await;
    let mut stage = Stage::bare(link, relay.address).await;
    stage.declare("false", "{}");
    stage.namespace("shop");
    (0..OBJECTS).for_each(|number| stage.settings(&format!("map-{number}"), &digits(number)));
    let commit = stage.work.commit_and_push("much");
    stage.start_hub().await;
    let mut site = stage.joined("edge").await;
    stage.newest(&site).await;
    let blobs: Vec<BlobRef> = stage.archive(&site).await.blobs.values().map(|bytes| BlobRef::of(bytes)).collect();
    assert!(blobs.len() as u64 > OBJECTS);

    relay.hold_after(relay.to_agent() + HELD_AFTER);
    let before = relay.to_agent();
    site.start().await;
    eventually(DEADLINE, "as much has passed as may", || async {
        ensure(relay.to_agent() >= before + HELD_AFTER, &relay.to_agent())
    })
    .await;
    stage.stop_hub().await;
    eventually(DEADLINE, "the agent keeps what it has", || async {
        let missing = missing(&site, &blobs).await.len();
        ensure(missing < blobs.len() * 9 / 10 && !*site.agent().connected.borrow(), &missing)
    })
    .await;
    let rest = missing(&site, &blobs).await;
    assert!(rest.len() > blobs.len() / 10, "the transfer was cut: {}", rest.len());

    let first = relay.to_agent() - before;
    relay.hold_after(u64::MAX);
    stage.start_hub().await;
    site.applies(&commit).await;
    let second = relay.to_agent() - before - first;
    let size = rest.iter().map(|blob| blob.size).sum::<u64>();
    // Compressed, the rest is little more than half as large; all of it would be more than its whole.
    assert!(second < size * 7 / 10, "{second} bytes for {} blobs of {size}, after {first}", rest.len());
    site.stop().await;
}
