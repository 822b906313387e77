//! Who works on a state folder: one process at a time, by an advisory lock that the kernel gives back.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;

use crate::store::disk::FolderDisk;

/// The file that is locked; it stays, empty.
const LOCK: &str = "lock";

/// How long a starting agent waits for the place: longer than a command holds it, shorter than a supervisor waits.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// How often it looks meanwhile.
const WAIT_INTERVAL: Duration = Duration::from_millis(50);

/// The state folder cannot be worked on.
#[derive(Debug, Error)]
pub enum PlaceError {
    /// Somebody else does.
    #[error("another agent works on the state folder `{}`", .0.display())]
    Taken(PathBuf),
    /// The disk said no.
    #[error("the state folder `{}` cannot be used", .folder.display())]
    Folder {
        /// Which folder.
        folder: PathBuf,
        /// What the disk said.
        #[source]
        source: io::Error,
    },
}

/// The right to work on a state folder; given back when dropped, or when the process ends.
#[derive(Debug)]
pub struct Place {
    _lock: File,
}

impl Place {
    /// Takes the place, or says that it is taken; makes the folder when missing.
    pub fn take(state: &Path) -> Result<Self, PlaceError> {
        let failed = |source| PlaceError::Folder { folder: state.to_owned(), source };
        FolderDisk::open(state).map_err(failed)?;
        let open = OpenOptions::new().create(true).truncate(false).write(true).open(state.join(LOCK));
        let lock = open.map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(PlaceError::Taken(state.to_owned())),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    /// Takes the place as soon as it is free: `status` and `import` hold it for a moment.
    pub async fn wait(state: &Path) -> Result<Self, PlaceError> {
        let begun = tokio::time::Instant::now();
        loop {
            match Self::take(state) {
                Err(PlaceError::Taken(_)) if begun.elapsed() < WAIT_MAX => tokio::time::sleep(WAIT_INTERVAL).await,
                taken => return taken,
            }
        }
    }

    /// Takes the place if it is free.
    pub fn if_free(state: &Path) -> Result<Option<Self>, PlaceError> {
        match Self::take(state) {
            Ok(place) => Ok(Some(place)),
            Err(PlaceError::Taken(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_taken_once_and_given_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let state = folder.path().join("state");
        let first = Place::take(&state).expect("is free");
        assert!(matches!(Place::take(&state), Err(PlaceError::Taken(_))));
        assert!(Place::if_free(&state).expect("can be asked").is_none());
        drop(first);
        assert!(Place::if_free(&state).expect("can be asked").is_some());
    }

    #[tokio::test]
    async fn an_agent_that_starts_waits_for_a_command_to_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = Place::take(folder.path()).expect("is free");
        let (waited, ()) = tokio::join!(Place::wait(folder.path()), async { drop(first) });
        waited.expect("is free again");
    }
}
