//! A hub that is told to stop stops, whoever still holds a handle of it.

use std::time::Duration;

use crate::stage::Stage;

/// Less than a hub gives clients that hang, and many times what it takes.
const AT_ONCE: Duration = Duration::from_secs(8);

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_with_a_connected_agent_waits_for_nobody() {
    let mut stage = Stage::build().await;
    let site = stage.settled("edge").await;
    let (control, store) = (stage.hub().control.clone(), stage.hub().store.clone());
    tokio::time::timeout(AT_ONCE, stage.stop_hub()).await.expect("it stops at once");
    drop((control, store, site));
}
