//! An agent that has not joined says so, and leaves no store behind.

use std::sync::Arc;

use skerry_agent::agent::{Agent, AgentError, store_folder};
use skerry_certs::tls::WallClock;
use time::OffsetDateTime;

use crate::site::Site;

#[tokio::test]
async fn a_folder_without_an_identity_gets_no_store() {
    let mut site = Site::joined();
    let folder = tempfile::tempdir().expect("a folder");
    site.options.state_folder = folder.path().to_owned();
    let cluster = Arc::new(site.cluster.clone());
    let started = Agent::start(&site.options, cluster, WallClock::new(OffsetDateTime::now_utc)).await;
    assert!(matches!(started, Err(AgentError::NotJoined)), "{:?}", started.err());
    assert!(!store_folder(folder.path()).exists());
}
