//! What requests and answers of the status API wrap around views.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use skerry_common::bundle::digest::Digest;
use skerry_common::id::{ClusterId, ClusterName};

use super::Timestamp;

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// What to pass as `cursor` for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// Where the hub stood: watching from here (`Last-Event-ID`) misses nothing and repeats nothing.
    pub position: u64,
    /// When this was put together.
    pub generated_at: Timestamp,
}

/// Registers a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RegisterRequest {
    /// Its name.
    pub name: ClusterName,
    /// Labels that win over those of fleet documents.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// How long the join token may be used, in seconds.
    #[serde(default)]
    pub token_life_seconds: Option<u32>,
}

/// How a cluster joins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JoinCommand {
    /// The cluster's id.
    pub id: ClusterId,
    /// Its name.
    pub name: ClusterName,
    /// What to run on the cluster's side. It holds a secret and is told once.
    pub command: String,
    /// Until when.
    pub expires_at: Timestamp,
}

/// Admits a cluster that has no network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OfflineRequest {
    /// Labels that win over those of fleet documents.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// The text of the request file that `skerry-agent join --offline` wrote.
    pub request: String,
}

/// The answer to an [`OfflineRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OfflineReply {
    /// The text of the reply file.
    pub reply: String,
}

/// Confirms a held deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConfirmRequest {
    /// Only this list; every list that is held now when absent.
    #[serde(default)]
    pub list: Option<Digest>,
}

/// Which lists were confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Confirmed {
    /// Their digests.
    pub lists: Vec<Digest>,
}

/// How often a full pass was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncRequested {
    /// The count that travels in the next root.
    pub requests: u64,
}
