//! What the hub must not forget.
//!
//! ```text
//!   tasks, sessions, API ──▶ HubStore  = ClusterStore + BundleStore + SourceStore + StateStore
//!                            │           + JournalStore + AccessStore        (facts, by subject)
//!                            BlobStore                                        (content, by digest)
//!                            │
//!              sqlite (durable, one hub)      memory (twin for tests, can be told to fail)
//! ```
//!
//! **Guarantees.** A method that returns `Ok` has committed: with SQLite in WAL mode and
//! `synchronous=FULL`, the write is on disk. Every method is one transaction; none is half done.
//! Blobs are stored before the root that references them is reserved, because callers put them first
//! and await the answer.
//!
//! **Order.** Everything that people can watch carries a [`Position`]: one counter for the whole
//! store, drawn inside the writing transaction, so that a reader who has seen position *n* never
//! later finds a new row below it.
//!
//! **Time** is an argument: Unix milliseconds by the hub's clock.
//!
//! **PostgreSQL can follow**: statements use `$n`, `ON CONFLICT`, `RETURNING` and plain joins. What is
//! particular to SQLite (pragmas, `BEGIN IMMEDIATE`, `VACUUM INTO`) stands in `sqlite.rs` and
//! `sqlite/schema.rs` alone.

use std::fmt;
use std::future::Future;
use std::path::Path;

use thiserror::Error;
use tokio::sync::watch;

pub mod access;
pub mod blobs;
pub mod bundles;
pub mod clusters;
#[cfg(test)]
mod contract;
pub mod journal;
pub mod memory;
pub mod sources;
pub mod sqlite;
pub mod states;

pub use access::AccessStore;
pub use blobs::BlobStore;
pub use bundles::BundleStore;
pub use clusters::ClusterStore;
pub use journal::JournalStore;
pub use sources::SourceStore;
pub use states::StateStore;

/// Most rows that one page may hold: bounds the memory of one answer.
pub const PAGE_ROWS_MAX: usize = 1_000;

/// The facts that a hub keeps. A handle: cheap to clone, shared by all tasks.
pub trait HubStore:
    ClusterStore + BundleStore + SourceStore + StateStore + JournalStore + AccessStore + Clone + Send + Sync + 'static
{
    /// The newest position, as it grows. Wakes whoever streams changes.
    fn head(&self) -> watch::Receiver<Position>;

    /// Writes a consistent copy of everything, blobs included, to a new file while the hub runs.
    ///
    /// The copy is complete and synced when it appears under `file`; an existing file is refused.
    fn backup(&self, file: &Path) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// A place in the hub's stream of changes; grows by one with each watchable change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position(pub u64);

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The error of whatever lies beneath a store.
pub type BackendError = Box<dyn std::error::Error + Send + Sync>;

/// Why the store could not do something.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The database could not be opened.
    #[error("the store `{path}` cannot be opened")]
    Open {
        /// Its file.
        path: String,
        /// What the database said.
        #[source]
        source: BackendError,
    },
    /// Written by a later version.
    #[error("the store has schema {found}: this version knows up to {known}; upgrade the hub")]
    NewerSchema {
        /// The schema in the file.
        found: i64,
        /// The newest that this version writes.
        known: i64,
    },
    /// A statement failed.
    #[error("the store cannot {action}")]
    Backend {
        /// What was to be done.
        action: &'static str,
        /// What the database said.
        #[source]
        source: BackendError,
    },
    /// A row that this version did not write, or that was damaged.
    #[error("the store holds a {what} that cannot be read: {detail}")]
    Damaged {
        /// Which value.
        what: &'static str,
        /// Why it cannot be read.
        detail: String,
    },
    /// A number larger than a database column holds.
    #[error("the {what} {value} is too large to store")]
    OutOfRange {
        /// Which number.
        what: &'static str,
        /// Its value.
        value: u64,
    },
    /// The backup file exists already.
    #[error("`{0}` exists already")]
    BackupExists(String),
    /// A file operation of a backup failed.
    #[error("the backup `{path}` cannot be written")]
    BackupFile {
        /// Which file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The in-memory twin was told to fail.
    #[error("the store was told to fail")]
    Injected,
}

/// Checks a number before it is written.
fn column(what: &'static str, value: u64) -> Result<i64, StoreError> {
    i64::try_from(value).map_err(|_| StoreError::OutOfRange { what, value })
}
