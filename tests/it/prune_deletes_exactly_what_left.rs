//! What leaves Git leaves the cluster, and nothing else does.

use serde_json::json;
use skerry_agent::cluster::memory::Verb;
use skerry_common::journal::Event;

use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_left_git_is_deleted_and_no_other() {
    let stage = Stage::build().await;
    let site = stage.settled("one").await;
    let strangers =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "theirs", "namespace": "shop"}});
    site.person().create(strangers).expect("creates");
    let deletes = || site.cluster.requests().get(&Verb::Delete).copied().unwrap_or_default();
    let (before, deletes_before) = (site.cluster.snapshot(), deletes());

    stage.work.remove("apps/two.yaml");
    stage.push_to(&site, "without two").await;

    assert!(site.read("ConfigMap", "two").is_none());
    assert_eq!(deletes() - deletes_before, 1);
    let gone: Vec<String> = before.keys().filter(|key| !site.cluster.snapshot().contains_key(*key)).cloned().collect();
    assert_eq!(gone.len(), 1, "{gone:?}");
    let pruned = stage.hears(&site, "the prune is journalled", |event| matches!(event, Event::Pruned { .. })).await;
    assert_eq!(pruned.len(), 1);
}
