//! The files of one commit.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;

use gix::objs::tree::EntryKind;
use gix::{ObjectId, Repository};
use skerry_render::{Entry, SourceTree, TreeError};
use thiserror::Error;

use super::counts::Counter;

/// Bounds of reading one commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreeLimits {
    /// Largest file; its size is known before it is read.
    pub file_bytes_max: u64,
    /// Most bytes read for one render, counting a file as often as it is read.
    pub total_bytes_max: u64,
}

impl Default for TreeLimits {
    fn default() -> Self {
        let render = skerry_render::RenderLimits::default();
        // Renders have a bound of their own; what is read again, or asked of links, is beyond it.
        Self { file_bytes_max: render.file_bytes_max, total_bytes_max: 16 * render.total_bytes_max }
    }
}

/// Deepest path: what Linux opens has at most half as many segments as PATH_MAX bytes; people use ten.
const DEPTH_MAX: usize = 64;

/// Largest folder listing: about 100,000 entries.
const FOLDER_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// Longest target of a symbolic link: PATH_MAX of Linux.
const LINK_BYTES_MAX: u64 = 4096;

/// Objects kept decoded: the folders of a large repository and the files that are read again.
const OBJECT_CACHE_BYTES: usize = 8 * 1024 * 1024;

/// Most folders kept as listings; beyond, all are forgotten and read again.
const FOLDERS_KEPT_MAX: usize = 4096;

/// The files of one commit, read when asked for.
///
/// Nothing is checked out. Symbolic links, submodules and LFS pointers are shown as what they are;
/// the renderer refuses or follows them. It may feed many renders, one after the other, each with
/// bounds of its own ([`CommitTree::begin`]); folders are read once for all of them.
pub struct CommitTree {
    repository: Repository,
    root: ObjectId,
    terms: Terms,
    bytes_read: Cell<u64>,
    folders: RefCell<BTreeMap<ObjectId, Folder>>,
    is_damaged: Cell<bool>,
}

/// Under which terms a tree is read.
pub(super) struct Terms {
    pub(super) limits: TreeLimits,
    pub(super) counter: Arc<Counter>,
    /// Whether the repository can be fetched again: then it is told when an object cannot be read.
    pub(super) is_cached: bool,
}

/// What a folder holds, by name.
type Folder = Arc<BTreeMap<String, (EntryKind, ObjectId)>>;

/// What a repository may not hold.
#[derive(Debug, Error)]
enum Malformed {
    /// A path with more folders than are followed.
    #[error("it lies more than {DEPTH_MAX} folders deep")]
    TooDeep,
    /// A name that leads elsewhere than it stands.
    #[error("the folder holds the name `{0}`, which no file can have")]
    Name(String),
    /// The same name twice.
    #[error("the folder holds the name `{0}` twice")]
    Twice(String),
    /// An object of another kind than its entry says.
    #[error("the object {0} is missing or of another kind than its entry says")]
    Kind(ObjectId),
}

impl CommitTree {
    /// The tree of a commit that is in the repository.
    pub(super) fn new(mut repository: Repository, commit: ObjectId, terms: Terms) -> Result<Self, gix::Error> {
        repository.object_cache_size(OBJECT_CACHE_BYTES);
        let root = repository.find_commit(commit)?.tree_id()?.detach();
        let (bytes_read, folders, is_damaged) = Default::default();
        Ok(Self { repository, root, terms, bytes_read, folders, is_damaged })
    }

    /// Begins another render, which may read as much as the one before.
    pub fn begin(&self) {
        self.bytes_read.set(0);
    }

    /// Bytes of files read since the last [`CommitTree::begin`].
    pub fn bytes_read(&self) -> u64 {
        self.bytes_read.get()
    }

    /// Whether something in it could not be read. It is to be opened anew then: the repository may have been
    /// replaced since.
    pub fn is_damaged(&self) -> bool {
        self.is_damaged.get()
    }

    /// What stands at a path.
    fn find(&self, path: &str) -> Result<Option<(EntryKind, ObjectId)>, TreeError> {
        let mut here = (EntryKind::Tree, self.root);
        if path.is_empty() {
            return Ok(Some(here));
        }
        for (depth, name) in path.split('/').enumerate() {
            if depth >= DEPTH_MAX {
                return Err(unreadable(path, Malformed::TooDeep));
            }
            if here.0 != EntryKind::Tree {
                return Ok(None);
            }
            match self.folder(path, here.1)?.get(name) {
                Some(next) => here = *next,
                None => return Ok(None),
            }
        }
        Ok(Some(here))
    }

    fn folder(&self, path: &str, id: ObjectId) -> Result<Folder, TreeError> {
        if let Some(known) = self.folders.borrow().get(&id) {
            return Ok(known.clone());
        }
        self.size(path, id, gix::objs::Kind::Tree, FOLDER_BYTES_MAX)?;
        self.terms.counter.folder();
        let tree = self.repository.find_tree(id).map_err(|error| self.damaged(path, error))?;
        let mut entries = BTreeMap::new();
        for entry in tree.iter() {
            let entry = entry.map_err(|error| self.damaged(path, error))?;
            let name = String::from_utf8_lossy(entry.filename()).into_owned();
            if name.is_empty() || name == "." || name == ".." || name.contains(['/', '\0']) {
                return Err(unreadable(path, Malformed::Name(name.escape_debug().to_string())));
            }
            if entries.insert(name.clone(), (entry.mode().kind(), entry.oid().to_owned())).is_some() {
                return Err(unreadable(path, Malformed::Twice(name.escape_debug().to_string())));
            }
        }
        let folder = Arc::new(entries);
        let mut folders = self.folders.borrow_mut();
        if folders.len() >= FOLDERS_KEPT_MAX {
            folders.clear();
        }
        folders.insert(id, Arc::clone(&folder));
        Ok(folder)
    }

    /// Size of an object, which must be of a kind and not above a bound.
    fn size(&self, path: &str, id: ObjectId, kind: gix::objs::Kind, max: u64) -> Result<u64, TreeError> {
        let header = self.repository.try_find_header(id).map_err(|error| self.damaged(path, error))?;
        let Some(header) = header.filter(|header| header.kind() == kind) else {
            return Err(self.damaged(path, Malformed::Kind(id)));
        };
        let size = header.size();
        if size > max { Err(TreeError::TooLarge { path: path.to_owned(), size, max }) } else { Ok(size) }
    }

    fn content(&self, path: &str, id: ObjectId, max: u64) -> Result<Vec<u8>, TreeError> {
        let size = self.size(path, id, gix::objs::Kind::Blob, max)?;
        let total = self.bytes_read.get().saturating_add(size);
        let total_max = self.terms.limits.total_bytes_max;
        if total > total_max {
            return Err(TreeError::TooLarge { path: path.to_owned(), size: total, max: total_max });
        }
        self.bytes_read.set(total);
        self.terms.counter.file(size);
        let mut blob = self.repository.find_blob(id).map_err(|error| self.damaged(path, error))?;
        Ok(blob.take_data())
    }

    /// An object cannot be read: perhaps the disk's fault, so a cached repository is fetched again.
    fn damaged(&self, path: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> TreeError {
        self.is_damaged.set(true);
        if self.terms.is_cached {
            super::cache::note_damage(self.repository.git_dir());
        }
        unreadable(path, source)
    }

    fn describe(&self, path: &str, kind: EntryKind, id: ObjectId) -> Result<Entry, TreeError> {
        let text = || id.to_hex().to_string();
        Ok(match kind {
            EntryKind::Tree => Entry::Directory { id: text() },
            EntryKind::Commit => Entry::Submodule,
            EntryKind::Link => {
                let target = self.content(path, id, LINK_BYTES_MAX)?;
                Entry::Symlink { target: String::from_utf8_lossy(&target).into_owned() }
            }
            EntryKind::Blob | EntryKind::BlobExecutable => {
                let size = self.size(path, id, gix::objs::Kind::Blob, u64::MAX)?;
                Entry::File { id: text(), size, executable: kind == EntryKind::BlobExecutable }
            }
        })
    }
}

impl SourceTree for CommitTree {
    fn entry(&self, path: &str) -> Result<Option<Entry>, TreeError> {
        let Some((kind, id)) = self.find(path)? else { return Ok(None) };
        self.describe(path, kind, id).map(Some)
    }

    fn list(&self, path: &str) -> Result<Vec<(String, Entry)>, TreeError> {
        let Some((EntryKind::Tree, id)) = self.find(path)? else { return Ok(Vec::new()) };
        let folder = self.folder(path, id)?;
        let entries = folder.iter().map(|(name, (kind, id))| {
            let below = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
            Ok((name.clone(), self.describe(&below, *kind, *id)?))
        });
        entries.collect()
    }

    fn read(&self, path: &str) -> Result<Arc<[u8]>, TreeError> {
        match self.find(path)? {
            Some((EntryKind::Blob | EntryKind::BlobExecutable, id)) => {
                Ok(Arc::from(self.content(path, id, self.terms.limits.file_bytes_max)?))
            }
            Some((EntryKind::Tree | EntryKind::Link | EntryKind::Commit, _)) | None => {
                Err(TreeError::NotAFile { path: path.to_owned() })
            }
        }
    }
}

impl std::fmt::Debug for CommitTree {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CommitTree({} in {})", self.root, self.repository.git_dir().display())
    }
}

fn unreadable(path: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> TreeError {
    TreeError::Unreadable { path: path.to_owned(), source: source.into() }
}
