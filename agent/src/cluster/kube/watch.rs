//! Watches: one line of JSON an event, read as it comes.

use std::time::Duration;

use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt};
use http_body_util::BodyExt;
use serde::Deserialize;
use serde_json::Value;

use super::answer::{Answer, Status};
use super::connection::Connection;
use super::request::{Ask, in_scope, name_kind, single};
use crate::cluster::{ApiKind, Cause, ClusterError, Detail, Scope, WatchEvent};

/// After how long the server ends a watch; ours then begins a new one where it ended.
const SERVER_TIMEOUT: &str = "290";

/// Longest silence: longer than the server's own end, so that it is reached only when the server is gone.
const IDLE_MAX: Duration = Duration::from_secs(320);

/// How long the beginning may take.
const OPEN_TIMEOUT: Duration = Duration::from_secs(30);

/// Longest line: an object of 1.5 MiB in etcd, in JSON.
const EVENT_BYTES_MAX: usize = 8 * 1024 * 1024;

/// A buffer that grew beyond this for one large event is given back after it.
const BUFFER_KEPT: usize = 16 * 1024;

/// Longest answer of a watch that was refused.
const REFUSAL_BYTES_MAX: usize = 64 * 1024;

type Query<'a> = (&'a ApiKind, &'a Scope, Option<&'a str>, Detail);

/// Starts a watch after a resource version.
pub(super) async fn start(
    connection: &Connection,
    (kind, scope, labels, detail): Query<'_>,
    from: &str,
) -> Result<BoxStream<'static, Result<WatchEvent, ClusterError>>, ClusterError> {
    let mut ask = Ask::get(in_scope(kind, scope))
        // Each event holds one object; asked for a list of partial ones, the server ends the watch without a word.
        .accept(single(detail))
        .about(kind)
        .query("watch", "true")
        .query("allowWatchBookmarks", "true")
        .query("resourceVersion", from)
        .query("timeoutSeconds", SERVER_TIMEOUT);
    if let Some(labels) = labels {
        ask = ask.query("labelSelector", labels);
    }
    let name = ask.name();
    let response = connection.open(ask.within(OPEN_TIMEOUT, REFUSAL_BYTES_MAX)).await?;
    if !response.status().is_success() {
        let (head, body) = response.into_parts();
        let refusal = http_body_util::Limited::new(body, REFUSAL_BYTES_MAX).collect();
        let refusal = tokio::time::timeout(OPEN_TIMEOUT, refusal).await.ok().and_then(Result::ok);
        let body = refusal.map(|body| body.to_bytes()).unwrap_or_default();
        let refused = Answer::new(name.clone(), kind.is_secret(), &head, body).ok();
        return Err(refused.err().unwrap_or(ClusterError::Server { status: head.status.as_u16(), message: name }));
    }
    let chunks = response.into_body().into_data_stream().map(|chunk| chunk.map_err(Cause::from)).boxed();
    let lines = Lines { request: name, kind: kind.clone(), chunks, buffer: Vec::new(), ended: false };
    Ok(stream::unfold(lines, |mut lines| async move { Some((lines.next().await?, lines)) }).boxed())
}

/// A watch on its way in.
struct Lines<S> {
    request: String,
    kind: ApiKind,
    chunks: S,
    buffer: Vec<u8>,
    ended: bool,
}

impl<S, B> Lines<S>
where
    S: Stream<Item = Result<B, Cause>> + Unpin,
    B: AsRef<[u8]>,
{
    /// The next event; `None` once the server has ended the watch, or after an error.
    async fn next(&mut self) -> Option<Result<WatchEvent, ClusterError>> {
        let event = self.read().await?;
        self.ended = event.is_err();
        Some(event)
    }

    async fn read(&mut self) -> Option<Result<WatchEvent, ClusterError>> {
        if self.ended {
            return None;
        }
        let mut searched = 0;
        loop {
            if let Some(at) = self.buffer.iter().skip(searched).position(|byte| *byte == b'\n') {
                let end = searched + at;
                let event = self.parse(self.buffer.get(..end).unwrap_or_default());
                self.buffer.drain(..=end);
                if self.buffer.is_empty() && self.buffer.capacity() > BUFFER_KEPT {
                    self.buffer = Vec::new();
                }
                return Some(event);
            }
            searched = self.buffer.len();
            if searched > EVENT_BYTES_MAX {
                let (request, limit) = (self.request.clone(), EVENT_BYTES_MAX);
                return Some(Err(ClusterError::TooLarge { request, limit, unit: "bytes" }));
            }
            match tokio::time::timeout(IDLE_MAX, self.chunks.next()).await {
                // A line that was cut is seen again by the next watch.
                Ok(None) => return None,
                Ok(Some(Ok(chunk))) => self.buffer.extend_from_slice(chunk.as_ref()),
                Ok(Some(Err(source))) => return Some(Err(ClusterError::Unreachable { source })),
                Err(_) => {
                    let request = self.request.clone();
                    return Some(Err(ClusterError::Timeout { request, after: IDLE_MAX }));
                }
            }
        }
    }

    fn parse(&self, line: &[u8]) -> Result<WatchEvent, ClusterError> {
        #[derive(Deserialize)]
        struct Event {
            r#type: String,
            object: Value,
        }
        let malformed = |source: Cause| ClusterError::Malformed { request: self.request.clone(), source };
        let Event { r#type, mut object } = serde_json::from_slice(line).map_err(|error| malformed(error.into()))?;
        match r#type.as_str() {
            "ERROR" => {
                let status: Status = serde_json::from_value(object).map_err(|error| malformed(error.into()))?;
                return Err(status.into_error(self.kind.is_secret(), None));
            }
            "BOOKMARK" => {
                let version = object.pointer("/metadata/resourceVersion").and_then(Value::as_str);
                return Ok(WatchEvent::Bookmark { resource_version: version.unwrap_or_default().to_owned() });
            }
            _ => name_kind(&mut object, &self.kind),
        }
        match r#type.as_str() {
            "ADDED" => Ok(WatchEvent::Added(object)),
            "MODIFIED" => Ok(WatchEvent::Modified(object)),
            "DELETED" => Ok(WatchEvent::Deleted(object)),
            other => Err(malformed(format!("unknown event `{}`", other.escape_default()).into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(chunks: &[&'static str]) -> Lines<impl Stream<Item = Result<&'static str, Cause>> + Unpin> {
        let kind = ApiKind {
            group: String::new(),
            version: "v1".into(),
            kind: "ConfigMap".into(),
            plural: "configmaps".into(),
            namespaced: true,
        };
        let chunks: Vec<Result<&'static str, Cause>> = chunks.iter().map(|chunk| Ok(*chunk)).collect();
        Lines { request: "GET /x".into(), kind, chunks: stream::iter(chunks), buffer: Vec::new(), ended: false }
    }

    #[tokio::test]
    async fn events_are_lines_however_they_are_cut() {
        let mut lines = lines(&[
            "{\"type\":\"ADDED\",\"obj",
            "ect\":{\"metadata\":{\"name\":\"a\"}}}\n{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"7\"}}}\n{\"type\"",
        ]);
        let first = lines.next().await.expect("an event").expect("no error");
        let WatchEvent::Added(object) = first else { panic!("{first:?}") };
        assert_eq!(object["kind"], "ConfigMap");
        let second = lines.next().await.expect("an event").expect("no error");
        assert_eq!(second, WatchEvent::Bookmark { resource_version: "7".into() });
        assert!(lines.next().await.is_none(), "a cut line is no event");
    }

    #[tokio::test]
    async fn an_expired_watch_says_so_and_ends() {
        let mut lines =
            lines(&["{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":410,\"reason\":\"Expired\"}}\n"]);
        assert!(matches!(lines.next().await, Some(Err(ClusterError::Expired))));
        assert!(lines.next().await.is_none());
    }
}
