//! What the disk does not take, for people: the agent goes on with what is in force.

use std::collections::BTreeMap;
use std::error::Error;
use std::io;

use skerry_common::error_chain::Chain;

/// The writes that fail now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Troubles(BTreeMap<&'static str, Trouble>);

/// One kind of write that fails.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Trouble {
    what: String,
    is_full: bool,
}

impl Troubles {
    /// Notes how a write of this part ended: it fails from now on, or works again.
    pub(super) fn note<T, E: Error + 'static>(&mut self, part: &'static str, written: Result<T, E>) -> Result<T, E> {
        match &written {
            Ok(_) => drop(self.0.remove(part)),
            Err(error) => {
                let trouble = Trouble { what: Chain(error).to_string(), is_full: is_full(error) };
                self.0.insert(part, trouble);
            }
        }
        written
    }

    /// Whether everything can be written, as far as it was tried.
    pub fn is_none(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a write of this part fails.
    pub(super) fn has(&self, part: &str) -> bool {
        self.0.contains_key(part)
    }

    /// One word for machines.
    pub fn reason(&self) -> &'static str {
        if self.0.values().any(|trouble| trouble.is_full) { "DiskFull" } else { "WriteFailed" }
    }

    /// What fails and what follows from it.
    pub fn message(&self) -> String {
        let whats: Vec<&str> = self.0.values().map(|trouble| trouble.what.as_str()).collect();
        format!(
            "the agent's store takes no writes: {}; what is in force is healed, nothing newer is taken, and what \
             happens waits in memory",
            whats.join(", ")
        )
    }
}

fn is_full(error: &(dyn Error + 'static)) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
        }
        cause = error.source();
    }
    false
}
