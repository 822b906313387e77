//! What happens by time alone.

use std::time::{Duration, Instant};

use tracing::debug;

use super::world::Asks;
use super::{FULL_PASS_INTERVAL, Reconciler};
use crate::cluster::Cluster;

/// How soon is looked again at what a pass left: objects in a fight, after a lease that ran out, or on a full disk.
const LEFT_INTERVAL: Duration = Duration::from_secs(5);

/// How long the ledger waits for more to note: a rollout changes an object many times a minute.
const NOTE_INTERVAL: Duration = Duration::from_secs(10);

impl<C: Cluster> Reconciler<C> {
    /// When it is looked at everything again, if nothing happens before.
    pub(super) fn next_deadline(&self) -> Instant {
        let now = Instant::now();
        // What was left may have become due meanwhile, which nobody tells.
        let open = self.progress.left > 0 || !self.troubles.borrow().is_none();
        let left = open.then(|| now + LEFT_INTERVAL);
        let retry = [self.world.next_retry(now), left].into_iter().flatten().min();
        [retry, self.discover_at].into_iter().flatten().fold(self.full_pass_at, Instant::min)
    }

    /// Tells the ledger what is new, now and then; what it misses is read again at the next start.
    pub(super) fn note_live(&mut self) {
        let now = Instant::now();
        match self.note_at {
            Some(at) if at <= now => {
                self.note_at = None;
                let notes = self.world.notes();
                if !notes.is_empty() && !self.parts.ledger.note(notes) {
                    debug!("the ledger is behind");
                }
            }
            Some(_) => {}
            None => self.note_at = (!self.world.unnoted.is_empty()).then(|| now + NOTE_INTERVAL),
        }
    }

    /// What the timer asks for.
    pub(super) fn due(&mut self) -> Asks {
        let now = Instant::now();
        if now >= self.full_pass_at {
            self.full_pass_at = now + FULL_PASS_INTERVAL;
            self.discover_at = Some(now);
            self.list_again.send_modify(|count| *count += 1);
        }
        Asks::Plan
    }
}
