//! An agent killed at any instant of first sync or update goes on where it was: everything that
//! should be there is, nothing that should not go has gone, and nothing is told twice.

use std::collections::BTreeSet;

use serde_json::json;
use skerry_common::backoff::splitmix;
use skerry_hub::store::journal::What;

use crate::stage::{Site, Stage, ensure};

/// Kills of each kind.
const KILLS: u64 = 10;

/// Settings in Git.
const SETTINGS: u64 = 15;

/// Requests within which an agent is killed: a little more than it needs.
const REQUESTS: u64 = 60;

/// Kills an agent once it has made so many more requests, or has nothing left to do.
async fn kill_after(site: &mut Site, requests: u64, commit: &str) {
    let from = site.requests();
    let seen = format!("{requests} more requests");
    site.until(&seen, |site| {
        let bundle = site.agent().targets.current();
        let follows =
            bundle.is_some_and(|it| it.root().root().sources.iter().all(|it| it.commit.to_string() == commit));
        let done = follows && site.is_applied().is_ok();
        ensure(done || site.requests() >= from + requests, &site.requests())
    })
    .await;
    site.kill().await;
}

fn person_owns(site: &Site) {
    let theirs =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "theirs", "namespace": "default"}});
    site.person().create(theirs).expect("creates");
}

/// The settings in the namespace and their values.
fn settings(site: &Site) -> BTreeSet<(String, String)> {
    let objects = site.cluster.snapshot().into_values();
    let ours = objects
        .filter(|it| it["kind"] == "ConfigMap" && it["metadata"]["namespace"] == "shop")
        .filter(|it| it["metadata"]["name"] != "kube-root-ca.crt");
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    ours.map(|it| (text(&it["metadata"]["name"]), text(&it["data"]["value"]))).collect()
}

async fn tells_nothing_twice(stage: &Stage, site: &Site) {
    let events = stage.events(site).await;
    let places: Vec<_> = events
        .iter()
        .filter_map(|record| match record.what {
            What::Agent { incarnation, sequence, .. } => Some((incarnation, sequence)),
            What::Hub(_) => None,
        })
        .collect();
    let unique: BTreeSet<_> = places.iter().collect();
    assert_eq!(unique.len(), places.len(), "{places:?}");
    let drifts = stage.drifts(site).await;
    assert!(drifts.is_empty(), "what an agent did not finish is no drift: {drifts:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_during_first_sync_and_during_an_update_it_converges() {
    let stage = Stage::build().await;
    let mut wanted = BTreeSet::from([("one".to_owned(), "1".to_owned()), ("two".to_owned(), "2".to_owned())]);
    for number in 0..SETTINGS {
        stage.settings(&format!("many-{number}"), "old");
        wanted.insert((format!("many-{number}"), "old".to_owned()));
    }
    let first = stage.push("first sync").await;
    let mut sites = Vec::new();
    for seed in 0..KILLS {
        let mut site = stage.joined(&format!("cluster-{seed}")).await;
        person_owns(&site);
        site.start_apart().await;
        let requests = splitmix(seed) % REQUESTS;
        println!("seed {seed}: first sync, killed after {requests} requests");
        kill_after(&mut site, requests, &first).await;
        site.start_apart().await;
        site.applies(&first).await;
        assert_eq!(settings(&site), wanted, "seed {seed}");
        sites.push(site);
    }

    for number in 0..SETTINGS {
        let name = format!("many-{number}");
        wanted.remove(&(name.clone(), "old".to_owned()));
        if number % 3 == 0 {
            stage.work.remove(&format!("apps/{name}.yaml"));
        } else {
            stage.settings(&name, "new");
            wanted.insert((name, "new".to_owned()));
        }
    }
    stage.settings("another", "new");
    wanted.insert(("another".to_owned(), "new".to_owned()));
    let second = stage.push("an update").await;
    for (seed, site) in (KILLS..).zip(&mut sites) {
        // The first waits for what the others have long got: each is killed at another place of its own update.
        let requests = splitmix(seed) % REQUESTS;
        println!("seed {seed}: update, killed after {requests} requests");
        kill_after(site, requests, &second).await;
        site.start().await;
        site.applies(&second).await;
        assert_eq!(settings(site), wanted, "seed {seed}");
        let person = site.person();
        let theirs = person.target("ConfigMap", Some("default"), "theirs").expect("a kind");
        assert!(person.read(&theirs).is_some(), "seed {seed}");
        site.until("everything is told", |site| ensure(*site.agent().connected.borrow(), &"alone")).await;
        tells_nothing_twice(&stage, site).await;
    }
}
