//! A folder as a source of manifests, for `skerry build`.
//!
//! It shows what a commit of the folder would show: `.git` is not there, a folder with a `.git` of
//! its own is a submodule, and symbolic links are reported, never followed.

use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use skerry_render::{Entry, RenderLimits, SourceTree, TreeError};

/// What Git keeps beside the files.
const GIT: &str = ".git";

/// A folder on this machine.
#[derive(Debug, Clone)]
pub struct FolderTree {
    root: PathBuf,
    file_bytes_max: u64,
}

impl FolderTree {
    /// The tree below a folder, whose path has no symbolic links.
    pub fn new(root: PathBuf) -> Self {
        Self { root, file_bytes_max: RenderLimits::default().file_bytes_max }
    }

    /// What the file system says of a path; `None` also when a link stands in the way.
    fn metadata(&self, path: &str) -> Result<Option<(PathBuf, Metadata)>, TreeError> {
        let unreadable =
            |source: std::io::Error| TreeError::Unreadable { path: path.to_owned(), source: source.into() };
        let mut place = self.root.clone();
        let mut metadata = fs::symlink_metadata(&place).map_err(unreadable)?;
        for name in path.split('/').filter(|name| !name.is_empty()) {
            if !metadata.is_dir() || name == GIT {
                return Ok(None);
            }
            place.push(name);
            metadata = match fs::symlink_metadata(&place) {
                Ok(metadata) => metadata,
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(unreadable(error)),
            };
        }
        Ok(Some((place, metadata)))
    }

    fn describe(&self, path: &str, place: &Path, metadata: &Metadata) -> Result<Option<Entry>, TreeError> {
        if metadata.is_symlink() {
            let unreadable =
                |source: std::io::Error| TreeError::Unreadable { path: path.to_owned(), source: source.into() };
            let target = fs::read_link(place).map_err(unreadable)?;
            return Ok(Some(Entry::Symlink { target: target.to_string_lossy().into_owned() }));
        }
        if metadata.is_dir() {
            let submodule = place != self.root && place.join(GIT).exists();
            return Ok(Some(if submodule { Entry::Submodule } else { Entry::Directory { id: stamp(metadata) } }));
        }
        // Sockets, devices and pipes cannot be committed.
        let file = || Entry::File { id: stamp(metadata), size: metadata.len(), executable: is_executable(metadata) };
        Ok(metadata.is_file().then(file))
    }
}

impl SourceTree for FolderTree {
    fn entry(&self, path: &str) -> Result<Option<Entry>, TreeError> {
        match self.metadata(path)? {
            Some((place, metadata)) => self.describe(path, &place, &metadata),
            None => Ok(None),
        }
    }

    fn list(&self, path: &str) -> Result<Vec<(String, Entry)>, TreeError> {
        let Some((place, metadata)) = self.metadata(path)? else { return Ok(Vec::new()) };
        if !metadata.is_dir() {
            return Ok(Vec::new());
        }
        let unreadable =
            |source: std::io::Error| TreeError::Unreadable { path: path.to_owned(), source: source.into() };
        let mut names = Vec::new();
        for item in fs::read_dir(&place).map_err(unreadable)? {
            let name = item.map_err(unreadable)?.file_name().into_string();
            names.push(name.map_err(|_| unreadable(std::io::Error::other("a file name in it is not UTF-8")))?);
        }
        names.sort_unstable();
        let mut entries = Vec::new();
        for name in names.into_iter().filter(|name| name != GIT) {
            let below = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
            if let Some(entry) = self.entry(&below)? {
                entries.push((name, entry));
            }
        }
        Ok(entries)
    }

    fn read(&self, path: &str) -> Result<Arc<[u8]>, TreeError> {
        let not_a_file = || TreeError::NotAFile { path: path.to_owned() };
        let (place, metadata) = self.metadata(path)?.ok_or_else(not_a_file)?;
        if !metadata.is_file() {
            return Err(not_a_file());
        }
        if metadata.len() > self.file_bytes_max {
            return Err(TreeError::TooLarge { path: path.to_owned(), size: metadata.len(), max: self.file_bytes_max });
        }
        crate::config::read_bounded(&place, self.file_bytes_max)
            .map(Arc::from)
            .map_err(|source| TreeError::Unreadable { path: path.to_owned(), source: source.into() })
    }
}

/// Names content well enough for one run of this program, in which nothing is rendered twice.
fn stamp(metadata: &Metadata) -> String {
    let changed = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    format!("{}-{}", metadata.len(), changed.as_nanos())
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
    fn large_files_are_refused() {
        let (_folder, mut tree) = tree();
        tree.file_bytes_max = 4;
        assert!(matches!(tree.read("base/a.yaml"), Err(TreeError::TooLarge { size: 5, max: 4, .. })));
    }
}
