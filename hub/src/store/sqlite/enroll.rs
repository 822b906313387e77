//! Registration, join tokens and certificates in SQL.

use skerry_common::bundle::digest::Digest;
use skerry_common::id::ClusterId;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::clusters::{key_bytes, standing, standing_word};
use super::{SqliteStore, Write, bytes, digest, failed, get, optional_digest, parse, to_json};
use crate::store::StoreError;
use crate::store::clusters::{
    CERTIFICATES_PER_CLUSTER_MAX, Certificate, CertificateStanding, Join, JoinOutcome, JoinToken, NewCluster,
    Registration, Standing,
};

pub(super) async fn register(
    store: &SqliteStore,
    cluster: NewCluster,
    token: Option<JoinToken>,
) -> Result<Registration, StoreError> {
    let mut write = store.write("register a cluster").await?;
    let taken = sqlx::query("SELECT id FROM clusters WHERE name = $1")
        .bind(cluster.name.as_str())
        .fetch_optional(&mut *write.tx)
        .await
        .map_err(failed(write.action))?;
    if let Some(row) = taken {
        return Ok(Registration::NameTaken(parse(&row, "id", ClusterId::parse)?));
    }
    let position = write.next().await?;
    sqlx::query(
        "INSERT INTO clusters (id, name, labels, variables, created_unix_ms, standing, position) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(cluster.id.as_str())
    .bind(cluster.name.as_str())
    .bind(to_json("labels", &cluster.labels)?)
    .bind(to_json("variables", &cluster.variables)?)
    .bind(cluster.created_unix_ms)
    .bind(standing_word(Standing::Pending))
    .bind(position)
    .execute(&mut *write.tx)
    .await
    .map_err(failed(write.action))?;
    for (key, value) in &cluster.labels {
        sqlx::query("INSERT INTO cluster_labels (cluster, key, value) VALUES ($1, $2, $3)")
            .bind(cluster.id.as_str())
            .bind(key)
            .bind(value)
            .execute(&mut *write.tx)
            .await
            .map_err(failed(write.action))?;
    }
    if let Some(token) = token {
        insert_token(&mut write, &token).await?;
    }
    write.commit().await?;
    Ok(Registration::Registered)
}

pub(super) async fn add_token(store: &SqliteStore, token: JoinToken) -> Result<bool, StoreError> {
    let mut write = store.write("add a join token").await?;
    let position = write.next().await?;
    let updated = sqlx::query("UPDATE clusters SET standing = $2, position = $3 WHERE id = $1")
        .bind(token.cluster.as_str())
        .bind(standing_word(Standing::Pending))
        .bind(position)
        .execute(&mut *write.tx)
        .await
        .map_err(failed(write.action))?;
    if updated.rows_affected() == 0 {
        return Ok(false);
    }
    delete_tokens(&mut write, &token.cluster).await?;
    insert_token(&mut write, &token).await?;
    write.commit().await?;
    Ok(true)
}

async fn insert_token(write: &mut Write<'_>, token: &JoinToken) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO join_tokens (hash, cluster, created_unix_ms, expires_unix_ms, used_by) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(bytes(&token.hash))
    .bind(token.cluster.as_str())
    .bind(token.created_unix_ms)
    .bind(token.expires_unix_ms)
    .bind(token.used_by.as_ref().map(bytes))
    .execute(&mut *write.tx)
    .await
    .map_err(failed(write.action))?;
    Ok(())
}

async fn delete_tokens(write: &mut Write<'_>, cluster: &ClusterId) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM join_tokens WHERE cluster = $1")
        .bind(cluster.as_str())
        .execute(&mut *write.tx)
        .await
        .map_err(failed(write.action))?;
    Ok(())
}

pub(super) async fn token(store: &SqliteStore, hash: &Digest) -> Result<Option<JoinToken>, StoreError> {
    let row = sqlx::query("SELECT * FROM join_tokens WHERE hash = $1")
        .bind(bytes(hash))
        .fetch_optional(store.readers())
        .await
        .map_err(failed("read a join token"))?;
    row.as_ref().map(read_token).transpose()
}

fn read_token(row: &SqliteRow) -> Result<JoinToken, StoreError> {
    Ok(JoinToken {
        hash: digest(row, "hash")?,
        cluster: parse(row, "cluster", ClusterId::parse)?,
        created_unix_ms: get(row, "created_unix_ms")?,
        expires_unix_ms: get(row, "expires_unix_ms")?,
        used_by: optional_digest(row, "used_by")?,
    })
}

pub(super) async fn join(store: &SqliteStore, join: Join) -> Result<JoinOutcome, StoreError> {
    let mut write = store.write("record a join").await?;
    if let Some(hash) = &join.token
        && let Some(refused) = bind_token(&mut write, hash, &join).await?
    {
        return Ok(refused);
    }
    let position = write.next().await?;
    let updated = sqlx::query(
        "UPDATE clusters SET standing = $2, sealing_key = $3, position = $4, \
         last_contact_unix_ms = COALESCE($5, last_contact_unix_ms) WHERE id = $1",
    )
    .bind(join.cluster.as_str())
    .bind(standing_word(Standing::Joined))
    .bind(&join.sealing_key)
    .bind(position)
    // A request file is no contact: only a token proves that the agent spoke to the hub.
    .bind(join.token.map(|_| join.now_unix_ms))
    .execute(&mut *write.tx)
    .await
    .map_err(failed(write.action))?;
    if updated.rows_affected() == 0 {
        return Ok(JoinOutcome::ClusterUnknown);
    }
    // A new key replaces the old one: there is one agent per cluster.
    sqlx::query("UPDATE certificates SET revoked = 1 WHERE cluster = $1 AND key <> $2")
        .bind(join.cluster.as_str())
        .bind(key_bytes(&join.certificate))
        .execute(&mut *write.tx)
        .await
        .map_err(failed(write.action))?;
    insert_certificate(&mut write, &join.cluster, &join.certificate).await?;
    write.commit().await?;
    Ok(JoinOutcome::Joined)
}

/// Binds a token to the key; returns why not.
async fn bind_token(write: &mut Write<'_>, hash: &Digest, join: &Join) -> Result<Option<JoinOutcome>, StoreError> {
    let row = sqlx::query("SELECT * FROM join_tokens WHERE hash = $1")
        .bind(bytes(hash))
        .fetch_optional(&mut *write.tx)
        .await
        .map_err(failed(write.action))?;
    let Some(token) = row.as_ref().map(read_token).transpose()? else { return Ok(Some(JoinOutcome::TokenUnknown)) };
    // Expiry bounds the first use only: the same key may come back for its answer.
    let in_time = token.used_by.is_some() || token.expires_unix_ms > join.now_unix_ms;
    if token.cluster != join.cluster || !in_time {
        return Ok(Some(JoinOutcome::TokenUnknown));
    }
    if token.used_by.is_some_and(|key| key != join.certificate.key) {
        return Ok(Some(JoinOutcome::TokenTaken));
    }
    sqlx::query("UPDATE join_tokens SET used_by = $2 WHERE hash = $1")
        .bind(bytes(hash))
        .bind(key_bytes(&join.certificate))
        .execute(&mut *write.tx)
        .await
        .map_err(failed(write.action))?;
    Ok(None)
}

async fn insert_certificate(
    write: &mut Write<'_>,
    cluster: &ClusterId,
    certificate: &Certificate,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE clusters SET certificate_serial = $2, certificate_key = $3, certificate_issued_ms = $4, \
         certificate_expires_ms = $5 WHERE id = $1",
    )
    .bind(cluster.as_str())
    .bind(&certificate.serial)
    .bind(key_bytes(certificate))
    .bind(certificate.issued_unix_ms)
    .bind(certificate.expires_unix_ms)
    .execute(&mut *write.tx)
    .await
    .map_err(failed(write.action))?;
    sqlx::query(
        "INSERT INTO certificates (serial, cluster, key, issued_ms, expires_ms) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (serial) DO NOTHING",
    )
    .bind(&certificate.serial)
    .bind(cluster.as_str())
    .bind(key_bytes(certificate))
    .bind(certificate.issued_unix_ms)
    .bind(certificate.expires_unix_ms)
    .execute(&mut *write.tx)
    .await
    .map_err(failed(write.action))?;
    sqlx::query(
        "DELETE FROM certificates WHERE cluster = $1 AND serial NOT IN \
         (SELECT serial FROM certificates WHERE cluster = $1 ORDER BY issued_ms DESC, serial LIMIT $2)",
    )
    .bind(cluster.as_str())
    .bind(CERTIFICATES_PER_CLUSTER_MAX)
    .execute(&mut *write.tx)
    .await
    .map_err(failed(write.action))?;
    Ok(())
}

pub(super) async fn renew(
    store: &SqliteStore,
    cluster: &ClusterId,
    certificate: Certificate,
) -> Result<bool, StoreError> {
    let mut write = store.write("record a renewed certificate").await?;
    let row = sqlx::query("SELECT standing FROM clusters WHERE id = $1")
        .bind(cluster.as_str())
        .fetch_optional(&mut *write.tx)
        .await
        .map_err(failed(write.action))?;
    let Some(row) = row else { return Ok(false) };
    if parse(&row, "standing", standing)? == Standing::Revoked {
        return Ok(false);
    }
    insert_certificate(&mut write, cluster, &certificate).await?;
    write.commit().await?;
    Ok(true)
}

pub(super) async fn certificate(
    store: &SqliteStore,
    serial: &str,
) -> Result<Option<(ClusterId, Certificate, CertificateStanding)>, StoreError> {
    let action = "read a certificate";
    let row = sqlx::query("SELECT * FROM certificates WHERE serial = $1")
        .bind(serial)
        .fetch_optional(store.readers())
        .await
        .map_err(failed(action))?;
    let Some(row) = row else { return Ok(None) };
    let revoked: i64 = row.try_get("revoked").map_err(failed(action))?;
    let certificate = Certificate {
        serial: get(&row, "serial")?,
        key: digest(&row, "key")?,
        issued_unix_ms: get(&row, "issued_ms")?,
        expires_unix_ms: get(&row, "expires_ms")?,
    };
    let standing = if revoked == 0 { CertificateStanding::Valid } else { CertificateStanding::Revoked };
    Ok(Some((parse(&row, "cluster", ClusterId::parse)?, certificate, standing)))
}

pub(super) async fn revoke(store: &SqliteStore, cluster: &ClusterId) -> Result<bool, StoreError> {
    let mut write = store.write("revoke a cluster").await?;
    let position = write.next().await?;
    let updated = sqlx::query("UPDATE clusters SET standing = $2, position = $3 WHERE id = $1")
        .bind(cluster.as_str())
        .bind(standing_word(Standing::Revoked))
        .bind(position)
        .execute(&mut *write.tx)
        .await
        .map_err(failed(write.action))?;
    if updated.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query("UPDATE certificates SET revoked = 1 WHERE cluster = $1")
        .bind(cluster.as_str())
        .execute(&mut *write.tx)
        .await
        .map_err(failed(write.action))?;
    delete_tokens(&mut write, cluster).await?;
    write.commit().await?;
    Ok(true)
}
