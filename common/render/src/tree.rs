//! Where files come from: a read-only view of a Git tree or a folder.

mod memory;
mod mount;
mod path;
mod record;
mod view;

use std::sync::Arc;

use thiserror::Error;

pub use memory::MemoryTree;
pub(crate) use path::{PathProblem, join, join_written, parent, starts_in};
pub(crate) use record::Record;
pub(crate) use view::{Found, View};

/// A read-only view of a Git tree or a folder.
///
/// Paths are relative to the root, `/`-separated, without `.`, `..` and a leading or trailing
/// `/`; the root itself is the empty path. Symbolic links are reported, never followed.
pub trait SourceTree {
    /// What is at a path; `None` when there is nothing.
    fn entry(&self, path: &str) -> Result<Option<Entry>, TreeError>;
    /// The names in a folder, sorted by their bytes; empty for what is no folder.
    fn list(&self, path: &str) -> Result<Vec<(String, Entry)>, TreeError>;
    /// The content of a file, bounded by the implementation.
    fn read(&self, path: &str) -> Result<Arc<[u8]>, TreeError>;
}

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A file.
    File {
        /// Names the content: a Git blob id, or a digest.
        id: String,
        /// Size in bytes.
        size: u64,
        /// Whether it may be executed.
        executable: bool,
    },
    /// A folder.
    Directory {
        /// Names everything below: a Git tree id, or a digest.
        id: String,
    },
    /// A symbolic link.
    Symlink {
        /// Where it points, as written.
        target: String,
    },
    /// A Git submodule: content of another repository, which is not read.
    Submodule,
}

impl Entry {
    /// What a read-set remembers of it.
    pub(crate) fn mark(&self) -> String {
        match self {
            Entry::File { id, .. } | Entry::Directory { id } => id.clone(),
            Entry::Symlink { target } => format!("symlink:{target}"),
            Entry::Submodule => "submodule".to_owned(),
        }
    }

    /// Whether a read-set remembers it so.
    pub(crate) fn is_marked(&self, mark: &str) -> bool {
        match self {
            Entry::File { id, .. } | Entry::Directory { id } => id == mark,
            Entry::Symlink { target } => mark.strip_prefix("symlink:") == Some(target),
            Entry::Submodule => mark == "submodule",
        }
    }
}

/// Why a tree cannot be read.
#[derive(Debug, Error)]
pub enum TreeError {
    /// More bytes than the implementation reads.
    #[error("`{path}` has {size} bytes, at most {max} are read")]
    TooLarge {
        /// The file.
        path: String,
        /// Its size.
        size: u64,
        /// The bound.
        max: u64,
    },
    /// No file is at the path.
    #[error("`{path}` is no file")]
    NotAFile {
        /// The path.
        path: String,
    },
    /// The repository or the disk failed.
    #[error("cannot read `{path}`")]
    Unreadable {
        /// The path.
        path: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
