//! Journals, events and drifts in SQL.

use serde::{Deserialize, Serialize};
use skerry_common::id::{ApplicationName, ClusterId, Incarnation, Sequence};
use skerry_common::journal::{Drift, Event, JournalEntry};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, Sqlite};

use super::{SqliteStore, Write, failed, get, json, page, parse, position, retention, to_json, unsigned};
use crate::store::journal::{
    DriftFilter, DriftQuery, DriftRecord, EventQuery, EventRecord, HubEvent, JournalStore, Range, What, kind_of,
};
use crate::store::{Position, StoreError, column};

impl JournalStore for SqliteStore {
    async fn append(
        &self,
        cluster: &ClusterId,
        incarnation: Incarnation,
        entries: &[JournalEntry],
        now_unix_ms: i64,
    ) -> Result<Sequence, StoreError> {
        let journal = Journal { cluster, incarnation, now_unix_ms };
        let mut write = self.write("store journal entries").await?;
        let mark = journal.mark(&mut write).await?;
        let mut through = mark;
        for entry in entries {
            if entry.sequence > through {
                journal.insert(&mut write, entry).await?;
                through = entry.sequence;
            }
        }
        if through == mark {
            return Ok(mark);
        }
        journal.raise_mark(&mut write, through).await?;
        retention::trim_events(&mut write, Some(cluster)).await?;
        if entries.iter().any(|entry| matches!(entry.event, Event::Drift(_))) {
            retention::trim_drifts(&mut write, cluster).await?;
        }
        write.commit().await?;
        Ok(through)
    }

    async fn mark(&self, cluster: &ClusterId, incarnation: Incarnation) -> Result<Sequence, StoreError> {
        let row = sqlx::query(SELECT_MARK)
            .bind(cluster.as_str())
            .bind(incarnation.0.cast_signed())
            .fetch_optional(self.readers())
            .await
            .map_err(failed("read a journal's mark"))?;
        row.map_or(Ok(Sequence(0)), |row| unsigned(&row, "through").map(Sequence))
    }

    async fn record(
        &self,
        cluster: Option<&ClusterId>,
        event: HubEvent,
        now_unix_ms: i64,
    ) -> Result<Position, StoreError> {
        let mut write = self.write("record an event").await?;
        let position = write.next().await?;
        sqlx::query(
            "INSERT INTO events (position, cluster, at_unix_ms, received_unix_ms, kind, body) \
             VALUES ($1, $2, $3, $3, $4, $5)",
        )
        .bind(position)
        .bind(cluster.map(ClusterId::as_str))
        .bind(now_unix_ms)
        .bind(event.kind())
        .bind(to_json("event", &Body::Hub(event.clone()))?)
        .execute(&mut *write.tx)
        .await
        .map_err(failed(write.action))?;
        retention::trim_events(&mut write, cluster).await?;
        let drawn = write.drawn.unwrap_or_default();
        write.commit().await?;
        Ok(drawn)
    }

    async fn events(&self, query: &EventQuery) -> Result<Vec<EventRecord>, StoreError> {
        let mut sql = QueryBuilder::<Sqlite>::new("SELECT * FROM events WHERE ");
        push_range(&mut sql, query.range)?;
        if let Some(cluster) = &query.cluster {
            sql.push(" AND cluster = ").push_bind(cluster.as_str().to_owned());
        }
        push_order(&mut sql, query.range, query.limit);
        let rows = sql.build().fetch_all(self.readers()).await.map_err(failed("list events"))?;
        rows.iter().map(event).collect()
    }

    async fn dropped_events(&self, cluster: Option<&ClusterId>) -> Result<Vec<(String, u64)>, StoreError> {
        let rows = sqlx::query("SELECT kind, dropped FROM dropped_events WHERE cluster = $1 ORDER BY kind")
            .bind(cluster.map_or("", ClusterId::as_str))
            .fetch_all(self.readers())
            .await
            .map_err(failed("count dropped events"))?;
        rows.iter().map(|row| Ok((get(row, "kind")?, unsigned(row, "dropped")?))).collect()
    }

    async fn dropped_through(&self) -> Result<Position, StoreError> {
        let row = sqlx::query("SELECT value FROM counters WHERE name = 'events_dropped_through'")
            .fetch_one(self.readers())
            .await
            .map_err(failed("read which events were dropped"))?;
        position(&row, "value")
    }

    async fn drifts(&self, query: &DriftQuery) -> Result<Vec<DriftRecord>, StoreError> {
        let mut sql = QueryBuilder::<Sqlite>::new("SELECT * FROM drifts WHERE ");
        push_range(&mut sql, query.range)?;
        if let Some(cluster) = &query.cluster {
            sql.push(" AND cluster = ").push_bind(cluster.as_str().to_owned());
        }
        if let Some(application) = &query.application {
            sql.push(" AND application = ").push_bind(application.as_str().to_owned());
        }
        if query.which == DriftFilter::Open {
            sql.push(" AND outcome IS NULL");
        }
        push_order(&mut sql, query.range, query.limit);
        let rows = sql.build().fetch_all(self.readers()).await.map_err(failed("list drifts"))?;
        rows.iter().map(drift).collect()
    }
}

const SELECT_MARK: &str = "SELECT through FROM journal_marks WHERE cluster = $1 AND incarnation = $2";

/// One agent's journal while entries of it are stored. Incarnations are drawn at random, so all 64
/// bits are used: they are stored as they are, and only ever compared for equality.
struct Journal<'a> {
    cluster: &'a ClusterId,
    incarnation: Incarnation,
    now_unix_ms: i64,
}

impl Journal<'_> {
    async fn mark(&self, write: &mut Write<'_>) -> Result<Sequence, StoreError> {
        let row = sqlx::query(SELECT_MARK)
            .bind(self.cluster.as_str())
            .bind(self.incarnation.0.cast_signed())
            .fetch_optional(&mut *write.tx)
            .await
            .map_err(failed(write.action))?;
        row.map_or(Ok(Sequence(0)), |row| unsigned(&row, "through").map(Sequence))
    }

    async fn raise_mark(&self, write: &mut Write<'_>, through: Sequence) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO journal_marks (cluster, incarnation, through) VALUES ($1, $2, $3) \
             ON CONFLICT (cluster, incarnation) DO UPDATE SET through = $3",
        )
        .bind(self.cluster.as_str())
        .bind(self.incarnation.0.cast_signed())
        .bind(column("sequence", through.0)?)
        .execute(&mut *write.tx)
        .await
        .map_err(failed(write.action))?;
        Ok(())
    }

    async fn insert(&self, write: &mut Write<'_>, entry: &JournalEntry) -> Result<(), StoreError> {
        let position = write.next().await?;
        sqlx::query(
            "INSERT INTO events (position, cluster, incarnation, sequence, at_unix_ms, received_unix_ms, kind, body) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(position)
        .bind(self.cluster.as_str())
        .bind(self.incarnation.0.cast_signed())
        .bind(column("sequence", entry.sequence.0)?)
        .bind(entry.at_unix_ms)
        .bind(self.now_unix_ms)
        .bind(kind_of(&entry.event))
        .bind(to_json("event", &Body::Agent(entry.event.clone()))?)
        .execute(&mut *write.tx)
        .await
        .map_err(failed(write.action))?;
        if let Event::Drift(drift) = &entry.event {
            self.open_drift(write, entry, drift).await?;
        }
        if let Event::DriftClosed { drift, outcome } = &entry.event {
            self.close_drift(write, *drift, to_json("outcome", outcome)?, entry.at_unix_ms).await?;
        }
        Ok(())
    }

    /// One row per field. The same field of the same version of the same object is listed once,
    /// whichever life of the journal tells of it.
    async fn open_drift(&self, write: &mut Write<'_>, entry: &JournalEntry, drift: &Drift) -> Result<(), StoreError> {
        for field in &drift.fields {
            let position = write.next().await?;
            sqlx::query(
                "INSERT INTO drifts (cluster, uid, resource_version, path, incarnation, sequence, position, \
                 application, object, kind, manager, detected_unix_ms) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
                 ON CONFLICT (cluster, uid, resource_version, path) DO NOTHING",
            )
            .bind(self.cluster.as_str())
            .bind(&drift.uid)
            .bind(&drift.resource_version)
            .bind(&field.path)
            .bind(self.incarnation.0.cast_signed())
            .bind(column("sequence", entry.sequence.0)?)
            .bind(position)
            .bind(drift.application.as_str())
            .bind(to_json("object", &drift.object)?)
            .bind(to_json("kind", &field.kind)?)
            .bind(&field.manager)
            .bind(entry.at_unix_ms)
            .execute(&mut *write.tx)
            .await
            .map_err(failed(write.action))?;
        }
        Ok(())
    }

    async fn close_drift(
        &self,
        write: &mut Write<'_>,
        opened_by: Sequence,
        outcome: String,
        at_unix_ms: i64,
    ) -> Result<(), StoreError> {
        let rows = sqlx::query(
            "SELECT position FROM drifts WHERE cluster = $1 AND incarnation = $2 AND sequence = $3 AND outcome IS NULL",
        )
        .bind(self.cluster.as_str())
        .bind(self.incarnation.0.cast_signed())
        .bind(column("sequence", opened_by.0)?)
        .fetch_all(&mut *write.tx)
        .await
        .map_err(failed(write.action))?;
        for row in rows {
            let old: i64 = row.try_get("position").map_err(failed(write.action))?;
            let position = write.next().await?;
            sqlx::query("UPDATE drifts SET outcome = $2, closed_unix_ms = $3, position = $4 WHERE position = $1")
                .bind(old)
                .bind(&outcome)
                .bind(at_unix_ms)
                .bind(position)
                .execute(&mut *write.tx)
                .await
                .map_err(failed(write.action))?;
        }
        Ok(())
    }
}

/// The stored form of an event.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Body {
    Agent(Event),
    Hub(HubEvent),
}

fn push_range(sql: &mut QueryBuilder<Sqlite>, range: Range) -> Result<(), StoreError> {
    match range {
        Range::After(after) => sql.push("position > ").push_bind(column("position", after.0)?),
        Range::Before(Some(before)) => sql.push("position < ").push_bind(column("position", before.0)?),
        Range::Before(None) => sql.push("position > 0"),
    };
    Ok(())
}

fn push_order(sql: &mut QueryBuilder<Sqlite>, range: Range, limit: usize) {
    sql.push(match range {
        Range::After(_) => " ORDER BY position LIMIT ",
        Range::Before(_) => " ORDER BY position DESC LIMIT ",
    });
    sql.push_bind(page(limit));
}

fn event(row: &SqliteRow) -> Result<EventRecord, StoreError> {
    let cluster: Option<&str> = get(row, "cluster")?;
    let what = match json(row, "body")? {
        Body::Hub(event) => What::Hub(event),
        Body::Agent(event) => What::Agent {
            incarnation: Incarnation(get::<i64>(row, "incarnation")?.cast_unsigned()),
            sequence: Sequence(unsigned(row, "sequence")?),
            event,
        },
    };
    Ok(EventRecord {
        position: position(row, "position")?,
        cluster: cluster.map(|_| parse(row, "cluster", ClusterId::parse)).transpose()?,
        at_unix_ms: get(row, "at_unix_ms")?,
        received_unix_ms: get(row, "received_unix_ms")?,
        what,
    })
}

fn drift(row: &SqliteRow) -> Result<DriftRecord, StoreError> {
    let outcome: Option<&str> = get(row, "outcome")?;
    let closed: Option<i64> = get(row, "closed_unix_ms")?;
    Ok(DriftRecord {
        position: position(row, "position")?,
        cluster: parse(row, "cluster", ClusterId::parse)?,
        incarnation: Incarnation(get::<i64>(row, "incarnation")?.cast_unsigned()),
        sequence: Sequence(unsigned(row, "sequence")?),
        application: parse(row, "application", ApplicationName::parse)?,
        object: json(row, "object")?,
        uid: get(row, "uid")?,
        resource_version: get(row, "resource_version")?,
        path: get(row, "path")?,
        kind: json(row, "kind")?,
        manager: get(row, "manager")?,
        detected_unix_ms: get(row, "detected_unix_ms")?,
        closed: match (outcome, closed) {
            (Some(_), Some(at)) => Some((json(row, "outcome")?, at)),
            _ => None,
        },
    })
}
