//! A commit costs what it touches: counted, over clusters that share one application and have an overlay each.

use skerry_hub::store::memory::MemoryStore;

use crate::paper::{Done, PaperFleet, cluster_name};

const CLUSTERS: usize = 12;

/// One of the fleet's, one each.
const OVERLAYS: u64 = CLUSTERS as u64 + 1;

fn overlay(value: &str) -> String {
    format!("resources: [../../base]\nconfigMapGenerator: [{{name: own, literals: [v={value}]}}]\n")
}

fn base(value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: base}}\ndata: {{v: \"{value}\"}}\n")
}

/// A fleet whose first commit is published.
async fn fleet() -> PaperFleet<MemoryStore> {
    let mut fleet = PaperFleet::of(CLUSTERS, MemoryStore::new()).await;
    fleet.work.write("base/kustomization.yaml", "resources: [a.yaml]\n").write("base/a.yaml", base("1"));
    fleet.work.write("shared/kustomization.yaml", "resources: [../base]\nnamePrefix: shared-\n");
    for number in 0..CLUSTERS {
        fleet.work.write(&format!("overlays/{}/kustomization.yaml", cluster_name(number)), overlay("1"));
    }
    fleet.push();
    fleet.publish().await;
    fleet
}

/// What a look at all clusters took, after a push.
async fn publish(fleet: &mut PaperFleet<MemoryStore>) -> Done {
    fleet.push();
    let before = fleet.done();
    fleet.publish().await;
    fleet.done().since(before)
}

#[tokio::test]
async fn each_overlay_is_built_once_and_its_files_are_read_once() {
    let fleet = fleet().await;
    let done = fleet.done();
    assert_eq!(done.rendered.builds_made, OVERLAYS);
    // Two of the base, one of each overlay; the fleet's own documents besides.
    assert_eq!(done.git.files_read, 2 + OVERLAYS + 1);
    assert_eq!(done.drafts, CLUSTERS as u64);
}

#[tokio::test]
async fn a_commit_opens_the_repository_once_and_builds_what_it_changes() {
    let mut fleet = fleet().await;
    fleet.work.write(&format!("overlays/{}/kustomization.yaml", cluster_name(3)), overlay("2"));
    let done = publish(&mut fleet).await;
    assert_eq!(done.git.commits_opened, 1);
    assert_eq!(done.rendered.builds_made, 1);
    assert_eq!(done.git.files_read, 1);
    // The root, all overlays, and the one that changed; the base and the others are known by their ids.
    assert!(done.git.folders_read <= 4, "{done:?}");
    assert_eq!(done.drafts, CLUSTERS as u64, "roots name their commit");
}

#[tokio::test]
async fn a_commit_elsewhere_builds_nothing_and_stores_no_content() {
    let mut fleet = fleet().await;
    fleet.work.write("docs/readme.md", "new");
    let done = publish(&mut fleet).await;
    assert_eq!((done.rendered.builds_made, done.git.files_read, done.git.commits_opened), (0, 0, 1));
    assert!(done.git.folders_read <= 2, "{done:?}");
    assert_eq!((done.blobs_put, done.blobs_read), (0, 0));
}

#[tokio::test]
async fn a_change_of_the_base_builds_each_overlay_once_and_reads_one_file() {
    let mut fleet = fleet().await;
    fleet.work.write("base/a.yaml", base("2"));
    let done = publish(&mut fleet).await;
    assert_eq!((done.rendered.builds_made, done.git.files_read, done.git.commits_opened), (OVERLAYS, 1, 1));
    // What comes back is found again, as long as it is remembered.
    fleet.work.write("base/a.yaml", base("1"));
    assert_eq!(publish(&mut fleet).await.rendered.builds_made, 0);
}

#[tokio::test]
async fn nothing_new_opens_nothing() {
    let mut fleet = fleet().await;
    let before = fleet.done();
    fleet.publish().await;
    assert_eq!(fleet.done().since(before), Done::default());
}
