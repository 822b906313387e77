//! Writes down when clusters were last heard of, many at a time.

use std::collections::BTreeMap;
use std::time::Duration;

use skerry_common::error_chain::Chain;
use skerry_common::id::ClusterId;
use tokio::sync::mpsc;
use tracing::warn;

use crate::store::HubStore;

/// How long words are collected: states carry ages in seconds.
const COLLECT: Duration = Duration::from_secs(1);

/// Words that wait; one of 10,000 agents each 15 s makes some 700 a second.
pub const WORDS_MAX: usize = 4096;

/// Runs until every session is gone.
pub async fn run<S: HubStore>(store: S, mut words: mpsc::Receiver<(ClusterId, i64)>) {
    while let Some((cluster, at)) = words.recv().await {
        let mut heard = BTreeMap::from([(cluster, at)]);
        tokio::time::sleep(COLLECT).await;
        while let Ok((cluster, at)) = words.try_recv() {
            heard.insert(cluster, at);
        }
        let heard: Vec<_> = heard.into_iter().collect();
        if let Err(error) = store.touch(&heard).await {
            warn!(error = %Chain(&error), "contacts cannot be written");
        }
    }
}
