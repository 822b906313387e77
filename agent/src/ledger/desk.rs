//! The thread that the ledger lives on: it blocks, it may hang, and nobody waits for it.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use skerry_common::error_chain::Chain;
use tokio::sync::{mpsc, oneshot};
use tracing::warn;

use super::{Ledger, LedgerError, MemoryLedger, Note, Recalled, SledLedger};

/// The folder inside the state folder.
const FOLDER: &str = "ledger";

/// Where a ledger that cannot be used is kept; the newest wins.
const ASIDE: &str = "ledger.damaged";

/// Batches of notes that wait; one more is dropped, and costs a whole read at the next start.
const NOTES_MAX: usize = 8;

/// How long the start waits for what is remembered: longer, and reading the objects anew is quicker.
const RECALL_TIMEOUT: Duration = Duration::from_secs(2);

/// How long stopping waits for what is under way.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// A handle to the ledger; what is said to it may get lost, which costs reads and nothing else.
#[derive(Debug)]
pub struct Desk {
    notes: mpsc::Sender<Vec<Note>>,
    recalled: Option<oneshot::Receiver<Recalled>>,
    closed: oneshot::Receiver<()>,
}

impl Desk {
    /// Opens the ledger of a state folder on a thread of its own.
    pub fn open(state_folder: &Path) -> Self {
        let state_folder = state_folder.to_owned();
        Self::over(move || open(&state_folder))
    }

    /// A ledger that is kept by the caller.
    pub fn of(ledger: impl Ledger) -> Self {
        Self::over(move || Box::new(ledger))
    }

    fn over(open: impl FnOnce() -> Box<dyn Ledger> + Send + 'static) -> Self {
        let (notes, mut inbox) = mpsc::channel::<Vec<Note>>(NOTES_MAX);
        let (tell, recalled) = oneshot::channel();
        let (end, closed) = oneshot::channel::<()>();
        let serve = move || {
            let mut ledger = open();
            let known = ledger.recall().unwrap_or_else(|error| {
                warn!(error = %Chain(&error), "the ledger cannot be read");
                Recalled::new()
            });
            // Whoever asked may have gone on without.
            let _ = tell.send(known);
            let mut failed = false;
            while let Some(notes) = inbox.blocking_recv() {
                match ledger.note(&notes) {
                    Ok(()) => failed = false,
                    Err(error) if failed => drop(error),
                    Err(error) => {
                        warn!(error = %Chain(&error), "the ledger cannot be written: the next start reads more");
                        failed = true;
                    }
                }
            }
            drop(ledger);
            let _ = end.send(());
        };
        if let Err(error) = std::thread::Builder::new().name("ledger".into()).spawn(serve) {
            warn!(error = %error, "the ledger's thread cannot be started");
        }
        Self { notes, recalled: Some(recalled), closed }
    }

    /// What is remembered; nothing when it cannot be read in time, or was asked before.
    pub async fn recall(&mut self) -> Recalled {
        let Some(recalled) = self.recalled.take() else { return Recalled::new() };
        match tokio::time::timeout(RECALL_TIMEOUT, recalled).await {
            Ok(Ok(recalled)) => recalled,
            Ok(Err(_)) | Err(_) => {
                warn!("the ledger does not answer: everything is read anew");
                Recalled::new()
            }
        }
    }

    /// Hands notes over; false when too many wait.
    pub fn note(&self, notes: Vec<Note>) -> bool {
        self.notes.try_send(notes).is_ok()
    }

    /// Waits until everything is written, within reason.
    pub async fn close(self) {
        drop(self.notes);
        // Late or never: what was not written is read anew.
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, self.closed).await;
    }
}

/// Opens what is there; sets aside what cannot be used, and begins anew.
fn open(state_folder: &Path) -> Box<dyn Ledger> {
    let folder = state_folder.join(FOLDER);
    let why = match readable(&folder) {
        Ok(ledger) => return Box::new(ledger),
        // sled gives this kind for nothing but its lock: the last life's thread has not ended yet.
        Err(LedgerError::Database(::sled::Error::Io(error))) if error.kind() == io::ErrorKind::Other => {
            warn!(error = %error, "the ledger is in use: nothing is remembered of this run");
            return Box::new(MemoryLedger::default());
        }
        Err(error) => Chain(&error).to_string(),
    };
    let rebuilt = set_aside(&folder, &state_folder.join(ASIDE)).map_err(|error| Chain(&error).to_string());
    match rebuilt.and_then(|()| readable(&folder).map_err(|error| Chain(&error).to_string())) {
        Ok(ledger) => {
            warn!(why, "the ledger was set aside as `{ASIDE}` and a new one begun");
            Box::new(ledger)
        }
        Err(error) => {
            warn!(why, error, "the ledger cannot be used: nothing is remembered of this run");
            Box::new(MemoryLedger::default())
        }
    }
}

/// Opens a ledger of which every entry reads back.
fn readable(folder: &Path) -> Result<SledLedger, LedgerError> {
    let ledger = SledLedger::open(folder)?;
    ledger.recall()?;
    Ok(ledger)
}

fn set_aside(folder: &Path, aside: &PathBuf) -> io::Result<()> {
    match std::fs::remove_dir_all(aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    match std::fs::rename(folder, aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}
