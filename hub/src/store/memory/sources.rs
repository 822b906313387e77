//! Sources and their like in memory.

use skerry_common::bundle::digest::{BlobRef, Digest};
use skerry_common::diagnostic::Diagnostic;
use skerry_common::id::SourceName;

use super::{MemoryStore, page};
use crate::store::sources::{
    FleetRecord, ProblemRecord, REVISIONS_PER_SOURCE_MAX, RevisionRecord, SourceRecord, SourceStore, Subject,
};
use crate::store::{Position, StoreError};

impl SourceStore for MemoryStore {
    async fn put_source(&self, source: SourceRecord) -> Result<(), StoreError> {
        self.with(|state| {
            state.next();
            state.sources.insert(source.name.clone(), source);
        })
    }

    async fn sources(&self) -> Result<Vec<SourceRecord>, StoreError> {
        self.with(|state| state.sources.values().cloned().collect())
    }

    async fn remove_source(&self, name: &SourceName) -> Result<(), StoreError> {
        self.with(|state| {
            state.next();
            state.sources.remove(name);
        })
    }

    async fn put_revision(&self, mut revision: RevisionRecord) -> Result<(), StoreError> {
        self.with(|state| {
            revision.position = state.next();
            let source = revision.source.clone();
            state.revisions.insert((source.clone(), revision.commit.to_string()), revision);
            let mut own: Vec<_> = state
                .revisions
                .iter()
                .filter(|(key, _)| key.0 == source)
                .map(|(key, r)| (r.position, key.clone()))
                .collect();
            own.sort_by_key(|(position, _)| std::cmp::Reverse(*position));
            for (_, key) in own.into_iter().skip(usize::try_from(REVISIONS_PER_SOURCE_MAX).unwrap_or(usize::MAX)) {
                state.revisions.remove(&key);
            }
        })
    }

    async fn revisions(&self, before: Option<Position>, limit: usize) -> Result<Vec<RevisionRecord>, StoreError> {
        self.with(|state| {
            let mut found: Vec<_> =
                state.revisions.values().filter(|r| before.is_none_or(|before| r.position < before)).cloned().collect();
            found.sort_by_key(|revision| std::cmp::Reverse(revision.position));
            found.truncate(page(limit));
            found
        })
    }

    async fn put_problems(
        &self,
        subject: Subject,
        problems: Vec<Diagnostic>,
        now_unix_ms: i64,
    ) -> Result<(), StoreError> {
        self.with(|state| {
            state.next();
            if problems.is_empty() {
                state.problems.remove(&subject);
                return;
            }
            let fresh = ProblemRecord { subject: subject.clone(), problems: Vec::new(), since_unix_ms: now_unix_ms };
            state.problems.entry(subject).or_insert(fresh).problems = problems;
        })
    }

    async fn problems(&self) -> Result<Vec<ProblemRecord>, StoreError> {
        self.with(|state| state.problems.values().cloned().collect())
    }

    async fn put_fleet(&self, fleet: FleetRecord) -> Result<(), StoreError> {
        self.with(|state| {
            state.next();
            state.fleet = Some(fleet);
        })
    }

    async fn fleet(&self) -> Result<Option<FleetRecord>, StoreError> {
        self.with(|state| state.fleet.clone())
    }

    async fn sealed(&self, key: &Digest) -> Result<Option<BlobRef>, StoreError> {
        self.with(|state| state.sealed.get(key).copied())
    }

    async fn put_sealed(&self, entries: &[(Digest, BlobRef)]) -> Result<(), StoreError> {
        self.with(|state| {
            for (key, blob) in entries {
                state.sealed.entry(*key).or_insert(*blob);
            }
        })
    }
}
