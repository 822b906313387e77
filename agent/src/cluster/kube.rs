//! The real API server, over HTTPS.
//!
//! ```text
//! Cluster methods ─▶ request (path, query, bytes) ─▶ connection (pool, timeouts, bounds) ─▶ answer (status → error)
//! ```
//! Requests are built as bytes and answers are read as plain JSON: no generated types, no cache, no retries. The
//! pool speaks HTTP/1.1: against an API server that is the quickest for many small writes at once (measured in
//! `tests/bench`; HTTP/2 puts them all behind one connection's frames), and idle connections are closed soon, since each holds
//! TLS buffers.

mod answer;
mod connection;
mod discovery;
mod listing;
mod request;
mod watch;

use std::time::Duration;

use futures::FutureExt as _;
use futures::stream::BoxStream;
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

pub use connection::Access;

use self::answer::Answer;
use self::connection::Connection;
use self::request::{Ask, path, single};
use super::{
    ApiKind, Applied, Apply, ApplyMode, Cluster, ClusterError, Conflict, Deleted, Detail, Discovery, Force, Listing,
    Preconditions, Scope, ServerVersion, Target, Visitor, WatchEvent,
};

/// How long one object may take: less than the 34 s after which API servers give up themselves.
const OBJECT_TIMEOUT: Duration = Duration::from_secs(30);

/// How large the answer about one object may be: etcd holds 1.5 MiB a value, JSON may be twice that.
const OBJECT_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Server-side apply refuses unknown and mistyped fields by the kind's schema, whatever this says; «Strict» would
/// only parse each body a second time, to find duplicate keys that JSON made from a map cannot have.
const FIELD_VALIDATION: &str = "Ignore";

/// The API server of a real cluster.
#[derive(Debug, Clone)]
pub struct KubeCluster {
    connection: Connection,
}

impl KubeCluster {
    /// Prepares a client; connects at the first request.
    ///
    /// Must be called inside a tokio runtime.
    pub async fn new(access: &Access) -> Result<Self, ClusterError> {
        Ok(Self { connection: Connection::new(access).await? })
    }

    async fn object(&self, ask: Ask<'_>) -> Result<Answer, ClusterError> {
        self.connection.ask(ask.within(OBJECT_TIMEOUT, OBJECT_BYTES_MAX)).await
    }
}

impl Cluster for KubeCluster {
    type Events = BoxStream<'static, Result<WatchEvent, ClusterError>>;

    async fn version(&self) -> Result<ServerVersion, ClusterError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Version {
            git_version: String,
            platform: String,
        }
        let answer = self.object(Ask::get("/version".into())).await?;
        let version: Version = answer.read()?;
        Ok(ServerVersion { git_version: version.git_version, platform: version.platform })
    }

    async fn discover(&self) -> Result<Discovery, ClusterError> {
        discovery::discover(&self.connection).await
    }

    async fn get(&self, target: &Target, detail: Detail) -> Result<Option<Value>, ClusterError> {
        let ask = Ask::get(path(target)).accept(single(detail)).about(&target.kind);
        let answer = self.object(ask).await?;
        if answer.is_absent(&target.name) {
            return Ok(None);
        }
        let mut object: Value = answer.read()?;
        request::name_kind(&mut object, &target.kind);
        Ok(Some(object))
    }

    async fn list(
        &self,
        kind: &ApiKind,
        scope: &Scope,
        labels: Option<&str>,
        detail: Detail,
    ) -> Result<Listing, ClusterError> {
        let mut items = Vec::new();
        let query = (kind, scope, labels, detail);
        let mut keep = |item| {
            items.push(item);
            futures::future::ready(()).boxed()
        };
        let visited = listing::visit(&self.connection, query, listing::PAGE, &mut keep).await;
        visited.map(|resource_version| Listing { items, resource_version })
    }

    async fn visit(
        &self,
        kind: &ApiKind,
        scope: &Scope,
        labels: Option<&str>,
        detail: Detail,
        each: &mut Visitor<'_>,
    ) -> Result<String, ClusterError> {
        listing::visit(&self.connection, (kind, scope, labels, detail), listing::SMALL_PAGE, each).await
    }

    async fn apply(&self, target: &Target, object: &Value, how: Apply<'_>) -> Result<Applied, ClusterError> {
        let ask = Ask::new(Method::PATCH, path(target))
            .query("fieldManager", how.manager)
            .query("force", if how.force == Force::TakeOver { "true" } else { "false" })
            .query("fieldValidation", FIELD_VALIDATION);
        let ask = if how.mode == ApplyMode::DryRun { ask.query("dryRun", "All") } else { ask };
        let answer = self.object(ask.about(&target.kind).body("application/apply-patch+yaml", object)).await?;
        let created = answer.status() == StatusCode::CREATED;
        Ok(Applied { created, object: answer.read()? })
    }

    async fn patch_json(&self, target: &Target, operations: &Value, manager: &str) -> Result<Value, ClusterError> {
        let ask = Ask::new(Method::PATCH, path(target))
            .query("fieldManager", manager)
            .about(&target.kind)
            .body("application/json-patch+json", operations);
        let answer = self.object(ask).await?;
        // The server does not say which operation failed, nor that it was a test: it names no field.
        let tests = operations.as_array().is_some_and(|operations| operations.iter().any(|one| one["op"] == "test"));
        match answer.read() {
            Err(ClusterError::Invalid { message, fields }) if tests && fields.is_empty() => {
                Err(ClusterError::Conflict(Conflict::Test(message)))
            }
            other => other,
        }
    }

    async fn delete(&self, target: &Target, only: &Preconditions) -> Result<Deleted, ClusterError> {
        let mut preconditions = json!({"uid": only.uid});
        if let Some(version) = &only.resource_version {
            preconditions["resourceVersion"] = json!(version);
        }
        let options = json!({
            "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background",
            "preconditions": preconditions,
        });
        let ask = Ask::new(Method::DELETE, path(target)).about(&target.kind).body("application/json", &options);
        let answer = self.object(ask).await?;
        if answer.is_absent(&target.name) {
            return Ok(Deleted::AlreadyGone);
        }
        answer.ok().map(|_| Deleted::Started)
    }

    async fn watch(
        &self,
        kind: &ApiKind,
        scope: &Scope,
        labels: Option<&str>,
        detail: Detail,
        from: &str,
    ) -> Result<Self::Events, ClusterError> {
        watch::start(&self.connection, (kind, scope, labels, detail), from).await
    }

    async fn may(&self, verb: &str, kind: &ApiKind, namespace: Option<&str>) -> Result<bool, ClusterError> {
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {
                "verb": verb, "group": kind.group, "version": kind.version, "resource": kind.plural,
                "namespace": namespace.unwrap_or_default(),
            }},
        });
        let ask = Ask::new(Method::POST, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews".into());
        let answer: Value = self.object(ask.body("application/json", &review)).await?.read()?;
        Ok(answer.pointer("/status/allowed").and_then(Value::as_bool).unwrap_or(false))
    }
}
