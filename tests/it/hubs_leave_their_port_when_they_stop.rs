//! A hub that stops leaves its port at once, however far away its agents are.

use std::time::Duration;

use skerry_tests::relay::Relay;
use skerry_tests::wait::eventually;

use crate::stage::{DEADLINE, Stage, ensure, free_address};

/// One way to the agent: its connection drains for longer than a hub waits for it.
const WAY: Duration = Duration::from_millis(300);

#[tokio::test(flavor = "multi_thread")]
async fn the_next_hub_starts_on_the_port_of_one_whose_agent_is_far_away() {
    let link = free_address();
    let relay = Relay::far(link, WAY).await;
    let mut stage = Stage::bare(link, relay.address).await;
    stage.start_hub().await;
    let mut site = stage.join("far").await;
    let connected = |site: &crate::stage::Site| *site.agent().connected.borrow();
    eventually(DEADLINE, "the agent is connected", || std::future::ready(ensure(connected(&site), &"away"))).await;
    stage.stop_hub().await;
    stage.start_hub().await;
    eventually(DEADLINE, "the agent is away", || std::future::ready(ensure(!connected(&site), &"connected"))).await;
    eventually(DEADLINE, "it is back", || std::future::ready(ensure(connected(&site), &"away"))).await;
    site.stop().await;
}
