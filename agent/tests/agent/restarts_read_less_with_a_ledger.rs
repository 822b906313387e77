//! A restart with the ledger asks the API server for measurably less than one without, and finds the same.

use serde_json::{Value, json};
use skerry_agent::cluster::memory::Verb;

use crate::site::{Site, ensure, map, shop};

/// Of each kind.
const OBJECTS: usize = 100;

/// Settings that somebody wrote to without changing anything of ours.
const TOUCHED: u64 = 40;

fn deployment(name: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "shop"},
        "spec": {
            "replicas": 1, "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{
                    "name": "web", "image": "registry.example/web:1", "env": [{"name": "SETTING", "value": "1"}],
                    "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}},
                }]},
            },
        },
    })
}

fn bundle() -> Vec<Value> {
    let both =
        (0..OBJECTS).flat_map(|number| [deployment(&format!("web-{number}")), map(&format!("map-{number}"), "1")]);
    std::iter::once(shop()).chain(both).collect()
}

/// Starts the agent and waits until it has found everything in order; gives gets, dry runs and bytes.
async fn restart(site: &mut Site) -> (u64, u64, u64) {
    let before = (site.cluster.requests(), site.cluster.bytes_read(), site.cluster.writes());
    site.start().await;
    site.until("everything is planned", |site| {
        let tally = site.agent().snapshot.borrow().tally;
        ensure((tally.keep + tally.inspect) as usize == 2 * OBJECTS + 1, &tally)
    })
    .await;
    site.stop().await;
    let requests = site.cluster.requests();
    let since = |verb| requests.get(&verb).unwrap_or(&0) - before.0.get(&verb).unwrap_or(&0);
    assert_eq!(site.cluster.writes(), before.2, "a restart writes nothing");
    (since(Verb::Get), since(Verb::DryRun), site.cluster.bytes_read() - before.1)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_with_the_ledger_reads_less_than_one_without() {
    let mut site = Site::running().await;
    site.applies(&bundle()).await;
    for number in 0..TOUCHED {
        let touch = |object: &mut Value| object["metadata"]["labels"]["note"] = json!("a controller's");
        let robot = site.cluster.as_person("robot");
        robot.edit(&site.target(&format!("map-{number}")), touch).expect("edits");
    }
    site.until("all is looked at", |site| {
        let looked = site.cluster.requests().get(&Verb::Get).copied().unwrap_or_default();
        ensure(looked >= TOUCHED, &looked)
    })
    .await;
    site.until("everything is seen as it is", |site| {
        let snapshot = site.agent().snapshot.borrow().clone();
        let healthy: u32 = snapshot.applications.iter().map(|application| application.counts.healthy).sum();
        ensure(healthy as usize == 2 * OBJECTS + 1, &snapshot)
    })
    .await;
    site.stop().await;

    let with = restart(&mut site).await;
    std::fs::remove_dir_all(site.options.state_folder.join("ledger")).expect("removes");
    let without = restart(&mut site).await;
    println!("gets, dry runs, bytes: with the ledger {with:?}, without {without:?}");
    assert_eq!((with.0, with.1), (0, 0), "nothing is read one by one");
    assert_eq!(without.0, TOUCHED, "what was touched is looked at again");
    assert!(with.2 * 4 < without.2 * 3, "a quarter is saved at least: {with:?} {without:?}");

    site.person().delete(&site.target("map-7")).expect("deletes");
    let old = site.options.state_folder.join("ledger");
    assert!(old.is_dir(), "it is made anew");
    site.start().await;
    site.shows("map-7", "1").await;
    site.stop().await;
}
