//! The twin: it keeps entries for as long as somebody holds it, and can be told to fail.

use std::sync::{Arc, Mutex, PoisonError};

use super::{Ledger, LedgerError, Note, Recalled};

/// A ledger in memory; clones share it.
#[derive(Debug, Clone, Default)]
pub struct MemoryLedger(Arc<Mutex<State>>);

/// The lock is there because a test looks at it while a desk owns it.
#[derive(Debug, Default)]
struct State {
    entries: Recalled,
    full: bool,
}

impl MemoryLedger {
    /// Makes every note fail from now on, or work again.
    pub fn set_full(&self, full: bool) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).full = full;
    }
}

impl Ledger for MemoryLedger {
    fn recall(&self) -> Result<Recalled, LedgerError> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).entries.clone())
    }

    fn note(&mut self, notes: &[Note]) -> Result<(), LedgerError> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.full {
            return Err(LedgerError::Full);
        }
        for (key, entry) in notes {
            match entry {
                Some(entry) => drop(state.entries.insert(key.clone(), entry.clone())),
                None => drop(state.entries.remove(key)),
            }
        }
        Ok(())
    }
}
