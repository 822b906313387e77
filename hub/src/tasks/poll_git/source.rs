//! What a look at a source found.

use std::sync::Arc;
use std::time::Instant;

use skerry_common::bundle::root::SourceRevision;
use skerry_common::diagnostic::{Diagnostic, Location};
use skerry_common::error_chain::Chain;
use skerry_common::id::{CommitId, SourceName};
use skerry_common::redact::redact;
use skerry_hub_core::fleet::Source;
use skerry_hub_core::source::GitRef;
use tracing::{info, warn};

use super::PollGit;
use super::turn::Turn;
use crate::git::{Fetched, GitError};
use crate::quic::unix_ms;
use crate::store::journal::HubEvent;
use crate::store::sources::{RevisionRecord, RevisionState, SourceRecord, Subject};
use crate::store::{HubStore, Position, StoreError};
use crate::workshop::SourceAt;

/// A source that is followed.
#[derive(Debug, Clone)]
pub(super) struct Followed {
    /// What is declared of it; `None` while it is known from the last life of the hub only.
    pub(super) declared: Option<Source>,
    /// When it is looked at.
    pub(super) turn: Turn,
    /// The last commit that was fetched.
    pub(super) commit: Option<CommitId>,
    /// Failures since the last success.
    pub(super) failures: u32,
    error: Option<String>,
    changed_unix_ms: Option<i64>,
    checked_unix_ms: Option<i64>,
}

impl Default for Followed {
    fn default() -> Self {
        Self {
            declared: None,
            turn: Turn::At(Instant::now()),
            commit: None,
            failures: 0,
            error: None,
            changed_unix_ms: None,
            checked_unix_ms: None,
        }
    }
}

impl Followed {
    /// What the last life of the hub knew: looked at once it is declared.
    pub(super) fn of(record: SourceRecord) -> Self {
        let SourceRecord { commit, changed_unix_ms, checked_unix_ms, .. } = record;
        Self { commit, changed_unix_ms, checked_unix_ms, ..Self::default() }
    }

    /// When it is due; `None` while it is being looked at, or is not declared.
    pub(super) fn due(&self) -> Option<Instant> {
        self.declared.as_ref().and_then(|_| self.turn.due())
    }

    /// Takes the declaration; another place or ref is looked at now.
    pub(super) fn declare(&mut self, source: &Source) {
        let place = |source: &Source| (source.url.clone(), source.reference.clone(), source.credentials.clone());
        if self.declared.as_ref().is_some_and(|before| place(before) != place(source)) {
            self.turn.poke(Instant::now());
        }
        if self.declared.as_ref() != Some(source) {
            self.declared = Some(source.clone());
        }
    }
}

impl<S: HubStore> PollGit<S> {
    /// Takes up what a look at a source found, if that is still what is declared.
    pub(super) async fn take_source(
        &self,
        name: &SourceName,
        source: &Source,
        fetched: Result<Fetched, GitError>,
        followed: &mut Followed,
    ) -> Result<(), StoreError> {
        let looked_at = |wanted: &Source| wanted.url == source.url && wanted.reference == source.reference;
        if !followed.declared.as_ref().is_some_and(looked_at) {
            return Ok(());
        }
        let now = unix_ms(&self.clock);
        match fetched {
            Ok(fetched) => {
                (followed.error, followed.failures, followed.checked_unix_ms) = (None, 0, Some(now));
                if followed.commit.as_ref() != Some(&fetched.commit) {
                    info!(source = %name, commit = fetched.commit.short(), forced = fetched.forced, "a new commit");
                    self.note_commit(name, &source.reference, &fetched.commit, now).await?;
                    (followed.changed_unix_ms, followed.commit) = (Some(now), Some(fetched.commit.clone()));
                }
                self.store.put_problems(Subject::Source(name.clone()), Vec::new(), now).await?;
                self.resolve(name, source, fetched.commit);
            }
            Err(error) => self.note_failure(name, &source.url, &error, followed, now).await?,
        }
        let record = SourceRecord {
            name: name.clone(),
            url: redact(&source.url),
            reference: source.reference.to_string(),
            commit: followed.commit.clone(),
            checked_unix_ms: followed.checked_unix_ms,
            changed_unix_ms: followed.changed_unix_ms,
            error: followed.error.clone(),
            failures: followed.failures,
        };
        self.store.put_source(record).await
    }

    /// Tells the publisher where a source stands, if that is news.
    fn resolve(&self, name: &SourceName, source: &Source, commit: CommitId) {
        let at = source_at(name, source, commit);
        self.resolved.send_if_modified(|resolved| {
            if resolved.sources.get(name).is_some_and(|known| known.revision == at.revision) {
                return false;
            }
            let resolved = Arc::make_mut(resolved);
            resolved.unread.remove(name);
            resolved.sources.insert(name.clone(), at);
            true
        });
    }

    /// Tells the publisher that nothing is known of a source, and that it need not wait.
    fn unread(&self, name: &SourceName) {
        self.resolved.send_if_modified(|resolved| {
            !resolved.sources.contains_key(name) && Arc::make_mut(resolved).unread.insert(name.clone())
        });
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
        followed: &mut Followed,
        now: i64,
    ) -> Result<(), StoreError> {
        let message = Chain(error).to_string();
        if followed.error.as_ref() != Some(&message) {
            warn!(source = %name, error = message, "a source cannot be read");
            let event = HubEvent::SourceFailed { source: name.clone(), message: message.clone() };
            self.store.record(None, event, now).await?;
            let location = Location { repository: Some(redact(url)), ..Location::default() };
            let mut problem = Diagnostic::error(error.code(), message.clone()).at(location);
            problem.help = error.help();
            self.store.put_problems(Subject::Source(name.clone()), vec![problem], now).await?;
        }
        followed.failures = followed.failures.saturating_add(1);
        followed.error = Some(message);
        self.unread(name);
        Ok(())
    }
}

fn source_at(name: &SourceName, source: &Source, commit: CommitId) -> SourceAt {
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
