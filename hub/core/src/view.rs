//! What people and programs see: the JSON types of the status API, and the pure functions that fold
//! what agents reported into them.
//!
//! ```text
//! StateReport ──Reported::take──▶ Reported ─┐
//!                       ClusterRecord ──────┴─cluster──▶ ClusterView ──count──▶ Counts
//!                                                            │              (group, fleet)
//!                                                            └─attention──▶ what needs a person
//! ```
//! No view says more than is known. A cluster's axes are the last ones heard of, and its `contact`
//! and ages say how old; in *counts* a cluster that is offline, revoked or never seen is `unknown`.

mod application;
mod attention;
mod cluster;
mod counts;
mod drift;
mod event;
mod exchange;
mod object;
mod record;
pub mod schema;
mod source;
#[cfg(test)]
mod tests;
mod timestamp;
mod why;

pub use application::{ApplicationOnCluster, ApplicationView, applications};
pub use attention::{Attention, Urgency, attention};
pub use cluster::{BundleView, ClusterView, HeldPruneView, cluster};
pub use counts::{ContactCounts, Counts, FleetView, GroupView, HealthOfClusters, SyncCounts, count, groups};
pub use drift::{DriftView, FieldView};
pub use event::{EventView, event};
pub use exchange::{
    ConfirmRequest, Confirmed, JoinCommand, OfflineReply, OfflineRequest, Page, RegisterRequest, SyncRequested,
};
pub use object::{ObjectRef, ObjectView, objects};
pub use record::{AgentInfo, ClusterRecord, Reported, Section};
pub use source::{RevisionView, SourceView, TargetState, revisions};
pub use timestamp::Timestamp;
pub use why::{FIELDS_MAX, Holding, SinceView, WhyField, WhySetting, WhyView, fields, held_back};
