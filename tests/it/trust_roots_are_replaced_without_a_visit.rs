//! A new trust root – another address, another signing key, a higher epoch – reaches agents over the
//! link, from a hub that was not restarted, and with an archive where there is no network.

use skerry_agent::agent::identity_folder;
use skerry_agent::identity::IdentityFolder;
use skerry_certs::root_key::{Passphrase, SigningKey};
use skerry_common::id::{ClusterName, Epoch};
use skerry_hub::hub::system_clock;
use skerry_hub::init::ROOT_KEY_FILE;
use skerry_hub::keys::KeyFolder;
use skerry_hub::store::ClusterStore as _;
use skerry_hub::trust::{Changes, Rotated, rotate};
use skerry_tests::wait::eventually;

use crate::stage::{DEADLINE, PASSPHRASE, Site, Stage, enrol, ensure, free_address};

fn turn(stage: &Stage, changes: &Changes) -> u64 {
    let hub = stage.hub_folder();
    let file = std::fs::read(hub.join(ROOT_KEY_FILE)).expect("the root key");
    let passphrase = Passphrase::new(PASSPHRASE.into()).expect("long enough");
    let root = SigningKey::from_encrypted(&file, &passphrase).expect("the passphrase");
    let keys = KeyFolder::new(&hub.join("data").join("keys"));
    match rotate(&keys, &[root], changes, system_clock().now()).expect("rotates") {
        Rotated::Made(trust) => trust.root().version,
        Rotated::Unchanged(trust) => panic!("nothing changed: {trust:?}"),
    }
}

/// Waits until the agent's bundle in force is of an epoch.
async fn reaches_epoch(site: &Site, epoch: u64) {
    site.until(&format!("a bundle of epoch {epoch}"), |site| {
        let found = site.agent().targets.current().map_or(Epoch(0), |bundle| bundle.mark().place.epoch);
        ensure(found == Epoch(epoch), &found)
    })
    .await;
}

/// Waits until the agent has stored a version of the trust root.
async fn trusts(site: &Site, version: u64) {
    site.until(&format!("trust root {version}"), |site| {
        let folder = IdentityFolder::open(&identity_folder(&site.options.state_folder)).expect("a folder");
        let found = folder.enrolled().expect("reads").expect("has joined").trust.root().version;
        ensure(found == version, &found)
    })
    .await;
}

/// Waits until the hub knows which trust root a cluster has.
async fn is_known(stage: &Stage, name: &str, version: u64) {
    let name = ClusterName::parse(name).expect("a name");
    eventually(DEADLINE, &format!("{name} has trust root {version}, the hub says"), || async {
        let record = stage.hub().store.cluster_by_name(&name).await.map_err(|error| error.to_string())?;
        let found = record.and_then(|record| record.agent).map(|agent| agent.trust_version);
        ensure(found == Some(version), &format!("{found:?}"))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_and_epoch_and_address_reach_a_connected_agent_and_one_that_was_away() {
    let mut stage = Stage::build().await;
    let near = stage.settled("near").await;
    let mut away = stage.settled("away").await;
    away.stop().await;
    let mut apart = stage.settled("apart").await;
    apart.stop().await;
    apart.options.online = false;
    apart.start().await;
    let printed_before = stage.register("late").await;

    // After a compromise: everything is issued anew, signed by another key.
    turn(&stage, &Changes { new_signing_key: true, epoch: Some(Epoch(2)), ..Changes::default() });
    reaches_epoch(&near, 2).await;
    stage.settings("one", "2");
    stage.push_to(&near, "after the rotation").await;
    near.shows("ConfigMap", "one", "/data/value", "2").await;

    // A join command that was printed before is still good: the new trust root follows the one that it names.
    enrol(&stage.state_folder("late"), &printed_before).await.expect("joins");

    // Without a network the archive brings both, the trust root and the bundle that needs it.
    let mark = apart.agent().targets.import(stage.archive(&apart).await).await.expect("is taken");
    assert_eq!(mark.place.epoch, Epoch(2));
    reaches_epoch(&apart, 2).await;
    trusts(&apart, 2).await;

    // The hub moves; who hears of it in time follows, also over the next change of keys.
    let address = free_address();
    let version = turn(&stage, &Changes { addresses: Some(vec![address.to_string()]), ..Changes::default() });
    assert_eq!(version, 3);
    away.start().await;
    reaches_epoch(&away, 2).await;
    trusts(&near, version).await;
    is_known(&stage, "near", version).await;
    trusts(&away, version).await;
    stage.stop_hub().await;
    stage.move_hub(address);
    stage.start_hub().await;
    stage.settings("one", "3");
    let commit = stage.push("after the move").await;
    for site in [&near, &away] {
        site.applies(&commit).await;
        site.shows("ConfigMap", "one", "/data/value", "3").await;
    }
}
