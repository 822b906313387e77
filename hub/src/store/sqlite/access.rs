//! API tokens and the audit trail in SQL.

use skerry_common::bundle::digest::Digest;
use sqlx::sqlite::SqliteRow;

use super::{SqliteStore, bytes, digest, failed, get, page, parse, position};
use crate::store::access::{AUDIT_MAX, AccessStore, ApiToken, AuditEntry};
use crate::store::{Position, StoreError, column};

impl AccessStore for SqliteStore {
    async fn add_api_token(&self, token: ApiToken) -> Result<bool, StoreError> {
        let mut write = self.write("add an API token").await?;
        let added = sqlx::query(
            "INSERT INTO api_tokens (name, hash, role, created_unix_ms, expires_unix_ms) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT DO NOTHING",
        )
        .bind(&token.name)
        .bind(bytes(&token.hash))
        .bind(token.role.to_string())
        .bind(token.created_unix_ms)
        .bind(token.expires_unix_ms)
        .execute(&mut *write.tx)
        .await
        .map_err(failed(write.action))?;
        write.commit().await?;
        Ok(added.rows_affected() == 1)
    }

    async fn api_token(&self, hash: &Digest) -> Result<Option<ApiToken>, StoreError> {
        let row = sqlx::query("SELECT * FROM api_tokens WHERE hash = $1")
            .bind(bytes(hash))
            .fetch_optional(self.readers())
            .await
            .map_err(failed("read an API token"))?;
        row.as_ref().map(token).transpose()
    }

    async fn api_tokens(&self) -> Result<Vec<ApiToken>, StoreError> {
        let rows = sqlx::query("SELECT * FROM api_tokens ORDER BY name")
            .fetch_all(self.readers())
            .await
            .map_err(failed("list API tokens"))?;
        rows.iter().map(token).collect()
    }

    async fn remove_api_token(&self, name: &str) -> Result<bool, StoreError> {
        let mut write = self.write("remove an API token").await?;
        let removed = sqlx::query("DELETE FROM api_tokens WHERE name = $1")
            .bind(name)
            .execute(&mut *write.tx)
            .await
            .map_err(failed(write.action))?;
        write.commit().await?;
        Ok(removed.rows_affected() == 1)
    }

    async fn audit(&self, entry: AuditEntry) -> Result<(), StoreError> {
        let mut write = self.write("write the audit trail").await?;
        let position = write.next().await?;
        sqlx::query(
            "INSERT INTO audit (position, at_unix_ms, who, action, subject, outcome) VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(position)
        .bind(entry.at_unix_ms)
        .bind(&entry.who)
        .bind(&entry.action)
        .bind(&entry.subject)
        .bind(&entry.outcome)
        .execute(&mut *write.tx)
        .await
        .map_err(failed(write.action))?;
        sqlx::query(
            "DELETE FROM audit WHERE position <= \
             (SELECT position FROM audit ORDER BY position DESC LIMIT 1 OFFSET $1)",
        )
        .bind(column("length of the audit trail", AUDIT_MAX)?)
        .execute(&mut *write.tx)
        .await
        .map_err(failed(write.action))?;
        write.commit().await
    }

    async fn audit_trail(&self, before: Option<Position>, limit: usize) -> Result<Vec<AuditEntry>, StoreError> {
        let rows = sqlx::query("SELECT * FROM audit WHERE position < $1 ORDER BY position DESC LIMIT $2")
            .bind(before.map_or(Ok(i64::MAX), |position| column("position", position.0))?)
            .bind(page(limit))
            .fetch_all(self.readers())
            .await
            .map_err(failed("list the audit trail"))?;
        rows.iter().map(entry).collect()
    }
}

fn token(row: &SqliteRow) -> Result<ApiToken, StoreError> {
    Ok(ApiToken {
        name: get(row, "name")?,
        hash: digest(row, "hash")?,
        role: parse(row, "role", str::parse)?,
        created_unix_ms: get(row, "created_unix_ms")?,
        expires_unix_ms: get(row, "expires_unix_ms")?,
    })
}

fn entry(row: &SqliteRow) -> Result<AuditEntry, StoreError> {
    Ok(AuditEntry {
        position: position(row, "position")?,
        at_unix_ms: get(row, "at_unix_ms")?,
        who: get(row, "who")?,
        action: get(row, "action")?,
        subject: get(row, "subject")?,
        outcome: get(row, "outcome")?,
    })
}
