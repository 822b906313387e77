//! Counts what is read of repositories, so that tests and benchmarks see what a change costs.

use std::sync::atomic::{AtomicU64, Ordering};

/// How much was read, since the reader was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GitCounts {
    /// Commits opened, each with its repository.
    pub commits_opened: u64,
    /// Folders read.
    pub folders_read: u64,
    /// Files and targets of symbolic links read.
    pub files_read: u64,
    /// Bytes of these.
    pub bytes_read: u64,
}

/// What counts; shared by a reader and the trees that it gave out.
#[derive(Debug, Default)]
pub(super) struct Counter {
    commits_opened: AtomicU64,
    folders_read: AtomicU64,
    files_read: AtomicU64,
    bytes_read: AtomicU64,
}

impl Counter {
    pub(super) fn opened(&self) {
        self.commits_opened.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn folder(&self) {
        self.folders_read.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn file(&self, bytes: u64) {
        self.files_read.fetch_add(1, Ordering::Relaxed);
        self.bytes_read.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn so_far(&self) -> GitCounts {
        GitCounts {
            commits_opened: self.commits_opened.load(Ordering::Relaxed),
            folders_read: self.folders_read.load(Ordering::Relaxed),
            files_read: self.files_read.load(Ordering::Relaxed),
            bytes_read: self.bytes_read.load(Ordering::Relaxed),
        }
    }
}
