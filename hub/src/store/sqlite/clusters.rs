//! Clusters in SQL: reading, and what agents tell of themselves.

use skerry_common::bundle::digest::Digest;
use skerry_common::id::{ClusterId, ClusterName, Epoch, Generation, Place};
use skerry_common::report::Facts;
use skerry_common::status::{Contact, ContactBounds};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Sqlite};

use super::{SqliteStore, bytes, digest, failed, get, json, optional_digest, page, parse, position, to_json, unsigned};
use crate::store::clusters::{
    AgentFacts, CONFIRMATIONS_MAX, Certificate, CertificateStanding, ClusterQuery, ClusterRecord, ClusterStore, Heard,
    Join, JoinOutcome, JoinToken, NewCluster, Registration, Says, Standing,
};
use crate::store::{Position, StoreError, column};

/// All columns but the long list of API kinds, which only a single cluster is read with.
const COLUMNS: &str = "SELECT id, name, labels, variables, created_unix_ms, standing, certificate_serial, \
    certificate_key, certificate_issued_ms, certificate_expires_ms, sealing_key, agent_version, wire_version, \
    bundle_schemas, trust_version, kubernetes_version, platform, last_contact_unix_ms, unchanged_unix_ms, \
    highest_epoch, highest_generation, sync_requests, confirmations, position, refused_root, refused, '[]' AS api_kinds FROM clusters";

impl ClusterStore for SqliteStore {
    async fn register(&self, cluster: NewCluster, token: Option<JoinToken>) -> Result<Registration, StoreError> {
        super::enroll::register(self, cluster, token).await
    }

    async fn cluster(&self, id: &ClusterId) -> Result<Option<ClusterRecord>, StoreError> {
        let row = sqlx::query("SELECT * FROM clusters WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(self.readers())
            .await
            .map_err(failed("read a cluster"))?;
        row.as_ref().map(record).transpose()
    }

    async fn cluster_by_name(&self, name: &ClusterName) -> Result<Option<ClusterRecord>, StoreError> {
        let row = sqlx::query("SELECT * FROM clusters WHERE name = $1")
            .bind(name.as_str())
            .fetch_optional(self.readers())
            .await
            .map_err(failed("read a cluster"))?;
        row.as_ref().map(record).transpose()
    }

    async fn clusters(&self, query: &ClusterQuery) -> Result<Vec<ClusterRecord>, StoreError> {
        let mut sql = listed(query);
        let rows = sql.build().fetch_all(self.readers()).await.map_err(failed("list clusters"))?;
        rows.iter().map(record).collect()
    }

    async fn clusters_changed(&self, after: Position, limit: usize) -> Result<Vec<ClusterRecord>, StoreError> {
        let mut sql = changed(column("position", after.0)?, limit);
        let rows = sql.build().fetch_all(self.readers()).await.map_err(failed("list changed clusters"))?;
        rows.iter().map(record).collect()
    }

    async fn add_token(&self, token: JoinToken) -> Result<bool, StoreError> {
        super::enroll::add_token(self, token).await
    }

    async fn token(&self, hash: &Digest) -> Result<Option<JoinToken>, StoreError> {
        super::enroll::token(self, hash).await
    }

    async fn join(&self, join: Join) -> Result<JoinOutcome, StoreError> {
        super::enroll::join(self, join).await
    }

    async fn renew(&self, cluster: &ClusterId, certificate: Certificate) -> Result<bool, StoreError> {
        super::enroll::renew(self, cluster, certificate).await
    }

    async fn certificate(
        &self,
        serial: &str,
    ) -> Result<Option<(ClusterId, Certificate, CertificateStanding)>, StoreError> {
        super::enroll::certificate(self, serial).await
    }

    async fn revoke(&self, cluster: &ClusterId) -> Result<bool, StoreError> {
        super::enroll::revoke(self, cluster).await
    }

    async fn introduce(&self, cluster: &ClusterId, said: AgentFacts) -> Result<(), StoreError> {
        let mut write = self.write("store what an agent said of itself").await?;
        let position = write.next().await?;
        sqlx::query(
            "UPDATE clusters SET agent_version = $2, wire_version = $3, bundle_schemas = $4, trust_version = $5, \
             kubernetes_version = $6, platform = $7, api_kinds = $8, position = $9 WHERE id = $1",
        )
        .bind(cluster.as_str())
        .bind(&said.agent_version)
        .bind(i64::from(said.wire_version))
        .bind(to_json("bundle_schemas", &said.bundle_schemas)?)
        .bind(column("trust version", said.trust_version)?)
        .bind(&said.facts.kubernetes_version)
        .bind(&said.facts.platform)
        .bind(to_json("api_kinds", &said.facts.api_kinds)?)
        .bind(position)
        .execute(&mut *write.tx)
        .await
        .map_err(failed(write.action))?;
        write.commit().await
    }

    async fn touch(&self, contacts: &[Heard]) -> Result<(), StoreError> {
        let mut write = self.write("store contacts").await?;
        for Heard { cluster, at_unix_ms, says } in contacts {
            sqlx::query(
                "UPDATE clusters SET last_contact_unix_ms = $2, \
                 unchanged_unix_ms = CASE WHEN $3 THEN $2 ELSE unchanged_unix_ms END \
                 WHERE id = $1 AND COALESCE(last_contact_unix_ms, -1) < $2",
            )
            .bind(cluster.as_str())
            .bind(at_unix_ms)
            .bind(*says == Says::Unchanged)
            .execute(&mut *write.tx)
            .await
            .map_err(failed(write.action))?;
        }
        write.commit().await
    }

    async fn judge_silence(&self, now_unix_ms: i64, bounds: ContactBounds) -> Result<u64, StoreError> {
        let action = "judge silence";
        let ago = |bound: std::time::Duration| {
            now_unix_ms.saturating_sub(i64::try_from(bound.as_millis()).unwrap_or(i64::MAX))
        };
        let changed = sqlx::query(
            "SELECT id, last_contact_unix_ms AS contact FROM clusters WHERE last_contact_unix_ms IS NOT NULL AND \
             silence <> CASE WHEN last_contact_unix_ms <= $1 THEN 3 WHEN last_contact_unix_ms <= $2 THEN 2 ELSE 1 END",
        )
        .bind(ago(bounds.offline))
        .bind(ago(bounds.late))
        .fetch_all(self.readers())
        .await
        .map_err(failed(action))?;
        if changed.is_empty() {
            return Ok(0);
        }
        let mut write = self.write(action).await?;
        for row in &changed {
            let contact: i64 = get(row, "contact")?;
            let age = u64::try_from(now_unix_ms.saturating_sub(contact)).unwrap_or(0);
            let silence = silence_number(bounds.judge(std::time::Duration::from_millis(age)));
            let position = write.next().await?;
            // A cluster that spoke in between is judged again next time.
            sqlx::query("UPDATE clusters SET silence = $2, position = $3 WHERE id = $1 AND last_contact_unix_ms = $4")
                .bind(get::<&str>(row, "id")?)
                .bind(silence)
                .bind(position)
                .bind(contact)
                .execute(&mut *write.tx)
                .await
                .map_err(failed(action))?;
        }
        write.commit().await?;
        Ok(changed.len() as u64)
    }

    async fn raise_highest(&self, cluster: &ClusterId, place: Place) -> Result<(), StoreError> {
        let mut write = self.write("store the highest place seen").await?;
        // A number that was pushed past what a column holds still blocks every number below it.
        let clipped = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        sqlx::query(
            "UPDATE clusters SET highest_epoch = $2, highest_generation = $3 WHERE id = $1 AND (highest_epoch IS NULL \
             OR highest_epoch < $2 OR (highest_epoch = $2 AND highest_generation < $3))",
        )
        .bind(cluster.as_str())
        .bind(clipped(place.epoch.0))
        .bind(clipped(place.generation.0))
        .execute(&mut *write.tx)
        .await
        .map_err(failed(write.action))?;
        write.commit().await
    }

    async fn request_sync(&self, cluster: &ClusterId) -> Result<Option<u64>, StoreError> {
        let mut write = self.write("count a sync request").await?;
        let position = write.next().await?;
        let row = sqlx::query(
            "UPDATE clusters SET sync_requests = sync_requests + 1, position = $2 WHERE id = $1 RETURNING sync_requests",
        )
        .bind(cluster.as_str())
        .bind(position)
        .fetch_optional(&mut *write.tx)
        .await
        .map_err(failed(write.action))?;
        let count = row.as_ref().map(|row| unsigned(row, "sync_requests")).transpose()?;
        if count.is_some() {
            write.commit().await?;
        }
        Ok(count)
    }

    async fn confirm_prune(&self, cluster: &ClusterId, list: Digest) -> Result<bool, StoreError> {
        let mut write = self.write("confirm a prune list").await?;
        let row = sqlx::query("SELECT confirmations FROM clusters WHERE id = $1")
            .bind(cluster.as_str())
            .fetch_optional(&mut *write.tx)
            .await
            .map_err(failed(write.action))?;
        let Some(row) = row else { return Ok(false) };
        // Stored in the order of confirming, so that the oldest falls out.
        let mut lists: Vec<Digest> = json(&row, "confirmations")?;
        lists.retain(|known| *known != list);
        lists.push(list);
        lists.drain(..lists.len().saturating_sub(CONFIRMATIONS_MAX));
        let position = write.next().await?;
        sqlx::query("UPDATE clusters SET confirmations = $2, position = $3 WHERE id = $1")
            .bind(cluster.as_str())
            .bind(to_json("confirmations", &lists)?)
            .bind(position)
            .execute(&mut *write.tx)
            .await
            .map_err(failed(write.action))?;
        write.commit().await?;
        Ok(true)
    }
}

/// A page of clusters by name.
fn listed(query: &ClusterQuery) -> QueryBuilder<Sqlite> {
    let mut sql = QueryBuilder::<Sqlite>::new(COLUMNS);
    sql.push(" WHERE name > ").push_bind(query.after.as_ref().map_or("", ClusterName::as_str).to_owned());
    for (key, value) in &query.labels {
        sql.push(" AND EXISTS (SELECT 1 FROM cluster_labels AS l WHERE l.cluster = clusters.id AND l.key = ")
            .push_bind(key.clone())
            .push(" AND l.value = ")
            .push_bind(value.clone())
            .push(")");
    }
    if let Some(standing) = query.standing {
        sql.push(" AND standing = ").push_bind(standing_word(standing));
    }
    sql.push(" ORDER BY name LIMIT ").push_bind(page(query.limit));
    sql
}

/// A page of clusters by the position of their last change.
fn changed(after: i64, limit: usize) -> QueryBuilder<Sqlite> {
    let mut sql = QueryBuilder::<Sqlite>::new(COLUMNS);
    sql.push(" WHERE position > ").push_bind(after);
    sql.push(" ORDER BY position LIMIT ").push_bind(page(limit));
    sql
}

pub(super) fn standing_word(standing: Standing) -> &'static str {
    match standing {
        Standing::Pending => "pending",
        Standing::Joined => "joined",
        Standing::Revoked => "revoked",
    }
}

pub(super) fn standing(word: &str) -> Result<Standing, &'static str> {
    match word {
        "pending" => Ok(Standing::Pending),
        "joined" => Ok(Standing::Joined),
        "revoked" => Ok(Standing::Revoked),
        _ => Err("not a standing"),
    }
}

/// 0 is «never judged»; see the `CASE` above.
fn silence_number(contact: Contact) -> i64 {
    match contact {
        Contact::Connected => 1,
        Contact::Late => 2,
        Contact::Offline => 3,
        Contact::Revoked | Contact::Pending => 0,
    }
}

fn record(row: &SqliteRow) -> Result<ClusterRecord, StoreError> {
    let mut confirmations: Vec<Digest> = json(row, "confirmations")?;
    confirmations.sort_unstable();
    Ok(ClusterRecord {
        id: parse(row, "id", ClusterId::parse)?,
        name: parse(row, "name", ClusterName::parse)?,
        labels: json(row, "labels")?,
        variables: json(row, "variables")?,
        created_unix_ms: get(row, "created_unix_ms")?,
        standing: parse(row, "standing", standing)?,
        certificate: certificate(row)?,
        sealing_key: get(row, "sealing_key")?,
        agent: agent(row)?,
        last_contact_unix_ms: get(row, "last_contact_unix_ms")?,
        unchanged_unix_ms: get(row, "unchanged_unix_ms")?,
        highest: place(row, "highest_epoch", "highest_generation")?,
        refusal: optional_digest(row, "refused_root")?.zip(get(row, "refused")?),
        sync_requests: unsigned(row, "sync_requests")?,
        confirmations,
        position: position(row, "position")?,
    })
}

fn certificate(row: &SqliteRow) -> Result<Option<Certificate>, StoreError> {
    let Some(serial) = get::<Option<String>>(row, "certificate_serial")? else { return Ok(None) };
    Ok(Some(Certificate {
        serial,
        key: digest(row, "certificate_key")?,
        issued_unix_ms: get(row, "certificate_issued_ms")?,
        expires_unix_ms: get(row, "certificate_expires_ms")?,
    }))
}

fn agent(row: &SqliteRow) -> Result<Option<AgentFacts>, StoreError> {
    let Some(agent_version) = get::<Option<String>>(row, "agent_version")? else { return Ok(None) };
    Ok(Some(AgentFacts {
        agent_version,
        wire_version: u16::try_from(unsigned(row, "wire_version")?).unwrap_or(u16::MAX),
        bundle_schemas: json(row, "bundle_schemas")?,
        trust_version: unsigned(row, "trust_version")?,
        facts: Facts {
            kubernetes_version: get(row, "kubernetes_version")?,
            platform: get(row, "platform")?,
            api_kinds: json(row, "api_kinds")?,
        },
    }))
}

pub(super) fn place(
    row: &SqliteRow,
    epoch: &'static str,
    generation: &'static str,
) -> Result<Option<Place>, StoreError> {
    if get::<Option<i64>>(row, epoch)?.is_none() {
        return Ok(None);
    }
    Ok(Some(Place { epoch: Epoch(unsigned(row, epoch)?), generation: Generation(unsigned(row, generation)?) }))
}

/// A certificate's key as a column value.
pub(super) fn key_bytes(certificate: &Certificate) -> &[u8] {
    bytes(&certificate.key)
}

#[cfg(test)]
mod tests {
    use sqlx::{AssertSqlSafe, Row as _};

    use super::*;

    #[tokio::test]
    async fn a_page_is_read_from_an_index_however_many_clusters_there_are() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = SqliteStore::open(&folder.path().join("hub.db")).await.expect("opens");
        let query = |labels: &[(&str, &str)], standing: Option<Standing>| {
            let labels = labels.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
            listed(&ClusterQuery { after: None, limit: 100, labels, standing }).sql().as_str().to_owned()
        };
        let statements = [
            query(&[], None),
            query(&[], Some(Standing::Joined)),
            query(&[("env", "prod"), ("region", "eu")], None),
            changed(7, 500).sql().as_str().to_owned(),
        ];
        for statement in statements {
            let explained = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}")));
            let rows = explained.fetch_all(store.readers()).await.expect("explains");
            let plan: Vec<String> = rows.iter().map(|row| row.get("detail")).collect();
            let is_bounded = |step: &String| !step.starts_with("SCAN") && !step.contains("TEMP B-TREE");
            assert!(!plan.is_empty() && plan.iter().all(is_bounded), "{statement}: {plan:?}");
        }
    }
}
