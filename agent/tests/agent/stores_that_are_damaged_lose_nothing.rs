//! Each file of the agent's state damaged, cut, missing or of a later format: the agent refuses to start, says why and
//! touches nothing, or it starts, and nothing that is desired is lost or made anew.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use skerry_agent::agent::Agent;
use skerry_certs::tls::WallClock;
use skerry_common::error_chain::Chain;
use time::OffsetDateTime;

use crate::site::{DEADLINE, Site, map, shop};

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("reads") {
        let path = entry.expect("reads").path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let name = |file: &PathBuf| file.strip_prefix(folder).expect("is inside").to_owned();
    files(folder).into_iter().map(|file| (name(&file), fs::read(&file).expect("reads"))).collect()
}

fn write(folder: &Path, contents: &BTreeMap<PathBuf, Vec<u8>>) {
    for (name, bytes) in contents {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, bytes).expect("writes");
    }
}

/// What becomes of a file; `None` when it is gone.
fn damages(content: &[u8]) -> Vec<(&'static str, Option<Vec<u8>>)> {
    let mut flipped = content.to_vec();
    let middle = flipped.len() / 2;
    if let Some(byte) = flipped.get_mut(middle) {
        *byte ^= 0x10;
    }
    let mut all = vec![
        ("missing", None),
        ("empty", Some(Vec::new())),
        ("half of it", Some(content[..content.len() / 2].to_vec())),
        ("a flipped bit", Some(flipped)),
    ];
    if content.starts_with(b"skerry-") {
        let later = String::from_utf8_lossy(content).replacen(" 1 ", " 9 ", 1).into_bytes();
        all.push(("a later format", Some(later)));
    }
    all
}

fn uids(site: &Site, objects: &[&str]) -> Vec<Value> {
    objects.iter().map(|name| site.read(name).expect("is there")["metadata"]["uid"].clone()).collect()
}

/// Starts on a damaged folder; tells whether it started.
async fn survives(site: &Site, name: &Path, what: &str, generation: u64) -> bool {
    let before = contents(&site.options.state_folder);
    let cluster = Arc::new(site.cluster.clone());
    let agent = match Agent::start(&site.options, cluster, WallClock::new(OffsetDateTime::now_utc)).await {
        Ok(agent) => agent,
        Err(error) => {
            assert!(!Chain(&error).to_string().is_empty(), "{what}");
            if what.ends_with("a later format") {
                assert!(Chain(&error).to_string().contains("run the newer agent"), "{what}: {}", Chain(&error));
                let after = contents(&site.options.state_folder);
                assert_eq!(after.get(name), before.get(name), "{what}: it was touched");
            }
            return false;
        }
    };
    // The bundle that comes next – from a hub or a file – finds everything as it was.
    let objects = [shop(), map("one", "1"), map("two", &generation.to_string())];
    let archive = site.fleet.archive(generation, &site.policy, &objects, &site.fleet.bundle_key);
    agent.targets.import(archive).await.unwrap_or_else(|error| panic!("{what}: {}", Chain(&error)));
    let mut snapshot = agent.snapshot.clone();
    let current = agent.targets.current().map(|bundle| bundle.mark());
    let applied = tokio::time::timeout(DEADLINE, snapshot.wait_for(|it| it.applied == current)).await.is_ok();
    assert!(applied, "{what}: not applied: {:#?} {:#?}", snapshot.borrow(), agent.plans.borrow());
    assert_eq!(site.value("two"), generation.to_string(), "{what}");
    agent.stop().await;
    true
}

#[tokio::test(flavor = "multi_thread")]
async fn each_file_of_the_state_may_be_damaged() {
    let mut site = Site::running().await;
    site.applies(&[shop(), map("one", "1"), map("two", "0")]).await;
    site.applies(&[shop(), map("one", "1"), map("two", "1")]).await;
    site.stop().await;
    let mut whole = contents(&site.options.state_folder);
    whole.retain(|name, _| !name.starts_with("ledger") && name.components().count() > 1);
    assert!(whole.len() >= 8, "{:?}", whole.keys());
    let before = uids(&site, &["one", "two"]);
    let (mut generation, mut started) = (10, 0);
    for (name, content) in &whole {
        for (damage, bytes) in damages(content) {
            let what = format!("{} {damage}", name.display());
            let folder = tempfile::tempdir().expect("a folder");
            let mut damaged = whole.clone();
            match bytes {
                Some(bytes) => drop(damaged.insert(name.clone(), bytes)),
                None => drop(damaged.remove(name)),
            }
            write(folder.path(), &damaged);
            site.options.state_folder = folder.path().to_owned();
            generation += 1;
            started += u32::from(survives(&site, name, &what, generation).await);
            assert_eq!(uids(&site, &["one", "two"]), before, "{what}: something was deleted");
        }
    }
    assert!(started > 10, "most damage is survived: {started}");
}
