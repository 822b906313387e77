//! The trust root in force: stored first, then followed, whether the link or an archive brings the next.

use std::sync::Arc;

use skerry_common::bundle::signature::Envelope;
use skerry_common::bundle::trust::{TrustError, TrustedRoot};
use thiserror::Error;
use tokio::sync::watch;
use tracing::info;

use crate::identity::{AgentIdentityError, IdentityFolder};

/// Why a trust root is not followed.
#[derive(Debug, Error)]
pub enum ConsiderError {
    /// It does not follow the one in force.
    #[error("the trust root does not follow the one in force")]
    Refused(#[source] TrustError),
    /// It cannot be stored.
    #[error("the trust root cannot be stored")]
    Store(#[source] AgentIdentityError),
}

/// A handle to the trust root in force.
#[derive(Clone)]
pub struct Trust {
    folder: Arc<IdentityFolder>,
    newest: watch::Sender<TrustedRoot>,
}

impl Trust {
    /// Begins with the one that is stored in a folder.
    pub fn new(folder: IdentityFolder, trust: TrustedRoot) -> Self {
        Self { folder: Arc::new(folder), newest: watch::Sender::new(trust) }
    }

    /// The one in force.
    pub fn newest(&self) -> TrustedRoot {
        self.newest.borrow().clone()
    }

    /// Follows a successor: signed by enough of the keys that are known here, and of its own. The one in
    /// force again changes nothing.
    pub fn consider(&self, envelope: Envelope) -> Result<(), ConsiderError> {
        let current = self.newest();
        let next = current.successor(envelope).map_err(ConsiderError::Refused)?;
        if next != current {
            self.folder.store_trust(&next).map_err(ConsiderError::Store)?;
            info!(version = next.root().version, epoch = %next.root().epoch, "a new trust root is in force");
            self.newest.send_replace(next);
        }
        Ok(())
    }
}
