//! An agent whose store is gone while it runs says that it is broken, instead of living on without healing.

use std::time::Duration;

use crate::site::{DEADLINE, Site, map, shop};

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_on_the_thread_of_the_store_is_noticed() {
    let mut site = Site::joined();
    site.start().await;
    site.applies(&[shop(), map("one", "1")]).await;
    let broken = tokio::time::timeout(Duration::ZERO, site.agent().broken()).await;
    assert!(broken.is_err(), "it is well");
    let lost = site.agent().keeper.call::<u8>(|_| panic!("the thread of the store ends")).await;
    assert!(lost.is_err());
    tokio::time::timeout(DEADLINE, site.agent().broken()).await.expect("it is broken");
}
