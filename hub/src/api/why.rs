//! Why an object on a cluster is as it is.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use skerry_common::bundle::digest::Digest;
use skerry_common::bundle::manifest::{Manifest, ManifestEntry};
use skerry_common::bundle::root::{ApplicationRef, BundleRoot, SourceRevision};
use skerry_common::id::{ApplicationName, ClusterName};
use skerry_common::status::ContactBounds;
use skerry_hub_core::publish::RegisteredCluster;
use skerry_hub_core::view::{self, BundleView, ClusterRecord, Holding, ObjectView, SinceView, Timestamp, WhyView};

use super::error::Problem;
use super::routes::QueryParameter;
use super::{Api, ApiStore, HubControl};
use crate::explainer::{ExplainRequest, Explanation};
use crate::store::bundles::StoredRoot;

/// Most objects of one name that are told apart by name.
const CANDIDATES_SHOWN_MAX: usize = 10;

/// What the operation takes.
pub(super) const PARAMETERS: &[QueryParameter] = &[
    QueryParameter { name: "kind", is_required: true, description: "Kind of the object, in capitals or not." },
    QueryParameter { name: "name", is_required: true, description: "Its name." },
    QueryParameter { name: "group", is_required: false, description: "Its API group, where several have the kind." },
    QueryParameter { name: "namespace", is_required: false, description: "Its namespace, where several have it." },
    QueryParameter { name: "application", is_required: false, description: "Its application." },
    QueryParameter {
        name: "field",
        is_required: false,
        description: "Only this field and those below it, as a JSON pointer: `/spec/replicas`.",
    },
];

/// Which object, and which of its fields.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct WhyQuery {
    kind: String,
    name: String,
    group: Option<String>,
    namespace: Option<String>,
    application: Option<ApplicationName>,
    #[serde(default)]
    field: String,
}

/// An object in a bundle.
struct Listed {
    application: ApplicationRef,
    manifest: Manifest,
    entry: ManifestEntry,
}

pub(super) async fn why<S: ApiStore, C: HubControl>(
    State(api): State<Api<S, C>>,
    Path(name): Path<String>,
    query: Result<Query<WhyQuery>, QueryRejection>,
) -> Result<Json<WhyView>, Problem> {
    let Query(query) = query.map_err(|rejection| Problem::bad_request(rejection.body_text()))?;
    let unknown = || Problem::not_found("cluster", &name);
    let snapshot = api.snapshot().await?;
    let wanted = ClusterName::parse(&name).map_err(|_| unknown())?;
    let record = &snapshot.clusters.get(&wanted).ok_or_else(unknown)?.record;
    let history = api.inner.store.history(&record.id).await?;
    let nothing = || Problem::busy(format!("nothing was published for cluster `{name}` yet"));
    let newest = history.first().ok_or_else(nothing)?;
    let root = read_root(newest)?;
    let listed = find(&api, &root, &query).await?;
    let since = since(&api, &history, &listed).await?;
    let request = ExplainRequest {
        cluster: RegisteredCluster { id: record.id.clone(), name: record.name.clone(), labels: record.labels.clone() },
        application: listed.application.name.clone(),
        key: listed.entry.key(),
        content: listed.entry.content.digest,
        encoding: listed.entry.encoding,
        revisions: vec![sources_of(&root, &listed.application), since.sources.clone()],
        field: query.field.clone(),
    };
    let explanation = api.inner.control.explain(request).await?;
    let bounds = &api.inner.settings.bounds;
    let subject = Subject { record, listed: &listed, bundle: newest.mark().into(), now: api.now() };
    let object = subject.object(bounds)?;
    let held_back = view::held_back(&Holding {
        record,
        policy: &listed.manifest.policy,
        object: &object,
        key: &listed.entry.key(),
        field: &query.field,
        bounds,
        now: api.now(),
    });
    Ok(Json(subject.view(object, since, held_back, explanation)))
}

/// What is asked about.
struct Subject<'a> {
    record: &'a ClusterRecord,
    listed: &'a Listed,
    bundle: BundleView,
    now: Timestamp,
}

impl Subject<'_> {
    /// How the object fares.
    fn object(&self, bounds: &ContactBounds) -> Result<ObjectView, Problem> {
        let key = view::ObjectRef::from(&self.listed.entry.key());
        let rows = view::objects(self.record, &self.listed.application.name, &self.listed.manifest, bounds, self.now);
        let row = rows.into_iter().find(|row| row.object == key);
        row.ok_or_else(|| Problem::internal("an object of a manifest is not among its objects"))
    }

    fn view(&self, object: ObjectView, since: SinceView, held_back: Vec<String>, explanation: Explanation) -> WhyView {
        let (source, (fields, fields_left_out), not_explained) = match explanation {
            Explanation::Known { source, explained } => (Some(source), view::fields(explained), None),
            Explanation::Unknown(reason) => (None, (Vec::new(), 0), Some(reason)),
        };
        WhyView {
            generated_at: self.now,
            cluster: object.cluster,
            application: object.application,
            object: object.object,
            bundle: self.bundle,
            since,
            sync: object.sync,
            observed_at: object.observed_at,
            held_back,
            source,
            fields,
            fields_left_out,
            not_explained,
        }
    }
}

fn read_root(stored: &StoredRoot) -> Result<BundleRoot, Problem> {
    let damaged = |_| Problem::internal(format!("the bundle root {} cannot be read", stored.digest));
    serde_json::from_slice(&stored.payload).map_err(damaged)
}

async fn manifest<S: ApiStore, C: HubControl>(
    api: &Api<S, C>,
    application: &ApplicationRef,
) -> Result<Option<Manifest>, Problem> {
    let bytes = api.inner.store.get(&application.manifest.digest).await?;
    let damaged = |_| Problem::internal(format!("the manifest of `{}` cannot be read", application.name));
    bytes.map(|bytes| Manifest::parse(&bytes).map_err(damaged)).transpose()
}

/// The one object that is asked for.
async fn find<S: ApiStore, C: HubControl>(
    api: &Api<S, C>,
    root: &BundleRoot,
    query: &WhyQuery,
) -> Result<Listed, Problem> {
    let mut found = Vec::new();
    for application in &root.applications {
        if query.application.as_ref().is_some_and(|wanted| *wanted != application.name) {
            continue;
        }
        let missing = || Problem::internal(format!("the manifest of `{}` is missing", application.name));
        let manifest = manifest(api, application).await?.ok_or_else(missing)?;
        let entries: Vec<_> = manifest.objects.iter().filter(|entry| query.names(entry)).cloned().collect();
        for entry in entries {
            found.push(Listed { application: application.clone(), manifest: manifest.clone(), entry });
        }
    }
    let wanted = format!("{}/{}", query.kind, query.name);
    if found.len() > 1 {
        let names = found.iter().take(CANDIDATES_SHOWN_MAX).map(|listed| format!("`{}`", listed.entry.key()));
        let names = names.collect::<Vec<_>>().join(", ");
        let problem = Problem::bad_request(format!("`{wanted}` names several objects: {names}"));
        return Err(problem.help("say which: by API group, namespace or application"));
    }
    let unknown = || {
        let help = format!("`skerry get objects -c {}` lists what there is", root.cluster);
        Problem::not_found("object", &wanted).help(help)
    };
    found.pop().ok_or_else(unknown)
}

impl WhyQuery {
    fn names(&self, entry: &ManifestEntry) -> bool {
        let is_wanted = |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|wanted| wanted == found);
        let key = entry.key();
        key.kind.eq_ignore_ascii_case(&self.kind)
            && key.name == self.name
            && is_wanted(&self.group, &key.group)
            && is_wanted(&self.namespace, key.namespace.as_deref().unwrap_or_default())
    }
}

/// The sources of an application, at their commits.
fn sources_of(root: &BundleRoot, application: &ApplicationRef) -> Vec<SourceRevision> {
    root.sources.iter().filter(|source| application.sources.contains(&source.name)).cloned().collect()
}

/// Goes back in time while bundles list the same bytes.
async fn since<S: ApiStore, C: HubControl>(
    api: &Api<S, C>,
    history: &[StoredRoot],
    listed: &Listed,
) -> Result<SinceView, Problem> {
    let mut oldest: Option<SinceView> = None;
    let mut known: Option<Digest> = None;
    for stored in history {
        let root = read_root(stored)?;
        let application = root.applications.iter().find(|application| application.name == listed.application.name);
        let Some(application) = application else { break };
        if known != Some(application.manifest.digest) {
            let manifest = manifest(api, application).await?;
            let same = |entry: &ManifestEntry| {
                entry.content.digest == listed.entry.content.digest && entry.key() == listed.entry.key()
            };
            if !manifest.is_some_and(|manifest| manifest.objects.iter().any(same)) {
                break;
            }
            known = Some(application.manifest.digest);
        }
        oldest = Some(SinceView {
            bundle: stored.mark().into(),
            published_at: Timestamp(stored.published_unix_ms.unwrap_or(stored.reserved_unix_ms)),
            sources: sources_of(&root, application),
            or_earlier: root.parent.is_some(),
        });
    }
    let mut oldest = oldest.ok_or_else(|| Problem::internal("the newest bundle does not list its own object"))?;
    // Only where nothing older is kept may an earlier one have had it.
    let is_last = history.last().is_some_and(|last| BundleView::from(last.mark()) == oldest.bundle);
    oldest.or_earlier &= is_last;
    Ok(oldest)
}
