//! What happened: journals of agents, events of the hub, and the drifts that follow from them.
//!
//! Entries are keyed (cluster, incarnation, sequence) and committed together with the high-water
//! mark, so a mark that was returned may be acknowledged: nothing at or below it is ever lost or
//! listed twice.

use std::future::Future;

use serde::{Deserialize, Serialize};
use skerry_common::bundle::digest::Digest;
use skerry_common::id::{ApplicationName, ClusterId, CommitId, Incarnation, Place, Sequence, SourceName};
use skerry_common::journal::{DriftKind, DriftOutcome, Event, JournalEntry};
use skerry_common::object::ObjectKey;

use super::{Position, StoreError};

/// Events kept per cluster; older ones are folded into counts, so one noisy cluster pushes out only
/// its own.
pub const EVENTS_PER_CLUSTER_MAX: u64 = 1_000;

/// Events kept in all: a hundred for each of 10,000 clusters, about half a gigabyte.
pub const EVENTS_MAX: u64 = 1_000_000;

/// Drifts kept per cluster, closed ones dropped first.
pub const DRIFTS_PER_CLUSTER_MAX: u64 = 1_000;

/// Journals, events and drifts.
pub trait JournalStore {
    /// Commits entries of one agent and returns the high-water mark. Entries at or below the mark
    /// are ignored. A gap is taken as it is: what the agent folded away is counted in its own entry.
    fn append(
        &self,
        cluster: &ClusterId,
        incarnation: Incarnation,
        entries: &[JournalEntry],
        now_unix_ms: i64,
    ) -> impl Future<Output = Result<Sequence, StoreError>> + Send;

    /// The high-water mark of one journal.
    fn mark(
        &self,
        cluster: &ClusterId,
        incarnation: Incarnation,
    ) -> impl Future<Output = Result<Sequence, StoreError>> + Send;

    /// Records something that the hub did or saw.
    fn record(
        &self,
        cluster: Option<&ClusterId>,
        event: HubEvent,
        now_unix_ms: i64,
    ) -> impl Future<Output = Result<Position, StoreError>> + Send;

    /// Lists events.
    fn events(&self, query: &EventQuery) -> impl Future<Output = Result<Vec<EventRecord>, StoreError>> + Send;

    /// How many events were dropped, by cluster and kind; `None` for those of the hub itself.
    fn dropped_events(
        &self,
        cluster: Option<&ClusterId>,
    ) -> impl Future<Output = Result<Vec<(String, u64)>, StoreError>> + Send;

    /// The newest position that was dropped: a reader who has not seen it missed something.
    fn dropped_through(&self) -> impl Future<Output = Result<Position, StoreError>> + Send;

    /// Lists drifts.
    fn drifts(&self, query: &DriftQuery) -> impl Future<Output = Result<Vec<DriftRecord>, StoreError>> + Send;
}

/// Something that the hub did or saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum HubEvent {
    /// A cluster was registered.
    Registered,
    /// An agent joined.
    Joined,
    /// A cluster was revoked.
    Revoked,
    /// A new join token was made for a cluster.
    Rejoin,
    /// A bundle was published.
    Published {
        /// Its place.
        place: Place,
        /// Its root.
        root: Digest,
    },
    /// A source has a new commit.
    SourceChanged {
        /// Which source.
        source: SourceName,
        /// Which commit.
        commit: CommitId,
    },
    /// A source could not be read.
    SourceFailed {
        /// Which source.
        source: SourceName,
        /// Why, redacted.
        message: String,
    },
    /// Something could not be rendered: the last good bundle stays the target.
    RenderFailed {
        /// Which application; `None` for the fleet documents.
        application: Option<ApplicationName>,
        /// Why, redacted.
        message: String,
    },
    /// Something about a bundle that was published may not be meant so.
    Warned {
        /// What, redacted.
        message: String,
    },
    /// An operator asked for a full pass.
    SyncRequested,
    /// An operator confirmed a held prune list.
    PruneConfirmed {
        /// Its digest.
        list: Digest,
    },
    /// An agent said something that it could not prove, or that the hub does not follow.
    Suspicious {
        /// What, in words.
        message: String,
    },
}

impl HubEvent {
    /// The word that filters use.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Joined => "joined",
            Self::Revoked => "revoked",
            Self::Rejoin => "rejoin",
            Self::Published { .. } => "published",
            Self::SourceChanged { .. } => "sourceChanged",
            Self::SourceFailed { .. } => "sourceFailed",
            Self::RenderFailed { .. } => "renderFailed",
            Self::Warned { .. } => "warned",
            Self::SyncRequested => "syncRequested",
            Self::PruneConfirmed { .. } => "pruneConfirmed",
            Self::Suspicious { .. } => "suspicious",
        }
    }
}

/// The word that filters use for an agent's event.
pub fn kind_of(event: &Event) -> &'static str {
    match event {
        Event::Started { .. } => "started",
        Event::Accepted { .. } => "accepted",
        Event::Refused { .. } => "refused",
        Event::Applied { .. } => "applied",
        Event::ApplyFailed { .. } => "applyFailed",
        Event::Pruned { .. } => "pruned",
        Event::PruneHeld { .. } => "pruneHeld",
        Event::Drift(_) => "drift",
        Event::DriftClosed { .. } => "driftClosed",
        Event::Fight { .. } => "fight",
        Event::Adopted { .. } => "adopted",
        Event::StoreRepaired { .. } => "storeRepaired",
        Event::Overflow { .. } => "overflow",
    }
}

/// An event as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRecord {
    /// In the hub's order; never reused.
    pub position: Position,
    /// Where; `None` for the hub's own.
    pub cluster: Option<ClusterId>,
    /// When, by the clock of whoever saw it.
    pub at_unix_ms: i64,
    /// When the hub got it.
    pub received_unix_ms: i64,
    /// What.
    pub what: What,
}

/// Who said what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// An agent's journal did.
    Agent {
        /// Which life of the journal.
        incarnation: Incarnation,
        /// Which entry.
        sequence: Sequence,
        /// What happened.
        event: Event,
    },
    /// The hub did.
    Hub(HubEvent),
}

impl What {
    /// The word that filters use.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Agent { event, .. } => kind_of(event),
            Self::Hub(event) => event.kind(),
        }
    }
}

/// In which order, from where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range {
    /// Oldest first, after this position.
    After(Position),
    /// Newest first, before this position; from the newest when there is none.
    Before(Option<Position>),
}

/// Which events.
#[derive(Debug, Clone)]
pub struct EventQuery {
    /// Only of this cluster.
    pub cluster: Option<ClusterId>,
    /// In which order, from where.
    pub range: Range,
    /// At most so many, and at most [`super::PAGE_ROWS_MAX`].
    pub limit: usize,
}

/// One field of one object that differed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DriftRecord {
    /// When this last changed, in the hub's order.
    pub position: Position,
    /// Where.
    pub cluster: ClusterId,
    /// Which life of the journal told of it.
    pub incarnation: Incarnation,
    /// The entry that opened it; all its fields share it.
    pub sequence: Sequence,
    /// Whose object.
    pub application: ApplicationName,
    /// Which.
    pub object: ObjectKey,
    /// Its uid.
    pub uid: String,
    /// Its resource version when the drift was seen.
    pub resource_version: String,
    /// JSON pointer of the field; empty for the whole object.
    pub path: String,
    /// In which way.
    pub kind: DriftKind,
    /// Who did it; empty when nobody can be named.
    pub manager: String,
    /// When it was seen, by the agent's clock.
    pub detected_unix_ms: i64,
    /// How and when it ended; `None` while it is open.
    pub closed: Option<(DriftOutcome, i64)>,
}

/// Which drifts.
#[derive(Debug, Clone)]
pub struct DriftQuery {
    /// Only of this cluster.
    pub cluster: Option<ClusterId>,
    /// Only of this application.
    pub application: Option<ApplicationName>,
    /// Open, or all.
    pub which: DriftFilter,
    /// In which order, from where.
    pub range: Range,
    /// At most so many, and at most [`super::PAGE_ROWS_MAX`].
    pub limit: usize,
}

/// Open, or all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DriftFilter {
    /// Not over yet.
    Open,
    /// All that are kept.
    All,
}
