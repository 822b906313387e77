//! Sources, and the revisions of them that are in force.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use skerry_common::bundle::root::SourceRevision;
use skerry_common::id::{CommitId, SourceName};

use super::Timestamp;
use super::counts::oldest;
use crate::filter::Filterable;

/// A repository and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceView {
    /// Its name.
    pub name: SourceName,
    /// Address, without credentials.
    pub url: String,
    /// What is followed, in words: `branch main`.
    #[serde(rename = "ref")]
    pub reference: String,
    /// The commit in force.
    pub commit: Option<CommitId>,
    /// When that commit was fetched.
    pub fetched_at: Option<Timestamp>,
    /// When the server was last asked with success.
    pub checked_at: Option<Timestamp>,
    /// Failures since then.
    pub failures: u32,
    /// Why the last one failed.
    pub error: Option<String>,
}

/// A commit of a source that some cluster's newest bundle was made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RevisionView {
    /// The source.
    pub source: SourceName,
    /// The commit.
    pub commit: CommitId,
    /// What was followed.
    #[serde(rename = "ref")]
    pub reference: String,
    /// How the commit was verified.
    pub verified: String,
    /// Clusters whose target it is part of.
    pub targeted: u32,
    /// Clusters that applied that target, as far as that is known.
    pub applied: u32,
    /// Clusters of which it is not known: offline, revoked, or never seen.
    pub unknown: u32,
    /// When the oldest of what is counted as known was observed; null when nothing is.
    pub observed_at: Option<Timestamp>,
}

/// Whether a cluster applied its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetState {
    /// It did, or did not, as of then.
    Known {
        /// Whether.
        is_applied: bool,
        /// As of when.
        observed_at: Option<Timestamp>,
    },
    /// What was heard of it is too old.
    Unknown,
}

/// Folds the revisions of all clusters' targets.
pub fn revisions<'a>(targets: impl IntoIterator<Item = (&'a [SourceRevision], TargetState)>) -> Vec<RevisionView> {
    let mut views: BTreeMap<(SourceName, CommitId), RevisionView> = BTreeMap::new();
    for (sources, state) in targets {
        for source in sources {
            let view = views.entry((source.name.clone(), source.commit.clone())).or_insert_with(|| RevisionView {
                source: source.name.clone(),
                commit: source.commit.clone(),
                reference: source.reference.clone(),
                verified: source.verified.clone(),
                targeted: 0,
                applied: 0,
                unknown: 0,
                observed_at: None,
            });
            view.targeted = view.targeted.saturating_add(1);
            match state {
                TargetState::Known { is_applied, observed_at } => {
                    view.applied = view.applied.saturating_add(u32::from(is_applied));
                    view.observed_at = oldest(view.observed_at, observed_at);
                }
                TargetState::Unknown => view.unknown = view.unknown.saturating_add(1),
            }
        }
    }
    views.into_values().collect()
}

impl Filterable for SourceView {
    const FIELDS: &'static [&'static str] = &["name", "url", "commit", "failures"];

    fn values(&self, field: &str) -> Vec<String> {
        match field {
            "name" => vec![self.name.to_string()],
            "url" => vec![self.url.clone()],
            "commit" => self.commit.iter().map(CommitId::to_string).collect(),
            "failures" => vec![self.failures.to_string()],
            _ => Vec::new(),
        }
    }
}

impl Filterable for RevisionView {
    const FIELDS: &'static [&'static str] = &["source", "commit", "targeted", "applied", "unknown"];

    fn values(&self, field: &str) -> Vec<String> {
        match field {
            "source" => vec![self.source.to_string()],
            "commit" => vec![self.commit.to_string()],
            "targeted" => vec![self.targeted.to_string()],
            "applied" => vec![self.applied.to_string()],
            "unknown" => vec![self.unknown.to_string()],
            _ => Vec::new(),
        }
    }
}
