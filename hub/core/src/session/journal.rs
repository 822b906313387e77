//! How far an agent's journal is taken, handed on and stored.

use std::collections::VecDeque;

use skerry_common::id::{Incarnation, Sequence};
use skerry_common::journal::{Event, JournalEntry};
use skerry_common::limits::JOURNAL_BATCH_MAX;
use skerry_common::wire::v1::HubMessage;

use super::{Output, Violation};

/// Most batches that are handed on and not stored yet: enough to keep a disk busy, and a bound of
/// some hundred kilobytes for each connection in a storm.
pub const BATCHES_IN_FLIGHT_MAX: usize = 4;

/// One incarnation's journal, as far as this connection knows it.
#[derive(Debug)]
pub(super) struct Journal {
    incarnation: Incarnation,
    /// Stored through here.
    stored: Sequence,
    /// Handed to the shell through here; never below `stored`.
    handed: Sequence,
    /// Ends of the batches in flight, ascending.
    in_flight: VecDeque<Sequence>,
    /// Whether a batch was taken on this connection.
    begun: bool,
}

impl Journal {
    /// Begins at the stored mark.
    pub(super) fn new(incarnation: Incarnation, stored: Sequence) -> Self {
        Self { incarnation, stored, handed: stored, in_flight: VecDeque::new(), begun: false }
    }

    /// True while no further batch should be read.
    pub(super) fn is_full(&self) -> bool {
        self.in_flight.len() >= BATCHES_IN_FLIGHT_MAX
    }

    /// Takes a batch: what is new is handed on, what is stored is acknowledged again.
    pub(super) fn take(
        &mut self,
        incarnation: Incarnation,
        mut entries: Vec<JournalEntry>,
        outputs: &mut VecDeque<Output>,
    ) -> Result<(), Violation> {
        self.check(incarnation, &entries)?;
        let stored_already = entries.iter().any(|entry| entry.sequence <= self.stored);
        entries.retain(|entry| entry.sequence > self.handed);
        if let Some(gap) = self.gap(&entries) {
            if self.begun {
                return Err(Violation(format!("journal entries after {} are missing", self.handed)));
            }
            outputs.push_back(Output::JournalGap { incarnation, after: self.handed, before: gap });
        }
        self.begun = true;
        if let Some(last) = entries.last() {
            self.handed = last.sequence;
            self.in_flight.push_back(last.sequence);
            outputs.push_back(Output::PersistJournal { incarnation, entries });
        } else if stored_already {
            outputs.push_back(Output::Send(HubMessage::JournalAck { incarnation, through: self.stored }));
        }
        Ok(())
    }

    /// Notes that entries are stored; returns the mark to acknowledge if it moved.
    pub(super) fn stored(&mut self, incarnation: Incarnation, through: Sequence) -> Option<Sequence> {
        // A shell that claims more than it was given has a bug; believing it would lose entries.
        let through = through.min(self.handed);
        if incarnation != self.incarnation || through <= self.stored {
            return None;
        }
        self.stored = through;
        while self.in_flight.front().is_some_and(|end| *end <= through) {
            self.in_flight.pop_front();
        }
        Some(through)
    }

    fn check(&self, incarnation: Incarnation, entries: &[JournalEntry]) -> Result<(), Violation> {
        if incarnation != self.incarnation {
            return Err(Violation("a journal of another incarnation than introduced".into()));
        }
        if entries.is_empty() || entries.len() > JOURNAL_BATCH_MAX {
            return Err(Violation(format!("{} journal entries: 1 to {JOURNAL_BATCH_MAX} are allowed", entries.len())));
        }
        if entries.first().is_some_and(|first| first.sequence == Sequence(0)) {
            return Err(Violation("journal entries begin at 1".into()));
        }
        for pair in entries.windows(2) {
            let [before, after] = pair else { continue };
            let next = before.sequence.0.checked_add(1);
            if after.sequence <= before.sequence {
                return Err(Violation("journal entries out of order".into()));
            }
            if Some(after.sequence.0) != next && !is_overflow(after) {
                return Err(Violation(format!("journal entries after {} are missing", before.sequence)));
            }
        }
        if self.is_full() {
            return Err(Violation("more journal batches than are acknowledged".into()));
        }
        Ok(())
    }

    /// The first sequence at hand when entries before it are missing and no overflow says so.
    fn gap(&self, entries: &[JournalEntry]) -> Option<Sequence> {
        let first = entries.first()?;
        let expected = self.handed.0.checked_add(1);
        (Some(first.sequence.0) != expected && !is_overflow(first)).then_some(first.sequence)
    }
}

fn is_overflow(entry: &JournalEntry) -> bool {
    matches!(entry.event, Event::Overflow { .. })
}
