//! Sources, problems, fleet documents and the cache of sealed content in SQL.

use skerry_common::bundle::digest::{BlobRef, Digest};
use skerry_common::diagnostic::Diagnostic;
use skerry_common::id::{ApplicationName, ClusterName, CommitId, SourceName};
use sqlx::sqlite::SqliteRow;

use super::{SqliteStore, bytes, digest, failed, get, json, page, parse, position, to_json, unsigned};
use crate::store::sources::{
    FleetRecord, ProblemRecord, REVISIONS_PER_SOURCE_MAX, RevisionRecord, RevisionState, SourceRecord, SourceStore,
    Subject,
};
use crate::store::{Position, StoreError, column};

impl SourceStore for SqliteStore {
    async fn put_source(&self, source: SourceRecord) -> Result<(), StoreError> {
        let mut write = self.write("store a source").await?;
        write.next().await?;
        sqlx::query(
            "INSERT INTO sources (name, url, reference, commit_id, checked_unix_ms, changed_unix_ms, error, \
             failures) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (name) DO UPDATE SET url = $2, reference = $3, \
             commit_id = $4, checked_unix_ms = $5, changed_unix_ms = $6, error = $7, failures = $8",
        )
        .bind(source.name.as_str())
        .bind(&source.url)
        .bind(&source.reference)
        .bind(source.commit.as_ref().map(CommitId::as_str))
        .bind(source.checked_unix_ms)
        .bind(source.changed_unix_ms)
        .bind(&source.error)
        .bind(i64::from(source.failures))
        .execute(&mut *write.tx)
        .await
        .map_err(failed(write.action))?;
        write.commit().await
    }

    async fn sources(&self) -> Result<Vec<SourceRecord>, StoreError> {
        let rows = sqlx::query("SELECT * FROM sources ORDER BY name")
            .fetch_all(self.readers())
            .await
            .map_err(failed("list sources"))?;
        rows.iter().map(source).collect()
    }

    async fn remove_source(&self, name: &SourceName) -> Result<(), StoreError> {
        let mut write = self.write("remove a source").await?;
        write.next().await?;
        sqlx::query("DELETE FROM sources WHERE name = $1")
            .bind(name.as_str())
            .execute(&mut *write.tx)
            .await
            .map_err(failed(write.action))?;
        write.commit().await
    }

    async fn put_revision(&self, revision: RevisionRecord) -> Result<(), StoreError> {
        let mut write = self.write("store a revision").await?;
        let position = write.next().await?;
        sqlx::query(
            "INSERT INTO revisions (source, commit_id, reference, fetched_unix_ms, state, position) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (source, commit_id) DO UPDATE SET reference = $3, \
             fetched_unix_ms = $4, state = $5, position = $6",
        )
        .bind(revision.source.as_str())
        .bind(revision.commit.as_str())
        .bind(&revision.reference)
        .bind(revision.fetched_unix_ms)
        .bind(state_word(revision.state))
        .bind(position)
        .execute(&mut *write.tx)
        .await
        .map_err(failed(write.action))?;
        sqlx::query(
            "DELETE FROM revisions WHERE source = $1 AND position NOT IN \
             (SELECT position FROM revisions WHERE source = $1 ORDER BY position DESC LIMIT $2)",
        )
        .bind(revision.source.as_str())
        .bind(REVISIONS_PER_SOURCE_MAX)
        .execute(&mut *write.tx)
        .await
        .map_err(failed(write.action))?;
        write.commit().await
    }

    async fn revisions(&self, before: Option<Position>, limit: usize) -> Result<Vec<RevisionRecord>, StoreError> {
        let rows = sqlx::query("SELECT * FROM revisions WHERE position < $1 ORDER BY position DESC LIMIT $2")
            .bind(before.map_or(Ok(i64::MAX), |position| column("position", position.0))?)
            .bind(page(limit))
            .fetch_all(self.readers())
            .await
            .map_err(failed("list revisions"))?;
        rows.iter().map(revision).collect()
    }

    async fn put_problems(
        &self,
        subject: Subject,
        problems: Vec<Diagnostic>,
        now_unix_ms: i64,
    ) -> Result<(), StoreError> {
        let mut write = self.write("store what is wrong").await?;
        write.next().await?;
        let (kind, name) = subject_words(&subject);
        let query = if problems.is_empty() {
            sqlx::query("DELETE FROM problems WHERE subject = $1 AND name = $2").bind(kind).bind(name)
        } else {
            // Since when something is wrong stays, while what is wrong may change.
            sqlx::query(
                "INSERT INTO problems (subject, name, problems, since_unix_ms) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (subject, name) DO UPDATE SET problems = $3",
            )
            .bind(kind)
            .bind(name)
            .bind(to_json("problems", &problems)?)
            .bind(now_unix_ms)
        };
        query.execute(&mut *write.tx).await.map_err(failed(write.action))?;
        write.commit().await
    }

    async fn problems(&self) -> Result<Vec<ProblemRecord>, StoreError> {
        let rows = sqlx::query("SELECT * FROM problems ORDER BY subject, name")
            .fetch_all(self.readers())
            .await
            .map_err(failed("list what is wrong"))?;
        let mut problems = rows.iter().map(problem).collect::<Result<Vec<_>, _>>()?;
        problems.sort_by(|a, b| a.subject.cmp(&b.subject));
        Ok(problems)
    }

    async fn put_fleet(&self, fleet: FleetRecord) -> Result<(), StoreError> {
        let mut write = self.write("store the fleet documents").await?;
        write.next().await?;
        sqlx::query(
            "INSERT INTO fleet (one, commit_id, at_unix_ms, documents) VALUES (1, $1, $2, $3) \
             ON CONFLICT (one) DO UPDATE SET commit_id = $1, at_unix_ms = $2, documents = $3",
        )
        .bind(fleet.commit.as_str())
        .bind(fleet.at_unix_ms)
        .bind(&fleet.documents)
        .execute(&mut *write.tx)
        .await
        .map_err(failed(write.action))?;
        write.commit().await
    }

    async fn fleet(&self) -> Result<Option<FleetRecord>, StoreError> {
        let row = sqlx::query("SELECT * FROM fleet")
            .fetch_optional(self.readers())
            .await
            .map_err(failed("read the fleet documents"))?;
        row.map(|row| {
            Ok(FleetRecord {
                commit: parse(&row, "commit_id", CommitId::parse)?,
                at_unix_ms: get(&row, "at_unix_ms")?,
                documents: get(&row, "documents")?,
            })
        })
        .transpose()
    }

    async fn sealed(&self, key: &Digest) -> Result<Option<BlobRef>, StoreError> {
        let row = sqlx::query("SELECT digest, size FROM sealed WHERE key = $1")
            .bind(bytes(key))
            .fetch_optional(self.readers())
            .await
            .map_err(failed("look for sealed content"))?;
        row.map(|row| Ok(BlobRef { digest: digest(&row, "digest")?, size: unsigned(&row, "size")? })).transpose()
    }

    async fn put_sealed(&self, entries: &[(Digest, BlobRef)]) -> Result<(), StoreError> {
        let mut write = self.write("remember sealed content").await?;
        for (key, blob) in entries {
            sqlx::query("INSERT INTO sealed (key, digest, size) VALUES ($1, $2, $3) ON CONFLICT (key) DO NOTHING")
                .bind(bytes(key))
                .bind(bytes(&blob.digest))
                .bind(column("size of a blob", blob.size)?)
                .execute(&mut *write.tx)
                .await
                .map_err(failed(write.action))?;
        }
        write.commit().await
    }
}

fn source(row: &SqliteRow) -> Result<SourceRecord, StoreError> {
    let commit: Option<&str> = get(row, "commit_id")?;
    Ok(SourceRecord {
        name: parse(row, "name", SourceName::parse)?,
        url: get(row, "url")?,
        reference: get(row, "reference")?,
        commit: commit.map(|_| parse(row, "commit_id", CommitId::parse)).transpose()?,
        checked_unix_ms: get(row, "checked_unix_ms")?,
        changed_unix_ms: get(row, "changed_unix_ms")?,
        failures: u32::try_from(unsigned(row, "failures")?).unwrap_or(u32::MAX),
        error: get(row, "error")?,
    })
}

fn revision(row: &SqliteRow) -> Result<RevisionRecord, StoreError> {
    Ok(RevisionRecord {
        source: parse(row, "source", SourceName::parse)?,
        commit: parse(row, "commit_id", CommitId::parse)?,
        reference: get(row, "reference")?,
        fetched_unix_ms: get(row, "fetched_unix_ms")?,
        state: parse(row, "state", state)?,
        position: position(row, "position")?,
    })
}

fn state_word(state: RevisionState) -> &'static str {
    match state {
        RevisionState::Fetched => "fetched",
        RevisionState::Published => "published",
        RevisionState::Refused => "refused",
    }
}

fn state(word: &str) -> Result<RevisionState, &'static str> {
    match word {
        "fetched" => Ok(RevisionState::Fetched),
        "published" => Ok(RevisionState::Published),
        "refused" => Ok(RevisionState::Refused),
        _ => Err("not a state of a revision"),
    }
}

fn subject_words(subject: &Subject) -> (&'static str, String) {
    match subject {
        Subject::Fleet => ("fleet", String::new()),
        Subject::Source(name) => ("source", name.to_string()),
        Subject::Application(name) => ("application", name.to_string()),
        Subject::Cluster(name) => ("cluster", name.to_string()),
    }
}

fn problem(row: &SqliteRow) -> Result<ProblemRecord, StoreError> {
    let subject = match get::<&str>(row, "subject")? {
        "fleet" => Subject::Fleet,
        "source" => Subject::Source(parse(row, "name", SourceName::parse)?),
        "application" => Subject::Application(parse(row, "name", ApplicationName::parse)?),
        "cluster" => Subject::Cluster(parse(row, "name", ClusterName::parse)?),
        other => return Err(StoreError::Damaged { what: "subject", detail: format!("`{other}`") }),
    };
    Ok(ProblemRecord { subject, problems: json(row, "problems")?, since_unix_ms: get(row, "since_unix_ms")? })
}
