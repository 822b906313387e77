//! Pages, filters, counts.

use std::sync::Arc;
use std::time::{Duration, Instant};

use skerry_common::bundle::digest::Digest;
use skerry_common::bundle::signature::{KeyId, Signature};
use skerry_common::id::{
    ApplicationName, ClusterId, CommitId, Epoch, Generation, GroupName, Incarnation, Place, Sequence, SourceName,
};
use skerry_common::journal::{Drift, DriftKind, Event, FieldDrift, JournalEntry};
use skerry_common::object::ObjectKey;
use skerry_common::report::{ApplicationReport, BundleMark};
use skerry_common::status::{Health, HealthCounts, Sync};
use skerry_hub_core::fleet::selector::Selector;
use skerry_hub_core::fleet::{Fleet, Group, Site};

use super::{NOW, Rig, heard, register, set};
use crate::api::FleetInForce;
use crate::store::bundles::{BundleStore as _, Reservation, Reserve};
use crate::store::journal::HubEvent;
use crate::store::memory::MemoryStore;
use crate::store::sources::SourceRecord;
use crate::store::states::{Scope, StateUpdate};
use crate::store::{ClusterStore as _, JournalStore as _, SourceStore as _, StateStore as _};

#[tokio::test]
async fn ten_thousand_clusters_are_paged_without_gaps_or_repeats() {
    let store = MemoryStore::new();
    for number in 0..10_000 {
        register(&store, &format!("edge-{number:05}"), &[("odd", if number % 2 == 1 { "yes" } else { "no" })]).await;
    }
    let rig = Rig::start_on(store).await;
    rig.get("/api/v1/clusters?limit=1").await;
    let begun = Instant::now();
    let first = rig.get("/api/v1/clusters?limit=100").await;
    // A wide deadline: the figure itself is measured by the bench.
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert_eq!(first.names().len(), 100);
    for (query, expected) in [("limit=1000", 10_000), ("limit=1000&labelSelector=odd%3Dyes", 5_000)] {
        let (mut cursor, mut names) = (String::new(), Vec::new());
        loop {
            let page = rig.get(&format!("/api/v1/clusters?{query}{cursor}")).await;
            names.extend(page.names().into_iter().map(str::to_owned));
            let Some(next) = page.body["next"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert!(names.is_sorted_by(|a, b| a < b));
        assert_eq!(names.len(), expected);
    }
    // All of `skerry status` is this one answer.
    let begun = Instant::now();
    let fleet = rig.get("/api/v1/fleet").await;
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert_eq!(fleet.body["counts"]["clusters"], 10_000);
    assert_eq!(fleet.body["counts"]["contact"]["pending"], 10_000);
}

#[tokio::test]
async fn what_is_written_is_read_at_once() {
    let rig = Rig::start().await;
    for number in 0..20 {
        let id = rig.register(&format!("edge-{number}"), &[]).await;
        let one = rig.get(&format!("/api/v1/clusters/edge-{number}")).await;
        assert_eq!(one.body["id"], id.as_str());
    }
}

#[tokio::test]
async fn wrong_parameters_are_named() {
    let rig = Rig::start().await;
    let check = async |query: &str, code: &str| {
        let answer = rig.get(&format!("/api/v1/clusters?{query}")).await;
        assert_eq!(answer.problem(), (400, code), "{query}: {}", answer.body);
    };
    check("filter=contct%3Doffline", "SK0370").await;
    check("filter=contact%3D%28", "SK0370").await;
    check("labelSelector=%3D", "SK0370").await;
    check("limit=0", "SK0600").await;
    check("limit=1001", "SK0600").await;
    check("limit=many", "SK0600").await;
    check("cursor=%21", "SK0600").await;
    check("fliter=x", "SK0600").await;
    let help = rig.get("/api/v1/clusters?filter=contct%3Doffline").await.body["help"].to_string();
    assert!(help.contains("contact"), "{help}");
    assert_eq!(rig.get("/api/v1/drift?cursor=eA").await.problem(), (400, "SK0600"));
}

fn section(name: &str, health: Health) -> ApplicationReport {
    let mut counts = HealthCounts::default();
    counts.add(health);
    ApplicationReport {
        application: ApplicationName::parse(name).expect("valid"),
        sync: Sync::Current,
        reason: String::new(),
        health,
        counts,
        drift: 0,
        objects: Vec::new(),
        age_ms: 5_000,
    }
}

#[tokio::test]
async fn state_is_shown_with_contact_and_age() {
    let rig = Rig::start().await;
    let edge = rig.register("edge", &[("env", "prod")]).await;
    rig.register("quiet", &[]).await;
    let update = StateUpdate {
        cluster: edge.clone(),
        received_unix_ms: NOW - 1_000,
        scope: Scope::Full,
        current: None,
        applied: None,
        applications: vec![section("web", Health::Degraded)],
        removed: Vec::new(),
        conditions: Vec::new(),
        held_prunes: Vec::new(),
    };
    rig.store.put_states(vec![update]).await.expect("stores");
    rig.store.touch(&[heard(&edge, NOW - 61_000)]).await.expect("stores");
    let group = Group {
        selector: Selector::default(),
        applications: [ApplicationName::parse("web").expect("valid")].into(),
        site: Site::default(),
    };
    let mut fleet = Fleet::default();
    fleet.groups.insert(GroupName::parse("all").expect("valid"), group);
    rig.fleet.send_replace(Arc::new(FleetInForce { commit: None, fleet }));
    let late = loop {
        let answer = rig.get("/api/v1/clusters?filter=contact%3Dlate,group%3Dall").await;
        if !answer.names().is_empty() {
            break answer;
        }
    };
    assert_eq!(late.names(), ["edge"]);
    let row = &late.body["items"][0];
    assert_eq!((&row["health"], &row["ageSeconds"]), (&"degraded".into(), &6.into()), "{row}");
    let groups = rig.get("/api/v1/groups").await;
    assert_eq!(groups.body["items"][0]["counts"]["clusters"], 2);
    let web = rig.get("/api/v1/applications/web").await;
    assert_eq!(web.body["on"][0]["cluster"], "edge", "{}", web.body);
    assert_eq!(rig.get("/api/v1/applications?filter=degraded%3E0").await.names(), ["web"]);
    let metrics = rig.get("/metrics").await.body;
    assert!(metrics.as_str().expect("text").contains("skerry_clusters{contact=\"late\"} 1\n"), "{metrics}");
}

#[tokio::test]
async fn drift_and_events_are_listed_newest_first() {
    let rig = Rig::start().await;
    let edge = rig.register("edge", &[]).await;
    let field = |path: &str| FieldDrift { path: path.into(), kind: DriftKind::Changed, manager: "a\u{1b}[31m".into() };
    let drift = |sequence, fields: &[&str]| JournalEntry {
        sequence: Sequence(sequence),
        at_unix_ms: NOW,
        event: Event::Drift(Drift {
            application: ApplicationName::parse("web").expect("valid"),
            object: ObjectKey { group: String::new(), kind: "Service".into(), namespace: None, name: "web".into() },
            uid: "u".into(),
            resource_version: sequence.to_string(),
            fields: fields.iter().map(|path| field(path)).collect(),
        }),
    };
    let entries = [drift(1, &["/a", "/b"]), drift(2, &["/c"])];
    rig.store.append(&edge, Incarnation(7), &entries, NOW).await.expect("stores");
    rig.store.record(Some(&edge), HubEvent::SyncRequested, NOW).await.expect("records");
    let listed = rig.get("/api/v1/drift").await.body;
    let fields = |row: &serde_json::Value| row["fields"].as_array().map(Vec::len);
    let rows = listed["items"].as_array().expect("a page");
    assert_eq!(rows.iter().map(fields).collect::<Vec<_>>(), [Some(1), Some(2)], "{listed}");
    assert_eq!(rows[0]["fields"][0]["manager"], "a\\u{1b}[31m");
    let first = rig.get("/api/v1/events?limit=1").await.body;
    assert_eq!(first["items"][0]["kind"], "SyncRequested");
    let next = first["next"].as_str().expect("more");
    let second = rig.get(&format!("/api/v1/events?limit=1&cursor={next}&filter=event%3DDrift")).await.body;
    assert_eq!(second["items"][0]["sequence"], 2, "{second}");
    assert_eq!(rig.get("/api/v1/drift?filter=field%3D/c").await.body["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn sources_are_listed_without_credentials() {
    let rig = Rig::start().await;
    let source = SourceRecord {
        name: SourceName::parse("shop").expect("valid"),
        url: "https://u:hunter2@h/shop.git".into(),
        reference: "branch main".into(),
        commit: Some(CommitId::parse(&"a".repeat(40)).expect("valid")),
        checked_unix_ms: Some(NOW),
        changed_unix_ms: Some(NOW),
        failures: 1,
        error: Some("https://u:hunter2@h said no".into()),
    };
    rig.store.put_source(source).await.expect("stores");
    let listed = rig.get("/api/v1/sources").await;
    assert_eq!(listed.names(), ["shop"]);
    assert!(!listed.body.to_string().contains("hunter2"));
    let fleet = rig.get("/api/v1/fleet").await.body;
    let about: Vec<_> =
        fleet["attention"].as_array().expect("a list").iter().filter_map(|row| row["about"].as_str()).collect();
    assert_eq!(set(&about), set(&["source shop"]));
}

#[tokio::test]
async fn what_happened_to_the_hub_itself_is_listed_too() {
    let rig = Rig::start().await;
    let edge = rig.register("edge", &[("env", "prod")]).await;
    let failed = HubEvent::SourceFailed { source: SourceName::parse("shop").expect("valid"), message: "gone".into() };
    rig.store.record(None, failed, NOW).await.expect("records");
    let application = ApplicationName::parse("web").ok();
    let render = HubEvent::RenderFailed { application, message: "broken".into() };
    rig.store.record(None, render, NOW).await.expect("records");
    rig.store.record(Some(&edge), HubEvent::SyncRequested, NOW).await.expect("records");
    let listed = rig.get("/api/v1/events").await.body;
    let rows = listed["items"].as_array().expect("a page");
    let kinds: Vec<_> = rows.iter().filter_map(|row| row["kind"].as_str()).collect();
    assert_eq!(kinds, ["SyncRequested", "RenderFailed", "SourceFailed"], "{listed}");
    assert_eq!((rows[0]["cluster"].as_str(), rows[1].get("cluster")), (Some("edge"), None));
    assert_eq!(rows[1]["application"], "web");
    let warnings = rig.get("/api/v1/events?filter=warning%3Dtrue,%21cluster").await.body;
    assert_eq!(warnings["items"].as_array().map(Vec::len), Some(2), "{warnings}");
}

#[tokio::test]
async fn labels_choose_what_is_on_a_cluster_and_are_refused_where_there_are_none() {
    let rig = Rig::start().await;
    let (edge, lab) = (rig.register("edge", &[("env", "prod")]).await, rig.register("lab", &[]).await);
    for cluster in [&edge, &lab] {
        rig.store.record(Some(cluster), HubEvent::SyncRequested, NOW).await.expect("records");
    }
    let chosen = async |path: &str| {
        let body = rig.get(path).await.body;
        let rows = body["items"].as_array().unwrap_or_else(|| panic!("{path}: {body}")).clone();
        rows.iter().filter_map(|row| row["cluster"].as_str().map(str::to_owned)).collect::<Vec<_>>()
    };
    assert_eq!(chosen("/api/v1/events?labelSelector=env%3Dprod").await, ["edge"]);
    assert_eq!(chosen("/api/v1/events?labelSelector=%21env").await, ["lab"]);
    assert_eq!(chosen("/api/v1/events?filter=label.env%3Dprod").await, ["edge"]);
    assert!(chosen("/api/v1/drift?labelSelector=env%3Dprod").await.is_empty());
    assert!(chosen("/api/v1/objects?labelSelector=env%3Dprod").await.is_empty());
    for kind in ["groups", "applications", "sources", "revisions"] {
        let refused = rig.get(&format!("/api/v1/{kind}?labelSelector=env%3Dprod")).await;
        assert_eq!(refused.problem(), (400, "SK0370"), "{kind}");
        assert!(refused.body["detail"].as_str().expect("text").contains("no labels"), "{}", refused.body);
    }
}

/// Publishes a root that is made of one commit.
async fn publish(rig: &Rig, cluster: &ClusterId, generation: u64, parent: Option<Digest>, commit: char) -> Digest {
    let revision = serde_json::json!({
        "name": "shop", "url": "https://h/shop", "ref": "branch main", "commit": commit.to_string().repeat(40),
        "verified": "none",
    });
    let root = serde_json::json!({
        "schema": 1, "fleet": "test", "cluster": cluster.as_str(), "epoch": 1, "generation": generation,
        "issued": "2026-01-01T00:00:00Z", "expires": "2027-01-01T00:00:00Z", "hub": "hub", "renderer": "r",
        "sources": [revision], "applications": [],
    });
    let payload = serde_json::to_vec(&root).expect("JSON");
    let place = Place { epoch: Epoch(1), generation: Generation(generation) };
    let mark = BundleMark { place, root: Digest::of(&payload) };
    let wanted =
        Reservation { cluster: cluster.clone(), parent, place, payload, now_unix_ms: NOW, sweeps: 0, roots_kept: 20 };
    assert_eq!(rig.store.reserve(wanted).await.expect("answers"), Reserve::Reserved);
    let signature = Signature { keyid: KeyId("k".into()), sig: vec![0; 64] };
    assert!(rig.store.attach_signature(cluster, mark, signature, NOW).await.expect("signs"));
    mark.root
}

#[tokio::test]
async fn roots_are_read_once_for_revisions_and_newer_ones_take_their_place() {
    let rig = Rig::start().await;
    let (edge, lab) = (rig.register("edge", &[]).await, rig.register("lab", &[]).await);
    let first = publish(&rig, &edge, 1, None, 'a').await;
    publish(&rig, &lab, 1, None, 'a').await;
    let listed = async || {
        let body = rig.get("/api/v1/revisions").await.body;
        let rows = body["items"].as_array().unwrap_or_else(|| panic!("{body}")).clone();
        rows.iter()
            .map(|row| (row["commit"].as_str().map(|it| it[..1].to_owned()), row["targeted"].clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(listed().await, [(Some("a".to_owned()), 2.into())]);
    // Nothing is read again: the roots' bytes may be unreadable by now.
    rig.store.damage_roots();
    assert_eq!(listed().await, [(Some("a".to_owned()), 2.into())]);
    publish(&rig, &edge, 2, Some(first), 'b').await;
    assert_eq!(listed().await, [(Some("a".to_owned()), 1.into()), (Some("b".to_owned()), 1.into())]);
}
