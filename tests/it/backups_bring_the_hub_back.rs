//! A backup made while the hub runs brings the same hub back elsewhere: keys, registrations, tokens, signed roots,
//! blobs and journal. What it forgot since, agents prove to it, and nothing is signed at or below that.

use std::path::{Path, PathBuf};

use skerry_certs::root_key::Passphrase;
use skerry_hub::backup::{BackupError, Restored, backup, restore};
use skerry_hub::store::bundles::{BundleStore as _, StoredRoot};
use skerry_tests::files::files_below;

use crate::stage::{PASSPHRASE, Site, Stage};

fn passphrase(text: &str) -> Passphrase {
    Passphrase::new(text.into()).expect("long enough")
}

/// Every file of a hub's keys, by name.
fn keys(hub: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = hub.join("data/keys");
    let name = |file: &Path| file.strip_prefix(&folder).expect("below").to_owned();
    let mut files: Vec<_> =
        files_below(&folder).into_iter().map(|file| (name(&file), std::fs::read(&file).expect("reads"))).collect();
    files.sort();
    files
}

/// Everything that the hub has signed for a cluster, newest first.
async fn signed(stage: &Stage, site: &Site) -> Vec<StoredRoot> {
    let cluster = stage.record(site).await.id;
    stage.hub().store.history(&cluster).await.expect("reads")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_comes_back_from_a_backup_and_signs_nothing_twice() {
    let mut stage = Stage::build().await;
    stage
        .work
        .write("apps/secret.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: door}\nstringData: {code: abc}\n");
    stage.push("a secret").await;
    let site = stage.settled("one").await;
    site.person().delete(&site.target("ConfigMap", "one")).expect("deletes");
    stage.hears(&site, "a drift", |event| matches!(event, skerry_common::journal::Event::DriftClosed { .. })).await;
    let (first, file) = (stage.hub_folder(), stage.folder.path().join("backup"));
    let (events, record, first_signed) =
        (stage.events(&site).await, stage.record(&site).await, signed(&stage, &site).await);
    // While the hub runs, an agent is connected, and more is published.
    let config = first.join("hub.toml");
    let secret = passphrase("of this backup only");
    let (written, ()) = tokio::join!(backup(&config, &file, &secret), async {
        stage.settings("two", "while the backup is made");
        stage.push_to(&site, "meanwhile").await;
    });
    written.expect("is written");
    nothing_is_in_clear(&first, &file);
    stage.settings("two", "after the backup");
    stage.push_to(&site, "the restored hub will not know of it").await;
    let before = signed(&stage, &site).await;
    let archive = stage.archive(&site).await;
    stage.stop_hub().await;

    let second = stage.folder.path().join("elsewhere");
    refused(&file, &second);
    let restored = restore(&file, &second, &secret).expect("restores");
    let (config, data_folder) = (second.join("hub.toml"), second.join("data"));
    assert_eq!(restored, Restored { config: config.clone(), data_folder, configured: None });
    assert!(matches!(restore(&file, &second, &secret), Err(BackupError::Exists(_))), "it is not overwritten");
    assert_eq!(keys(&second), keys(&first));
    assert_eq!(std::fs::read(&config).expect("reads"), std::fs::read(first.join("hub.toml")).expect("reads"));

    // With Git gone and its first folder too, it is the same hub.
    std::fs::rename(&first, stage.folder.path().join("lost")).expect("moves");
    stage.move_hub_to(second);
    stage.start_hub().await;
    let listed = String::from_utf8(stage.admin().get("/api/v1/clusters/one").await).expect("text");
    assert!(listed.contains(record.id.as_str()), "the admin's token counts, and the cluster is known: {listed}");
    let known = signed(&stage, &site).await;
    assert!(!first_signed.is_empty() && known.ends_with(&first_signed), "what was signed is there, byte for byte");
    let told = stage.events(&site).await;
    assert!(events.iter().all(|event| told.contains(event)), "{events:?} {told:?}");

    // The agent has seen more than this hub knows of: the next generation is above that.
    stage.settings("one", "from the restored hub");
    stage.push_to(&site, "go on").await;
    site.shows("ConfigMap", "one", "/data/value", "from the restored hub").await;
    let newest = stage.newest(&site).await;
    let lost = before.first().expect("signed").place;
    assert!(newest.place > lost, "{} is not above {lost}", newest.place);
    let blobs = stage.archive(&site).await.blobs;
    assert!(archive.blobs.keys().any(|digest| blobs.contains_key(digest)), "content is shared with the first life");
}

/// A backup is good for those alone who have its passphrase.
fn nothing_is_in_clear(hub: &Path, file: &Path) {
    let bytes = std::fs::read(file).expect("reads");
    let contains = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    for (name, key) in keys(hub) {
        assert!(!contains(&key[..key.len().min(32)]), "{} is in clear", name.display());
    }
    assert!(!contains(b"PRIVATE KEY") && !contains(b"SQLite format") && !contains(b"ustar"));
}

/// What cannot be restored leaves no hub behind.
fn refused(file: &Path, folder: &Path) {
    let wrong = restore(file, folder, &passphrase(PASSPHRASE));
    assert!(matches!(wrong, Err(BackupError::Crypto(_))), "another passphrase: {wrong:?}");
    let mut bytes = std::fs::read(file).expect("reads");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let damaged = file.with_extension("damaged");
    std::fs::write(&damaged, bytes).expect("writes");
    let wrong = restore(&damaged, folder, &passphrase("of this backup only"));
    assert!(matches!(wrong, Err(BackupError::Crypto(_))), "a flipped bit: {wrong:?}");
    assert!(!folder.join("hub.toml").exists());
}
