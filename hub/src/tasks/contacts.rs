//! Writes down when clusters were last heard of, many at a time.

use std::collections::BTreeMap;
use std::time::Duration;

use skerry_common::error_chain::Chain;
use tokio::sync::mpsc;
use tracing::warn;

use crate::store::HubStore;
use crate::store::clusters::Heard;

/// How long words are collected: states carry ages in seconds.
const COLLECT: Duration = Duration::from_secs(1);

/// Words that wait; one of 10,000 agents each 15 s makes some 700 a second.
pub const WORDS_MAX: usize = 4096;

/// Runs until every session is gone.
pub async fn run<S: HubStore>(store: S, mut words: mpsc::Receiver<Heard>) {
    while let Some(word) = words.recv().await {
        let mut heard = BTreeMap::from([(word.cluster.clone(), word)]);
        tokio::time::sleep(COLLECT).await;
        while let Ok(word) = words.try_recv() {
            heard.insert(word.cluster.clone(), word);
        }
        let heard: Vec<_> = heard.into_values().collect();
        if let Err(error) = store.touch(&heard).await {
            warn!(error = %Chain(&error), "contacts cannot be written");
        }
    }
}
