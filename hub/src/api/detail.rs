//! Single things, counts, objects, and the hub itself.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use skerry_common::bundle::manifest::Manifest;
use skerry_common::bundle::root::BundleRoot;
use skerry_common::id::{ApplicationName, ClusterName};
use skerry_hub_core::view::{self, ClusterRecord, ClusterView, FleetView, ObjectView};

use super::error::Problem;
use super::lists::{Parameters, Wanted, answer, application_rows, page, source_view};
use super::snapshot::Snapshot;
use super::{Api, ApiStore, HubControl};
use crate::metrics as numbers;
use crate::store::sources::Subject;

/// Clusters whose bundles one request for objects opens; the page ends there, and `next` goes on.
const BUNDLES_OPENED_MAX: usize = 50;

/// Most things that one answer says need a person; the counts have all of them.
const ATTENTION_MAX: usize = 200;

pub(super) async fn fleet<S: ApiStore, C: HubControl>(
    State(api): State<Api<S, C>>,
) -> Result<Json<FleetView>, Problem> {
    let snapshot = api.snapshot().await?;
    let views: Vec<ClusterView> = snapshot.clusters.values().map(|entry| api.cluster_view(&entry.record)).collect();
    let sources: Vec<_> = snapshot.sources.iter().map(source_view).collect();
    let errors = snapshot.problems.iter().find(|problem| problem.subject == Subject::Fleet);
    let errors = errors.map(|problem| problem.problems.clone()).unwrap_or_default();
    let mut attention = view::attention(&errors, &sources, &views);
    attention.truncate(ATTENTION_MAX);
    Ok(Json(FleetView {
        fleet: api.inner.settings.fleet.clone(),
        generated_at: api.now(),
        commit: snapshot.fleet.commit.clone(),
        counts: view::count(&views),
        groups: view::groups(&snapshot.fleet.fleet, &views),
        sources,
        attention,
        errors,
    }))
}

pub(super) async fn cluster<S: ApiStore, C: HubControl>(
    State(api): State<Api<S, C>>,
    Path(name): Path<String>,
) -> Result<Json<ClusterView>, Problem> {
    let unknown = || Problem::not_found("cluster", &name);
    let snapshot = api.snapshot().await?;
    let wanted = ClusterName::parse(&name).map_err(|_| unknown())?;
    let entry = snapshot.clusters.get(&wanted).ok_or_else(unknown)?;
    let mut view = api.cluster_view(&entry.record);
    if entry.record.target.is_some() {
        view.sources = root(&api, &entry.record).await?.map(|root| root.sources).unwrap_or_default();
    }
    Ok(Json(view))
}

pub(super) async fn application<S: ApiStore, C: HubControl>(
    State(api): State<Api<S, C>>,
    Path(name): Path<String>,
) -> Result<Json<view::ApplicationView>, Problem> {
    let snapshot = api.snapshot().await?;
    let rows = application_rows(&snapshot, &api.inner.settings.bounds, api.now());
    let found = rows.into_iter().find(|row| row.name.as_str() == name);
    found.map(Json).ok_or_else(|| Problem::not_found("application", &name))
}

/// Objects by cluster, application and key. Bundles are opened one cluster after the other, only as
/// many as the page needs.
pub(super) async fn objects<S: ApiStore, C: HubControl>(
    State(api): State<Api<S, C>>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let wanted = Wanted::read_page::<ObjectView>(parameters)?;
    let snapshot = api.snapshot().await?;
    let first = wanted.after.as_deref().and_then(|after| after.split('/').next()).unwrap_or_default().to_owned();
    let (mut rows, mut opened) = (Vec::new(), 0);
    for (name, entry) in &snapshot.clusters {
        if name.as_str() < first.as_str() || entry.record.target.is_none() {
            continue;
        }
        if opened == BUNDLES_OPENED_MAX {
            break;
        }
        opened += 1;
        rows.extend(objects_of(&api, &entry.record).await?);
        let after = |key: &String| wanted.after.as_ref().is_none_or(|after| key > after);
        let matching = rows.iter().filter(|(key, row)| after(key) && snapshot.matches(&wanted.filter, row)).count();
        if matching > wanted.limit {
            break;
        }
    }
    let last = rows.last().map(|(key, _)| key.clone()).filter(|_| opened == BUNDLES_OPENED_MAX);
    let mut page = page(rows, &wanted, &snapshot, api.now());
    if page.next.is_none() {
        page.next = last.as_deref().map(super::lists::cursor);
    }
    Ok(answer(page))
}

async fn objects_of<S: ApiStore, C: HubControl>(
    api: &Api<S, C>,
    record: &Arc<ClusterRecord>,
) -> Result<Vec<(String, ObjectView)>, Problem> {
    let Some(root) = root(api, record).await? else { return Ok(Vec::new()) };
    let mut rows = Vec::new();
    for application in root.applications {
        let damaged = || Problem::internal(format!("the manifest of `{}` cannot be read", application.name));
        let bytes = api.inner.store.get(&application.manifest.digest).await?.ok_or_else(damaged)?;
        let manifest: Manifest = serde_json::from_slice(&bytes).map_err(|_| damaged())?;
        let bounds = &api.inner.settings.bounds;
        let views = view::objects(record, &application.name, &manifest, bounds, api.now());
        rows.extend(views.into_iter().map(|view| (object_key(&record.name, &application.name, &view), view)));
    }
    rows.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(rows)
}

fn object_key(cluster: &ClusterName, application: &ApplicationName, view: &ObjectView) -> String {
    let object = &view.object;
    let namespace = object.namespace.as_deref().unwrap_or_default();
    format!("{cluster}/{application}/{}/{}/{namespace}/{}", object.group, object.kind, object.name)
}

/// The newest root of a cluster.
async fn root<S: ApiStore, C: HubControl>(
    api: &Api<S, C>,
    record: &ClusterRecord,
) -> Result<Option<BundleRoot>, Problem> {
    let Some(stored) = api.inner.store.newest(&record.id).await? else { return Ok(None) };
    let damaged = |_| Problem::internal(format!("the newest bundle root of `{}` cannot be read", record.name));
    serde_json::from_slice(&stored.payload).map(Some).map_err(damaged)
}

pub(super) async fn health() -> &'static str {
    "ok\n"
}

/// Ready when the store answers and the snapshot has caught up with it.
pub(super) async fn readiness<S: ApiStore, C: HubControl>(State(api): State<Api<S, C>>) -> Response {
    let store = api.inner.store.dropped_through().await;
    let ready = store.is_ok() && api.snapshot().await.is_ok();
    if ready {
        (StatusCode::OK, "ready\n").into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n").into_response()
    }
}

pub(super) async fn metrics<S: ApiStore, C: HubControl>(State(api): State<Api<S, C>>) -> Result<Response, Problem> {
    let snapshot = api.snapshot().await?;
    gauge(&api, &snapshot);
    let headers = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    Ok((headers, api.inner.metrics.render()).into_response())
}

fn gauge<S: ApiStore, C: HubControl>(api: &Api<S, C>, snapshot: &Snapshot) {
    let views: Vec<ClusterView> = snapshot.clusters.values().map(|entry| api.cluster_view(&entry.record)).collect();
    let counts = view::count(&views);
    let set = |family, label: &str, word: &str, count: u32| {
        api.inner.metrics.set(family, &[(label, word)], i64::from(count));
    };
    let contact = &counts.contact;
    let words = [
        ("connected", contact.connected),
        ("late", contact.late),
        ("offline", contact.offline),
        ("revoked", contact.revoked),
        ("pending", contact.pending),
    ];
    words.iter().for_each(|(word, count)| set(&numbers::CLUSTERS, "contact", word, *count));
    let sync = &counts.sync;
    let words = [
        ("current", sync.current),
        ("rolling", sync.rolling),
        ("held", sync.held),
        ("failed", sync.failed),
        ("unknown", sync.unknown),
    ];
    words.iter().for_each(|(word, count)| set(&numbers::CLUSTER_SYNC, "sync", word, *count));
    let health = &counts.health;
    let words = [
        ("healthy", health.healthy),
        ("progressing", health.progressing),
        ("degraded", health.degraded),
        ("suspended", health.suspended),
        ("unknown", health.unknown),
    ];
    words.iter().for_each(|(word, count)| set(&numbers::CLUSTER_HEALTH, "health", word, *count));
    let large = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    api.inner.metrics.set(&numbers::DRIFTS, &[], large(counts.drift));
    let age = counts.observed_at.map(|observed| observed.age(api.now()).as_secs()).unwrap_or_default();
    api.inner.metrics.set(&numbers::OBSERVED_AGE, &[], large(age));
}
