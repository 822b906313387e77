//! Follows the fleet repository and every source that it declares.
//!
//! A look that fails changes nothing: the commit known before stays, what is wrong is stored for people,
//! and the next look comes sooner. A webhook makes a look immediate.

mod fleet;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use skerry_certs::tls::WallClock;
use skerry_common::backoff::{doubled, splitmix};
use skerry_common::bundle::root::SourceRevision;
use skerry_common::diagnostic::{Diagnostic, Location};
use skerry_common::error_chain::Chain;
use skerry_common::id::{CommitId, SourceName};
use skerry_common::redact::redact;
use skerry_hub_core::source::GitRef;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use self::fleet::Documents;
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

/// How soon a look that failed is repeated: most outages of a Git server are over in seconds.
const RETRY_FIRST: Duration = Duration::from_secs(2);

/// The pause doubles up to this, and never beyond the interval itself.
const RETRY_LONGEST: Duration = Duration::from_secs(300);

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

/// How long to wait after a look: the interval, or less after failures in a row.
fn pause(interval: Duration, failures: u32) -> Duration {
    let Some(doublings) = failures.checked_sub(1) else { return interval };
    doubled(RETRY_FIRST, RETRY_LONGEST, doublings).min(interval)
}

impl<S: HubStore> PollGit<S> {
    /// Runs until told to stop.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut followed: BTreeMap<SourceName, Followed> = BTreeMap::new();
        let mut documents = Documents::default();
        let mut fleet_due = Instant::now();
        loop {
            if fleet_due <= Instant::now() {
                if let Err(error) = self.look_at_fleet(&mut documents).await {
                    warn!(error = %Chain(&error), "the fleet repository's state cannot be stored");
                }
                let interval = Duration::from_secs(self.config.interval_seconds.max(1));
                fleet_due = Instant::now() + self.jittered(pause(interval, documents.failures));
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
            state.due = Instant::now() + self.jittered(pause(source.interval, state.failures));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_that_failed_is_repeated_soon_then_less_often_and_never_later_than_the_interval() {
        let check = |interval: u64, failures: u32, expected: u64| {
            let found = pause(Duration::from_secs(interval), failures);
            assert_eq!(found, Duration::from_secs(expected), "{interval} s, {failures} failures");
        };
        for (failures, seconds) in [(0, 3600), (1, 2), (2, 4), (3, 8), (8, 256), (9, 300), (40, 300), (u32::MAX, 300)] {
            check(3600, failures, seconds);
        }
        check(30, 0, 30);
        check(30, 4, 16);
        check(30, 5, 30);
        check(1, 7, 1);
    }
}
