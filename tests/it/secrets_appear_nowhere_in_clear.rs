//! A Secret's value is in clear in Git and in the cluster, and nowhere between (DESIGN §4.6).

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::stage::{Site, Stage, logged};

const MARKER: &str = "marker-5e7b0c1d-in-clear";
const CHANGED: &str = "changed-91f3aa20-in-clear";

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("reads").map(|entry| entry.expect("reads").path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn assert_absent(bytes: &[u8], place: &str) {
    for marker in [MARKER, CHANGED] {
        for text in [marker.to_owned(), STANDARD.encode(marker)] {
            let found = bytes.windows(text.len()).any(|window| window == text.as_bytes());
            assert!(!found, "`{marker}` is in clear in {place}");
        }
    }
}

fn write(stage: &Stage, value: &str) {
    let text = format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: door}}\nstringData: {{code: {value}}}\n");
    stage.work.write("apps/secret.yaml", text);
}

/// Everything that was written, sent or said.
async fn search(stage: &Stage, site: &Site) {
    let archive = stage.archive(site).await;
    assert_absent(&archive.to_bytes().expect("packs"), "the archive");
    assert_absent(&archive.root.payload, "the bundle's root");
    for (digest, bytes) in &archive.blobs {
        assert_absent(bytes, &format!("blob {digest}"));
    }
    assert_absent(format!("{:?}", stage.events(site).await).as_bytes(), "the events");
    assert_absent(format!("{:?}", stage.drifts(site).await).as_bytes(), "the drifts");
    assert_absent(format!("{:?}", site.agent().snapshot.borrow()).as_bytes(), "the agent's state");
    let git = stage.hub_folder().join("git");
    for file in files(stage.folder.path()).into_iter().filter(|file| !file.starts_with(&git)) {
        // A file may have been replaced since it was listed.
        assert_absent(&std::fs::read(&file).unwrap_or_default(), &file.display().to_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_in_clear_in_the_cluster_alone_also_after_change_drift_and_failure() {
    let mut stage = Stage::build().await;
    write(&stage, MARKER);
    stage.push("a secret").await;
    let mut site = stage.settled("one").await;
    site.shows("Secret", "door", "/data/code", STANDARD.encode(MARKER)).await;
    search(&stage, &site).await;

    write(&stage, CHANGED);
    stage.push_to(&site, "another secret").await;
    site.shows("Secret", "door", "/data/code", STANDARD.encode(CHANGED)).await;
    // Drift of it is found, told and healed.
    let edit = |object: &mut serde_json::Value| object["data"]["code"] = STANDARD.encode("by hand").into();
    site.person().edit(&site.target("Secret", "door"), edit).expect("edits");
    site.shows("Secret", "door", "/data/code", STANDARD.encode(CHANGED)).await;
    // The agent takes it up from its own files.
    site.stop().await;
    site.person().delete(&site.target("Secret", "door")).expect("deletes");
    site.start().await;
    site.shows("Secret", "door", "/data/code", STANDARD.encode(CHANGED)).await;
    // A broken document beside it is told of, and its text with it.
    stage.work.write("apps/secret.yaml", format!("apiVersion: v1\nkind: Secret\nstringData: {{code: {CHANGED}\n"));
    stage.push("broken").await;
    stage.sees_head().await;
    let problems = skerry_tests::wait::eventually(crate::stage::DEADLINE, "the hub tells of it", || async {
        use skerry_hub::store::SourceStore as _;
        let problems = stage.hub().store.problems().await.map_err(|error| error.to_string())?;
        if problems.is_empty() { Err("nothing yet".to_owned()) } else { Ok(problems) }
    })
    .await;
    assert_absent(format!("{problems:?}").as_bytes(), "the problems");
    search(&stage, &site).await;
    stage.stop_hub().await;
    site.stop().await;
    assert_absent(&logged(), "the log");
}
