//! How the twin fails when it is told to, and what it was asked.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde_json::Value;

use crate::cluster::{ApiKind, ClusterError};

/// What was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// Version, kinds, permissions.
    Discover,
    /// One object.
    Get,
    /// All objects of a kind.
    List,
    /// Changes of a kind.
    Watch,
    /// A server-side apply that is kept.
    Apply,
    /// A server-side apply that is not kept.
    DryRun,
    /// A JSON patch.
    Patch,
    /// A delete.
    Delete,
}

impl Verb {
    /// Whether it changes the cluster.
    pub fn is_write(self) -> bool {
        match self {
            Self::Apply | Self::Patch | Self::Delete => true,
            Self::Discover | Self::Get | Self::List | Self::Watch | Self::DryRun => false,
        }
    }
}

/// In what way a request fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// No connection.
    Unreachable,
    /// The server breaks.
    Internal,
    /// The server throttles.
    Throttled,
    /// The server does not know us.
    Unauthorized,
    /// The server forbids it.
    Forbidden,
    /// Whoever asks meets a mistake of ours.
    Panics,
}

impl Failure {
    fn error(self) -> ClusterError {
        match self {
            Self::Unreachable => ClusterError::Unreachable { source: Box::new(Unplugged) },
            Self::Internal => ClusterError::Server { status: 500, message: "an internal error".into() },
            Self::Throttled => ClusterError::TooManyRequests { retry_after: Some(Duration::from_secs(1)) },
            Self::Unauthorized => ClusterError::Unauthorized { message: "Unauthorized".into() },
            Self::Forbidden => ClusterError::Forbidden { message: "forbidden by the test".into() },
            Self::Panics => panic!("the test wants whoever asks to panic"),
        }
    }
}

/// The connection of a twin that was told to be unreachable.
#[derive(Debug)]
struct Unplugged;

impl fmt::Display for Unplugged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the in-memory cluster is unplugged")
    }
}

impl std::error::Error for Unplugged {}

/// How requests fail from now on.
#[derive(Debug, Default)]
pub struct Faults {
    /// Nobody gets through; watches end.
    pub unreachable: bool,
    /// Every request takes this long.
    pub delay: Option<Duration>,
    /// The next requests of a verb fail: how many, and how.
    pub next: BTreeMap<Verb, (u32, Failure)>,
    /// Every nth request fails with an internal error.
    pub every: Option<u64>,
    /// What the agent may not do: verb (or `*`), kind (or `*`).
    pub denied: Vec<(String, String)>,
    /// Group versions that discovery cannot read.
    pub gaps: Vec<(String, String)>,
    pub(super) requests: BTreeMap<Verb, u64>,
    pub(super) bytes_read: u64,
}

impl Faults {
    /// A request about the agent's own lease, which comes when it comes: it is not counted, and fails only with
    /// everything else.
    pub(super) fn admit_lease(&mut self) -> (Option<Duration>, Result<(), ClusterError>) {
        let failure = self.unreachable.then(|| Failure::Unreachable.error());
        (self.delay, failure.map_or(Ok(()), Err))
    }

    pub(super) fn admit(&mut self, verb: Verb) -> (Option<Duration>, Result<(), ClusterError>) {
        *self.requests.entry(verb).or_default() += 1;
        let total: u64 = self.requests.values().sum();
        let failure = if self.unreachable {
            Some(Failure::Unreachable)
        } else if let Some((count, failure)) = self.next.get_mut(&verb).filter(|(count, _)| *count > 0) {
            *count -= 1;
            Some(*failure)
        } else {
            self.every.filter(|every| *every > 0 && total.is_multiple_of(*every)).map(|_| Failure::Internal)
        };
        (self.delay, failure.map_or(Ok(()), |failure| Err(failure.error())))
    }

    pub(super) fn count_answer<'a>(&mut self, objects: impl IntoIterator<Item = &'a Value>) {
        let bytes: usize = objects.into_iter().map(|object| object.to_string().len()).sum();
        self.bytes_read += bytes as u64;
    }

    pub(super) fn allows(&self, verb: &str, kind: &ApiKind, _namespace: Option<&str>) -> bool {
        let is = |pattern: &str, word: &str| pattern == "*" || pattern == word;
        !self.denied.iter().any(|(denied, of)| is(denied, verb) && is(of, &kind.kind))
    }
}
