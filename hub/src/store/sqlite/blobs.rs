//! Blobs in SQL, compressed.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use skerry_common::bundle::digest::{BlobRef, Digest};
use sqlx::sqlite::SqliteRow;

use super::{SqliteStore, Write, advance, bytes, counter, digest, failed, get, unsigned};
use crate::store::blobs::{BLOB_BYTES_MAX, BlobStore, SweepEnd, Swept, frames, pack};
use crate::store::{StoreError, column};

/// A blob put again is only written anew when its date is older than this, so that publishing what is
/// there costs reads.
const RENEW_AFTER_MS: i64 = 60 * 60 * 1000;

/// Candidates for deletion handled at once: publications wait for so many deletions at most.
const SWEEP_ROWS: i64 = 500;

impl BlobStore for SqliteStore {
    async fn put_many(&self, blobs: Vec<Vec<u8>>, now_unix_ms: i64) -> Result<Vec<BlobRef>, StoreError> {
        let action = "store blobs";
        let references: Vec<BlobRef> = blobs.iter().map(|blob| BlobRef::of(blob)).collect();
        if let Some(long) = references.iter().find(|reference| reference.size > BLOB_BYTES_MAX) {
            return Err(StoreError::OutOfRange { what: "size of a blob", value: long.size });
        }
        let digests: Vec<Digest> = references.iter().map(|reference| reference.digest).collect();
        let missing: BTreeSet<Digest> = self.renew_many(&digests, now_unix_ms).await?.into_iter().collect();
        if missing.is_empty() {
            return Ok(references);
        }
        let packed = compress(blobs, &references, missing).await?;
        self.inner.packed.fetch_add(packed.len() as u64, Ordering::Relaxed);
        let mut write = self.write(action).await?;
        for (reference, zstd) in packed {
            sqlx::query(
                "INSERT INTO blobs (digest, size, zstd, touched_unix_ms) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (digest) DO UPDATE SET touched_unix_ms = $4",
            )
            .bind(bytes(&reference.digest))
            .bind(column("size of a blob", reference.size)?)
            .bind(zstd)
            .bind(now_unix_ms)
            .execute(&mut *write.tx)
            .await
            .map_err(failed(action))?;
        }
        write.commit().await?;
        Ok(references)
    }

    async fn get(&self, wanted: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(row) = read(self, wanted).await? else { return Ok(None) };
        let reference = BlobRef { digest: *wanted, size: unsigned(&row, "size")? };
        let damaged = |detail: String| StoreError::Damaged { what: "blob", detail };
        let capacity = usize::try_from(reference.size.min(BLOB_BYTES_MAX)).unwrap_or(0);
        let blob = zstd::bulk::decompress(get::<&[u8]>(&row, "zstd")?, capacity)
            .map_err(|error| damaged(format!("{wanted}: {error}")))?;
        reference.check(&blob).map_err(|error| damaged(error.to_string()))?;
        Ok(Some(blob))
    }

    async fn packed(&self, wanted: &Digest) -> Result<Option<Vec<Vec<u8>>>, StoreError> {
        let Some(row) = read(self, wanted).await? else { return Ok(None) };
        let frames = frames(get(&row, "zstd")?, unsigned(&row, "size")?);
        let damaged = || StoreError::Damaged { what: "blob", detail: format!("{wanted}: its frames") };
        frames.ok_or_else(damaged).map(Some)
    }

    async fn has_many(&self, digests: &[Digest]) -> Result<Vec<bool>, StoreError> {
        let action = "look for blobs";
        let mut connection = self.readers().acquire().await.map_err(failed(action))?;
        let mut found = Vec::with_capacity(digests.len());
        for digest in digests {
            let row = sqlx::query("SELECT 1 FROM blobs WHERE digest = $1")
                .bind(bytes(digest))
                .fetch_optional(&mut *connection)
                .await
                .map_err(failed(action))?;
            found.push(row.is_some());
        }
        Ok(found)
    }

    async fn renew_many(&self, digests: &[Digest], now_unix_ms: i64) -> Result<Vec<Digest>, StoreError> {
        let action = "renew blobs";
        let mut connection = self.readers().acquire().await.map_err(failed(action))?;
        let (mut missing, mut old) = (Vec::new(), Vec::new());
        for digest in digests {
            let row = sqlx::query("SELECT touched_unix_ms FROM blobs WHERE digest = $1")
                .bind(bytes(digest))
                .fetch_optional(&mut *connection)
                .await
                .map_err(failed(action))?;
            match row {
                None => missing.push(*digest),
                Some(row) if get::<i64>(&row, "touched_unix_ms")? < now_unix_ms - RENEW_AFTER_MS => old.push(*digest),
                Some(_) => {}
            }
        }
        drop(connection);
        if old.is_empty() {
            return Ok(missing);
        }
        let mut write = self.write(action).await?;
        for digest in old {
            // Deleted in between: missing after all.
            let renewed = sqlx::query("UPDATE blobs SET touched_unix_ms = $2 WHERE digest = $1")
                .bind(bytes(&digest))
                .bind(now_unix_ms)
                .execute(&mut *write.tx)
                .await
                .map_err(failed(action))?;
            if renewed.rows_affected() == 0 {
                missing.push(digest);
            }
        }
        write.commit().await?;
        Ok(missing)
    }

    async fn sweeps(&self) -> Result<u64, StoreError> {
        let row = sqlx::query("SELECT value FROM counters WHERE name = 'blobs_swept'")
            .fetch_one(self.readers())
            .await
            .map_err(failed("read how often blobs were deleted"))?;
        unsigned(&row, "value")
    }

    async fn delete_unreferenced(
        &self,
        keep: &BTreeSet<Digest>,
        through: u64,
        before_unix_ms: i64,
    ) -> Result<Swept, StoreError> {
        let action = "delete unreferenced blobs";
        // A blob that is a little too young to be renewed by `renew_many` must be safe all the same.
        let before = before_unix_ms.saturating_sub(RENEW_AFTER_MS);
        let (mut deleted, mut after) = (0, Vec::new());
        loop {
            let rows = sqlx::query(
                "SELECT digest FROM blobs WHERE touched_unix_ms < $1 AND digest > $2 ORDER BY digest LIMIT $3",
            )
            .bind(before)
            .bind(&after)
            .bind(SWEEP_ROWS)
            .fetch_all(self.readers())
            .await
            .map_err(failed(action))?;
            let Some(last) = rows.last() else { return Ok(Swept { deleted, end: SweepEnd::Complete }) };
            after = digest(last, "digest")?.as_bytes().to_vec();
            let candidates = rows.iter().map(|row| digest(row, "digest")).collect::<Result<Vec<_>, _>>()?;
            let gone: Vec<Digest> = candidates.into_iter().filter(|digest| !keep.contains(digest)).collect();
            if gone.is_empty() {
                continue;
            }
            let mut write = self.write(action).await?;
            if counter(&mut write, "roots_reserved").await? > through {
                return Ok(Swept { deleted, end: SweepEnd::RootsReserved });
            }
            let gone = delete(&mut write, &gone, before).await?;
            if gone > 0 {
                deleted += gone;
                advance(&mut write, "blobs_swept").await?;
            }
            write.commit().await?;
        }
    }
}

/// The row of a blob, size and compressed bytes.
async fn read(store: &SqliteStore, wanted: &Digest) -> Result<Option<SqliteRow>, StoreError> {
    sqlx::query("SELECT size, zstd FROM blobs WHERE digest = $1")
        .bind(bytes(wanted))
        .fetch_optional(store.readers())
        .await
        .map_err(failed("read a blob"))
}

/// Deletes these, but what was renewed meanwhile; gives how many.
async fn delete(write: &mut Write<'_>, blobs: &[Digest], before_unix_ms: i64) -> Result<u64, StoreError> {
    let mut deleted = 0;
    for blob in blobs {
        let gone = sqlx::query("DELETE FROM blobs WHERE digest = $1 AND touched_unix_ms < $2")
            .bind(bytes(blob))
            .bind(before_unix_ms)
            .execute(&mut *write.tx)
            .await
            .map_err(failed(write.action))?;
        if gone.rows_affected() > 0 {
            deleted += 1;
            sqlx::query("DELETE FROM sealed WHERE digest = $1")
                .bind(bytes(blob))
                .execute(&mut *write.tx)
                .await
                .map_err(failed(write.action))?;
        }
    }
    Ok(deleted)
}

/// Compresses what is missing, away from the threads that serve everybody.
async fn compress(
    blobs: Vec<Vec<u8>>,
    references: &[BlobRef],
    mut missing: BTreeSet<Digest>,
) -> Result<Vec<(BlobRef, Vec<u8>)>, StoreError> {
    let wanted: Vec<(BlobRef, Vec<u8>)> =
        references.iter().copied().zip(blobs).filter(|(reference, _)| missing.remove(&reference.digest)).collect();
    tokio::task::spawn_blocking(move || {
        wanted
            .into_iter()
            .map(|(reference, blob)| pack(&blob).map(|zstd| (reference, zstd)))
            .collect::<Result<Vec<_>, _>>()
    })
    .await
    .map_err(|error| StoreError::Backend { action: "compress blobs", source: error.into() })?
}
