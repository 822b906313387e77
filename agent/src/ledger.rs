//! The ledger: what was last known of the live objects, so that a restart need not read them whole again.
//!
//! ```text
//! reconcile ──note──▶ desk (a thread of its own) ──▶ trait Ledger ──┬─▶ sled    on disk, over the state folder
//!     ▲                                                             └─▶ memory  its twin: nothing outlives the process
//!     └──recall── at the start: what is still alive under the same uid and resource version is as it was
//! ```
//! It is a cache over what the store and the API server know, and nothing else: whoever believes an entry has
//! compared uid and resource version with the live object first, so that a ledger that is old, empty or of another
//! cluster costs reads and never a mistake. It holds no whole objects and no values of any.
//!
//! Whatever happens to it – damage, a full disk, a later format, a panic inside of sled – is named in a warning, the
//! folder is set aside, and the agent goes on with a new one, or with the twin.

pub mod desk;
mod memory;
mod sled;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use skerry_agent_core::health::{Gate, Judgement};
use skerry_common::bundle::digest::Digest;
use skerry_common::object::ObjectKey;
use skerry_common::status::Health;
use thiserror::Error;

pub use memory::MemoryLedger;
pub use sled::SledLedger;

/// All that was remembered, by object.
pub type Recalled = BTreeMap<ObjectKey, Remembered>;

/// An entry to keep, or to forget.
pub type Note = (ObjectKey, Option<Remembered>);

/// Where it is kept.
pub trait Ledger: Send + 'static {
    /// Everything that is remembered.
    fn recall(&self) -> Result<Recalled, LedgerError>;

    /// Keeps and forgets, each entry whole or not at all; a kill may lose the latest.
    fn note(&mut self, notes: &[Note]) -> Result<(), LedgerError>;
}

/// The ledger cannot be used.
#[derive(Debug, Error)]
pub enum LedgerError {
    /// The database said no.
    #[error("the ledger's database failed")]
    Database(#[source] ::sled::Error),
    /// An entry is not what was written.
    #[error("an entry of the ledger is damaged")]
    Damaged,
    /// Written by a later version.
    #[error("the ledger has format {0}, this program reads up to {format}", format = sled::FORMAT)]
    Newer(u32),
    /// An entry that cannot be written down.
    #[error("an entry cannot be written down")]
    Entry(#[source] serde_json::Error),
    /// The database broke down.
    #[error("the ledger's database panicked")]
    Panicked,
    /// The twin was told to fail.
    #[error("the disk is full")]
    Full,
}

/// The last-known state of one object that is ours and is not being deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Remembered {
    /// Its uid.
    pub uid: String,
    /// Its resource version: what follows holds of this one.
    pub resource_version: String,
    /// Digest of our fields, when its body was read.
    pub projection: Option<Digest>,
    /// Whether it may be pruned.
    pub pruning: Pruning,
    /// Whether our fields were right.
    pub fields: Fields,
    /// Its health, as people see it.
    pub health: Health,
    /// Its health, as a rollout builds on it.
    pub gate: GateMark,
    /// Why it is not healthy.
    pub reason: String,
}

/// Whether `skerry.dev/prune: disabled` stood on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Pruning {
    /// It did not.
    Allowed,
    /// It did.
    Disabled,
}

/// What is known of our fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Fields {
    /// They were as we applied them.
    Right,
    /// Nobody looked.
    Unknown,
}

/// [`Gate`], as it is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum GateMark {
    /// Go on.
    Pass,
    /// Not yet.
    Wait,
    /// Never by itself.
    Fail,
}

impl From<Gate> for GateMark {
    fn from(gate: Gate) -> Self {
        match gate {
            Gate::Pass => Self::Pass,
            Gate::Wait => Self::Wait,
            Gate::Fail => Self::Fail,
        }
    }
}

impl Remembered {
    /// How it was judged.
    pub fn judgement(&self) -> Judgement {
        let gate = match self.gate {
            GateMark::Pass => Gate::Pass,
            GateMark::Wait => Gate::Wait,
            GateMark::Fail => Gate::Fail,
        };
        Judgement { view: self.health, gate, reason: self.reason.clone() }
    }
}
