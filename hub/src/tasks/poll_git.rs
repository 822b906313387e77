//! Follows the fleet repository and every source that it declares.
//!
//! A look that fails changes nothing: the commit known before stays, and what is wrong is stored for
//! people. A webhook makes a look immediate.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use skerry_certs::tls::WallClock;
use skerry_common::backoff::splitmix;
use skerry_common::bundle::root::SourceRevision;
use skerry_common::diagnostic::{Diagnostic, Location};
use skerry_common::error_chain::Chain;
use skerry_common::id::{CommitId, SourceName};
use skerry_common::redact::redact;
use skerry_hub_core::fleet::{Fleet, load};
use skerry_hub_core::source::GitRef;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::api::{FleetInForce, Poke};
use crate::config::FleetConfig;
use crate::git::{Git, GitError, Remote};
use crate::quic::unix_ms;
use crate::store::journal::HubEvent;
use crate::store::sources::{RevisionRecord, RevisionState, SourceRecord, Subject};
use crate::store::{HubStore, Position, StoreError};
use crate::workshop::SourceAt;

/// How much an interval varies, so that 1,000 sources are not asked in one instant: a tenth.
const JITTER_DIVISOR: u32 = 10;

/// What is declared, and where its sources stand.
#[derive(Debug, Clone, Default)]
pub struct Resolved {
    /// The fleet documents in force; `None` before the first good read.
    pub fleet: Option<Arc<FleetInForce>>,
    /// Every declared source that was fetched.
    pub sources: BTreeMap<SourceName, SourceAt>,
}

/// The task.
pub struct PollGit<S: HubStore> {
    /// Facts.
    pub store: S,
    /// Reads repositories.
    pub git: Arc<Git>,
    /// Where the fleet is declared.
    pub config: FleetConfig,
    /// The time.
    pub clock: WallClock,
    /// Webhooks.
    pub pokes: mpsc::Receiver<Poke>,
    /// What was found, for the publisher.
    pub resolved: watch::Sender<Arc<Resolved>>,
    /// What is declared, for the API.
    pub fleet: watch::Sender<Arc<FleetInForce>>,
    /// Decides jitter.
    pub seed: u64,
}

/// A source that is followed.
#[derive(Debug, Clone)]
struct Followed {
    due: Instant,
    error: Option<String>,
    failures: u32,
    changed_unix_ms: Option<i64>,
}

impl<S: HubStore> PollGit<S> {
    /// Runs until told to stop.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut followed: BTreeMap<SourceName, Followed> = BTreeMap::new();
        let mut fleet_commit = None;
        let mut fleet_due = Instant::now();
        loop {
            if fleet_due <= Instant::now() {
                fleet_due = Instant::now() + self.jittered(Duration::from_secs(self.config.interval_seconds.max(1)));
                if let Err(error) = self.look_at_fleet(&mut fleet_commit).await {
                    warn!(error = %Chain(&error), "the fleet repository's state cannot be stored");
                }
            }
            if let Err(error) = self.look_at_sources(&mut followed).await {
                warn!(error = %Chain(&error), "the sources' state cannot be stored");
            }
            let next = followed.values().map(|source| source.due).fold(fleet_due, Instant::min);
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep_until(next.into()) => {}
                poke = self.pokes.recv() => {
                    if poke.is_none() { return }
                    info!("a webhook: looking at Git now");
                    fleet_due = Instant::now();
                    followed.values_mut().for_each(|source| source.due = Instant::now());
                }
            }
        }
    }

    fn jittered(&mut self, interval: Duration) -> Duration {
        self.seed = splitmix(self.seed);
        let part = u32::try_from(self.seed % 1000).unwrap_or(0);
        interval + interval / JITTER_DIVISOR * part / 1000
    }

    async fn look_at_fleet(&mut self, known: &mut Option<CommitId>) -> Result<(), StoreError> {
        let (git, config, before) = (self.git.clone(), self.config.clone(), known.clone());
        let looked = tokio::task::spawn_blocking(move || look_at_fleet(&git, &config, before.as_ref())).await;
        let Ok(looked) = looked else { return Ok(()) };
        let now = unix_ms(&self.clock);
        match looked {
            Ok(None) => Ok(()),
            Ok(Some((commit, fleet))) => {
                info!(commit = commit.short(), "fleet documents read");
                *known = Some(commit.clone());
                self.store.put_problems(Subject::Fleet, Vec::new(), now).await?;
                let in_force = Arc::new(FleetInForce { commit: Some(commit), fleet });
                self.fleet.send_replace(in_force.clone());
                let sources = self.resolved.borrow().sources.clone();
                self.resolved.send_replace(Arc::new(Resolved { fleet: Some(in_force), sources }));
                Ok(())
            }
            Err(problems) => {
                for problem in &problems {
                    warn!("{problem}");
                }
                self.store.put_problems(Subject::Fleet, problems, now).await
            }
        }
    }

    async fn look_at_sources(&mut self, followed: &mut BTreeMap<SourceName, Followed>) -> Result<(), StoreError> {
        let resolved = self.resolved.borrow().clone();
        let Some(in_force) = resolved.fleet.clone() else { return Ok(()) };
        let declared = &in_force.fleet.sources;
        for gone in followed.keys().filter(|name| !declared.contains_key(*name)).cloned().collect::<Vec<_>>() {
            followed.remove(&gone);
            self.store.remove_source(&gone).await?;
        }
        let mut sources = resolved.sources.clone();
        sources.retain(|name, at| declared.get(name).is_some_and(|source| source.url == at.url));
        for (name, source) in declared {
            let before = followed.get(name).cloned();
            if before.as_ref().is_some_and(|before| before.due > Instant::now()) {
                continue;
            }
            let known = sources.get(name).map(|at| at.revision.commit.clone());
            let (git, wanted) = (self.git.clone(), source.clone());
            let fetched = tokio::task::spawn_blocking(move || {
                let remote = Remote { url: &wanted.url, credential: wanted.credentials.as_deref() };
                git.fetch(remote, &wanted.reference, known.as_ref())
            });
            let Ok(fetched) = fetched.await else { continue };
            let now = unix_ms(&self.clock);
            let mut state =
                before.unwrap_or(Followed { due: Instant::now(), error: None, failures: 0, changed_unix_ms: None });
            state.due = Instant::now() + self.jittered(source.interval);
            match fetched {
                Ok(fetched) => {
                    (state.error, state.failures) = (None, 0);
                    let news = sources.get(name).is_none_or(|at| at.revision.commit != fetched.commit);
                    if news {
                        info!(source = %name, commit = fetched.commit.short(), forced = fetched.forced, "a new commit");
                        state.changed_unix_ms = Some(now);
                        self.note_commit(name, &source.reference, &fetched.commit, now).await?;
                    }
                    sources.insert(name.clone(), source_at(name, source, fetched.commit));
                    self.store.put_problems(Subject::Source(name.clone()), Vec::new(), now).await?;
                }
                Err(error) => self.note_failure(name, &source.url, &error, &mut state, now).await?,
            }
            let commit = sources.get(name).map(|at| at.revision.commit.clone());
            let record = SourceRecord {
                name: name.clone(),
                url: redact(&source.url),
                reference: source.reference.to_string(),
                commit,
                checked_unix_ms: Some(now),
                changed_unix_ms: state.changed_unix_ms,
                error: state.error.clone(),
                failures: state.failures,
            };
            self.store.put_source(record).await?;
            followed.insert(name.clone(), state);
        }
        let same = |known: &Resolved| {
            known.sources.len() == sources.len()
                && sources.iter().all(|(name, at)| known.sources.get(name).is_some_and(|it| it.revision == at.revision))
        };
        if !same(&resolved) {
            self.resolved.send_replace(Arc::new(Resolved { fleet: Some(in_force), sources }));
        }
        Ok(())
    }

    async fn note_commit(
        &self,
        name: &SourceName,
        reference: &GitRef,
        commit: &CommitId,
        now: i64,
    ) -> Result<(), StoreError> {
        let event = HubEvent::SourceChanged { source: name.clone(), commit: commit.clone() };
        self.store.record(None, event, now).await?;
        let revision = RevisionRecord {
            source: name.clone(),
            commit: commit.clone(),
            reference: reference.to_string(),
            fetched_unix_ms: now,
            state: RevisionState::Fetched,
            position: Position::default(),
        };
        self.store.put_revision(revision).await
    }

    async fn note_failure(
        &self,
        name: &SourceName,
        url: &str,
        error: &GitError,
        state: &mut Followed,
        now: i64,
    ) -> Result<(), StoreError> {
        let message = Chain(error).to_string();
        if state.error.as_ref() != Some(&message) {
            warn!(source = %name, error = message, "a source cannot be read");
            let event = HubEvent::SourceFailed { source: name.clone(), message: message.clone() };
            self.store.record(None, event, now).await?;
            let location = Location { repository: Some(redact(url)), ..Location::default() };
            let mut problem = Diagnostic::error(error.code(), message.clone()).at(location);
            problem.help = error.help();
            self.store.put_problems(Subject::Source(name.clone()), vec![problem], now).await?;
        }
        state.failures = state.failures.saturating_add(1);
        state.error = Some(message);
        Ok(())
    }
}

fn source_at(name: &SourceName, source: &skerry_hub_core::fleet::Source, commit: CommitId) -> SourceAt {
    SourceAt {
        url: source.url.clone(),
        credential: source.credentials.clone(),
        revision: SourceRevision {
            name: name.clone(),
            url: redact(&source.url),
            reference: source.reference.to_string(),
            commit,
            verified: "none".to_owned(),
        },
    }
}

/// Fetches and reads the fleet documents; `None` when the commit is the one known.
fn look_at_fleet(
    git: &Git,
    config: &FleetConfig,
    known: Option<&CommitId>,
) -> Result<Option<(CommitId, Fleet)>, Vec<Diagnostic>> {
    let remote = Remote { url: &config.url, credential: config.credentials.as_deref() };
    let origin = |commit: Option<&CommitId>| Location {
        repository: Some(redact(&config.url)),
        commit: commit.map(ToString::to_string),
        ..Location::default()
    };
    let failed = |commit: Option<&CommitId>, error: GitError| {
        let mut problem = Diagnostic::error(error.code(), Chain(&error).to_string()).at(origin(commit));
        problem.help = error.help();
        vec![problem]
    };
    let reference = GitRef::Branch(config.branch.clone());
    let fetched = git.fetch(remote, &reference, known).map_err(|error| failed(None, error))?;
    if known == Some(&fetched.commit) {
        return Ok(None);
    }
    let tree = git.tree(remote, &fetched.commit).map_err(|error| failed(Some(&fetched.commit), error))?;
    let fleet = load(&tree, &config.path, &origin(Some(&fetched.commit)))?;
    Ok(Some((fetched.commit, fleet)))
}
