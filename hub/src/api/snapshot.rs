//! The fleet in memory: what reads answer from.
//!
//! One task, the [`Keeper`], follows the store by position, re-reads only clusters that changed, and
//! publishes an immutable snapshot. It also judges silence, so that time alone becomes a change that
//! watchers see.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use skerry_common::diagnostic::Diagnostic;
use skerry_common::error_chain::Chain;
use skerry_common::id::{ApplicationName, ClusterId, ClusterName, GroupName};
use skerry_common::report::BundleMark;
use skerry_common::status::ContactBounds;
use skerry_hub_core::filter::{Filter, Filterable};
use skerry_hub_core::fleet::Fleet;
use skerry_hub_core::view::{self, AgentInfo, ClusterRecord, Reported, Section, Timestamp};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::FleetInForce;
use crate::store::clusters::{ClusterQuery, ClusterRecord as Stored, Standing};
use crate::store::sources::{ProblemRecord, SourceRecord, Subject};
use crate::store::states::{ApplicationState, ClusterState};
use crate::store::{HubStore, Position, StoreError};

/// Clusters re-read at once.
const PAGE: usize = 500;

/// How often silence is judged; a tenth of the shortest sensible bound.
const TICK: Duration = Duration::from_secs(1);

/// How often contacts are read: a sixth of the time after which a cluster is late, in milliseconds.
const CONTACTS_INTERVAL_MS: i64 = 10_000;

/// Shortest time between two snapshots: ten thousand reports in a storm become a few of them.
const PACE: Duration = Duration::from_millis(50);

/// How long to wait after the store failed.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(1);

/// The fleet as of one position.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Everything up to this position is in it.
    pub position: Position,
    /// Clusters by name.
    pub clusters: BTreeMap<ClusterName, Entry>,
    /// Their names by id.
    pub names: BTreeMap<ClusterId, ClusterName>,
    /// Their names by the position of their last change.
    pub changed: BTreeMap<Position, ClusterName>,
    /// What is declared.
    pub fleet: Arc<FleetInForce>,
    /// Sources by name.
    pub sources: Vec<SourceRecord>,
    /// What is wrong.
    pub problems: Vec<ProblemRecord>,
}

/// A cluster in a snapshot.
#[derive(Debug, Clone)]
pub struct Entry {
    /// When it last changed.
    pub position: Position,
    /// What views are made from; labels, groups and errors follow the fleet documents.
    pub record: Arc<ClusterRecord>,
    /// Labels of its registration.
    labels: Arc<BTreeMap<String, String>>,
}

/// Keeps the snapshot.
pub struct Keeper<S> {
    store: S,
    fleet: watch::Receiver<Arc<FleetInForce>>,
    bounds: ContactBounds,
    clock: fn() -> i64,
    snapshot: watch::Sender<Arc<Snapshot>>,
    contacts_read_unix_ms: i64,
}

impl<S: HubStore> Keeper<S> {
    /// Makes the keeper and the snapshot that it keeps; empty until it runs.
    pub fn new(
        store: S,
        fleet: watch::Receiver<Arc<FleetInForce>>,
        bounds: ContactBounds,
        clock: fn() -> i64,
    ) -> (Self, watch::Receiver<Arc<Snapshot>>) {
        let (snapshot, receiver) = watch::channel(Arc::default());
        (Self { store, fleet, bounds, clock, snapshot, contacts_read_unix_ms: 0 }, receiver)
    }

    /// Follows the store until cancelled. A store that fails is asked again; meanwhile the last
    /// snapshot stays, and says by its ages how old it is.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let mut head = self.store.head();
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            head.mark_unchanged();
            if let Err(error) = self.refresh().await {
                tracing::warn!(error = %Chain(&error), "the status snapshot is not up to date");
                if shutdown.run_until_cancelled(tokio::time::sleep(PAUSE_AFTER_FAILURE)).await.is_none() {
                    return;
                }
                head.mark_changed();
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                changed = head.changed() => if changed.is_err() { return },
                Ok(()) = self.fleet.changed() => {}
                _ = tick.tick() => {}
            }
            tokio::time::sleep(PACE).await;
        }
    }

    /// Reads what changed since the last snapshot and publishes the next one, if there is news.
    async fn refresh(&mut self) -> Result<(), StoreError> {
        self.store.judge_silence((self.clock)(), self.bounds).await?;
        let head = *self.store.head().borrow();
        let before = Arc::clone(&self.snapshot.borrow());
        let fleet = Arc::clone(&self.fleet.borrow_and_update());
        let is_new_fleet = !Arc::ptr_eq(&fleet, &before.fleet);
        let heard = self.heard(&before).await?;
        if head == before.position && !is_new_fleet && heard.is_empty() {
            return Ok(());
        }
        let mut next = Snapshot::clone(&before);
        for (name, contact, unchanged) in heard {
            let Some(entry) = next.clusters.get_mut(&name) else { continue };
            let record = Arc::make_mut(&mut entry.record);
            record.last_heard = Some(Timestamp(contact));
            if let (Some(reported), Some(unchanged)) = (&mut record.reported, unchanged) {
                reported.confirm(Timestamp(unchanged));
            }
        }
        next.sources = self.store.sources().await?;
        next.problems = self.store.problems().await?;
        next.fleet = fleet;
        let mut after = before.position;
        loop {
            let page = self.store.clusters_changed(after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.position;
            self.read(&mut next, page).await?;
        }
        if is_new_fleet || next.problems != before.problems {
            next.apply_documents(None);
        } else {
            next.apply_documents(Some(before.position));
        }
        next.position = head.max(after);
        self.snapshot.send_replace(Arc::new(next));
        Ok(())
    }

    /// Clusters that were heard of since the last look, and until when they are known to be unchanged. A contact is no change that watchers are told
    /// of, so it has no position; it is read for everybody at once, and not often.
    async fn heard(&mut self, before: &Snapshot) -> Result<Vec<(ClusterName, i64, Option<i64>)>, StoreError> {
        let now = (self.clock)();
        if now.saturating_sub(self.contacts_read_unix_ms) < CONTACTS_INTERVAL_MS {
            return Ok(Vec::new());
        }
        self.contacts_read_unix_ms = now;
        let mut heard = Vec::new();
        let mut after = None;
        loop {
            let query = ClusterQuery { after, limit: PAGE, labels: Vec::new(), standing: Some(Standing::Joined) };
            let page = self.store.clusters(&query).await?;
            let Some(last) = page.last() else { return Ok(heard) };
            after = Some(last.name.clone());
            for stored in page {
                let known = before.clusters.get(&stored.name).and_then(|entry| entry.record.last_heard);
                if let Some(contact) = stored.last_contact_unix_ms.filter(|contact| known != Some(Timestamp(*contact)))
                {
                    heard.push((stored.name, contact, stored.unchanged_unix_ms));
                }
            }
        }
    }

    async fn read(&self, next: &mut Snapshot, page: Vec<Stored>) -> Result<(), StoreError> {
        let ids: Vec<ClusterId> = page.iter().map(|stored| stored.id.clone()).collect();
        let mut states: BTreeMap<ClusterId, ClusterState> =
            self.store.states(&ids).await?.into_iter().map(|state| (state.cluster.clone(), state)).collect();
        let mut sections: BTreeMap<ClusterId, Vec<ApplicationState>> = BTreeMap::new();
        for section in self.store.sections(&ids).await? {
            sections.entry(section.cluster.clone()).or_default().push(section);
        }
        let targets: BTreeMap<ClusterId, BundleMark> = self.store.targets(&ids).await?.into_iter().collect();
        for stored in page {
            let state = states.remove(&stored.id);
            let mut reported = state.map(|state| reported(state, sections.remove(&stored.id).unwrap_or_default()));
            if let (Some(reported), Some(unchanged)) = (&mut reported, stored.unchanged_unix_ms) {
                reported.confirm(Timestamp(unchanged));
            }
            let target = targets.get(&stored.id).copied();
            next.put(stored, target, reported);
        }
        Ok(())
    }
}

fn reported(state: ClusterState, sections: Vec<ApplicationState>) -> Reported {
    let section = |section: ApplicationState| {
        let observed_at = Timestamp(section.observed_unix_ms);
        let received_at = Timestamp(section.received_unix_ms);
        (section.report.application.clone(), Section { report: section.report, observed_at, received_at })
    };
    Reported {
        current: state.current,
        applied: state.applied,
        applications: sections.into_iter().map(section).collect(),
        conditions: state.conditions,
        held_prunes: state.held_prunes,
        received_at: Timestamp(state.received_unix_ms),
        unchanged_at: None,
    }
}

impl Snapshot {
    fn put(&mut self, stored: Stored, target: Option<BundleMark>, reported: Option<Reported>) {
        if let Some(old) = self.clusters.get(&stored.name) {
            self.changed.remove(&old.position);
        }
        self.changed.insert(stored.position, stored.name.clone());
        self.names.insert(stored.id.clone(), stored.name.clone());
        let agent = stored.agent.as_ref().map(|agent| AgentInfo {
            version: agent.agent_version.clone(),
            wire_version: agent.wire_version,
            bundle_schemas: agent.bundle_schemas.clone(),
            trust_version: agent.trust_version,
        });
        let refusal = stored.refusal.filter(|(root, _)| target.is_some_and(|target| target.root == *root));
        let record = ClusterRecord {
            id: stored.id,
            name: stored.name.clone(),
            labels: stored.labels.clone(),
            groups: BTreeSet::new(),
            registered_at: Timestamp(stored.created_unix_ms),
            revoked: stored.standing == Standing::Revoked,
            last_heard: stored.last_contact_unix_ms.map(Timestamp),
            target,
            refused: refusal.map(|(_, reason)| reason),
            errors: Vec::new(),
            agent,
            facts: stored.agent.map(|agent| agent.facts).unwrap_or_default(),
            reported,
        };
        let entry = Entry { position: stored.position, record: Arc::new(record), labels: Arc::new(stored.labels) };
        self.clusters.insert(stored.name, entry);
    }

    /// Gives clusters the labels, groups and errors that follow from the documents: those that changed
    /// after a position, or all.
    fn apply_documents(&mut self, after: Option<Position>) {
        let errors = Errors::of(&self.problems);
        let fleet = Arc::clone(&self.fleet);
        for (name, entry) in &mut self.clusters {
            if after.is_some_and(|after| entry.position <= after) {
                continue;
            }
            let labels = labels(&fleet.fleet, name, &entry.labels);
            let groups = groups(&fleet.fleet, &labels);
            let errors = errors.of_cluster(&fleet.fleet, name, &groups);
            let record = Arc::make_mut(&mut entry.record);
            (record.labels, record.groups, record.errors) = (labels, groups, errors);
        }
    }

    /// True when a row is wanted; the labels of its cluster count for it.
    pub fn matches<T: Filterable>(&self, filter: &Filter, row: &T) -> bool {
        let cluster = row.cluster().and_then(|name| self.clusters.get(name));
        filter.matches_on(row, cluster.map(|entry| &entry.record.labels))
    }

    /// The view of one cluster.
    pub fn view(&self, name: &ClusterName, bounds: &ContactBounds, now: Timestamp) -> Option<view::ClusterView> {
        self.clusters.get(name).map(|entry| view::cluster(&entry.record, bounds, now))
    }
}

/// What is wrong, by what it is about.
#[derive(Default)]
struct Errors<'a> {
    clusters: BTreeMap<&'a ClusterName, &'a [Diagnostic]>,
    applications: BTreeMap<&'a ApplicationName, &'a [Diagnostic]>,
}

impl<'a> Errors<'a> {
    fn of(problems: &'a [ProblemRecord]) -> Self {
        let mut errors = Self::default();
        for problem in problems {
            match &problem.subject {
                Subject::Cluster(name) => {
                    errors.clusters.insert(name, &problem.problems);
                }
                Subject::Application(name) => {
                    errors.applications.insert(name, &problem.problems);
                }
                Subject::Fleet | Subject::Source(_) => {}
            }
        }
        errors
    }

    fn of_cluster(&self, fleet: &Fleet, name: &ClusterName, groups: &BTreeSet<GroupName>) -> Vec<Diagnostic> {
        let mut found: Vec<Diagnostic> = self.clusters.get(name).map(|own| own.to_vec()).unwrap_or_default();
        let members = groups.iter().filter_map(|group| fleet.groups.get(group));
        let applications: BTreeSet<&ApplicationName> = members.flat_map(|group| &group.applications).collect();
        for application in applications {
            found.extend(self.applications.get(application).into_iter().flat_map(|own| own.iter().cloned()));
        }
        found
    }
}

/// Labels of the registration win over those of the document.
fn labels(fleet: &Fleet, name: &ClusterName, fixed: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut labels = fleet.clusters.get(name).map(|document| document.labels.clone()).unwrap_or_default();
    labels.extend(fixed.clone());
    labels
}

fn groups(fleet: &Fleet, labels: &BTreeMap<String, String>) -> BTreeSet<GroupName> {
    fleet.groups.iter().filter(|(_, group)| group.selector.matches(labels)).map(|(name, _)| name.clone()).collect()
}

#[cfg(test)]
mod tests;
