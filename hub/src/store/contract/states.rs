//! State reports.

use skerry_common::id::{ApplicationName, ClusterId};
use skerry_common::report::ApplicationReport;
use skerry_common::status::{Health, HealthCounts, Sync};

use super::{Store, id, on_both, registered};
use crate::store::states::{ApplicationQuery, ApplicationRange, Scope, StateUpdate};

on_both!(sections_are_merged_and_folded, a_full_report_replaces, applications_are_listed_and_watched);

fn section(name: &str, health: Health, age_ms: u64) -> ApplicationReport {
    let mut counts = HealthCounts::default();
    counts.add(health);
    ApplicationReport {
        application: ApplicationName::parse(name).expect("valid"),
        sync: Sync::Current,
        reason: String::new(),
        health,
        counts,
        drift: 1,
        objects: Vec::new(),
        age_ms,
    }
}

fn update(cluster: &ClusterId, scope: Scope, applications: Vec<ApplicationReport>) -> StateUpdate {
    StateUpdate {
        cluster: cluster.clone(),
        received_unix_ms: 10_000,
        scope,
        current: None,
        applied: None,
        applications,
        removed: Vec::new(),
        conditions: Vec::new(),
        held_prunes: Vec::new(),
    }
}

async fn sections_are_merged_and_folded(store: impl Store) {
    let edge = registered(&store, "edge").await;
    let first = update(&edge, Scope::Full, vec![section("web", Health::Healthy, 0), section("db", Health::Healthy, 0)]);
    let nobody = update(&id("nobody"), Scope::Full, vec![]);
    store.put_states(vec![first, nobody]).await.expect("stores");
    let mut second = update(&edge, Scope::Changes, vec![section("db", Health::Degraded, 4_000)]);
    second.applications[0].sync = Sync::Failed;
    store.put_states(vec![second]).await.expect("stores");
    let state = store.state(&edge).await.expect("reads").expect("is there");
    assert_eq!((state.sync, state.health, state.drift, state.applications), (Sync::Failed, Health::Degraded, 2, 2));
    assert_eq!((state.counts.healthy, state.counts.degraded), (1, 1));
    assert_eq!((state.received_unix_ms, state.observed_unix_ms), (10_000, 6_000));
    let mut third = update(&edge, Scope::Changes, vec![]);
    third.removed.push(ApplicationName::parse("db").expect("valid"));
    store.put_states(vec![third]).await.expect("stores");
    let state = store.state(&edge).await.expect("reads").expect("is there");
    assert_eq!((state.health, state.applications), (Health::Healthy, 1));
    assert_eq!(store.states(&[edge, id("nobody")]).await.expect("reads").len(), 1);
}

async fn a_full_report_replaces(store: impl Store) {
    let (edge, other) = (registered(&store, "edge").await, registered(&store, "other").await);
    for cluster in [&edge, &other] {
        store
            .put_states(vec![update(cluster, Scope::Full, vec![section("web", Health::Healthy, 0)])])
            .await
            .expect("stores");
    }
    store.put_states(vec![update(&edge, Scope::Full, vec![section("db", Health::Healthy, 0)])]).await.expect("stores");
    let query = ApplicationQuery { limit: 10, ..Default::default() };
    let listed = store.applications(&query).await.expect("lists");
    let names: Vec<_> = listed.iter().map(|row| format!("{}@{}", row.report.application, row.cluster_name)).collect();
    assert_eq!(names, ["db@edge", "web@other"]);
}

async fn applications_are_listed_and_watched(store: impl Store) {
    for name in ["b", "a"] {
        let cluster = registered(&store, name).await;
        let sections = vec![section("web", Health::Healthy, 0), section("db", Health::Healthy, 0)];
        store.put_states(vec![update(&cluster, Scope::Full, sections)]).await.expect("stores");
    }
    let names = async |query: ApplicationQuery| -> Vec<String> {
        let listed = store.applications(&query).await.expect("lists");
        listed.iter().map(|row| format!("{}@{}", row.report.application, row.cluster_name)).collect()
    };
    let query = ApplicationQuery { limit: 3, ..Default::default() };
    assert_eq!(names(query.clone()).await, ["db@a", "db@b", "web@a"]);
    let last = store.applications(&query).await.expect("lists").pop().expect("three rows");
    let after = ApplicationRange::ByName(Some((last.report.application, last.cluster_name)));
    assert_eq!(names(ApplicationQuery { range: after, ..query.clone() }).await, ["web@b"]);
    let web = Some(ApplicationName::parse("web").expect("valid"));
    assert_eq!(names(ApplicationQuery { application: web, ..query.clone() }).await, ["web@a", "web@b"]);
    assert_eq!(names(ApplicationQuery { cluster: Some(id("id-a")), ..query.clone() }).await, ["db@a", "web@a"]);
    let head = *store.head().borrow();
    store
        .put_states(vec![update(&id("id-b"), Scope::Changes, vec![section("db", Health::Degraded, 0)])])
        .await
        .expect("stores");
    let changed = ApplicationQuery { range: ApplicationRange::Changed(head), ..query };
    assert_eq!(names(changed).await, ["db@b"]);
}
