//! Sources, what was wrong with them, the last good fleet documents, and what sealing produced.

use std::future::Future;

use skerry_common::bundle::digest::{BlobRef, Digest};
use skerry_common::diagnostic::Diagnostic;
use skerry_common::id::{ApplicationName, ClusterName, CommitId, SourceName};

use super::{Position, StoreError};

/// Revisions kept per source.
pub const REVISIONS_PER_SOURCE_MAX: i64 = 100;

/// Sources and what came of them.
pub trait SourceStore {
    /// Stores where a source stands; replaces what was stored.
    fn put_source(&self, source: SourceRecord) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// All sources, by name.
    fn sources(&self) -> impl Future<Output = Result<Vec<SourceRecord>, StoreError>> + Send;

    /// Forgets a source that no document names any more; its revisions stay.
    fn remove_source(&self, name: &SourceName) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Remembers what became of a commit; again for the same commit replaces it.
    fn put_revision(&self, revision: RevisionRecord) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Revisions, newest first, below a position if one is given.
    fn revisions(
        &self,
        before: Option<Position>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<RevisionRecord>, StoreError>> + Send;

    /// Stores what is wrong with something now; an empty list means nothing is.
    fn put_problems(
        &self,
        subject: Subject,
        problems: Vec<Diagnostic>,
        now_unix_ms: i64,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Everything that is wrong now, by subject.
    fn problems(&self) -> impl Future<Output = Result<Vec<ProblemRecord>, StoreError>> + Send;

    /// Stores the fleet documents of the last good commit.
    fn put_fleet(&self, fleet: FleetRecord) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The fleet documents of the last good commit.
    fn fleet(&self) -> impl Future<Output = Result<Option<FleetRecord>, StoreError>> + Send;

    /// What sealing produced for this key earlier: a ciphertext or a cluster's key blob.
    ///
    /// Keys are made by HMAC under a hub key. The blob must still be asked for: it may have been
    /// deleted when nothing referenced it.
    fn sealed(&self, key: &Digest) -> impl Future<Output = Result<Option<BlobRef>, StoreError>> + Send;

    /// Remembers what sealing produced. The first answer for a key stays.
    fn put_sealed(&self, entries: &[(Digest, BlobRef)]) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Where a source stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceRecord {
    /// Its name.
    pub name: SourceName,
    /// URL without credentials.
    pub url: String,
    /// The ref that is followed, in words.
    pub reference: String,
    /// The last commit that was fetched.
    pub commit: Option<CommitId>,
    /// When it was last looked at with success.
    pub checked_unix_ms: Option<i64>,
    /// When the commit was fetched.
    pub changed_unix_ms: Option<i64>,
    /// Failures since the last success.
    pub failures: u32,
    /// Why the last look failed, redacted.
    pub error: Option<String>,
}

/// What became of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevisionRecord {
    /// Which source.
    pub source: SourceName,
    /// Which commit.
    pub commit: CommitId,
    /// The ref that was followed, in words.
    pub reference: String,
    /// When it was fetched.
    pub fetched_unix_ms: i64,
    /// What became of it.
    pub state: RevisionState,
    /// In the hub's order; set by the store.
    pub position: Position,
}

/// What became of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevisionState {
    /// Fetched; not rendered yet.
    Fetched,
    /// In force.
    Published,
    /// Refused: the last good one stays.
    Refused,
}

/// What a problem is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// The fleet documents.
    Fleet,
    /// A source.
    Source(SourceName),
    /// An application.
    Application(ApplicationName),
    /// What a cluster would run: nothing new is published for it.
    Cluster(ClusterName),
}

/// What is wrong with something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProblemRecord {
    /// With what.
    pub subject: Subject,
    /// What.
    pub problems: Vec<Diagnostic>,
    /// Since when something is wrong with it.
    pub since_unix_ms: i64,
}

/// Fleet documents of one commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FleetRecord {
    /// Of which commit.
    pub commit: CommitId,
    /// When they became the ones in force.
    pub at_unix_ms: i64,
    /// The documents, in the writer's own encoding.
    pub documents: Vec<u8>,
}
