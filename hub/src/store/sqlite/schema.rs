//! The schema's versions, and copies of the whole file.

use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use sqlx::{ConnectOptions as _, Connection as _, Row as _};

use super::failed;
use crate::store::StoreError;

/// Every schema change, in order; a released one is never edited.
const MIGRATIONS: [&str; 3] = [
    include_str!("../../../migrations/0001_initial.sql"),
    include_str!("../../../migrations/0002_retention.sql"),
    include_str!("../../../migrations/0003_unchanged.sql"),
];

/// The newest schema that this version writes.
pub(super) const NEWEST: i64 = MIGRATIONS.len() as i64;

/// Applies what is missing; each step and its number in one transaction.
pub(super) async fn migrate(writer: &SqlitePool, path: &Path) -> Result<(), StoreError> {
    let action = "bring its schema up to date";
    let open_failed =
        |source: sqlx::Error| StoreError::Open { path: path.display().to_string(), source: source.into() };
    // The first statement that reads the file: a file that is no database is named as such.
    sqlx::query("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT PRIMARY KEY)")
        .execute(writer)
        .await
        .map_err(open_failed)?;
    let row = sqlx::query("SELECT COALESCE(MAX(version), 0) AS version FROM schema_version")
        .fetch_one(writer)
        .await
        .map_err(failed(action))?;
    let found: i64 = row.try_get("version").map_err(failed(action))?;
    if found > NEWEST {
        return Err(StoreError::NewerSchema { found, known: NEWEST });
    }
    for (version, statements) in (1_i64..).zip(MIGRATIONS).filter(|(version, _)| *version > found) {
        let mut tx = writer.begin_with("BEGIN IMMEDIATE").await.map_err(failed(action))?;
        sqlx::raw_sql(statements).execute(&mut *tx).await.map_err(failed(action))?;
        sqlx::query("INSERT INTO schema_version (version) VALUES ($1)")
            .bind(version)
            .execute(&mut *tx)
            .await
            .map_err(failed(action))?;
        tx.commit().await.map_err(failed(action))?;
    }
    Ok(())
}

/// Copies the database as of one instant: `VACUUM INTO` reads one snapshot while writers go on.
///
/// The copy is made under another name, synced, and then renamed, so that it is whole when it appears.
pub(super) async fn backup(path: &Path, file: &Path) -> Result<(), StoreError> {
    let shown = file.display().to_string();
    if file.exists() {
        return Err(StoreError::BackupExists(shown));
    }
    let file_failed = |source| StoreError::BackupFile { path: file.display().to_string(), source };
    let mut partial = file.as_os_str().to_owned();
    partial.push(".partial");
    let partial = std::path::PathBuf::from(partial);
    match tokio::fs::remove_file(&partial).await {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(file_failed(error)),
    }
    let action = "copy itself";
    // A connection of its own: the readers refuse statements that write, and the writer is busy.
    let mut connection = SqliteConnectOptions::new().filename(path).connect().await.map_err(failed(action))?;
    let target = partial
        .to_str()
        .ok_or_else(|| file_failed(std::io::Error::new(std::io::ErrorKind::InvalidInput, "the path is not UTF-8")))?;
    sqlx::query("VACUUM INTO $1").bind(target).execute(&mut connection).await.map_err(failed(action))?;
    connection.close().await.map_err(failed(action))?;
    sync_and_rename(&partial, file).await.map_err(file_failed)
}

async fn sync_and_rename(partial: &Path, file: &Path) -> std::io::Result<()> {
    tokio::fs::File::open(partial).await?.sync_all().await?;
    tokio::fs::rename(partial, file).await?;
    let folder = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    tokio::fs::File::open(folder).await?.sync_all().await
}
