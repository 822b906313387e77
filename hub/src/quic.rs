//! The hub's end of the link.
//!
//! ```text
//!  listener ── handshake, ALPN, certificate ──┬─▶ session   skerry/1: offers, reports, journal
//!                                             │      └─▶ content   one request at a time
//!                                             └─▶ enroll    skerry-enroll/1: join, renew
//!  deltas ── what offers carry, compressed once ──▶ sessions
//!  switchboard ── newest target, revocation ──▶ sessions
//! ```
//! Everything is bounded: handshakes, connections, streams, frames, and what one session may have
//! under way. What a peer did wrong is logged once, with its address, and told to it.

pub mod content;
pub mod deltas;
pub mod enroll;
pub mod listener;
pub mod offer;
pub(crate) mod reset;
pub mod session;
pub mod switchboard;

use std::sync::Arc;

use skerry_certs::tls::WallClock;
use skerry_common::id::FleetId;
use tokio::sync::{Notify, mpsc, watch};

use crate::store::clusters::Heard;
use crate::store::{BlobStore, HubStore};
use crate::trust::TrustLine;
use deltas::Deltas;
use switchboard::Switchboard;

/// Version of this program, as it is told to agents.
pub const PROGRAM_VERSION: &str = env!("CARGO_PKG_VERSION");

/// What every connection needs; cheap to clone.
#[derive(Clone)]
pub struct LinkContext<S: HubStore, B: BlobStore> {
    /// The fleet.
    pub fleet: FleetId,
    /// Facts.
    pub store: S,
    /// Content.
    pub blobs: B,
    /// What was offered last, compressed.
    pub deltas: Deltas,
    /// The trust root in force, and those before it.
    pub trust: watch::Receiver<TrustLine>,
    /// Who is connected.
    pub switchboard: Switchboard,
    /// Takes note of whom we heard. Full: the next word counts instead.
    pub contacts: mpsc::Sender<Heard>,
    /// Told when an agent proved that a bundle must be issued anew.
    pub surpassed: Arc<Notify>,
    /// The time.
    pub clock: WallClock,
}

impl<S: HubStore, B: BlobStore> LinkContext<S, B> {
    /// Unix milliseconds now.
    pub fn now_unix_ms(&self) -> i64 {
        unix_ms(&self.clock)
    }
}

/// Unix milliseconds by a clock.
pub fn unix_ms(clock: &WallClock) -> i64 {
    clock.unix_ms()
}
