//! A folder as a source of manifests, for `skerry build`.
//!
//! It shows what a commit of the folder would show: `.git` is not there, a folder with a `.git` of
//! its own is a submodule, and symbolic links are reported, never followed.

use std::collections::HashMap;
use std::fs::{self, FileType, Metadata};
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::UNIX_EPOCH;

use skerry_render::{Entry, RenderLimits, SourceTree, TreeError};

/// What Git keeps beside the files.
const GIT: &str = ".git";

/// Tells trees apart: a folder may hold something else when it is looked at the next time.
static TREES: AtomicU64 = AtomicU64::new(0);

/// A folder on this machine, as it is when it is first looked at: what was seen once is remembered.
#[derive(Debug)]
pub struct FolderTree {
    root: PathBuf,
    file_bytes_max: u64,
    number: u64,
    entries: Known<Option<Entry>>,
    folders: Known<Option<Arc<Names>>>,
}

/// What is known by path. Renders of several threads share it.
type Known<T> = RwLock<HashMap<String, T>>;

/// What a folder holds.
type Names = HashMap<String, FileType>;

impl FolderTree {
    /// The tree below a folder, whose path has no symbolic links.
    pub fn new(root: PathBuf) -> Self {
        let number = TREES.fetch_add(1, Ordering::Relaxed);
        let file_bytes_max = RenderLimits::default().file_bytes_max;
        Self { root, file_bytes_max, number, entries: Known::default(), folders: Known::default() }
    }

    /// What is in a folder; nothing when no folder is there, or only behind a link.
    fn names(&self, path: &str) -> Result<Option<Arc<Names>>, TreeError> {
        remembered(&self.folders, path, || {
            let Some(Entry::Directory { .. }) = self.entry(path)? else { return Ok(None) };
            let mut names = Names::new();
            for item in fs::read_dir(self.root.join(path)).map_err(|error| unreadable(path, error))? {
                let item = item.map_err(|error| unreadable(path, error))?;
                let Ok(name) = item.file_name().into_string() else {
                    return Err(unreadable(path, std::io::Error::other("a file name in it is not UTF-8")));
                };
                if name != GIT {
                    names.insert(name, item.file_type().map_err(|error| unreadable(path, error))?);
                }
            }
            Ok(Some(Arc::new(names)))
        })
    }

    fn look(&self, path: &str) -> Result<Option<Entry>, TreeError> {
        let place = self.root.join(path);
        let folder = || Entry::Directory { id: format!("folder {} {path}", self.number) };
        if path.is_empty() {
            return Ok(Some(folder()));
        }
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        let Some(kind) = self.names(parent)?.and_then(|names| names.get(name).copied()) else { return Ok(None) };
        if kind.is_symlink() {
            let target = fs::read_link(&place).map_err(|error| unreadable(path, error))?;
            return Ok(Some(Entry::Symlink { target: target.to_string_lossy().into_owned() }));
        }
        if kind.is_dir() {
            return Ok(Some(if place.join(GIT).exists() { Entry::Submodule } else { folder() }));
        }
        // Sockets, devices and pipes cannot be committed.
        match fs::symlink_metadata(&place) {
            Ok(metadata) if metadata.is_file() => {
                let (id, executable) = (stamp(&metadata), is_executable(&metadata));
                Ok(Some(Entry::File { id, size: metadata.len(), executable }))
            }
            Ok(_) => Ok(None),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(unreadable(path, error)),
        }
    }
}

/// Takes from what is known, or finds out.
fn remembered<T: Clone>(
    known: &Known<T>,
    path: &str,
    find: impl FnOnce() -> Result<T, TreeError>,
) -> Result<T, TreeError> {
    if let Some(found) = known.read().unwrap_or_else(PoisonError::into_inner).get(path) {
        return Ok(found.clone());
    }
    let found = find()?;
    known.write().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned(), found.clone());
    Ok(found)
}

fn unreadable(path: &str, source: std::io::Error) -> TreeError {
    TreeError::Unreadable { path: path.to_owned(), source: source.into() }
}

impl SourceTree for FolderTree {
    fn entry(&self, path: &str) -> Result<Option<Entry>, TreeError> {
        remembered(&self.entries, path, || self.look(path))
    }

    fn list(&self, path: &str) -> Result<Vec<(String, Entry)>, TreeError> {
        let Some(folder) = self.names(path)? else { return Ok(Vec::new()) };
        let mut names: Vec<&String> = folder.keys().collect();
        names.sort_unstable();
        let mut entries = Vec::with_capacity(names.len());
        for name in names {
            let below = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
            if let Some(entry) = self.entry(&below)? {
                entries.push((name.clone(), entry));
            }
        }
        Ok(entries)
    }

    fn read(&self, path: &str) -> Result<Arc<[u8]>, TreeError> {
        let Some(Entry::File { size, .. }) = self.entry(path)? else {
            return Err(TreeError::NotAFile { path: path.to_owned() });
        };
        if size > self.file_bytes_max {
            return Err(TreeError::TooLarge { path: path.to_owned(), size, max: self.file_bytes_max });
        }
        let content = crate::config::read_bounded(&self.root.join(path), self.file_bytes_max);
        content.map(Arc::from).map_err(|error| unreadable(path, error))
    }
}

/// Names the content of a file: by when and where it was written.
fn stamp(metadata: &Metadata) -> String {
    let changed = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    format!("{}-{}-{}", metadata.len(), changed.as_nanos(), place_on_disk(metadata))
}

#[cfg(unix)]
fn place_on_disk(metadata: &Metadata) -> String {
    use std::os::unix::fs::MetadataExt as _;
    format!("{}-{}.{}", metadata.ino(), metadata.ctime(), metadata.ctime_nsec())
}

#[cfg(not(unix))]
fn place_on_disk(_metadata: &Metadata) -> String {
    String::new()
}

#[cfg(unix)]
fn is_executable(metadata: &Metadata) -> bool {
    std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o100 != 0
}

#[cfg(not(unix))]
fn is_executable(_metadata: &Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> (tempfile::TempDir, FolderTree) {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().canonicalize().expect("a path").join("repo");
        for path in ["repo/.git", "repo/base", "repo/other/.git", "outside"] {
            fs::create_dir_all(folder.path().join(path)).expect("made");
        }
        fs::write(root.join("base/a.yaml"), "a: 1\n").expect("written");
        fs::write(root.join("../outside/secret"), "no").expect("written");
        std::os::unix::fs::symlink("../outside", root.join("link")).expect("linked");
        (folder, FolderTree::new(root))
    }

    #[test]
    fn it_shows_what_a_commit_would() {
        let (_folder, tree) = tree();
        let names: Vec<String> = tree.list("").expect("listed").into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["base", "link", "other"]);
        assert_eq!(tree.entry("other").expect("read"), Some(Entry::Submodule));
        assert_eq!(tree.entry("link").expect("read"), Some(Entry::Symlink { target: "../outside".into() }));
        assert_eq!(tree.entry(".git").expect("read"), None);
        assert_eq!(tree.entry("missing/x").expect("read"), None);
        assert!(matches!(tree.entry("base/a.yaml"), Ok(Some(Entry::File { size: 5, .. }))));
        assert_eq!(&*tree.read("base/a.yaml").expect("read"), b"a: 1\n");
    }

    #[test]
    fn links_are_never_followed() {
        let (_folder, tree) = tree();
        assert_eq!(tree.entry("link/secret").expect("read"), None);
        assert!(matches!(tree.read("link/secret"), Err(TreeError::NotAFile { .. })));
        assert!(tree.list("link").expect("listed").is_empty());
    }

    #[test]
    fn another_tree_of_the_same_folder_is_another_tree() {
        let (_folder, tree) = tree();
        let again = FolderTree::new(tree.root.clone());
        assert_eq!(tree.entry("base").expect("read"), tree.entry("base").expect("read"));
        assert_ne!(tree.entry("base").expect("read"), again.entry("base").expect("read"));
        assert_eq!(tree.entry("base/a.yaml").expect("read"), again.entry("base/a.yaml").expect("read"));
    }

    #[test]
    fn large_files_are_refused() {
        let (_folder, mut tree) = tree();
        tree.file_bytes_max = 4;
        assert!(matches!(tree.read("base/a.yaml"), Err(TreeError::TooLarge { size: 5, max: 4, .. })));
    }
}
