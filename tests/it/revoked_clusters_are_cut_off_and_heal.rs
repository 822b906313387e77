//! A revoked cluster is spoken to no more; what it runs it keeps running.

use quinn::ConnectionError;
use skerry_agent::agent::identity_folder;
use skerry_agent::identity::IdentityFolder;
use skerry_agent::transport::quic::connect;
use skerry_certs::tls::LinkProtocol;
use skerry_hub::api::HubControl as _;
use skerry_hub::hub::system_clock;
use skerry_tests::wait::stays;

use crate::stage::{Stage, WATCHED, ensure};

/// Application close code: the certificate was revoked.
const CLOSE_REVOKED: u32 = 0x107;

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_with_its_revocation_and_healing_goes_on() {
    let stage = Stage::build().await;
    let mut site = stage.settled("one").await;
    stage.hub().control.revoke(&site.name).await.expect("revokes");
    site.until("the session ends", |site| ensure(!*site.agent().connected.borrow(), &"connected")).await;

    let identity = IdentityFolder::open(&identity_folder(&site.options.state_folder)).expect("a folder");
    let enrolled = identity.enrolled().expect("reads").expect("has joined");
    let hub = connect(&enrolled, &system_clock(), LinkProtocol::Session).await.expect("TLS alone lets it in");
    let closed = hub.connection.closed().await;
    assert!(
        matches!(&closed, ConnectionError::ApplicationClosed(close) if close.error_code == CLOSE_REVOKED.into()),
        "{closed:?}"
    );

    site.stop().await;
    stage.settings("one", "new");
    stage.push("nobody hears of it").await;
    site.start().await;
    site.person().delete(&site.target("ConfigMap", "two")).expect("deletes");
    site.shows("ConfigMap", "two", "/data/value", "2").await;
    stays(WATCHED, "nothing new arrives", || {
        let value = site.field("ConfigMap", "one", "/data/value");
        std::future::ready(ensure(value == "1", &value))
    })
    .await;
}
