//! What must survive: head, inventory, journal and bundle, in files of their own.
//!
//! ```text
//! head-a head-b          two slots, the newer valid one counts
//! inventory              what we applied and therefore may prune
//! journal                what happened, append-only
//! oci/                   OCI image layout: blobs/sha256/… are packs
//! ```
//! Every file begins with its format's name and version and a checksum; a version newer than known
//! is refused, never wiped. Files are replaced by write, fsync, rename, fsync of the folder; the
//! journal is appended and fsynced, and a torn tail is cut. So a process killed – or a machine
//! unplugged – at any instruction finds a consistent state again.
//!
//! A full disk stops nothing that is there: what cannot be written is an error or waits in memory, and
//! [`Store::troubles`] tells of it until it can.
//!
//! All of it is synchronous and belongs to one thread ([`crate::tasks::keeper`]).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use skerry_common::bundle::digest::{BlobRef, Digest};
use skerry_common::bundle::signature::Envelope;
use skerry_common::id::{Incarnation, Sequence};
use skerry_common::journal::{Event, JournalEntry};
use skerry_common::report::BundleMark;
use thiserror::Error;

pub mod disk;
pub mod document;
pub mod head;
pub mod journal;
pub mod packs;
pub mod power_cut;
pub mod trouble;

use disk::Disk;
use document::DocumentError;
use head::{Head, HeadFile};
use journal::{Journal, JournalError};
use packs::{Packs, PacksError};
use trouble::Troubles;

/// Largest inventory file in bytes: 50,000 objects of 600 bytes.
const INVENTORY_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// The inventory's file.
const INVENTORY: &str = "inventory";

/// The other parts that are written.
const HEAD: &str = "head";
const JOURNAL: &str = "journal";
const PACKS: &str = "packs";

/// Name and version of the inventory's format.
const INVENTORY_FORMAT: document::Format = document::Format { name: "skerry-inventory", version: 1 };

/// Something in the store cannot be read or written.
#[derive(Debug, Error)]
pub enum StoreError {
    /// A document (head, inventory).
    #[error("the agent's store")]
    Document(#[from] DocumentError),
    /// The journal.
    #[error("the agent's journal")]
    Journal(#[from] JournalError),
    /// The packs.
    #[error("the agent's packs")]
    Packs(#[from] PacksError),
    /// A root that does not read back.
    #[error("the stored root {digest} cannot be read")]
    Root {
        /// Its digest.
        digest: Digest,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

/// A target as the head names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredRoot {
    /// Place and digest.
    pub mark: BundleMark,
    /// The envelope, as JSON, in the packs.
    pub envelope: BlobRef,
}

/// The agent's durable state.
pub struct Store {
    disk: Box<dyn Disk>,
    head: HeadFile,
    packs: Packs,
    journal: Journal,
    repairs: Vec<String>,
    troubles: Troubles,
    /// Content of a target that is not in force yet may be here: what is live cannot be told.
    awaits_target: bool,
}

impl Store {
    /// Opens what is there; an empty folder is an empty store.
    ///
    /// What is damaged is set aside under another name and told by [`Self::repairs`]; an unknown
    /// newer format is an error and changes nothing. `fresh_incarnation` is used only when a new
    /// journal must be begun.
    pub fn open(disk: impl Disk, fresh_incarnation: u64) -> Result<Self, StoreError> {
        let (disk, mut repairs): (Box<dyn Disk>, _) = (Box::new(disk), Vec::new());
        let head = HeadFile::open(&*disk, &mut repairs)?;
        let packs = Packs::open(&*disk, &mut repairs)?;
        let journal = Journal::open(&*disk, fresh_incarnation, &mut repairs)?;
        Ok(Self { disk, head, packs, journal, repairs, troubles: Troubles::default(), awaits_target: false })
    }

    /// What was found damaged at opening and what was done about it.
    pub fn repairs(&self) -> &[String] {
        &self.repairs
    }

    /// The targets in force.
    pub fn head(&self) -> &Head {
        self.head.head()
    }

    /// True when this content is stored here.
    pub fn has(&self, blob: &BlobRef) -> bool {
        self.packs.has(&blob.digest)
    }

    /// Reads content and checks it.
    pub fn blob(&self, blob: &BlobRef) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.packs.read(&*self.disk, &blob.digest)?)
    }

    /// Stores content in one new pack; durable when this returns. Content already here is skipped.
    pub fn put(&mut self, blobs: &[&[u8]]) -> Result<(), StoreError> {
        self.await_target();
        let added = self.packs.add(&*self.disk, blobs);
        Ok(self.troubles.note(PACKS, added)?)
    }

    /// Keeps everything until the next [`Self::set_current`]: somebody relies on content that nothing in force needs.
    pub fn await_target(&mut self) {
        self.awaits_target = true;
    }

    /// Reads the envelope of a stored root.
    pub fn root(&self, root: &StoredRoot) -> Result<Option<Envelope>, StoreError> {
        let Some(bytes) = self.blob(&root.envelope)? else { return Ok(None) };
        let envelope = serde_json::from_slice(&bytes);
        envelope.map(Some).map_err(|source| StoreError::Root { digest: root.mark.root, source })
    }

    /// Makes a root, whose content is stored, the target: first the envelope, then the head.
    pub fn set_current(&mut self, mark: BundleMark, envelope: &Envelope) -> Result<(), StoreError> {
        let bytes = serde_json::to_vec(envelope).map_err(|source| StoreError::Root { digest: mark.root, source })?;
        self.put(&[&bytes])?;
        let stored = StoredRoot { mark, envelope: BlobRef::of(&bytes) };
        let highest = self.head().highest.filter(|highest| highest.mark.place >= mark.place).unwrap_or(stored);
        self.set_head(Head { current: Some(stored), highest: Some(highest), ..*self.head() })?;
        self.awaits_target = false;
        Ok(())
    }

    /// Notes that the current target was applied whole.
    pub fn set_last_good(&mut self) -> Result<(), StoreError> {
        let head = Head { last_good: self.head().current, ..*self.head() };
        if head == *self.head() {
            return Ok(());
        }
        self.set_head(head)
    }

    fn set_head(&mut self, head: Head) -> Result<(), StoreError> {
        let replaced = self.head.replace(&*self.disk, head);
        Ok(self.troubles.note(HEAD, replaced)?)
    }

    /// Rewrites the packs when there are too many or they are mostly dead: all that stays is `content`, which is what
    /// `of` refers to, and the envelopes in the head.
    ///
    /// Does nothing when `of` is not in force any more, or when the content of a next target is arriving: what these
    /// need is not known here, and the next bundle that is applied whole asks again.
    pub fn compact(&mut self, of: BundleMark, content: &[Digest]) -> Result<(), StoreError> {
        let head = *self.head();
        if self.awaits_target || head.current.is_none_or(|current| current.mark != of) {
            return Ok(());
        }
        let envelopes = [head.current, head.last_good, head.highest].into_iter().flatten();
        let live: Vec<Digest> = envelopes.map(|root| root.envelope.digest).chain(content.iter().copied()).collect();
        let compacted = self.packs.compact(&*self.disk, &live);
        Ok(self.troubles.note(PACKS, compacted)?)
    }

    /// Reads the inventory's bytes; `None` when there is none (lost or never written: adopt, prune nothing).
    pub fn inventory(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        let found = document::read_bytes(&*self.disk, INVENTORY, INVENTORY_FORMAT, INVENTORY_BYTES_MAX);
        Ok(document::or_set_aside(&*self.disk, INVENTORY, found, &mut self.repairs)?)
    }

    /// Replaces the inventory; durable when this returns.
    pub fn set_inventory(&mut self, inventory: &[u8]) -> Result<(), StoreError> {
        let replaced = document::replace_bytes(&*self.disk, INVENTORY, INVENTORY_FORMAT, inventory);
        Ok(self.troubles.note(INVENTORY, replaced)?)
    }

    /// Notes an event and gives its place. Durable when this returns, unless the disk takes no writes: then it waits in
    /// memory, because a cluster that is not healed is worse than a gap in what is told of it.
    pub fn record(&mut self, at_unix_ms: i64, event: Event) -> Result<Sequence, StoreError> {
        let place = self.journal.add(at_unix_ms, event)?;
        // Once it failed, everything that waits is written together, by `retry`.
        if !self.troubles.has(JOURNAL) {
            self.write_journal();
        }
        Ok(place)
    }

    fn write_journal(&mut self) {
        let written = self.journal.write(&*self.disk);
        // What is wrong is among the troubles, and is tried again by `retry`.
        let _ = self.troubles.note(JOURNAL, written);
    }

    /// The writes that fail now.
    pub fn troubles(&self) -> &Troubles {
        &self.troubles
    }

    /// Tries again what failed, as far as it is known here; the inventory is its owner's to write.
    pub fn retry(&mut self) {
        if self.troubles.has(JOURNAL) {
            self.write_journal();
        }
        if self.troubles.has(PACKS) {
            let written = self.packs.write_layout(&*self.disk);
            let _ = self.troubles.note(PACKS, written);
        }
        if self.troubles.has(HEAD) {
            let _ = self.set_head(*self.head());
        }
    }

    /// Events that the hub has not acknowledged, oldest first.
    pub fn unacknowledged(&self) -> impl Iterator<Item = &JournalEntry> {
        self.journal.unacknowledged()
    }

    /// Those of them that a hub may be told: they are durable.
    pub fn deliverable(&self) -> impl Iterator<Item = &JournalEntry> {
        self.journal.deliverable()
    }

    /// Forgets events that the hub has stored.
    pub fn acknowledge(&mut self, incarnation: Incarnation, through: Sequence) {
        self.journal.acknowledge(incarnation, through);
    }

    /// The life of the journal and its newest durable place.
    pub fn journal_mark(&self) -> (Incarnation, Sequence) {
        (self.journal.incarnation(), self.journal.end())
    }

    /// How much lies where, for people and metrics.
    pub fn sizes(&self) -> BTreeMap<&'static str, u64> {
        BTreeMap::from([("packs", self.packs.count() as u64), ("blobs", self.packs.blobs() as u64)])
    }
}

#[cfg(test)]
mod tests;
