//! Bounds on what is kept of the past: what is dropped is counted.

use skerry_common::id::ClusterId;
use sqlx::{QueryBuilder, Sqlite};

use super::{Write, failed, get};
use crate::store::journal::{DRIFTS_PER_CLUSTER_MAX, EVENTS_MAX, EVENTS_PER_CLUSTER_MAX};
use crate::store::{StoreError, column};

/// Whose events.
#[derive(Clone, Copy)]
enum Owner<'a> {
    Cluster(&'a ClusterId),
    Hub,
    Everybody,
}

impl Owner<'_> {
    /// Adds the condition; each form is one that an index answers.
    fn push(self, sql: &mut QueryBuilder<Sqlite>) {
        match self {
            Self::Cluster(id) => sql.push(" AND cluster = ").push_bind(id.as_str().to_owned()),
            Self::Hub => sql.push(" AND cluster IS NULL"),
            Self::Everybody => sql,
        };
    }
}

/// Drops a cluster's (or the hub's) oldest events, then the oldest of all.
pub(super) async fn trim_events(write: &mut Write<'_>, cluster: Option<&ClusterId>) -> Result<(), StoreError> {
    let owner = cluster.map_or(Owner::Hub, Owner::Cluster);
    let mut sql = QueryBuilder::<Sqlite>::new("SELECT position FROM events WHERE position > 0");
    owner.push(&mut sql);
    sql.push(" ORDER BY position DESC LIMIT 1 OFFSET ").push_bind(column("events", EVENTS_PER_CLUSTER_MAX)?);
    let newest_dropped = sql.build().fetch_optional(&mut *write.tx).await.map_err(failed(write.action))?;
    if let Some(row) = newest_dropped {
        let through: i64 = get(&row, "position")?;
        drop_through(write, through, owner).await?;
    }
    // Positions are drawn for other things too, so at most as many events lie above this one.
    let newest = write.drawn.unwrap_or_default().0;
    let Some(through) = newest.checked_sub(EVENTS_MAX).filter(|through| *through > 0) else { return Ok(()) };
    drop_through(write, column("position", through)?, Owner::Everybody).await
}

/// Counts and deletes events up to a position.
async fn drop_through(write: &mut Write<'_>, through: i64, owner: Owner<'_>) -> Result<(), StoreError> {
    let mut sql = QueryBuilder::<Sqlite>::new(
        "INSERT INTO dropped_events (cluster, kind, dropped) \
         SELECT COALESCE(cluster, ''), kind, COUNT(*) FROM events WHERE position <= ",
    );
    sql.push_bind(through);
    owner.push(&mut sql);
    sql.push(
        " GROUP BY COALESCE(cluster, ''), kind \
         ON CONFLICT (cluster, kind) DO UPDATE SET dropped = dropped_events.dropped + excluded.dropped",
    );
    let counted = sql.build().execute(&mut *write.tx).await.map_err(failed(write.action))?;
    if counted.rows_affected() == 0 {
        return Ok(());
    }
    let mut sql = QueryBuilder::<Sqlite>::new("DELETE FROM events WHERE position <= ");
    sql.push_bind(through);
    owner.push(&mut sql);
    sql.build().execute(&mut *write.tx).await.map_err(failed(write.action))?;
    sqlx::query("UPDATE counters SET value = $1 WHERE name = 'events_dropped_through' AND value < $1")
        .bind(through)
        .execute(&mut *write.tx)
        .await
        .map_err(failed(write.action))?;
    Ok(())
}

/// Drops a cluster's oldest drifts, closed ones first.
pub(super) async fn trim_drifts(write: &mut Write<'_>, cluster: &ClusterId) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM drifts WHERE position IN (SELECT position FROM drifts WHERE cluster = $1 \
         ORDER BY CASE WHEN outcome IS NULL THEN 0 ELSE 1 END, position DESC LIMIT 1000 OFFSET $2)",
    )
    .bind(cluster.as_str())
    .bind(column("drifts", DRIFTS_PER_CLUSTER_MAX)?)
    .execute(&mut *write.tx)
    .await
    .map_err(failed(write.action))?;
    Ok(())
}
