//! The store on SQLite, embedded in one hub.
//!
//! One connection writes (so a hub never waits for its own locks), a few read; WAL lets them go on
//! during a write. `synchronous=FULL` makes each commit durable. Everything that only SQLite knows –
//! pragmas, `BEGIN IMMEDIATE`, `VACUUM INTO` – is in this file and in `schema`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use skerry_common::bundle::digest::Digest;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
};
use sqlx::{Row, Sqlite, Transaction};
use tokio::sync::watch;

use super::{HubStore, Position, StoreError};

mod access;
mod blobs;
mod bundles;
mod clusters;
#[cfg(test)]
mod crash;
mod enroll;
mod journal;
mod retention;
mod schema;
mod sources;
mod states;

/// Connections that read: more would only wait for the same two cores.
const READERS_MAX: u32 = 4;

/// How long a statement waits for a lock that another process holds, such as a backup tool.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a task waits for its turn to write before it gives up.
const TURN_TIMEOUT: Duration = Duration::from_secs(60);

/// The store in one SQLite file.
#[derive(Clone)]
pub struct SqliteStore {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    writer: SqlitePool,
    readers: SqlitePool,
    head: watch::Sender<Position>,
    packed: AtomicU64,
}

impl SqliteStore {
    /// Opens the file, makes it if it is not there, and brings its schema up to date.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let open_failed =
            |source: sqlx::Error| StoreError::Open { path: path.display().to_string(), source: source.into() };
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        let pool = || SqlitePoolOptions::new().idle_timeout(None).max_lifetime(None).acquire_timeout(TURN_TIMEOUT);
        let writer = pool().max_connections(1).connect_with(options.clone()).await.map_err(open_failed)?;
        schema::migrate(&writer, path).await?;
        let readers = pool()
            .max_connections(READERS_MAX)
            .connect_with(options.create_if_missing(false).pragma("query_only", "ON"))
            .await
            .map_err(open_failed)?;
        let row = sqlx::query("SELECT value FROM counters WHERE name = 'position'")
            .fetch_one(&readers)
            .await
            .map_err(failed("read its position"))?;
        let head = watch::Sender::new(position(&row, "value")?);
        Ok(Self { inner: Arc::new(Inner { path: path.to_owned(), writer, readers, head, packed: AtomicU64::new(0) }) })
    }

    /// How many blobs were compressed since it was opened: each once, when it is stored, whoever asks for it later.
    pub fn blobs_packed(&self) -> u64 {
        self.inner.packed.load(Ordering::Relaxed)
    }

    /// Waits for running statements and closes the file.
    pub async fn close(&self) {
        self.inner.readers.close().await;
        self.inner.writer.close().await;
    }

    fn readers(&self) -> &SqlitePool {
        &self.inner.readers
    }

    /// Begins a transaction that will write. The lock is taken at once, so that it cannot fail later.
    async fn write(&self, action: &'static str) -> Result<Write<'_>, StoreError> {
        let tx = self.inner.writer.begin_with("BEGIN IMMEDIATE").await.map_err(failed(action))?;
        Ok(Write { tx, action, head: &self.inner.head, drawn: None })
    }
}

impl HubStore for SqliteStore {
    fn head(&self) -> watch::Receiver<Position> {
        self.inner.head.subscribe()
    }

    async fn backup(&self, file: &Path) -> Result<(), StoreError> {
        schema::backup(&self.inner.path, file).await
    }
}

/// A transaction that writes, and the positions that it drew.
struct Write<'s> {
    tx: Transaction<'static, Sqlite>,
    action: &'static str,
    head: &'s watch::Sender<Position>,
    drawn: Option<Position>,
}

impl Write<'_> {
    /// Draws the next position. The counter's row stays locked until the commit, so positions become
    /// visible in their order, here and in PostgreSQL.
    async fn next(&mut self) -> Result<i64, StoreError> {
        let row = sqlx::query("UPDATE counters SET value = value + 1 WHERE name = 'position' RETURNING value")
            .fetch_one(&mut *self.tx)
            .await
            .map_err(failed(self.action))?;
        let drawn = position(&row, "value")?;
        self.drawn = Some(drawn);
        super::column("position", drawn.0)
    }

    /// Commits, then wakes the watchers.
    async fn commit(self) -> Result<(), StoreError> {
        self.tx.commit().await.map_err(failed(self.action))?;
        if let Some(drawn) = self.drawn {
            self.head.send_if_modified(|head| {
                let newer = drawn > *head;
                if newer {
                    *head = drawn;
                }
                newer
            });
        }
        Ok(())
    }
}

/// A counter as this transaction sees it.
async fn counter(write: &mut Write<'_>, name: &str) -> Result<u64, StoreError> {
    let row = sqlx::query("SELECT value FROM counters WHERE name = $1")
        .bind(name)
        .fetch_one(&mut *write.tx)
        .await
        .map_err(failed(write.action))?;
    unsigned(&row, "value")
}

/// Adds one to a counter; gives its new value.
async fn advance(write: &mut Write<'_>, name: &str) -> Result<i64, StoreError> {
    let row = sqlx::query("UPDATE counters SET value = value + 1 WHERE name = $1 RETURNING value")
        .bind(name)
        .fetch_one(&mut *write.tx)
        .await
        .map_err(failed(write.action))?;
    get(&row, "value")
}

/// Names what was to be done when a statement fails.
fn failed(action: &'static str) -> impl Fn(sqlx::Error) -> StoreError {
    move |source| StoreError::Backend { action, source: source.into() }
}

/// Reads a column; a wrong type or name means that the row is not ours.
fn get<'r, T>(row: &'r SqliteRow, column: &'static str) -> Result<T, StoreError>
where
    T: sqlx::Decode<'r, Sqlite> + sqlx::Type<Sqlite>,
{
    row.try_get(column).map_err(|error| StoreError::Damaged { what: column, detail: error.to_string() })
}

/// Reads a column that a parser of our own must accept.
fn parse<T, E: std::fmt::Display>(
    row: &SqliteRow,
    column: &'static str,
    read: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, StoreError> {
    let text: &str = get(row, column)?;
    read(text).map_err(|error| StoreError::Damaged { what: column, detail: error.to_string() })
}

/// Reads a JSON column.
fn json<T: DeserializeOwned>(row: &SqliteRow, column: &'static str) -> Result<T, StoreError> {
    parse(row, column, |text| serde_json::from_str(text))
}

/// Writes a JSON column.
fn to_json<T: Serialize>(what: &'static str, value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Damaged { what, detail: error.to_string() })
}

/// Reads a number that was checked when it was written.
fn unsigned(row: &SqliteRow, column: &'static str) -> Result<u64, StoreError> {
    let value: i64 = get(row, column)?;
    u64::try_from(value).map_err(|error| StoreError::Damaged { what: column, detail: error.to_string() })
}

fn position(row: &SqliteRow, column: &'static str) -> Result<Position, StoreError> {
    unsigned(row, column).map(Position)
}

/// Reads a digest's 32 bytes.
fn digest(row: &SqliteRow, column: &'static str) -> Result<Digest, StoreError> {
    optional_digest(row, column)?.ok_or_else(|| StoreError::Damaged { what: column, detail: "it is missing".into() })
}

fn optional_digest(row: &SqliteRow, column: &'static str) -> Result<Option<Digest>, StoreError> {
    let bytes: Option<&[u8]> = get(row, column)?;
    bytes
        .map(|bytes| {
            <[u8; 32]>::try_from(bytes)
                .map(Digest::from_bytes)
                .map_err(|_| StoreError::Damaged { what: column, detail: format!("{} bytes", bytes.len()) })
        })
        .transpose()
}

/// A page's size as a column value.
fn page(limit: usize) -> i64 {
    i64::try_from(limit.min(super::PAGE_ROWS_MAX)).unwrap_or(i64::MAX)
}

/// A digest as a column value.
fn bytes(digest: &Digest) -> &[u8] {
    digest.as_bytes()
}
