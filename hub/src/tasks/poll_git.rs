//! Follows the fleet repository and every source that it declares.
//!
//! ```text
//! due or told ─▶ look (own thread, a bounded number at once) ─▶ taken up one by one ─▶ resolved
//! ```
//! Looks run beside each other, so a server that stalls holds up its own repository and no other. A look that
//! fails changes nothing: the commit known before stays, what is wrong is stored for people, and the next look
//! comes sooner. A webhook, or an operator, makes a look immediate; one during a look leads to another right after it,
//! because that look may have asked too early.

mod fleet;
mod source;
mod told;
mod turn;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use skerry_certs::tls::WallClock;
use skerry_common::backoff::splitmix;
use skerry_common::error_chain::Chain;
use skerry_common::id::SourceName;
use skerry_hub_core::fleet::Source;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use self::fleet::Documents;
use self::source::Followed;
use self::turn::Turn;
use crate::api::{FleetInForce, Poke};
use crate::config::FleetConfig;
use crate::git::{Fetched, Git, GitError, Remote};
use crate::store::{HubStore, StoreError};
use crate::workshop::SourceAt;

/// How much an interval varies, so that 1,000 sources are not asked in one instant: a tenth.
const JITTER_DIVISOR: u32 = 10;

/// Looks at once: each is a thread and a connection, and most of them wait for a server.
const LOOKS_MAX: usize = 16;

/// What is declared, and where its sources stand.
#[derive(Debug, Clone, Default)]
pub struct Resolved {
    /// The fleet documents in force; `None` before the first good read.
    pub fleet: Option<Arc<FleetInForce>>,
    /// Every declared source that was fetched.
    pub sources: BTreeMap<SourceName, SourceAt>,
    /// Declared sources that could not be fetched so far. What is in neither was not looked at yet.
    pub unread: BTreeSet<SourceName>,
}

impl Resolved {
    /// Whether the first look at a declared source is still under way.
    pub(super) fn is_awaited(&self, source: &SourceName) -> bool {
        let is_declared = self.fleet.as_ref().is_some_and(|in_force| in_force.fleet.sources.contains_key(source));
        is_declared && !self.sources.contains_key(source) && !self.unread.contains(source)
    }
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
    /// Webhooks, and requests of operators.
    pub pokes: mpsc::Receiver<Poke>,
    /// What was found, for the publisher.
    pub resolved: watch::Sender<Arc<Resolved>>,
    /// What is declared, for the API.
    pub fleet: watch::Sender<Arc<FleetInForce>>,
    /// Decides jitter.
    pub seed: u64,
}

/// A look that has ended; without a result when its thread panicked.
enum Looked {
    Fleet(Option<fleet::Look>),
    Source(SourceName, Box<Source>, Option<Result<Fetched, GitError>>),
}

/// Everything that is followed, and the looks under way.
struct Following {
    documents: Documents,
    fleet: Turn,
    sources: BTreeMap<SourceName, Followed>,
    looks: JoinSet<Looked>,
}

impl<S: HubStore> PollGit<S> {
    /// Runs until told to stop.
    pub async fn run(mut self, stop: CancellationToken) {
        let sources = self.known().await;
        let (documents, fleet) = (Documents::default(), Turn::At(Instant::now()));
        let mut following = Following { documents, fleet, sources, looks: JoinSet::new() };
        loop {
            if let Err(error) = self.declared(&mut following).await {
                warn!(error = %Chain(&error), "the sources' state cannot be stored");
            }
            self.begin(&mut following);
            let next = following.next_due();
            tokio::select! {
                () = stop.cancelled() => return,
                Some(looked) = following.looks.join_next() => {
                    // The look catches what its thread does: nothing of it can end otherwise.
                    if let Ok(looked) = looked {
                        self.take(looked, &mut following).await;
                    }
                }
                () = at(next) => {}
                poke = self.pokes.recv() => {
                    let Some(poke) = poke else { return };
                    info!("asked to look at Git now");
                    following.poke(&poke, &self.config.url);
                }
            }
        }
    }

    /// Starts the looks that are due, the longest due first.
    fn begin(&self, following: &mut Following) {
        let now = Instant::now();
        if following.fleet.begins(now) {
            let (git, config, judged) = (self.git.clone(), self.config.clone(), following.documents.judged.clone());
            following.looks.spawn(async move {
                let look = tokio::task::spawn_blocking(move || fleet::look(&git, &config, judged.as_ref()));
                Looked::Fleet(look.await.ok())
            });
        }
        let mut due: Vec<_> =
            following.sources.iter_mut().filter(|(_, it)| it.due().is_some_and(|due| due <= now)).collect();
        due.sort_by_key(|(_, followed)| followed.due());
        let room = LOOKS_MAX.saturating_sub(following.looks.len());
        for (name, followed) in due.into_iter().take(room) {
            let Some(wanted) = followed.declared.clone() else { continue };
            followed.turn.begins(now);
            let (git, name, known) = (self.git.clone(), name.clone(), followed.commit.clone());
            following.looks.spawn(async move {
                let source = wanted.clone();
                let fetched = tokio::task::spawn_blocking(move || {
                    let remote = Remote { url: &wanted.url, credential: wanted.credentials.as_deref() };
                    git.fetch(remote, &wanted.reference, known.as_ref())
                });
                Looked::Source(name, Box::new(source), fetched.await.ok())
            });
        }
    }

    async fn take(&mut self, looked: Looked, following: &mut Following) {
        let taken = match looked {
            Looked::Fleet(look) => {
                let taken = match look {
                    Some(look) => self.take_fleet(look, &mut following.documents).await,
                    None => Ok(()),
                };
                let interval = Duration::from_secs(self.config.interval_seconds.max(1));
                let pause = self.jittered(turn::pause(interval, following.documents.failures));
                following.fleet.ended(Instant::now() + pause);
                taken
            }
            Looked::Source(name, source, fetched) => {
                let Some(followed) = following.sources.get_mut(&name) else { return };
                let taken = match fetched {
                    Some(fetched) => self.take_source(&name, &source, fetched, followed).await,
                    None => Ok(()),
                };
                let pause = self.jittered(turn::pause(source.interval, followed.failures));
                followed.turn.ended(Instant::now() + pause);
                taken
            }
        };
        if let Err(error) = taken {
            warn!(error = %Chain(&error), "what was found in Git cannot be stored");
        }
    }

    fn jittered(&mut self, interval: Duration) -> Duration {
        self.seed = splitmix(self.seed);
        let part = u32::try_from(self.seed % 1000).unwrap_or(0);
        interval + interval / JITTER_DIVISOR * part / 1000
    }

    /// What the last life of the hub knew of its sources.
    async fn known(&self) -> BTreeMap<SourceName, Followed> {
        match self.store.sources().await {
            Ok(records) => records.into_iter().map(|record| (record.name.clone(), Followed::of(record))).collect(),
            Err(error) => {
                warn!(error = %Chain(&error), "what was known of the sources cannot be read");
                BTreeMap::new()
            }
        }
    }

    /// Follows what is declared now, and nothing else.
    async fn declared(&self, following: &mut Following) -> Result<(), StoreError> {
        let resolved = self.resolved.borrow().clone();
        let Some(in_force) = resolved.fleet.clone() else { return Ok(()) };
        let declared = &in_force.fleet.sources;
        for (name, source) in declared {
            following.sources.entry(name.clone()).or_default().declare(source);
        }
        let gone: Vec<_> = following.sources.keys().filter(|name| !declared.contains_key(*name)).cloned().collect();
        for name in gone {
            self.store.remove_source(&name).await?;
            following.sources.remove(&name);
        }
        let stays = |name: &SourceName, at: &SourceAt| declared.get(name).is_some_and(|source| source.url == at.url);
        let is_kept = |name: &SourceName| declared.contains_key(name);
        if !resolved.sources.iter().all(|(name, at)| stays(name, at)) || !resolved.unread.iter().all(is_kept) {
            let mut kept = Resolved::clone(&resolved);
            kept.sources.retain(|name, at| stays(name, at));
            kept.unread.retain(is_kept);
            self.resolved.send_replace(Arc::new(kept));
        }
        Ok(())
    }
}

impl Following {
    /// When the next look is due; none while nothing more can be started.
    fn next_due(&self) -> Option<Instant> {
        let sources = self.sources.values().filter(|_| self.looks.len() < LOOKS_MAX);
        sources.filter_map(Followed::due).chain(self.fleet.due()).min()
    }

    /// Looks at what a webhook names now; at everything when that is nothing that is followed.
    fn poke(&mut self, poke: &Poke, fleet_url: &str) {
        let now = Instant::now();
        let is_fleet = told::names(poke, fleet_url);
        let is_named =
            |followed: &Followed| followed.declared.as_ref().is_some_and(|source| told::names(poke, &source.url));
        let is_all = !is_fleet && !self.sources.values().any(is_named);
        if is_fleet || is_all {
            self.fleet.poke(now);
        }
        for followed in self.sources.values_mut().filter(|followed| is_all || is_named(followed)) {
            followed.turn.poke(now);
        }
    }
}

async fn at(instant: Option<Instant>) {
    match instant {
        Some(instant) => tokio::time::sleep_until(instant.into()).await,
        None => std::future::pending().await,
    }
}
