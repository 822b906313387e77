//! Bundle roots in SQL.

use skerry_common::bundle::digest::Digest;
use skerry_common::bundle::signature::{KeyId, Signature};
use skerry_common::id::{ClusterId, Epoch, Generation, Place};
use skerry_common::report::BundleMark;
use sqlx::sqlite::SqliteRow;

use super::clusters::place;
use super::{SqliteStore, Write, advance, bytes, counter, digest, failed, get, page, parse, unsigned};
use crate::store::bundles::{BundleStore, Reservation, Reserve, StoredRoot};
use crate::store::{StoreError, column};

/// One cluster's roots, newest first.
const NEWEST_FIRST: &str = "SELECT * FROM roots WHERE cluster = $1 ORDER BY epoch DESC, generation DESC LIMIT 1";

impl BundleStore for SqliteStore {
    async fn reserve(&self, reservation: Reservation) -> Result<Reserve, StoreError> {
        let mut write = self.write("reserve a generation").await?;
        let digest = Digest::of(&reservation.payload);
        let row = sqlx::query(NEWEST_FIRST)
            .bind(reservation.cluster.as_str())
            .fetch_optional(&mut *write.tx)
            .await
            .map_err(failed(write.action))?;
        let newest = row.as_ref().map(root).transpose()?.map(|root| root.mark());
        if newest == Some(BundleMark { place: reservation.place, root: digest }) {
            return Ok(Reserve::Reserved);
        }
        let highest = highest(&mut write, &reservation.cluster).await?;
        let follows = newest.map(|mark| mark.root) == reservation.parent
            && newest.is_none_or(|mark| mark.place < reservation.place)
            && highest.is_none_or(|seen| seen < reservation.place);
        if !follows || counter(&mut write, "blobs_swept").await? != reservation.sweeps {
            return Ok(Reserve::Conflict { newest, highest });
        }
        insert(&mut write, &reservation, &digest).await?;
        trim(&mut write, &reservation).await?;
        write.commit().await?;
        Ok(Reserve::Reserved)
    }

    async fn attach_signature(
        &self,
        cluster: &ClusterId,
        mark: BundleMark,
        signature: Signature,
        now_unix_ms: i64,
    ) -> Result<bool, StoreError> {
        let mut write = self.write("publish a bundle root").await?;
        let position = write.next().await?;
        let updated = sqlx::query(
            "UPDATE roots SET key_id = $5, signature = $6, published_unix_ms = $7 \
             WHERE cluster = $1 AND epoch = $2 AND generation = $3 AND digest = $4 \
             AND (signature IS NULL OR signature = $6)",
        )
        .bind(cluster.as_str())
        .bind(column("epoch", mark.place.epoch.0)?)
        .bind(column("generation", mark.place.generation.0)?)
        .bind(bytes(&mark.root))
        .bind(&signature.keyid.0)
        .bind(&signature.sig)
        .bind(now_unix_ms)
        .execute(&mut *write.tx)
        .await
        .map_err(failed(write.action))?;
        if updated.rows_affected() == 0 {
            return Ok(false);
        }
        sqlx::query("UPDATE clusters SET position = $2 WHERE id = $1")
            .bind(cluster.as_str())
            .bind(position)
            .execute(&mut *write.tx)
            .await
            .map_err(failed(write.action))?;
        write.commit().await?;
        Ok(true)
    }

    async fn unsigned(&self) -> Result<Vec<StoredRoot>, StoreError> {
        let rows = sqlx::query("SELECT * FROM roots WHERE signature IS NULL ORDER BY cluster, epoch, generation")
            .fetch_all(self.readers())
            .await
            .map_err(failed("list unsigned bundle roots"))?;
        rows.iter().map(root).collect()
    }

    async fn newest(&self, cluster: &ClusterId) -> Result<Option<StoredRoot>, StoreError> {
        let row = sqlx::query(
            "SELECT * FROM roots WHERE cluster = $1 AND signature IS NOT NULL \
             ORDER BY epoch DESC, generation DESC LIMIT 1",
        )
        .bind(cluster.as_str())
        .fetch_optional(self.readers())
        .await
        .map_err(failed("read the newest bundle root"))?;
        row.as_ref().map(root).transpose()
    }

    async fn newest_reserved(&self, cluster: &ClusterId) -> Result<Option<StoredRoot>, StoreError> {
        let row = sqlx::query(NEWEST_FIRST)
            .bind(cluster.as_str())
            .fetch_optional(self.readers())
            .await
            .map_err(failed("read the newest bundle root"))?;
        row.as_ref().map(root).transpose()
    }

    async fn targets(&self, clusters: &[ClusterId]) -> Result<Vec<(ClusterId, BundleMark)>, StoreError> {
        let action = "read the newest bundle roots";
        let mut connection = self.readers().acquire().await.map_err(failed(action))?;
        let mut targets = Vec::with_capacity(clusters.len());
        for cluster in clusters {
            let row = sqlx::query(
                "SELECT epoch, generation, digest FROM roots WHERE cluster = $1 AND signature IS NOT NULL \
                 ORDER BY epoch DESC, generation DESC LIMIT 1",
            )
            .bind(cluster.as_str())
            .fetch_optional(&mut *connection)
            .await
            .map_err(failed(action))?;
            let Some(row) = row else { continue };
            let place =
                Place { epoch: Epoch(unsigned(&row, "epoch")?), generation: Generation(unsigned(&row, "generation")?) };
            targets.push((cluster.clone(), BundleMark { place, root: digest(&row, "digest")? }));
        }
        Ok(targets)
    }

    async fn put_verdict(&self, cluster: &ClusterId, root: Digest, refused: Option<String>) -> Result<(), StoreError> {
        let mut write = self.write("store a verdict").await?;
        let position = write.next().await?;
        sqlx::query("UPDATE clusters SET refused_root = $2, refused = $3, position = $4 WHERE id = $1")
            .bind(cluster.as_str())
            .bind(refused.as_ref().map(|_| bytes(&root)))
            .bind(&refused)
            .bind(position)
            .execute(&mut *write.tx)
            .await
            .map_err(failed(write.action))?;
        write.commit().await
    }

    async fn root(&self, cluster: &ClusterId, place: Place) -> Result<Option<StoredRoot>, StoreError> {
        let row = sqlx::query(
            "SELECT * FROM roots WHERE cluster = $1 AND epoch = $2 AND generation = $3 AND signature IS NOT NULL",
        )
        .bind(cluster.as_str())
        .bind(column("epoch", place.epoch.0)?)
        .bind(column("generation", place.generation.0)?)
        .fetch_optional(self.readers())
        .await
        .map_err(failed("read a bundle root"))?;
        row.as_ref().map(root).transpose()
    }

    async fn history(&self, cluster: &ClusterId) -> Result<Vec<StoredRoot>, StoreError> {
        let rows = sqlx::query(
            "SELECT * FROM roots WHERE cluster = $1 AND signature IS NOT NULL ORDER BY epoch DESC, generation DESC",
        )
        .bind(cluster.as_str())
        .fetch_all(self.readers())
        .await
        .map_err(failed("list bundle roots"))?;
        rows.iter().map(root).collect()
    }

    async fn roots_after(&self, after: u64, limit: usize) -> Result<Vec<StoredRoot>, StoreError> {
        let rows = sqlx::query("SELECT * FROM roots WHERE reserved_order > $1 ORDER BY reserved_order LIMIT $2")
            .bind(column("order", after)?)
            .bind(page(limit))
            .fetch_all(self.readers())
            .await
            .map_err(failed("list bundle roots"))?;
        rows.iter().map(root).collect()
    }
}

async fn highest(write: &mut Write<'_>, cluster: &ClusterId) -> Result<Option<Place>, StoreError> {
    let row = sqlx::query("SELECT highest_epoch, highest_generation FROM clusters WHERE id = $1")
        .bind(cluster.as_str())
        .fetch_optional(&mut *write.tx)
        .await
        .map_err(failed(write.action))?;
    row.as_ref().map_or(Ok(None), |row| place(row, "highest_epoch", "highest_generation"))
}

async fn insert(write: &mut Write<'_>, reservation: &Reservation, digest: &Digest) -> Result<(), StoreError> {
    let order = advance(write, "roots_reserved").await?;
    sqlx::query(
        "INSERT INTO roots (cluster, epoch, generation, digest, payload, reserved_unix_ms, reserved_order) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(reservation.cluster.as_str())
    .bind(column("epoch", reservation.place.epoch.0)?)
    .bind(column("generation", reservation.place.generation.0)?)
    .bind(bytes(digest))
    .bind(&reservation.payload)
    .bind(reservation.now_unix_ms)
    .bind(order)
    .execute(&mut *write.tx)
    .await
    .map_err(failed(write.action))?;
    Ok(())
}

/// Drops the oldest roots, but never the newest published one.
async fn trim(write: &mut Write<'_>, reservation: &Reservation) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM roots WHERE cluster = $1 \
         AND (epoch, generation) NOT IN (SELECT epoch, generation FROM roots WHERE cluster = $1 \
              ORDER BY epoch DESC, generation DESC LIMIT $2) \
         AND (epoch, generation) NOT IN (SELECT epoch, generation FROM roots WHERE cluster = $1 \
              AND signature IS NOT NULL ORDER BY epoch DESC, generation DESC LIMIT 1)",
    )
    .bind(reservation.cluster.as_str())
    .bind(i64::from(reservation.roots_kept))
    .execute(&mut *write.tx)
    .await
    .map_err(failed(write.action))?;
    Ok(())
}

fn root(row: &SqliteRow) -> Result<StoredRoot, StoreError> {
    let payload: Vec<u8> = get(row, "payload")?;
    let digest = digest(row, "digest")?;
    if Digest::of(&payload) != digest {
        return Err(StoreError::Damaged { what: "payload", detail: format!("it does not hash to {digest}") });
    }
    let signature = match (get(row, "key_id")?, get(row, "signature")?) {
        (Some(key_id), Some(sig)) => Some(Signature { keyid: KeyId(key_id), sig }),
        _ => None,
    };
    Ok(StoredRoot {
        cluster: parse(row, "cluster", ClusterId::parse)?,
        place: Place { epoch: Epoch(unsigned(row, "epoch")?), generation: Generation(unsigned(row, "generation")?) },
        digest,
        payload,
        signature,
        order: unsigned(row, "reserved_order")?,
        reserved_unix_ms: get(row, "reserved_unix_ms")?,
        published_unix_ms: get(row, "published_unix_ms")?,
    })
}
