//! Content whose transfer is cut goes on where it was cut.

use std::time::Duration;

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

/// After so many bytes the link is cut: a fourth of what there is.
const CUT_AFTER: u64 = 200_000;

/// What follows each datagram: the whole takes seconds, so that it is cut half-way on a busy machine too.
const PAUSE: Duration = Duration::from_millis(5);

/// Cuts after which something is kept.
const CUTS_MAX: u32 = 20;

fn digits(seed: u64) -> String {
    let words = std::iter::successors(Some(splitmix(seed)), |word| Some(splitmix(*word)));
    let text: String = words.take(DIGITS / 16).map(|word| format!("{word:016x}")).collect();
    text
}

/// Starts the agent and stops it when a part of the content has passed; gives which of these blobs it lacks then.
async fn cut(relay: &Relay, site: &mut Site, blobs: &[BlobRef]) -> Vec<BlobRef> {
    let passed = relay.to_agent() + CUT_AFTER;
    site.start().await;
    eventually(DEADLINE, "a part has passed", || async { ensure(relay.to_agent() >= passed, &relay.to_agent()) }).await;
    let targets = site.agent().targets.clone();
    site.stop().await;
    targets.missing(blobs.to_vec()).await.expect("looks")
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

    relay.pace(PAUSE);
    let mut rest = blobs.clone();
    // What had come but was not read yet is gone with the connection: on a busy machine that may be all of it.
    for _ in 0..CUTS_MAX {
        rest = cut(&relay, &mut site, &blobs).await;
        if rest.len() < blobs.len() * 9 / 10 {
            break;
        }
    }
    let kept = blobs.len() - rest.len();
    assert!(rest.len() > blobs.len() / 10 && kept > blobs.len() / 10, "{kept} of {} are kept", blobs.len());

    let before = relay.to_agent();
    relay.pace(Duration::ZERO);
    site.start().await;
    site.applies(&commit).await;
    let second = relay.to_agent() - before;
    let size = rest.iter().map(|blob| blob.size).sum::<u64>();
    // Compressed, the rest is little more than half as large; all of it would be more than its whole.
    assert!(second < size * 7 / 10, "{second} bytes for {} blobs of {size}", rest.len());
    site.stop().await;
}
