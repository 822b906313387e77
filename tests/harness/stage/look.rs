//! What the hub knows.

use skerry_common::bundle::archive::Archive;
use skerry_common::journal::Event;
use skerry_hub::store::bundles::{BundleStore as _, StoredRoot};
use skerry_hub::store::clusters::ClusterRecord;
use skerry_hub::store::journal::{DriftFilter, DriftQuery, DriftRecord, EventQuery, EventRecord, Range, What};
use skerry_hub::store::{ClusterStore as _, JournalStore as _, Position, SourceStore as _, StateStore as _};

use super::{DEADLINE, Ground, Site, Stage, ensure};
use crate::wait::eventually;

/// Events and drifts that are listed at most.
const LISTED_MAX: usize = 1_000;

impl Stage {
    /// Waits until the hub has read the newest commit.
    pub async fn sees_head(&self) {
        let head = self.work.head();
        eventually(DEADLINE, "the hub reads the newest commit", || async {
            let sources = self.hub().store.sources().await.map_err(|error| error.to_string())?;
            let commits: Vec<String> =
                sources.iter().filter_map(|source| source.commit.as_ref().map(ToString::to_string)).collect();
            ensure(commits.iter().all(|commit| *commit == head) && !commits.is_empty(), &commits.join(" "))
        })
        .await;
    }

    /// What the hub knows of a cluster.
    pub async fn record(&self, site: &Site<impl Ground>) -> ClusterRecord {
        self.hub().store.cluster_by_name(&site.name).await.expect("reads").expect("is registered")
    }

    /// Events of a cluster, oldest first.
    pub async fn events(&self, site: &Site<impl Ground>) -> Vec<EventRecord> {
        let cluster = Some(self.record(site).await.id);
        let query = EventQuery { cluster, range: Range::After(Position::default()), limit: LISTED_MAX };
        self.hub().store.events(&query).await.expect("reads")
    }

    /// What the agent of a cluster journalled, as far as the hub knows, oldest first.
    pub async fn journal(&self, site: &Site<impl Ground>) -> Vec<Event> {
        let told = self.events(site).await.into_iter().filter_map(|record| match record.what {
            What::Agent { event, .. } => Some(event),
            What::Hub(_) => None,
        });
        told.collect()
    }

    /// Waits until the hub knows of an event that fits; gives all that fit.
    pub async fn hears(&self, site: &Site<impl Ground>, what: &str, fits: impl Fn(&Event) -> bool) -> Vec<Event> {
        eventually(DEADLINE, what, || async {
            let journal = self.journal(site).await;
            let found: Vec<Event> = journal.iter().filter(|event| fits(event)).cloned().collect();
            if found.is_empty() { Err(format!("{journal:#?}")) } else { Ok(found) }
        })
        .await
    }

    /// Drifts of a cluster that the hub knows.
    pub async fn drifts(&self, site: &Site<impl Ground>) -> Vec<DriftRecord> {
        let cluster = Some(self.record(site).await.id);
        let range = Range::After(Position::default());
        let query = DriftQuery { cluster, application: None, which: DriftFilter::All, range, limit: LISTED_MAX };
        self.hub().store.drifts(&query).await.expect("reads")
    }

    /// The newest signed root of a cluster, as soon as there is one.
    pub async fn newest(&self, site: &Site<impl Ground>) -> StoredRoot {
        let cluster = self.record(site).await.id;
        eventually(DEADLINE, "something is published", || async {
            let newest = self.hub().store.newest(&cluster).await.map_err(|error| error.to_string())?;
            newest.ok_or_else(|| "nothing yet".to_owned())
        })
        .await
    }

    /// Waits until the hub knows that a cluster has applied its newest bundle.
    pub async fn knows_applied(&self, site: &Site<impl Ground>) {
        let (cluster, newest) = (self.record(site).await.id, self.newest(site).await.mark());
        eventually(DEADLINE, "the hub hears that the newest bundle is applied", || async {
            let state = self.hub().store.state(&cluster).await.map_err(|error| error.to_string())?;
            ensure(state.as_ref().and_then(|state| state.applied) == Some(newest), &format!("{state:?}"))
        })
        .await;
    }

    /// The newest bundle of a cluster as a file.
    pub async fn archive(&self, site: &Site<impl Ground>) -> Archive {
        let bytes = self.hub().control.archive(&site.name).await.expect("exports").to_bytes().expect("packs");
        Archive::read(bytes.as_slice()).expect("reads")
    }
}
