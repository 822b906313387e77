//! Nobody speaks `skerry/1` without a certificate of the fleet's own CA.

use skerry_agent::agent::identity_folder;
use skerry_agent::identity::{Enrolled, IdentityFolder, roots};
use skerry_agent::transport::quic::connect_any;
use skerry_certs::authority::Authority;
use skerry_certs::identity::Identity;
use skerry_certs::request::{AgentKey, SigningRequest};
use skerry_certs::tls::{LinkProtocol, link_client_config};
use skerry_hub::hub::system_clock;
use skerry_hub::keys::KeyFolder;

use crate::stage::Stage;

/// Whether the hub answers a hello on the session protocol.
async fn is_heard(enrolled: &Enrolled, identity: Option<&Identity>) -> bool {
    let trusted = roots(&enrolled.trust).expect("roots");
    let fleet = &enrolled.me.fleet;
    let client = link_client_config(fleet, &trusted, identity, LinkProtocol::Session, &system_clock());
    let Ok(connection) = connect_any(&client.expect("settings"), &enrolled.trust.root().hubs).await else {
        return false;
    };
    connection.greeted_stream().await.is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_certificate_or_with_a_foreign_or_expired_one_nobody_is_heard() {
    let stage = Stage::build().await;
    let site = stage.joined("one").await;
    let folder = IdentityFolder::open(&identity_folder(&site.options.state_folder)).expect("a folder");
    let enrolled = folder.enrolled().expect("reads").expect("has joined");
    let now = system_clock().now();

    // The same fleet and cluster in the name, another authority's key below it.
    let stranger = Authority::create(enrolled.me.fleet.clone(), now).expect("an authority");
    let key = AgentKey::generate().expect("a key");
    let request = SigningRequest::from_der(&key.request_der().expect("a request")).expect("a request");
    let issued = stranger.issue_agent(&request, &enrolled.me.cluster, now, 7).expect("a certificate");
    let strange_roots = stranger.roots().expect("roots");
    let (forged, _) = key.accept(&issued.chain, &enrolled.me.fleet, &strange_roots, now).expect("fits together");

    assert!(!is_heard(&enrolled, None).await, "without a certificate");
    assert!(!is_heard(&enrolled, Some(&forged)).await, "with a certificate of another authority");

    // Of the fleet's own authority, for its own key, but over since a day.
    let keys = KeyFolder::new(&stage.hub_folder().join("data").join("keys")).load().expect("the hub's keys");
    let then = now - time::Duration::days(8);
    let issued = keys.authority.issue_agent(&request, &enrolled.me.cluster, then, 7).expect("a certificate");
    let fleet_roots = keys.authority.roots().expect("roots");
    let (expired, _) = key.accept(&issued.chain, &enrolled.me.fleet, &fleet_roots, then).expect("fits together");
    assert!(!is_heard(&enrolled, Some(&expired)).await, "with one that has expired");
    assert!(is_heard(&enrolled, Some(&enrolled.tls)).await, "with its own");
}
