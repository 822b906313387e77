//! Owns the store on a thread of its own, because the disk blocks.
//!
//! Calls are closures: they run one after the other, so each sees the store whole. A call that
//! returned has happened; a caller that is dropped while waiting changes nothing about that.

use std::path::Path;

use skerry_common::id::Sequence;
use skerry_common::journal::Event;
use thiserror::Error;
use tokio::sync::{mpsc, oneshot, watch};
use tracing::{error, info};

use crate::store::disk::{Disk, FolderDisk};
use crate::store::trouble::Troubles;
use crate::store::{Store, StoreError};

/// Calls waiting: more than the tasks that call at once.
const CALLS_MAX: usize = 64;

type Call = Box<dyn FnOnce(&mut Store) + Send>;

/// The store could not do what was asked.
#[derive(Debug, Error)]
pub enum KeeperError {
    /// The folder cannot be opened.
    #[error("the state folder `{folder}` cannot be opened")]
    Folder {
        /// Which folder.
        folder: String,
        /// What the disk said.
        #[source]
        source: std::io::Error,
    },
    /// The thread cannot be started.
    #[error("the store's thread cannot be started")]
    Thread(#[source] std::io::Error),
    /// The store.
    #[error("the agent's store failed")]
    Store(#[from] StoreError),
    /// The agent is stopping.
    #[error("the agent's store is closed")]
    Closed,
}

/// A handle to the store.
#[derive(Clone)]
pub struct Keeper {
    calls: mpsc::Sender<Call>,
    /// The journal's newest place, so that others learn of new entries.
    journal_end: watch::Receiver<Sequence>,
    /// The writes that fail now.
    troubles: watch::Receiver<Troubles>,
}

impl Keeper {
    /// Opens the store and starts its thread; it ends when the last handle is gone.
    pub fn open(folder: &Path, fresh_incarnation: u64) -> Result<Self, KeeperError> {
        let disk = FolderDisk::open(folder)
            .map_err(|source| KeeperError::Folder { folder: folder.display().to_string(), source })?;
        Self::on(disk, fresh_incarnation)
    }

    /// The same on any disk.
    pub fn on(disk: impl Disk, fresh_incarnation: u64) -> Result<Self, KeeperError> {
        let mut store = Store::open(disk, fresh_incarnation)?;
        let (calls, mut inbox) = mpsc::channel::<Call>(CALLS_MAX);
        let (end, journal_end) = watch::channel(store.journal_mark().1);
        let (told, troubles) = watch::channel(Troubles::default());
        let serve = move || {
            while let Some(call) = inbox.blocking_recv() {
                call(&mut store);
                let newest = store.journal_mark().1;
                end.send_if_modified(|known| std::mem::replace(known, newest) != newest);
                tell(&told, store.troubles());
            }
        };
        std::thread::Builder::new().name("keeper".into()).spawn(serve).map_err(KeeperError::Thread)?;
        Ok(Self { calls, journal_end, troubles })
    }

    /// Runs a call on the store's thread and gives its answer.
    pub async fn call<T: Send + 'static>(
        &self,
        call: impl FnOnce(&mut Store) -> T + Send + 'static,
    ) -> Result<T, KeeperError> {
        let (reply, answer) = oneshot::channel();
        let call: Call = Box::new(move |store| drop(reply.send(call(store))));
        self.calls.send(call).await.map_err(|_| KeeperError::Closed)?;
        answer.await.map_err(|_| KeeperError::Closed)
    }

    /// Notes events, in order; all are durable when this returns, if the disk takes them. Gives the place of each.
    pub async fn record(&self, at_unix_ms: i64, events: Vec<Event>) -> Result<Vec<Sequence>, KeeperError> {
        let recorded = self.call(move |store| {
            events.into_iter().map(|event| store.record(at_unix_ms, event)).collect::<Result<Vec<_>, _>>()
        });
        Ok(recorded.await??)
    }

    /// The journal's newest place, as it grows.
    pub fn journal_end(&self) -> watch::Receiver<Sequence> {
        self.journal_end.clone()
    }

    /// The writes that fail now, as they do.
    pub fn troubles(&self) -> watch::Receiver<Troubles> {
        self.troubles.clone()
    }
}

fn tell(told: &watch::Sender<Troubles>, now: &Troubles) {
    told.send_if_modified(|known| {
        let news = known != now;
        if news && now.is_none() {
            info!("the agent's store takes writes again");
        } else if news {
            error!("{}", now.message());
        }
        if news {
            known.clone_from(now);
        }
        news
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn calls_run_in_turn_and_the_journal_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let keeper = Keeper::open(&folder.path().join("state"), 1).expect("opens");
        let mut end = keeper.journal_end();
        assert_eq!(*end.borrow_and_update(), Sequence(0));
        let events = vec![Event::Started { version: "1".into() }, Event::Overflow { dropped: 1 }];
        assert_eq!(keeper.record(5, events).await.expect("records"), [Sequence(1), Sequence(2)]);
        end.changed().await.expect("is told");
        assert_eq!(*end.borrow(), Sequence(2));
        assert_eq!(keeper.call(|store| store.unacknowledged().count()).await.expect("answers"), 2);
    }
}
