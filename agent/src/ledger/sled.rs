//! The ledger on disk, in sled.
//!
//! sled keeps a log of its own with checksums, and finds a prefix of it again after a kill. Its `flush` is no fsync
//! worth relying on, and it may panic on what it finds: every call goes through [`guarded`], and each entry carries a
//! checksum of ours.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use skerry_common::bundle::digest::Digest;
use skerry_common::object::ObjectKey;
use sled::{Batch, Config, Db, Mode};

use super::{Ledger, LedgerError, Note, Recalled, Remembered};
use crate::transport::quic::PROGRAM_VERSION;

/// The format that this program writes, and the highest that it reads.
pub(super) const FORMAT: u32 = 1;

/// Where the format is noted; no object's key begins like this.
const FORMAT_KEY: &[u8] = b"\0format";

/// Memory that sled may keep for pages: a thousand entries take 300 KiB, and they are read once, at the start.
const CACHE_BYTES: u64 = 256 * 1024;

/// Size of the log's segments, of which sled holds a few in memory: small, because little is written at a time.
const SEGMENT_BYTES: usize = 64 * 1024;

/// Entries of one batch: sled keeps every version of a page that a batch goes through until it ends.
const BATCH_ENTRIES: usize = 32;

/// Bytes of the checksum before each entry.
const CHECK_BYTES: usize = 8;

/// A ledger in a folder.
pub struct SledLedger {
    database: Db,
}

impl SledLedger {
    /// Opens or makes it. What another version of this program noted is forgotten: it may judge otherwise.
    pub fn open(folder: &Path) -> Result<Self, LedgerError> {
        guarded(|| {
            let settings = Config::new().path(folder).cache_capacity(CACHE_BYTES).mode(Mode::LowSpace);
            let database = settings.segment_size(SEGMENT_BYTES).flush_every_ms(None).open()?;
            Ok(Self { database })
        })?
        .checked()
    }

    fn checked(self) -> Result<Self, LedgerError> {
        let written_by = format!("{FORMAT} {PROGRAM_VERSION}");
        match guarded(|| self.database.get(FORMAT_KEY))? {
            None if guarded(|| Ok(self.database.is_empty()))? => {}
            None => return Err(LedgerError::Damaged),
            Some(found) if found == written_by.as_bytes() => return Ok(self),
            Some(found) => {
                let text = String::from_utf8_lossy(&found).into_owned();
                let format = text.split(' ').next().and_then(|word| word.parse().ok());
                match format.ok_or(LedgerError::Damaged)? {
                    newer if newer > FORMAT => return Err(LedgerError::Newer(newer)),
                    _ => guarded(|| self.database.clear())?,
                }
            }
        }
        guarded(|| {
            self.database.insert(FORMAT_KEY, written_by.as_bytes())?;
            self.database.flush()
        })?;
        Ok(self)
    }
}

impl Ledger for SledLedger {
    fn recall(&self) -> Result<Recalled, LedgerError> {
        let read = guarded(|| self.database.iter().collect::<Result<Vec<_>, _>>())?;
        let entries = read.iter().filter(|(key, _)| key != FORMAT_KEY);
        entries.map(|(key, value)| parse(key, value).ok_or(LedgerError::Damaged)).collect()
    }

    fn note(&mut self, notes: &[Note]) -> Result<(), LedgerError> {
        for some in notes.chunks(BATCH_ENTRIES) {
            let mut batch = Batch::default();
            for (key, entry) in some {
                let key = serde_json::to_vec(key).map_err(LedgerError::Entry)?;
                match entry {
                    Some(entry) => {
                        let value = serde_json::to_vec(entry).map_err(LedgerError::Entry)?;
                        batch.insert(key.as_slice(), [check(&key, &value).as_slice(), &value].concat());
                    }
                    None => batch.remove(key),
                }
            }
            guarded(|| self.database.apply_batch(batch))?;
        }
        guarded(|| self.database.flush()).map(|_| ())
    }
}

/// Runs a call of sled; a panic in it is an error like others.
fn guarded<T>(call: impl FnOnce() -> Result<T, sled::Error>) -> Result<T, LedgerError> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(answer) => answer.map_err(LedgerError::Database),
        Err(_) => Err(LedgerError::Panicked),
    }
}

fn check(key: &[u8], value: &[u8]) -> [u8; CHECK_BYTES] {
    let digest = Digest::of(&[key, value].concat());
    let mut check = [0; CHECK_BYTES];
    check.copy_from_slice(&digest.as_bytes()[..CHECK_BYTES]);
    check
}

fn parse(key: &[u8], value: &[u8]) -> Option<(ObjectKey, Remembered)> {
    let (found, entry) = value.split_first_chunk::<CHECK_BYTES>()?;
    if *found != check(key, entry) {
        return None;
    }
    Some((serde_json::from_slice(key).ok()?, serde_json::from_slice(entry).ok()?))
}
