//! What the API asks of the hub and cannot do by itself: it holds no keys.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;

use axum::http::StatusCode;
use skerry_common::bundle::digest::Digest;
use skerry_common::diagnostic::{Diagnostic, ErrorClass};
use skerry_common::id::ClusterName;
use skerry_hub_core::view::{JoinCommand, RegisterRequest};
use thiserror::Error;
use tokio::sync::mpsc;

use super::error::Problem;
use crate::explainer::{ExplainRequest, Explanation};

/// Pieces of an archive that wait for a slow client: bounds the memory of one export.
pub const EXPORT_QUEUE: usize = 8;

/// Mints what the API hands out. Each method is done, durably, when it returns.
pub trait HubControl: Clone + Send + Sync + 'static {
    /// Registers a cluster and makes its join command.
    fn register(&self, request: RegisterRequest) -> impl Future<Output = Result<JoinCommand, ControlError>> + Send;

    /// Makes another join command for a registered cluster.
    fn rejoin(&self, cluster: &ClusterName) -> impl Future<Output = Result<JoinCommand, ControlError>> + Send;

    /// Shuts a cluster out: its sessions end, its certificates no longer count.
    fn revoke(&self, cluster: &ClusterName) -> impl Future<Output = Result<(), ControlError>> + Send;

    /// Confirms a held prune list, or all that are held now. Returns which.
    fn confirm_prune(
        &self,
        cluster: &ClusterName,
        list: Option<Digest>,
    ) -> impl Future<Output = Result<Vec<Digest>, ControlError>> + Send;

    /// Asks for a look at Git and a full pass now. Returns how often that was asked for.
    fn sync(&self, cluster: &ClusterName) -> impl Future<Output = Result<u64, ControlError>> + Send;

    /// Admits a cluster by its request file; registers it if need be. Returns the reply file.
    fn enroll_offline(
        &self,
        cluster: &ClusterName,
        labels: BTreeMap<String, String>,
        request: String,
    ) -> impl Future<Output = Result<String, ControlError>> + Send;

    /// Explains how an object of a bundle came to be.
    fn explain(&self, request: ExplainRequest) -> impl Future<Output = Result<Explanation, ControlError>> + Send;

    /// Starts writing the newest bundle of a cluster as an archive.
    fn export(&self, cluster: &ClusterName) -> impl Future<Output = Result<Export, ControlError>> + Send;
}

/// An archive on its way.
#[derive(Debug)]
pub struct Export {
    /// The pieces; an error ends the transfer so that the client notices. Bounded by [`EXPORT_QUEUE`].
    pub pieces: mpsc::Receiver<io::Result<Vec<u8>>>,
}

/// Why the hub does not do it.
#[derive(Debug, Error)]
pub enum ControlError {
    /// There is no such cluster.
    #[error("there is no cluster `{0}`")]
    UnknownCluster(ClusterName),
    /// The name is taken, or the request contradicts what is there.
    #[error("{0}")]
    Conflict(String),
    /// Understood, and refused.
    #[error("{}", .0.message)]
    Refused(Diagnostic),
    /// Not now.
    #[error("{0}")]
    Busy(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
    /// A bug, or a machine that fails.
    #[error("{0}")]
    Internal(String),
}

impl ControlError {
    /// Its class, for retries and exit codes.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::UnknownCluster(_) | Self::Conflict(_) | Self::Refused(_) => ErrorClass::NeedsUser,
            Self::Busy(_) => ErrorClass::Retry,
            Self::Store(_) | Self::Internal(_) => ErrorClass::Bug,
        }
    }
}

impl From<ControlError> for Problem {
    fn from(error: ControlError) -> Self {
        match error {
            ControlError::UnknownCluster(name) => Self::not_found("cluster", name.as_str()),
            ControlError::Conflict(detail) => Self::conflict(detail),
            ControlError::Refused(diagnostic) => Self::diagnostic(StatusCode::UNPROCESSABLE_ENTITY, &diagnostic),
            ControlError::Busy(detail) => Self::busy(detail),
            ControlError::Store(error) => error.into(),
            ControlError::Internal(detail) => {
                tracing::error!(error = detail, "a request failed");
                Self::internal("the hub failed; its log says why")
            }
        }
    }
}
