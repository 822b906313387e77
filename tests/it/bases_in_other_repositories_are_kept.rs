//! Bases in other repositories: only where the operator allows them, only at a commit, fetched once, and there when
//! their server is not.

use skerry_hub::config::CredentialConfig;
use skerry_hub::store::SourceStore as _;
use skerry_tests::git::{BareRepository, HttpsAuth, HttpsServer};
use skerry_tests::wait::eventually;

use crate::stage::{DEADLINE, Stage, ensure};

/// Writes an overlay of a base.
fn overlay(stage: &Stage, prefix: &str, base: &str) {
    let text = format!("resources: [\"{base}\"]\nnamePrefix: {prefix}-\n");
    stage.work.write("apps/far/kustomization.yaml", text);
}

/// Pushes what cannot be rendered, and waits until the hub says so.
async fn is_refused(stage: &Stage, prefix: &str, base: &str, expected: &str) {
    overlay(stage, prefix, base);
    stage.push(prefix).await;
    eventually(DEADLINE, expected, || async {
        let problems = stage.hub().store.problems().await.map_err(|error| error.to_string())?;
        let text = format!("{problems:?}");
        ensure(text.contains(expected) && text.contains("apps/far/kustomization.yaml"), &text)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_base_at_a_commit_is_fetched_once_and_serves_when_its_server_is_away() {
    let far = BareRepository::create("far");
    let tree = far.work_tree();
    tree.write("base/kustomization.yaml", "resources: [map.yaml]\n");
    tree.write("base/map.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: map}\ndata: {value: far}\n");
    let commit = tree.commit_and_push("a base");
    let server = HttpsServer::start(far.root(), HttpsAuth::Open);
    let url = server.url(&far);

    let mut stage = Stage::build().await;
    let mut site = stage.settled("one").await;
    let base = format!("{url}//base?ref={commit}");
    // Nothing is allowed unless the operator says so.
    is_refused(&stage, "early", &base, "remote bases are not fetched").await;
    assert!(server.requests().is_empty());
    site.stop().await;
    stage.stop_hub().await;
    stage.configure(|config| {
        config.render.remote_bases = vec![url.clone()];
        let (name, url_prefixes, ca_file) = ("ca".to_owned(), vec![url.clone()], Some(server.ca_certificate()));
        config.git.credentials.push(CredentialConfig { name, url_prefixes, ca_file, ..CredentialConfig::default() });
    });
    stage.start_hub().await;
    site.start().await;
    site.applies(&stage.work.head()).await;
    assert_eq!(site.field("ConfigMap", "early-map", "/data/value"), "far");
    let requests = server.requests().len();
    assert!(requests > 0);

    let elsewhere = format!("https://other.example/far.git//base?ref={commit}");
    is_refused(&stage, "elsewhere", &elsewhere, "the operator does not allow it: bases may lie below").await;
    let moving = "the operator does not allow it: `ref` must be the full id of a commit";
    is_refused(&stage, "moving", &format!("{url}//base?ref=main"), moving).await;
    is_refused(&stage, "unnamed", &format!("{url}//base"), moving).await;
    assert_eq!(server.requests().len(), requests, "what is refused is not asked for");
    // The last good bundle stays in force.
    assert_eq!(site.field("ConfigMap", "early-map", "/data/value"), "far");

    drop(server);
    site.stop().await;
    stage.stop_hub().await;
    stage.start_hub().await;
    site.start().await;
    overlay(&stage, "late", &base);
    stage.push_to(&site, "the same commit").await;
    assert_eq!(site.field("ConfigMap", "late-map", "/data/value"), "far");
    assert!(site.read("ConfigMap", "early-map").is_none());
    let unknown = "0123456789012345678901234567890123456789";
    is_refused(&stage, "gone", &format!("{url}//base?ref={unknown}"), "cannot be fetched").await;
}
