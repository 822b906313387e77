//! A Secret's value is in clear in Git and in the cluster, and nowhere between (DESIGN §4.6).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use skerry_agent::agent::identity_folder;
use skerry_agent::identity::{IdentityFolder, roots};
use skerry_agent::transport::quic::connect_any;
use skerry_certs::tls::{LinkProtocol, link_client_config};
use skerry_common::bundle::delta;
use skerry_common::bundle::manifest::Manifest;
use skerry_common::bundle::root::BundleRoot;
use skerry_common::id::{Incarnation, Sequence};
use skerry_common::report::Facts;
use skerry_common::wire::v1::{AgentMessage, CHUNK_BYTES_MAX, HubMessage, Introduction};
use skerry_hub::api::error::TYPE_PREFIX;
use skerry_hub::hub::system_clock;
use skerry_tests::files::files_below;

use crate::stage::{Site, Stage, logged};

const MARKER: &str = "marker-5e7b0c1d-in-clear";
const CHANGED: &str = "changed-91f3aa20-in-clear";

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

/// Everything that the HTTPS API answers to somebody who may read.
async fn api(stage: &Stage, site: &Site) -> Vec<(String, Vec<u8>)> {
    let admin = stage.admin();
    let cluster = ["", "/bundle", "/why?kind=Secret&name=door"];
    let cluster = cluster.map(|what| format!("/api/v1/clusters/{}{what}", site.name));
    let lists = [
        "fleet",
        "groups",
        "clusters",
        "applications",
        "applications/web",
        "objects",
        "drift",
        "events",
        "revisions",
        "sources",
    ];
    let paths = lists.map(|list| format!("/api/v1/{list}")).into_iter().chain(cluster).chain(["/metrics".to_owned()]);
    let mut answers = Vec::new();
    for path in paths {
        let answer = admin.get(&path).await;
        let shown = String::from_utf8_lossy(&answer);
        assert!(!shown.is_empty() && !shown.contains(TYPE_PREFIX), "{path}: {shown}");
        answers.push((path, answer));
    }
    answers
}

/// What the hub sends to the agent's place, decoded: the offer and its content.
async fn frames(stage: &Stage, site: &Site) {
    let folder = IdentityFolder::open(&identity_folder(&site.options.state_folder)).expect("a folder");
    let enrolled = folder.enrolled().expect("reads").expect("has joined");
    let trusted = roots(&enrolled.trust).expect("roots");
    let (fleet, identity) = (&enrolled.me.fleet, Some(&enrolled.tls));
    let client = link_client_config(fleet, &trusted, identity, LinkProtocol::Session, &system_clock());
    let hub = connect_any(&client.expect("settings"), &enrolled.trust.root().hubs).await.expect("connects");
    let (mut reader, mut writer) = hub.greeted_stream().await.expect("a session");
    let introduction = Introduction {
        agent_version: "test".into(),
        bundle_schemas: vec![1],
        incarnation: Incarnation(1),
        journal_end: Sequence(0),
        current: None,
        highest: None,
        trust_version: 1,
        facts: Facts::default(),
    };
    writer.message(&AgentMessage::Introduction(introduction)).await.expect("sends");
    let offer = loop {
        if let HubMessage::Offer(offer) = reader.message().await.expect("a message") {
            break offer;
        }
    };
    let payload = &offer.root.payload;
    let payload = delta::decompress(&[], &payload.zstd, &payload.content).expect("whole");
    assert_absent(&payload, "the offered root");
    let root: BundleRoot = serde_json::from_slice(&payload).expect("a root");
    let (mut content, mut asking) = hub.stream().await.expect("a stream");
    let mut wanted: Vec<_> = root.applications.iter().map(|application| application.manifest).collect();
    wanted.extend(root.key_blob);
    let mut seen = 0;
    while let Some(blob) = wanted.pop() {
        asking.message(&AgentMessage::Fetch { blobs: vec![blob] }).await.expect("asks");
        let mut bytes = Vec::new();
        loop {
            match content.message().await.expect("an answer") {
                HubMessage::BlobChunk { zstd, .. } => {
                    bytes.extend(delta::decompress_at_most(&[], &zstd, CHUNK_BYTES_MAX as u64).expect("zstd"));
                }
                HubMessage::FetchDone => break,
                other @ (HubMessage::Offer(_)
                | HubMessage::TrustRoot(_)
                | HubMessage::StateAck { .. }
                | HubMessage::JournalAck { .. }
                | HubMessage::BlobMissing { .. }
                | HubMessage::Goodbye { .. }) => panic!("{other:?}"),
            }
        }
        assert_absent(&bytes, "a fetched blob");
        seen += 1;
        if let Ok(manifest) = Manifest::parse(&bytes) {
            wanted.extend(manifest.objects.iter().map(|entry| entry.content));
        }
    }
    assert!(seen > 3, "manifest, keys and objects: {seen}");
    assert!(stage.events(site).await.len() > 1);
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
    for (path, body) in api(stage, site).await {
        assert_absent(&body, &path);
    }
    let git = stage.hub_folder().join("data").join("git");
    for file in files_below(stage.folder.path()).into_iter().filter(|file| !file.starts_with(&git)) {
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
    assert_absent(problems(&stage, "the hub tells of it").await.as_bytes(), "the problems");
    search(&stage, &site).await;
    site.stop().await;
    frames(&stage, &site).await;
    stage.stop_hub().await;
    assert_absent(&logged(), "the log");
}

/// What the hub has stored of what is wrong, as soon as it is something.
async fn problems(stage: &Stage, what: &str) -> String {
    skerry_tests::wait::eventually(crate::stage::DEADLINE, what, || async {
        use skerry_hub::store::SourceStore as _;
        let problems = stage.hub().store.problems().await.map_err(|error| error.to_string())?;
        let told: Vec<_> = problems.iter().filter(|problem| !problem.problems.is_empty()).collect();
        if told.is_empty() { Err("nothing yet".to_owned()) } else { Ok(format!("{told:?}")) }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patch_of_a_secret_is_in_clear_nowhere_either_applied_or_refused() {
    let mut stage = Stage::build().await;
    write(&stage, "harmless");
    let kustomization = |patch: &str| {
        stage.work.write(
            "apps/kustomization.yaml",
            format!("resources: [namespace.yaml, one.yaml, two.yaml, secret.yaml]\npatches:\n{patch}"),
        );
    };
    kustomization(&format!(
        "- patch: |\n    apiVersion: v1\n    kind: Secret\n    metadata: {{name: door}}\n    stringData: {{code: {MARKER}}}\n"
    ));
    stage.push("a patch").await;
    let mut site = stage.settled("one").await;
    site.shows("Secret", "door", "/data/code", STANDARD.encode(MARKER)).await;
    search(&stage, &site).await;
    // One that fits nowhere is told of without what it says.
    kustomization(&format!(
        "- target: {{kind: Secret}}\n  patch: '[{{\"op\": \"replace\", \"path\": \"/nowhere/at/all\", \"value\": \"{CHANGED}\"}}]'\n"
    ));
    stage.push("a broken patch").await;
    assert_absent(problems(&stage, "the patch is refused").await.as_bytes(), "the problems");
    search(&stage, &site).await;
    site.stop().await;
    stage.stop_hub().await;
    assert_absent(&logged(), "the log");
}
