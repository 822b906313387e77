//! Takes up the trust root that `skerry-hub trust rotate` wrote beside the running hub.
//!
//! The trust root comes first and the signing key after it, so that no session offers a bundle that its
//! agent cannot verify. What does not follow the one in force is told and left.

use std::sync::Arc;
use std::time::Duration;

use skerry_certs::root_key::SigningKey;
use skerry_common::error_chain::Chain;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::keys::{KeyError, KeyFolder};
use crate::trust::TrustLine;

/// How often the file is looked at: some kilobytes are read, and an operator waits for it.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);

/// The task; it owns what is in force.
pub struct FollowTrust {
    /// Where it is written.
    pub folder: KeyFolder,
    /// The trust root in force.
    pub trust: watch::Sender<TrustLine>,
    /// The signing key in use.
    pub key: watch::Sender<Arc<SigningKey>>,
}

impl FollowTrust {
    /// Runs until told to stop.
    pub async fn run(self, stop: CancellationToken) {
        let (mut told, mut seen) = (None, String::new());
        while stop.run_until_cancelled(tokio::time::sleep(LOOK_INTERVAL)).await.is_some() {
            match self.look(&mut seen) {
                Ok(()) => told = None,
                Err(error) => {
                    let message = Chain(&error).to_string();
                    if told.as_ref() != Some(&message) {
                        error!(error = message, "the trust root on disk is not taken up");
                        told = Some(message);
                    }
                }
            }
        }
    }

    fn look(&self, seen: &mut String) -> Result<(), KeyError> {
        let text = self.folder.trust_root_text()?;
        if text == *seen {
            return Ok(());
        }
        let (line, key) = self.folder.standing()?;
        let followed = self.trust.borrow().follow(line).map_err(KeyError::Trust)?;
        if let Some(line) = followed {
            let root = line.newest().root();
            info!(version = root.version, epoch = %root.epoch, "a new trust root is in force");
            self.trust.send_replace(line);
        }
        if self.key.borrow().public_key() != key.public_key() {
            info!(key = key.key_id().0, "another key signs bundles");
            self.key.send_replace(Arc::new(key));
        }
        *seen = text;
        Ok(())
    }
}
