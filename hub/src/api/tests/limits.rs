//! Slow and many clients.

use std::time::Duration;

use tokio::io::AsyncReadExt as _;

use super::{Rig, VIEWER};
use crate::api::limits::{HEAD_TIMEOUT, STREAMS_MAX, WATCHERS_MAX};

#[tokio::test]
async fn a_client_that_says_nothing_is_cut_off() {
    let rig = Rig::start().await;
    let mut silent = tokio::net::TcpStream::connect(rig.address).await.expect("connects");
    let mut nothing = [0; 1];
    let closed = tokio::time::timeout(HEAD_TIMEOUT + Duration::from_secs(20), silent.read(&mut nothing)).await;
    assert!(matches!(closed, Ok(Ok(0) | Err(_))), "{closed:?}");
}

#[tokio::test]
async fn watches_are_bounded_and_given_back() {
    let rig = Rig::start().await;
    let open = async |client: &reqwest::Client| {
        let request = client.get(format!("{}/api/v1/clusters?watch=true", rig.base)).bearer_auth(VIEWER);
        request.send().await.expect("an answer")
    };
    let mut watches = Vec::new();
    // One connection has fewer streams than there may be watches.
    let clients: Vec<_> = (0..WATCHERS_MAX.div_ceil(STREAMS_MAX as usize)).map(|_| rig.another_client()).collect();
    for number in 0..WATCHERS_MAX {
        let watch = open(&clients[number % clients.len()]).await;
        assert_eq!(watch.status(), 200);
        watches.push(watch);
    }
    let refused = open(&rig.client).await;
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key("retry-after"));
    drop(watches);
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    while open(&rig.client).await.status() != 200 {
        assert!(std::time::Instant::now() < deadline, "closed watches give their seats back");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
