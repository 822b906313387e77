//! Who sends a frame beyond its limit, or no frame at all, is left; the hub serves on.

use skerry_agent::agent::identity_folder;
use skerry_agent::identity::{Enrolled, IdentityFolder, roots};
use skerry_agent::transport::quic::{HubConnection, connect_any};
use skerry_certs::tls::{LinkProtocol, link_client_config};
use skerry_common::limits::FRAME_BYTES_MAX;
use skerry_common::wire::negotiate::Hello;
use skerry_hub::hub::system_clock;

use crate::stage::{DEADLINE, Stage};

async fn connect(enrolled: &Enrolled, protocol: LinkProtocol) -> HubConnection {
    let (trusted, identity) = (roots(&enrolled.trust).expect("roots"), Some(&enrolled.tls));
    let client = link_client_config(&enrolled.me.fleet, &trusted, identity, protocol, &system_clock());
    connect_any(&client.expect("settings"), &enrolled.trust.root().hubs).await.expect("connects")
}

fn frame(length: usize, bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(length).expect("fits").to_be_bytes()[..], bytes].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_that_is_too_long_or_no_message_costs_its_sender_the_connection() {
    let stage = Stage::build().await;
    let mut site = stage.joined("one").await;
    let folder = IdentityFolder::open(&identity_folder(&site.options.state_folder)).expect("a folder");
    let enrolled = folder.enrolled().expect("reads").expect("has joined");
    let hello = Hello::ours("test").to_bytes();
    let hello = frame(hello.len(), &hello);
    let bad = [
        ("too long at once", frame(FRAME_BYTES_MAX + 1, b"")),
        ("too long after the hello", [hello.clone(), frame(FRAME_BYTES_MAX + 1, b"")].concat()),
        ("the longest number", vec![0xff; 8]),
        ("no message", [hello.clone(), frame(4, b"\xff\xff\xff\xff")].concat()),
        ("nothing in it", [hello.clone(), frame(0, b"")].concat()),
        ("no hello", frame(3, b"abc")),
    ];
    for protocol in [LinkProtocol::Session, LinkProtocol::Enroll] {
        for (what, bytes) in &bad {
            let hub = connect(&enrolled, protocol).await;
            let (mut send, _receive) = hub.connection.open_bi().await.expect("a stream");
            send.write_all(bytes).await.expect("sends");
            let closed = tokio::time::timeout(DEADLINE, hub.connection.closed()).await;
            assert!(closed.is_ok(), "{protocol:?}, {what}: the connection stays");
        }
    }
    // Nobody else notices.
    site.start().await;
    site.applies(&stage.work.head()).await;
}
