//! The head: which bundle is the target, which was the last good one, which is the highest ever seen.
//!
//! Two slots are written in turn, each whole and checksummed, so one damaged slot costs one step
//! back at most – and that one never goes unnoticed.

use serde::{Deserialize, Serialize};

use super::StoredRoot;
use super::disk::Disk;
use super::document::{self, DocumentError, Format};

const FORMAT: Format = Format { name: "skerry-head", version: 1 };
const SLOTS: [&str; 2] = ["head-a", "head-b"];

/// Largest head in bytes: three references.
const BYTES_MAX: u64 = 64 * 1024;

/// The targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Head {
    /// What is healed towards.
    pub current: Option<StoredRoot>,
    /// The newest that was applied whole.
    pub last_good: Option<StoredRoot>,
    /// The highest place ever accepted.
    pub highest: Option<StoredRoot>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Slot {
    /// Grows with every write; the higher slot counts.
    write: u64,
    head: Head,
}

/// The two slots.
pub(super) struct HeadFile {
    write: u64,
    head: Head,
}

impl HeadFile {
    /// Reads both slots and takes the newer valid one; sets a damaged one aside.
    pub(super) fn open(disk: &dyn Disk, repairs: &mut Vec<String>) -> Result<Self, DocumentError> {
        let mut newest = Slot { write: 0, head: Head::default() };
        for name in SLOTS {
            let found = document::read::<Slot>(disk, name, FORMAT, BYTES_MAX);
            if let Some(slot) = document::or_set_aside(disk, name, found, repairs)?
                && slot.write > newest.write
            {
                newest = slot;
            }
        }
        Ok(Self { write: newest.write, head: newest.head })
    }

    pub(super) fn head(&self) -> &Head {
        &self.head
    }

    /// Writes the older slot; durable when this returns, unchanged when it fails.
    pub(super) fn replace(&mut self, disk: &dyn Disk, head: Head) -> Result<(), DocumentError> {
        let write = self.write + 1;
        let name = SLOTS[usize::from(write.is_multiple_of(2))];
        document::replace(disk, name, FORMAT, &Slot { write, head })?;
        (self.write, self.head) = (write, head);
        Ok(())
    }
}
