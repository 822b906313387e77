//! The window over the journal: one batch under way.

use std::time::Instant;

use skerry_common::id::{Incarnation, Sequence};
use skerry_common::journal::JournalEntry;
use skerry_common::limits::{FRAME_BYTES_MAX, JOURNAL_BATCH_MAX};

use super::Output;

/// Most bytes of one batch: half a frame, measured as JSON, which is longer than what travels.
const BATCH_BYTES_MAX: usize = FRAME_BYTES_MAX / 2;

/// How far the journal was sent and acknowledged.
#[derive(Debug)]
pub(super) struct JournalWindow {
    incarnation: Incarnation,
    end: Sequence,
    acknowledged: Sequence,
    step: Step,
}

/// What is under way.
#[derive(Debug)]
enum Step {
    /// Nothing.
    Idle,
    /// The shell reads.
    Reading,
    /// The hub stores.
    Sent { through: Sequence, at: Instant },
}

impl JournalWindow {
    pub(super) fn new(incarnation: Incarnation, end: Sequence) -> Self {
        Self { incarnation, end, acknowledged: Sequence(0), step: Step::Idle }
    }

    /// The journal has a new end, or is a new one.
    pub(super) fn grew(&mut self, incarnation: Incarnation, end: Sequence) {
        if incarnation == self.incarnation {
            self.end = self.end.max(end);
        } else {
            *self = Self::new(incarnation, end);
        }
    }

    /// A new connection: what was under way is sent again.
    pub(super) fn start_over(&mut self) {
        self.step = Step::Idle;
    }

    /// Asks for the next entries, if there are any and nothing is under way.
    pub(super) fn wants(&mut self) -> Option<Output> {
        match self.step {
            Step::Idle if self.acknowledged < self.end => {
                self.step = Step::Reading;
                Some(Output::ReadJournal { after: self.acknowledged, entries_max: JOURNAL_BATCH_MAX })
            }
            Step::Idle | Step::Reading | Step::Sent { .. } => None,
        }
    }

    /// Cuts what was read to one batch: ascending without gaps, bounded in number and bytes.
    pub(super) fn batch(&mut self, now: Instant, read: Vec<JournalEntry>) -> Option<(Incarnation, Vec<JournalEntry>)> {
        if !matches!(self.step, Step::Reading) {
            return None;
        }
        self.step = Step::Idle;
        let mut batch: Vec<JournalEntry> = Vec::new();
        let mut bytes = 0;
        for entry in read.into_iter().filter(|entry| entry.sequence > self.acknowledged) {
            bytes += serde_json::to_vec(&entry).map_or(BATCH_BYTES_MAX, |json| json.len());
            let follows = batch.last().is_none_or(|last| last.sequence.0.checked_add(1) == Some(entry.sequence.0));
            let is_full = batch.len() >= JOURNAL_BATCH_MAX || (bytes > BATCH_BYTES_MAX && !batch.is_empty());
            if !follows || is_full {
                break;
            }
            batch.push(entry);
        }
        match batch.last() {
            Some(last) => {
                self.step = Step::Sent { through: last.sequence, at: now };
                Some((self.incarnation, batch))
            }
            None => {
                // Nothing is left up to the end that was named: asking again would ask for ever.
                self.acknowledged = self.end;
                None
            }
        }
    }

    /// The hub stored up to `through`; returns the new mark if it moved.
    pub(super) fn acknowledged(&mut self, incarnation: Incarnation, through: Sequence) -> Option<Sequence> {
        if incarnation != self.incarnation || through > self.end {
            return None;
        }
        if let Step::Sent { through: sent, .. } = self.step
            && sent <= through
        {
            self.step = Step::Idle;
        }
        (through > self.acknowledged).then(|| {
            self.acknowledged = through;
            through
        })
    }

    /// Since when an acknowledgement is waited for.
    pub(super) fn sent_at(&self) -> Option<Instant> {
        match self.step {
            Step::Sent { at, .. } => Some(at),
            Step::Idle | Step::Reading => None,
        }
    }
}
