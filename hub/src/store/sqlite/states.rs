//! State reports in SQL.

use std::collections::BTreeSet;

use skerry_common::id::{ApplicationName, ClusterId, ClusterName};
use skerry_common::report::{ApplicationReport, BundleMark};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Sqlite};

use super::clusters::place;
use super::{SqliteStore, Write, digest, failed, get, json, page, parse, position, to_json, unsigned};
use crate::store::states::{
    ApplicationQuery, ApplicationRange, ApplicationState, ClusterState, Scope, StateStore, StateUpdate, empty_state,
    fold, observed_at,
};
use crate::store::{StoreError, column};

/// Clusters asked for in one statement: well below what databases allow as parameters.
const STATES_AT_ONCE: usize = 500;

impl StateStore for SqliteStore {
    async fn put_states(&self, updates: Vec<StateUpdate>) -> Result<(), StoreError> {
        let mut write = self.write("store state reports").await?;
        for update in updates {
            put(&mut write, update).await?;
        }
        write.commit().await
    }

    async fn state(&self, cluster: &ClusterId) -> Result<Option<ClusterState>, StoreError> {
        Ok(self.states(std::slice::from_ref(cluster)).await?.pop())
    }

    async fn states(&self, clusters: &[ClusterId]) -> Result<Vec<ClusterState>, StoreError> {
        let mut states = Vec::with_capacity(clusters.len());
        for some in clusters.chunks(STATES_AT_ONCE) {
            let mut sql = QueryBuilder::<Sqlite>::new("SELECT * FROM cluster_states WHERE cluster IN (");
            let mut list = sql.separated(", ");
            for cluster in some {
                list.push_bind(cluster.as_str().to_owned());
            }
            sql.push(")");
            let rows = sql.build().fetch_all(self.readers()).await.map_err(failed("read state reports"))?;
            for row in &rows {
                states.push(state(row)?);
            }
        }
        Ok(states)
    }

    async fn sections(&self, clusters: &[ClusterId]) -> Result<Vec<ApplicationState>, StoreError> {
        let mut sections = Vec::with_capacity(clusters.len());
        for some in clusters.chunks(STATES_AT_ONCE) {
            let mut sql = QueryBuilder::<Sqlite>::new("SELECT * FROM application_states WHERE cluster IN (");
            let mut list = sql.separated(", ");
            for cluster in some {
                list.push_bind(cluster.as_str().to_owned());
            }
            sql.push(")");
            let rows = sql.build().fetch_all(self.readers()).await.map_err(failed("read applications"))?;
            for row in &rows {
                sections.push(application(row)?);
            }
        }
        Ok(sections)
    }

    async fn applications(&self, query: &ApplicationQuery) -> Result<Vec<ApplicationState>, StoreError> {
        let mut sql = QueryBuilder::<Sqlite>::new("SELECT * FROM application_states WHERE ");
        match &query.range {
            ApplicationRange::ByName(after) => {
                let (application, cluster) =
                    after.as_ref().map_or(("", ""), |(application, cluster)| (application.as_str(), cluster.as_str()));
                sql.push("(application, cluster_name) > (").push_bind(application.to_owned());
                sql.push(", ").push_bind(cluster.to_owned()).push(")");
            }
            ApplicationRange::Changed(after) => {
                sql.push("position > ").push_bind(column("position", after.0)?);
            }
        }
        if let Some(cluster) = &query.cluster {
            sql.push(" AND cluster = ").push_bind(cluster.as_str().to_owned());
        }
        if let Some(application) = &query.application {
            sql.push(" AND application = ").push_bind(application.as_str().to_owned());
        }
        sql.push(match query.range {
            ApplicationRange::ByName(_) => " ORDER BY application, cluster_name LIMIT ",
            ApplicationRange::Changed(_) => " ORDER BY position LIMIT ",
        });
        sql.push_bind(page(query.limit));
        let rows = sql.build().fetch_all(self.readers()).await.map_err(failed("list applications"))?;
        rows.iter().map(application).collect()
    }
}

async fn put(write: &mut Write<'_>, update: StateUpdate) -> Result<(), StoreError> {
    let row = sqlx::query("SELECT name FROM clusters WHERE id = $1")
        .bind(update.cluster.as_str())
        .fetch_optional(&mut *write.tx)
        .await
        .map_err(failed(write.action))?;
    let Some(row) = row else { return Ok(()) };
    let name = parse(&row, "name", ClusterName::parse)?;
    for report in &update.applications {
        put_section(write, &update, &name, report).await?;
    }
    for gone in sections_gone(write, &update).await? {
        sqlx::query("DELETE FROM application_states WHERE cluster = $1 AND application = $2")
            .bind(update.cluster.as_str())
            .bind(gone.as_str())
            .execute(&mut *write.tx)
            .await
            .map_err(failed(write.action))?;
    }
    let mut folded = empty_state(&update);
    let sections = sqlx::query("SELECT report, observed_unix_ms FROM application_states WHERE cluster = $1")
        .bind(update.cluster.as_str())
        .fetch_all(&mut *write.tx)
        .await
        .map_err(failed(write.action))?;
    for row in &sections {
        fold(&mut folded, &json::<ApplicationReport>(row, "report")?, get(row, "observed_unix_ms")?);
    }
    put_folded(write, &folded).await?;
    let position = write.next().await?;
    sqlx::query("UPDATE clusters SET position = $2 WHERE id = $1")
        .bind(update.cluster.as_str())
        .bind(position)
        .execute(&mut *write.tx)
        .await
        .map_err(failed(write.action))?;
    Ok(())
}

async fn put_section(
    write: &mut Write<'_>,
    update: &StateUpdate,
    name: &ClusterName,
    report: &ApplicationReport,
) -> Result<(), StoreError> {
    let position = write.next().await?;
    sqlx::query(
        "INSERT INTO application_states (cluster, application, cluster_name, observed_unix_ms, received_unix_ms, \
         position, report) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (cluster, application) DO UPDATE SET \
         observed_unix_ms = $4, received_unix_ms = $5, position = $6, report = $7",
    )
    .bind(update.cluster.as_str())
    .bind(report.application.as_str())
    .bind(name.as_str())
    .bind(observed_at(update.received_unix_ms, report.age_ms))
    .bind(update.received_unix_ms)
    .bind(position)
    .bind(to_json("report", report)?)
    .execute(&mut *write.tx)
    .await
    .map_err(failed(write.action))?;
    Ok(())
}

/// Which stored sections no longer exist there.
async fn sections_gone(write: &mut Write<'_>, update: &StateUpdate) -> Result<Vec<ApplicationName>, StoreError> {
    if update.scope == Scope::Changes {
        return Ok(update.removed.clone());
    }
    let told: BTreeSet<&ApplicationName> = update.applications.iter().map(|report| &report.application).collect();
    let rows = sqlx::query("SELECT application FROM application_states WHERE cluster = $1")
        .bind(update.cluster.as_str())
        .fetch_all(&mut *write.tx)
        .await
        .map_err(failed(write.action))?;
    let stored = rows.iter().map(|row| parse(row, "application", ApplicationName::parse));
    stored.filter(|name| name.as_ref().map_or(true, |name| !told.contains(name))).collect()
}

async fn put_folded(write: &mut Write<'_>, state: &ClusterState) -> Result<(), StoreError> {
    let number = |what, mark: Option<BundleMark>, part: fn(BundleMark) -> u64| {
        mark.map(|mark| column(what, part(mark))).transpose()
    };
    let root = |mark: Option<BundleMark>| mark.map(|mark| mark.root.as_bytes().to_vec());
    sqlx::query(
        "INSERT INTO cluster_states (cluster, received_unix_ms, observed_unix_ms, current_epoch, current_generation, \
         current_root, applied_epoch, applied_generation, applied_root, sync, health, counts, drift, applications, \
         conditions, held_prunes) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) \
         ON CONFLICT (cluster) DO UPDATE SET received_unix_ms = $2, observed_unix_ms = $3, current_epoch = $4, \
         current_generation = $5, current_root = $6, applied_epoch = $7, applied_generation = $8, applied_root = $9, \
         sync = $10, health = $11, counts = $12, drift = $13, applications = $14, conditions = $15, held_prunes = $16",
    )
    .bind(state.cluster.as_str())
    .bind(state.received_unix_ms)
    .bind(state.observed_unix_ms)
    .bind(number("epoch", state.current, |mark| mark.place.epoch.0)?)
    .bind(number("generation", state.current, |mark| mark.place.generation.0)?)
    .bind(root(state.current))
    .bind(number("epoch", state.applied, |mark| mark.place.epoch.0)?)
    .bind(number("generation", state.applied, |mark| mark.place.generation.0)?)
    .bind(root(state.applied))
    .bind(to_json("sync", &state.sync)?)
    .bind(to_json("health", &state.health)?)
    .bind(to_json("counts", &state.counts)?)
    .bind(column("drift", state.drift)?)
    .bind(column("applications", state.applications)?)
    .bind(to_json("conditions", &state.conditions)?)
    .bind(to_json("held_prunes", &state.held_prunes)?)
    .execute(&mut *write.tx)
    .await
    .map_err(failed(write.action))?;
    Ok(())
}

fn state(row: &SqliteRow) -> Result<ClusterState, StoreError> {
    let mark = |epoch, generation, root| {
        place(row, epoch, generation)?.map(|place| Ok(BundleMark { place, root: digest(row, root)? })).transpose()
    };
    Ok(ClusterState {
        cluster: parse(row, "cluster", ClusterId::parse)?,
        received_unix_ms: get(row, "received_unix_ms")?,
        observed_unix_ms: get(row, "observed_unix_ms")?,
        current: mark("current_epoch", "current_generation", "current_root")?,
        applied: mark("applied_epoch", "applied_generation", "applied_root")?,
        sync: json(row, "sync")?,
        health: json(row, "health")?,
        counts: json(row, "counts")?,
        drift: unsigned(row, "drift")?,
        applications: unsigned(row, "applications")?,
        conditions: json(row, "conditions")?,
        held_prunes: json(row, "held_prunes")?,
    })
}

fn application(row: &SqliteRow) -> Result<ApplicationState, StoreError> {
    Ok(ApplicationState {
        cluster: parse(row, "cluster", ClusterId::parse)?,
        cluster_name: parse(row, "cluster_name", ClusterName::parse)?,
        report: json(row, "report")?,
        observed_unix_ms: get(row, "observed_unix_ms")?,
        received_unix_ms: get(row, "received_unix_ms")?,
        position: position(row, "position")?,
    })
}
