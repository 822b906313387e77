//! Sources, and the revisions of them that are in force.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use skerry_common::bundle::root::SourceRevision;
use skerry_common::id::{CommitId, SourceName};

use super::Timestamp;
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
    /// Clusters that applied that target.
    pub applied: u32,
}

/// Folds the revisions of all clusters' targets; the flag says whether the cluster applied it.
pub fn revisions<'a>(targets: impl IntoIterator<Item = (&'a [SourceRevision], bool)>) -> Vec<RevisionView> {
    let mut views: BTreeMap<(SourceName, CommitId), RevisionView> = BTreeMap::new();
    for (sources, is_applied) in targets {
        for source in sources {
            let view = views.entry((source.name.clone(), source.commit.clone())).or_insert_with(|| RevisionView {
                source: source.name.clone(),
                commit: source.commit.clone(),
                reference: source.reference.clone(),
                verified: source.verified.clone(),
                targeted: 0,
                applied: 0,
            });
            view.targeted = view.targeted.saturating_add(1);
            view.applied = view.applied.saturating_add(u32::from(is_applied));
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
    const FIELDS: &'static [&'static str] = &["source", "commit", "targeted", "applied"];

    fn values(&self, field: &str) -> Vec<String> {
        match field {
            "source" => vec![self.source.to_string()],
            "commit" => vec![self.commit.to_string()],
            "targeted" => vec![self.targeted.to_string()],
            "applied" => vec![self.applied.to_string()],
            _ => Vec::new(),
        }
    }
}
