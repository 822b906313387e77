//! The journal: appended, fsynced, a torn tail cut.
//!
//! ```text
//! skerry-journal 1 <incarnation> <first sequence> <dropped>\n
//! length u32 │ first 8 bytes of SHA-256 │ JSON entry
//! length u32 │ …
//! ```
//! Entries are kept until the hub acknowledges them. What is acknowledged is forgotten in memory at
//! once and on disk when the file is next rewritten; the hub ignores what it already has. When the
//! journal is full, the oldest entries give way to one that says how many are gone.
//!
//! While the disk takes no writes, entries wait in memory and are written when it does again. No hub is
//! told of them before: their places are given anew if the process ends meanwhile.

use std::collections::VecDeque;
use std::io;

use skerry_common::bundle::digest::Digest;
use skerry_common::id::{Incarnation, Sequence};
use skerry_common::journal::{Event, JournalEntry};
use thiserror::Error;

use super::disk::{self, Disk};

const NAME: &str = "journal";
const MAGIC: &str = "skerry-journal";
const VERSION: u32 = 1;
const CHECK_BYTES: usize = 8;

/// Most entries kept: days of a busy, cut-off cluster, some 4 MB.
pub const ENTRIES_MAX: usize = 10_000;

/// How many entries give way at once when the journal is full, so that it is rewritten seldom.
const DROP_AT_ONCE: usize = 1_000;

/// Largest entry in bytes: a drift with all the fields that are listed.
const ENTRY_BYTES_MAX: usize = 256 * 1024;

/// Largest file that is read: twice the entries allowed, since acknowledged ones stay for a while.
const FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// The file is rewritten when so many of its records are acknowledged.
const REWRITE_AT: usize = 2_000;

/// A journal that cannot be read or written.
#[derive(Debug, Error)]
pub enum JournalError {
    /// The disk said no.
    #[error("the journal cannot be {doing}")]
    Io {
        /// `read` or `written`.
        doing: &'static str,
        /// What the disk said.
        #[source]
        source: io::Error,
    },
    /// Written by a later version.
    #[error("the journal has format {0}, this program reads {VERSION}: run the newer agent")]
    Newer(u32),
    /// Larger than any entry should be.
    #[error("an entry of {0} bytes: at most {ENTRY_BYTES_MAX} are written")]
    TooLarge(usize),
}

fn reading(source: io::Error) -> JournalError {
    JournalError::Io { doing: "read", source }
}

fn writing(source: io::Error) -> JournalError {
    JournalError::Io { doing: "written", source }
}

/// The log of what happened.
pub struct Journal {
    incarnation: Incarnation,
    next: Sequence,
    /// Oldest first; the newest may be waiting for the disk.
    entries: VecDeque<JournalEntry>,
    /// The newest place that is durable: later entries wait.
    written: Sequence,
    records_on_disk: usize,
    /// The file is not what it should be – half a record, or what was dropped – and is written anew as a whole.
    rewrite_due: bool,
}

impl Journal {
    /// Opens the journal, cuts a torn tail, or begins a new one under `fresh_incarnation`.
    pub fn open(disk: &dyn Disk, fresh_incarnation: u64, repairs: &mut Vec<String>) -> Result<Self, JournalError> {
        let bytes = match disk.read(NAME, FILE_BYTES_MAX) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Self::begin(disk, fresh_incarnation),
            Err(source) => return Err(reading(source)),
        };
        let Some((mut journal, body)) = parse_header(&bytes)? else {
            let aside = format!("{NAME}.damaged");
            disk.rename(NAME, &aside).map_err(writing)?;
            repairs
                .push(format!("the journal's header was damaged: it was set aside as `{aside}` and a new one begun"));
            return Self::begin(disk, fresh_incarnation);
        };
        let good = journal.read_records(&bytes[body..]);
        if body + good < bytes.len() {
            let lost = bytes.len() - body - good;
            disk.truncate(NAME, (body + good) as u64).map_err(writing)?;
            disk.sync(NAME).map_err(writing)?;
            repairs.push(format!("the journal's last {lost} bytes were torn and were cut"));
        }
        Ok(journal)
    }

    fn begin(disk: &dyn Disk, incarnation: u64) -> Result<Self, JournalError> {
        let mut journal = Self::empty(Incarnation(incarnation), Sequence(1));
        journal.rewrite(disk)?;
        Ok(journal)
    }

    fn empty(incarnation: Incarnation, next: Sequence) -> Self {
        let written = Sequence(next.0 - 1);
        Self { incarnation, next, entries: VecDeque::new(), written, records_on_disk: 0, rewrite_due: false }
    }

    /// Which life of the journal this is.
    pub fn incarnation(&self) -> Incarnation {
        self.incarnation
    }

    /// The place of the newest entry that is durable; 0 when there never was one.
    pub fn end(&self) -> Sequence {
        self.written
    }

    /// Entries that the hub has not acknowledged, oldest first.
    pub fn unacknowledged(&self) -> impl Iterator<Item = &JournalEntry> {
        self.entries.iter()
    }

    /// Those of them that are durable: what a hub may be told.
    pub fn deliverable(&self) -> impl Iterator<Item = &JournalEntry> {
        self.entries.iter().take_while(|entry| entry.sequence <= self.written)
    }

    /// Adds an event and gives its place; [`Self::write`] makes it durable.
    pub fn add(&mut self, at_unix_ms: i64, event: Event) -> Result<Sequence, JournalError> {
        let entry = JournalEntry { sequence: self.next, at_unix_ms, event };
        let sequence = entry.sequence;
        record(&entry)?;
        if self.entries.len() >= ENTRIES_MAX {
            self.fold(at_unix_ms);
        }
        self.entries.push_back(entry);
        self.next = Sequence(sequence.0 + 1);
        Ok(sequence)
    }

    /// Makes everything durable that waits.
    pub fn write(&mut self, disk: &dyn Disk) -> Result<(), JournalError> {
        let waiting = self.entries.iter().rev().take_while(|entry| entry.sequence > self.written).count();
        if waiting == 0 {
            return Ok(());
        }
        if self.rewrite_due || self.records_on_disk >= self.entries.len() + REWRITE_AT {
            return self.rewrite(disk);
        }
        let mut records = Vec::new();
        for entry in self.entries.iter().skip(self.entries.len() - waiting) {
            records.extend_from_slice(&record(entry)?);
        }
        self.rewrite_due = true;
        disk.append(NAME, &records).map_err(writing)?;
        disk.sync(NAME).map_err(writing)?;
        self.rewrite_due = false;
        self.records_on_disk += waiting;
        self.written = Sequence(self.next.0 - 1);
        Ok(())
    }

    /// Forgets what the hub has stored. Of another incarnation, or again: nothing happens.
    pub fn acknowledge(&mut self, incarnation: Incarnation, through: Sequence) {
        if incarnation != self.incarnation {
            return;
        }
        let through = through.min(self.written);
        while self.entries.front().is_some_and(|entry| entry.sequence <= through) {
            self.entries.pop_front();
        }
    }

    /// Folds the oldest entries into one that counts them; it takes the place of the newest of them.
    fn fold(&mut self, at_unix_ms: i64) {
        let mut dropped = 0;
        let mut place = self.next;
        for entry in self.entries.drain(..DROP_AT_ONCE.min(self.entries.len())) {
            dropped += match entry.event {
                Event::Overflow { dropped } => dropped,
                Event::Started { .. }
                | Event::Accepted { .. }
                | Event::Refused { .. }
                | Event::Applied { .. }
                | Event::ApplyFailed { .. }
                | Event::Pruned { .. }
                | Event::PruneHeld { .. }
                | Event::Drift(_)
                | Event::DriftClosed { .. }
                | Event::Fight { .. }
                | Event::Adopted { .. }
                | Event::StoreRepaired { .. } => 1,
            };
            place = entry.sequence;
        }
        self.entries.push_front(JournalEntry { sequence: place, at_unix_ms, event: Event::Overflow { dropped } });
        self.rewrite_due = true;
    }

    /// Writes the file anew with what is still needed.
    fn rewrite(&mut self, disk: &dyn Disk) -> Result<(), JournalError> {
        let first = self.entries.front().map_or(self.next, |entry| entry.sequence);
        let mut bytes = format!("{MAGIC} {VERSION} {} {first}\n", self.incarnation).into_bytes();
        for entry in &self.entries {
            bytes.extend_from_slice(&record(entry)?);
        }
        disk::replace(disk, NAME, &bytes).map_err(writing)?;
        (self.records_on_disk, self.rewrite_due) = (self.entries.len(), false);
        self.written = Sequence(self.next.0 - 1);
        Ok(())
    }

    /// Reads records until the first that is torn; gives the length of the good part.
    fn read_records(&mut self, body: &[u8]) -> usize {
        let mut at = 0;
        while let Some((entry, length)) = parse_record(&body[at..]) {
            if entry.sequence < self.next {
                break;
            }
            self.next = Sequence(entry.sequence.0 + 1);
            self.entries.push_back(entry);
            at += length;
        }
        self.records_on_disk = self.entries.len();
        self.written = Sequence(self.next.0 - 1);
        at
    }
}

fn record(entry: &JournalEntry) -> Result<Vec<u8>, JournalError> {
    let json = serde_json::to_vec(entry).map_err(|error| writing(io::Error::other(error)))?;
    let length = u32::try_from(json.len()).ok().filter(|_| json.len() <= ENTRY_BYTES_MAX);
    let length = length.ok_or(JournalError::TooLarge(json.len()))?;
    let mut record = length.to_be_bytes().to_vec();
    record.extend_from_slice(&Digest::of(&json).as_bytes()[..CHECK_BYTES]);
    record.extend_from_slice(&json);
    Ok(record)
}

fn parse_record(bytes: &[u8]) -> Option<(JournalEntry, usize)> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (check, rest) = rest.split_first_chunk::<CHECK_BYTES>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok().filter(|length| *length <= ENTRY_BYTES_MAX)?;
    let json = rest.get(..length)?;
    if Digest::of(json).as_bytes()[..CHECK_BYTES] != *check {
        return None;
    }
    Some((serde_json::from_slice(json).ok()?, 4 + CHECK_BYTES + length))
}

/// Gives an empty journal and where the records begin; `None` when the header is damaged.
fn parse_header(bytes: &[u8]) -> Result<Option<(Journal, usize)>, JournalError> {
    let parse = || {
        let end = bytes.iter().take(256).position(|byte| *byte == b'\n')?;
        let mut words = std::str::from_utf8(&bytes[..end]).ok()?.split(' ');
        if words.next() != Some(MAGIC) {
            return None;
        }
        let version: u32 = words.next()?.parse().ok()?;
        let incarnation: u64 = words.next()?.parse().ok()?;
        let first: u64 = words.next()?.parse().ok()?;
        Some((version, incarnation, first.max(1), end + 1))
    };
    let Some((version, incarnation, first, body)) = parse() else { return Ok(None) };
    if version > VERSION {
        return Err(JournalError::Newer(version));
    }
    Ok(Some((Journal::empty(Incarnation(incarnation), Sequence(first)), body)))
}
